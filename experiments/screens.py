"""What people see, kept as pictures: ``python -m experiments.screens [NAME ...]``.

Sweeps are run in a folder of their own, where a browser opens what they left. A further screen is a function that takes
the browser and that folder, asks for a sweep with `swept`, and returns its pictures; `SCREENS` names it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

PICTURES = Path(__file__).parent / "pictures"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = ("--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync")
WIDE, PHONE = {"width": 1400, "height": 1000}, {"width": 390, "height": 844}
SWEEPS = {
    "one_set": (
        "strategy=none,tuned_threshold,inv_freq,sqrt_inv,ros,smote,focal,logit_adjust", "seed=range(10)",
    ),
    "many_sets": (
        "dataset=keel", "dataset.name=balance,cleveland,dermatology,newthyroid,vehicle,yeast", "model=logreg",
        "strategy=none,tuned_threshold,inv_freq,smote,ros", "seed=range(10)",
    ),
}  # fmt: skip

Screen = Callable[[Any, Path], Mapping[str, bytes]]


def report(browser: Any, folder: Path) -> dict[str, bytes]:
    """Return the report on one set: its first screen, wide and on a phone, light and dark."""
    file = swept(folder, "one_set") / "comparison.html"
    return {
        "report": _shot(browser, file, WIDE, "light"),
        "report_dark": _shot(browser, file, WIDE, "dark"),
        "report_phone": _shot(browser, file, PHONE, "light"),
        "report_phone_dark": _shot(browser, file, PHONE, "dark"),
    }


def overview(browser: Any, folder: Path) -> dict[str, bytes]:
    """Return the first screen of the report on several sets."""
    return {"overview": _shot(browser, swept(folder, "many_sets") / "comparison.html", WIDE, "light")}


SCREENS: dict[str, Screen] = {"report": report, "overview": overview}


def _shot(browser: Any, file: Path, size: Mapping[str, int], colours: str) -> bytes:
    page = browser.new_page(viewport=size, color_scheme=colours)
    page.goto(file.as_uri())
    page.wait_for_function("document.querySelectorAll('table.sorts:not(.dataTable)').length === 0")
    taken: bytes = page.screenshot()
    page.close()
    return taken


def swept(folder: Path, name: str) -> Path:
    """Return the folder of a sweep, which is run where it was not yet; all of them share one ``mlflow.db``."""
    if not (folder / name).is_dir():
        command = [sys.executable, "-m", "imbalance_lab", "-m", *SWEEPS[name], f"hydra.sweep.dir={name}"]
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL, env=_with_checkout())
    return folder / name


def _with_checkout() -> dict[str, str]:
    paths = [str(PICTURES.parents[1]), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}


def main(names: Sequence[str], pictures: Path = PICTURES) -> None:
    """Write the pictures of the screens that are named, of all of them by default."""
    if unknown := [name for name in names if name not in SCREENS]:
        sys.exit(f"error: there is no screen {unknown[0]}; there are {', '.join(SCREENS)}")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        sys.exit("error: pictures are taken by playwright; pip install -e '.[dev]' installs it")
    if (path := next(filter(None, map(shutil.which, BROWSERS)), None)) is None:
        sys.exit(f"error: pictures are taken by a browser, and there is none of {', '.join(BROWSERS)}")
    pictures.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as temporary, sync_playwright() as started:
        browser = started.chromium.launch(executable_path=path, args=list(OPTIONS))
        for screen in names or SCREENS:
            for name, taken in SCREENS[screen](browser, Path(temporary)).items():
                (pictures / f"{name}.png").write_bytes(taken)
                print(pictures / f"{name}.png")
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1:])
