"""Engines for tests, and what a sweep left in its folder."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import validate_call

from imbalance_lab.app.launchers.base import Lost, WorkerEngine
from imbalance_lab.app.launchers.work import Done, Place, Task, Worker

# What differs between two runs of one configuration.
OF_THE_RUN = ("seconds", "timing/", "created")


class Simulated(WorkerEngine):
    """Makes all cells in this process.

    Parameters
    ----------
    lost : tuple of int
        Numbers of cells that are lost.
    apart : bool
        Whether the worker is to believe that it does not see the sweep's folder.
    stop_at : int or None
        The number of a cell at which a person types Ctrl-C.
    """

    @validate_call
    def __init__(self, lost: tuple[int, ...] = (), apart: bool = False, stop_at: int | None = None) -> None:
        self._lost, self._apart, self._stop_at = lost, apart, stop_at

    def check(self) -> None:
        pass

    def results(self, tasks: Iterator[Task], place: Place) -> Iterator[Done | Lost]:
        worker, unseen = Worker(), Place(place.folder, place.working_folder, "nothing", place.swept)
        for task in tasks:
            self.running = {task.number}
            if task.number == self._stop_at:
                raise KeyboardInterrupt("SIGINT received")
            yield (
                Lost(task.number, "its machine burnt")
                if task.number in self._lost
                else worker.make(replace(task, place=unseen) if self._apart else task)
            )
            self.running = set()


def kept(folder: Path) -> dict[str, Any]:
    """Return what the runs of a sweep have kept, by their names: all numbers but times, all predictions, all files."""
    found = {}
    for file in sorted(folder.glob("*/record.json")):
        record = json.loads(file.read_text())
        with np.load(file.parent / "predictions.npz") as arrays:
            predictions = {name: arrays[name].tobytes() for name in arrays.files}
        files = sorted(str(one.relative_to(file.parent)) for one in file.parent.rglob("*"))
        numbers = {key: record[key] for key in ("metrics", "intervals", "classes", "deviations", "never_predicted")}
        numbers["metrics"] = {key: n for key, n in numbers["metrics"].items() if not key.startswith(OF_THE_RUN)}
        found[f"{record['dataset']['name']} {record['name']}"] = {**numbers, "arrays": predictions, "files": files}
    return found
