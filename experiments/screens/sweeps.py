"""The runs that are shown: those of the commands that the README prints, and of some more."""

from __future__ import annotations

import os
import re
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

from experiments.screens.terminal import Shown, show

ROOT = Path(__file__).resolve().parents[2]
SWEPT_AT = 80  # columns
MARKED = r"<!-- {} -->\n\n((?:    .+\n)+)"
SWEEPS = {
    "many_sets": "-m dataset=keel dataset.name=balance,cleveland,dermatology,newthyroid,vehicle,yeast model=logreg "
    "strategy=none,tuned_threshold,inv_freq,smote,ros 'seed=range(5)'",
    "hundred": "-m dataset=four_classes model=logreg strategy=none,tuned_threshold,inv_freq,sqrt_inv,eff_num,ros,smote,"
    "rus,tomek_links,logit_adjust 'seed=range(10)'",
}  # fmt: skip
RUNS = {  # of each number of classes
    2: "dataset=rare_binary model=logreg strategy=tuned_threshold",
    4: "",  # the README's main job
    100: "dataset=long_tail dataset.classes=100 model=logreg strategy=inv_freq",
}


def readme_commands(marker: str) -> list[str]:
    """Return the commands of the README's block that follows a marker."""
    found = re.search(MARKED.format(re.escape(marker)), (ROOT / "README.md").read_text())
    if found is None:
        raise ValueError(f"the README has no block of commands after <!-- {marker} -->")
    return [line.strip() for line in found[1].splitlines()]


def shown_pictures() -> list[str]:
    """Return the paths of the pictures that the README shows."""
    return re.findall(r"!\[[^\]]*\]\(([^)]+)\)", (ROOT / "README.md").read_text())


@dataclass(frozen=True)
class Lab:
    """A folder in which commands are typed, each once.

    Parameters
    ----------
    folder : Path
    """

    folder: Path

    def readme(self) -> Path:
        """Return the folder of the sweep that the README types, with a picture of what it printed."""
        (command,) = readme_commands("sweep")
        return self.typed("readme", command, "hydra.sweep.dir=readme")

    def sweep(self, name: str) -> Path:
        """Return the folder of one of `SWEEPS`."""
        return self.typed(name, f"python -m imbalance_lab {SWEEPS[name]}", f"hydra.sweep.dir={name}")

    def run(self, classes: int) -> Path:
        """Return the folder of a run at so many classes."""
        main_job = readme_commands("main job")[0].rpartition("&& .venv/bin/")[2]
        command = f"python -m imbalance_lab {RUNS[classes]}" if RUNS[classes] else main_job
        return self.typed(f"run_{classes}", command, f"hydra.run.dir=run_{classes}")

    def typed(self, name: str, command: str, place: str) -> Path:
        """Return the folder of a command's runs; `place` says where they go, and changes nothing else."""
        if not (self.folder / name).is_dir():
            shown = self.show(f"{command} {place}", SWEPT_AT)
            self._file(name).write_text(f"{command}\n{shown.text}")
        return self.folder / name

    def printed(self, name: str) -> Shown:
        """Return what a command that was typed had left on the screen."""
        command, _, text = self._file(name).read_text().partition("\n")
        return Shown(command, text, SWEPT_AT, 0)

    def _file(self, name: str) -> Path:
        return self.folder / f"{name}.typed"

    def show(self, command: str, columns: int) -> Shown:
        """Return what a command of the program prints in a terminal of so many columns."""
        words = shlex.split(command)
        paths = filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")])
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "COLUMNS": str(columns)}
        shown = show([sys.executable, *words[1:]], columns, self.folder, environment)
        if shown.status:
            sys.exit(f"error: {command} ended with status {shown.status}:\n{shown.text[-2000:]}")
        return Shown(command, shown.text, columns, shown.status)
