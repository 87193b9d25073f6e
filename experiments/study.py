"""A study: a question, the sweeps that answer it, and how they are run."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

HERE = Path(__file__).resolve().parent
FILE = "study.yaml"


def asks_for_help(arguments: Sequence[str]) -> bool:
    """Whether somebody wants to know what can be typed."""
    return not {"-h", "--help"}.isdisjoint(arguments)


@dataclass(frozen=True)
class Study:
    """What ``study.yaml`` says.

    Parameters
    ----------
    name : str
        Its folder, and its experiment in MLflow.
    title, question : str
        What the answer begins with.
    sweeps : list of list of str
        Overrides of each sweep; those of ``common`` in the file are in all of them.
    names : dict
        ``<strategy> <model>`` of a run: what the answer calls it. With ``names`` the models are one to the comparison.
    compare : list of dict
        What is compared and how.
    epochs : list of dict
        Pictures of a class's recall by epoch.
    reading : str
        What a person read from the answer to the sweeps as they are written.
    """

    name: str
    title: str
    question: str
    sweeps: list[list[str]]
    names: dict[str, str] = field(default_factory=dict)
    compare: list[dict[str, Any]] = field(default_factory=list)
    epochs: list[dict[str, Any]] = field(default_factory=list)
    reading: str = ""

    @property
    def folder(self) -> Path:
        """Where it lives."""
        return HERE / self.name

    @property
    def options(self) -> Path | None:
        """The folder of options of its own."""
        return folder if (folder := self.folder / "conf").is_dir() else None

    def with_overrides(self, overrides: Sequence[str]) -> Study:
        """Return the study with `overrides` in every sweep, in the place of those of the same key."""
        given = {key_of(override) for override in overrides}
        sweeps = [[typed for typed in sweep if key_of(typed) not in given] + list(overrides) for sweep in self.sweeps]
        return replace(self, sweeps=sweeps)


def names() -> list[str]:
    """Return the studies there are."""
    return sorted(file.parent.name for file in HERE.glob(f"*/{FILE}"))


def read(name: str) -> Study:
    """Read a study by the name of its folder."""
    tree = OmegaConf.to_container(OmegaConf.load(HERE / name / FILE))
    assert isinstance(tree, dict)
    common = tree.pop("common", [])
    sweeps = [[*common, *sweep] for sweep in tree.pop("sweeps")]
    return Study(name=name, sweeps=sweeps, **{str(key): value for key, value in tree.items()})


def key_of(override: str) -> str:
    """Return what an override sets.

    >>> key_of("+split.repeats=2")
    'split.repeats'
    """
    return override.partition("=")[0].lstrip("+~")


def run(study: Study) -> list[Path]:
    """Run the sweeps, leaving out what has run before, and return the folders of their jobs.

    Raises
    ------
    SystemExit
        If one of them fails.
    """
    stamp, folders = time.strftime("%Y-%m-%d/%H-%M-%S"), []
    for number, sweep in enumerate(study.sweeps, start=1):
        folder = Path("multirun", f"{stamp}-{study.name}-{number}").absolute()
        print(f"{study.name}, sweep {number} of {len(study.sweeps)}: {' '.join(sweep)}", flush=True)
        if status := _wait(subprocess.Popen(command(study, sweep, folder), env=environment())):
            sys.exit(f"error: sweep {number} of {study.name} ended with status {status}; the same command goes on")
        folders.append(folder)
    return folders


def command(study: Study, sweep: Sequence[str], folder: Path) -> list[str]:
    """Return the command that runs one sweep."""
    options = ["--config-dir", str(study.options)] if study.options else []
    kept = [f"tracking.experiment={study.name}", "resume=true", f"hydra.sweep.dir={folder}"]
    return [sys.executable, "-m", "imbalance_lab", "-m", *options, *sweep, *kept]


def environment() -> dict[str, str]:
    """Return an environment in which this checkout is found first, from whatever folder."""
    path = [str(HERE.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    return os.environ | {"PYTHONPATH": os.pathsep.join(path)}


def _wait(process: subprocess.Popen[bytes]) -> int:
    try:
        return process.wait()
    except KeyboardInterrupt:  # the sweep has received it too, and closes its runs
        process.wait()
        sys.exit("interrupted")
