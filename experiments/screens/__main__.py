"""What people see, kept as pictures: ``python -m experiments.screens [NAME ...] [out=FOLDER]``.

Commands are typed in a folder of their own: those that the README prints, and some more. A browser opens what they
left. A further screen is a function that takes the browser and that folder and returns its pictures; `SCREENS` has it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlencode

from mlflow import MlflowClient

from experiments.screens.browser import PHONE, Browser, mlflow_ui, opened
from experiments.screens.sweeps import ROOT, RUNS, Lab, shown_pictures
from imbalance_lab.app.figures import draw_all

PICTURES = ROOT / "experiments" / "pictures"  # that the README shows
OTHERS = "screens"  # the folder of the others, where none is named
WIDTHS = (60, 80, 120)
USAGE = """\
python -m experiments.screens [NAME ...] [out=FOLDER] [keep=FOLDER]

Takes pictures of what people see, of all screens by default. Those that the README shows take the place of those in
experiments/pictures, the others go to ./screens; with out= all of them go to that folder. keep= is a folder in which
the commands are typed; what was typed there before is not typed again.

Screens: """

Pictures = Mapping[str, bytes]


def report(browser: Browser, lab: Lab) -> Pictures:
    """Return the report on one set: its first screen, wide and on a phone, light and dark."""
    file = lab.readme() / "comparison.html"
    return {
        "report": browser.report(file),
        "report_dark": browser.report(file, colours="dark"),
        "report_phone": browser.report(file, PHONE),
        "report_phone_dark": browser.report(file, PHONE, "dark"),
    }


def overview(browser: Browser, lab: Lab) -> Pictures:
    """Return the first screen of the report on several sets."""
    file = lab.sweep("many_sets") / "comparison.html"
    return {"overview": browser.report(file), "overview_phone": browser.report(file, PHONE)}


def terminal(browser: Browser, lab: Lab) -> Pictures:
    """Return what ``compare`` prints: on one set, on several, of many strategies; and what a sweep of 100 runs does."""
    sweeps = {"": lab.readme(), "_many_sets": lab.sweep("many_sets"), "_hundred": lab.sweep("hundred")}
    found = {
        f"terminal{name}_{columns}": browser.text(
            lab.show(f"python -m imbalance_lab compare sweep={folder.name}", columns).html()
        )
        for name, folder in sweeps.items()
        for columns in WIDTHS
    }
    return found | {"terminal_sweep_80": browser.text(lab.printed("hundred").html())}


def mlflow(browser: Browser, lab: Lab) -> Pictures:
    """Return MLflow's pages after a sweep: by the link that is printed, without it, and the sweep's own."""
    found: dict[str, bytes] = {}
    sweeps = {"mlflow_ui": lab.readme(), "mlflow_hundred": lab.sweep("hundred")}
    client = MlflowClient(f"sqlite:///{lab.folder}/mlflow.db")
    experiments = [one.experiment_id for one in client.search_experiments()]
    with mlflow_ui(lab.folder) as address:
        for name, folder in sweeps.items():
            (parent,) = client.search_runs(experiments, f"tags.sweep_parent = 'true' and tags.sweep = '{folder.name}'")
            place, training = f"#/experiments/{parent.info.experiment_id}/runs", {"workflowType": "machine_learning"}
            linked = urlencode({"viewStateShareKey": folder.name, **training})
            pages = {
                name: (f"{place}?{linked}", "Group: smote"),
                f"{name}_charts": (f"{place}?{linked}&compareRunsMode=CHART", "strategies"),
                f"{name}_experiment": (f"{place}?{urlencode(training)}", parent.info.run_name),
                f"{name}_sweep": (f"{place}/{parent.info.run_id}", "Report"),
            }
            found |= {key: browser.mlflow(f"{address}/{path}", until) for key, (path, until) in pages.items()}
    return found


def figures(browser: Browser, lab: Lab) -> Pictures:
    """Return the figures of a run at 2, 4 and 100 classes."""
    found = {}
    for classes in RUNS:
        folder = lab.run(classes)
        draw_all(folder, ["png"])
        files = sorted((folder / "figures").glob("*.png"))
        found |= {f"figures_{classes}_{file.stem}": file.read_bytes() for file in files}
    return found


SCREENS: dict[str, Callable[[Browser, Lab], Pictures]] = {
    "report": report, "overview": overview, "terminal": terminal, "mlflow": mlflow, "figures": figures,
}  # fmt: skip


def in_readme() -> set[str]:
    """Return the names of the pictures of `PICTURES` that the README shows."""
    place = PICTURES.relative_to(ROOT).as_posix()
    return {Path(path).stem for path in shown_pictures() if re.fullmatch(rf"{place}/[^/]+\.png", path)}


def main(arguments: Sequence[str]) -> None:
    """Take the pictures that are asked for."""
    given = dict(word.split("=", 1) for word in arguments if "=" in word)
    names = [word for word in arguments if "=" not in word]
    if unknown := [name for name in (*names, *given) if name not in (*SCREENS, "out", "keep")]:
        sys.exit(f"error: there is no {unknown[0]}\n\n{USAGE}{', '.join(SCREENS)}")
    shown, missing = set() if "out" in given else in_readme(), set() if names else in_readme()
    with TemporaryDirectory() as temporary, opened() as browser:
        lab = Lab(Path(given.get("keep", temporary)).absolute())
        lab.folder.mkdir(parents=True, exist_ok=True)
        for screen in names or SCREENS:
            for name, picture in SCREENS[screen](browser, lab).items():
                folder = PICTURES if name in shown else Path(given.get("out", OTHERS))
                folder.mkdir(parents=True, exist_ok=True)
                (folder / f"{name}.png").write_bytes(picture)
                missing.discard(name)
                print(folder / f"{name}.png", flush=True)
    if missing:
        sys.exit(f"error: no screen takes {', '.join(sorted(missing))}, which the README shows")


if __name__ == "__main__":
    main(sys.argv[1:])
