"""A block: one program run once in a process of its own, with its wall time, its peak memory and its results."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
BYTES = 1 if sys.platform == "darwin" else 1024  # the unit of ru_maxrss


class Broken(Exception):
    """A comparison that compares nothing: a side fails, is missing, or learns something else."""


@dataclass(frozen=True)
class Block:
    """What one process did.

    Parameters
    ----------
    seconds : float
        Wall time from its start to its end.
    cpu_seconds : float
        What its threads, and the processes it started, computed in that time.
    peak_mb : float
        The most memory that it, or a process it started, held at a time. Linux counts what the process held that
        started it as well, so a large one must not.
    folder : Path
        Where it ran; what it printed is in ``printed.txt``.
    """

    seconds: float
    cpu_seconds: float
    peak_mb: float
    folder: Path

    @property
    def printed(self) -> list[dict]:
        """The lines of JSON it printed."""
        lines = (self.folder / "printed.txt").read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]


def run_block(command: Sequence[str], folder: Path, store: Path | None = None, root: Path = ROOT) -> Block:
    """Run `command` in the new `folder`, beside a copy of the empty MLflow `store`, with the package in `root`.

    Raises
    ------
    Broken
        If its exit status is not 0.
    """
    folder.mkdir(parents=True)
    if store is not None:
        shutil.copy(store, folder / "mlflow.db")
    environment = {key: value for key, value in os.environ.items() if key != "MLFLOW_TRACKING_URI"}
    environment |= {"PYTHONPATH": str(root), "TF_CPP_MIN_LOG_LEVEL": "3"}
    with open(folder / "printed.txt", "wb") as printed, open(folder / "errors.txt", "wb") as errors:
        started = time.perf_counter()
        child = subprocess.Popen(command, cwd=folder, env=environment, stdout=printed, stderr=errors)
        _, status, used = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - started
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        lines = (folder / "errors.txt").read_text(errors="replace").strip().splitlines()
        raise Broken(
            f"{command_line(command)} ended with {child.returncode}: {lines[-1] if lines else 'nothing printed'}"
        )
    return Block(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss * BYTES / 2**20, folder)


def command_line(command: Sequence[str]) -> str:
    """Return a command as one would type it, without this machine's folders."""
    short = [Path(part).name if part.startswith("/") else part for part in command]
    return " ".join(short)[:200]


Scores = Callable[[Block], dict[str, float]]


def printed_scores(block: Block) -> dict[str, float]:
    """Return the balanced accuracy of each run that was printed."""
    return {line["run"]: line["balanced_accuracy"] for line in block.printed}


def stored_scores(block: Block) -> dict[str, float]:
    """Return the balanced accuracy of each run of a rival in MLflow: ``<strategy> <seed>``."""
    query = """
        select s.value || ' ' || n.value, m.value from metrics m
        join params s on s.run_uuid = m.run_uuid and s.key = 'strategy'
        join params n on n.run_uuid = m.run_uuid and n.key = 'seed'
        where m.key = 'test_balanced_accuracy'
    """
    with closing(sqlite3.connect(block.folder / "mlflow.db")) as database:
        return dict(database.execute(query).fetchall())


def records(block: Block) -> list[dict]:
    """Return the records of the runs of this project that finished."""
    found = (json.loads(file.read_text()) for file in sorted(block.folder.rglob("record.json")))
    return [record for record in found if record["outcome"] == "finished"]


def recorded_scores(block: Block) -> dict[str, float]:
    """Return the balanced accuracy of each run of this project: ``<strategy> <seed>``."""
    return {
        f"{record['strategy']} {record['name'].rpartition('seed=')[2]}": record["metrics"]["balanced_accuracy"]
        for record in records(block)
    }


def recorded_sets(block: Block) -> dict[str, float]:
    """Return the balanced accuracy of each run of this project: ``<strategy> <model> <dataset>``."""
    return {
        f"{record['strategy']} {record['model']} {record['dataset']['name']}": record["metrics"]["balanced_accuracy"]
        for record in records(block)
    }


def no_scores(block: Block) -> dict[str, float]:
    """Return nothing: the program learns nothing."""
    return {}
