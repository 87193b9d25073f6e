"""Cells that one task of a batch system makes, and the folder in which it leaves what they came to."""

from __future__ import annotations

import os
import pickle
import threading
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from imbalance_lab.app.launchers.base import MAX_ATTEMPTS
from imbalance_lab.app.launchers.work import Done, Task, Worker

if TYPE_CHECKING:
    from submitit.helpers import DelayedSubmission


class Pack:
    """Cells that a task makes one after the other; called by submitit, where the task is.

    Parameters
    ----------
    tasks : sequence of Task
    folder : Path
        Where results go, on a disk that both see.
    parent : int or None
        The process that follows the sweep, if it is on this machine: the task ends with it, however that ended.
    """

    def __init__(self, tasks: Sequence[Task], folder: Path, parent: int | None = None) -> None:
        self.tasks, self._folder, self._parent = tasks, folder, parent

    def __call__(self) -> None:
        """Make the cells that nobody has made.

        They are made beside the main thread, so that a signal, by which the task is queued again, ends the process and
        not a cell.
        """
        failed: list[BaseException] = []

        def make() -> None:
            try:
                self._make()
            except BaseException as error:
                failed.append(error)

        thread = threading.Thread(target=make, daemon=True, name="cells")
        thread.start()
        while thread.is_alive():
            thread.join(1.0)
            if self._parent is not None and not _lives(self._parent):
                os._exit(1)
        if failed:
            raise failed[0]

    def checkpoint(self) -> DelayedSubmission:
        """Return what goes on where this task was put into the queue again: itself, less what it has made."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)

    def _make(self) -> None:
        worker = Worker()
        for task in self.tasks:
            to = self._folder / f"{task.number}.done"
            if to.exists():  # before the task was queued again
                continue
            to.with_suffix(".begun").touch()
            written = to.with_suffix(".part")
            written.write_bytes(pickle.dumps(worker.make(task)))
            os.replace(written, to)


class Board:
    """The results' folder as the process that follows the sweep sees it.

    Parameters
    ----------
    folder : Path

    Attributes
    ----------
    left : set of int
        The numbers of the cells that have not ended.
    running : set of int
        Of those that have begun.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.left: set[int] = set()
        self.running: set[int] = set()
        self._attempts = Counter[int]()

    def add(self, tasks: Sequence[Task]) -> None:
        """Note cells that are given out."""
        self.left |= {task.number for task in tasks}

    def take(self) -> list[Done]:
        """Return what has ended since the last look, in the order in which it did."""
        found = list(self.folder.iterdir())
        files = [file for file in found if file.suffix == ".done" and int(file.stem) in self.left]
        ended: list[Done] = [
            pickle.loads(file.read_bytes()) for file in sorted(files, key=lambda file: file.stat().st_mtime_ns)
        ]
        self.left -= {done.number for done in ended}
        self.running = {int(file.stem) for file in found if file.suffix == ".begun"} & self.left
        return ended

    def lose(self, pack: Pack) -> list[int]:
        """Return which cells of a lost task have failed with that; those it had not begun are not to blame."""
        missing = [task.number for task in pack.tasks if task.number in self.left]
        begun = [number for number in missing if number in self.running] or missing
        self._attempts.update(begun)
        lost = [number for number in begun if self._attempts[number] >= MAX_ATTEMPTS]
        self.left -= set(lost)
        for number in begun:
            (self.folder / f"{number}.begun").unlink(missing_ok=True)
        self.running -= set(begun)
        return lost


def _lives(number: int) -> bool:
    try:
        return psutil.Process(number).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
