"""What a worker is given, does and gives back. It knows neither Hydra nor the store."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from imbalance_lab import process
from imbalance_lab.app.launchers.noted import NotedTracker
from imbalance_lab.errors import DataError, one_line
from imbalance_lab.runs.cell import Cell, Ending
from imbalance_lab.runs.files import RECORD
from imbalance_lab.runs.identity import Identity
from imbalance_lab.runs.observers import Observer
from imbalance_lab.runs.record import RunRecord
from imbalance_lab.runs.run import run


@dataclass(frozen=True)
class Task:
    """A cell that is given out. It holds no address of a store, which may have a password.

    Parameters
    ----------
    number : int
        Of the cell in its sweep.
    identity : Identity
        What the run is.
    settings : mapping
        Every setting, as it is recorded.
    folder, trials : Path
        Where its record goes, and the trials of a tuned run.
    figures : bool
        Whether figures are drawn.
    place : Place
        Where the sweep is.
    other_versions : int
        How many finished runs of other versions there are, for a warning.
    """

    number: int
    identity: Identity
    settings: Mapping[str, Any]
    folder: Path
    trials: Path
    figures: bool
    place: Place
    other_versions: int = 0


@dataclass(frozen=True)
class Line:
    """What a run shows: its name, its line, and its warnings."""

    name: str
    text: str
    warnings: Sequence[str]


@dataclass(frozen=True)
class Done:
    """How a cell ended.

    Parameters
    ----------
    number : int
    ending : str
        ``finished``, ``skipped`` or ``failed``.
    reason : str
        Empty if it finished.
    line : Line or None
        Of a run that finished.
    tracker : NotedTracker
        What it said to its tracker.
    files : mapping of relative path to bytes, or None
        What it wrote; None if that is in the sweep's folder.
    """

    number: int
    ending: Ending
    reason: str
    line: Line | None
    tracker: NotedTracker
    files: Mapping[str, bytes] | None


@dataclass(frozen=True)
class Place:
    """Where a sweep is, and by what a worker knows whether it sees that folder.

    Parameters
    ----------
    folder : Path
        Of the sweep.
    working_folder : Path
        Of the process that follows it.
    token : str
        The name of a file in `folder`, which no other folder has.
    swept : sequence of str
        Settings that the runs' names show.
    """

    folder: Path
    working_folder: Path
    token: str
    swept: Sequence[str]

    @property
    def is_seen(self) -> bool:
        """Whether this process shares the folder with the one that follows the sweep."""
        return (self.folder / self.token).is_file()


@contextmanager
def marked(folder: Path, swept: Sequence[str]) -> Iterator[Place]:
    """Put a file in a sweep's folder while the block runs, by which workers know that they see it."""
    place = Place(folder.absolute(), Path.cwd(), f".seen-{secrets.token_hex(8)}", swept)
    (place.folder / place.token).touch()
    try:
        yield place
    finally:
        with suppress(OSError):
            (place.folder / place.token).unlink()


class Worker:
    """Makes cells, one after the other, and keeps data, preparations and graphs, as a sweep in a row does."""

    def __init__(self) -> None:
        process.take_over()
        process.hold_collector()
        self._entered: Place | None = None
        self._shares = False

    def make(self, task: Task) -> Done:
        """Make a run and record it, however it ends.

        Raises
        ------
        KeyboardInterrupt
            If the process was interrupted.
        """
        if task.place != self._entered:
            self._enter(task.place)
        if self._shares:
            return self._make(task)
        with TemporaryDirectory(prefix="imbalance_lab-") as temporary:
            there = Path(temporary, task.folder.name)
            done = self._make(replace(task, folder=there, trials=Path(temporary, "trials")))
            return replace(done, files=_files_below(there))

    def _enter(self, place: Place) -> None:
        self._entered, self._shares = place, place.is_seen
        if self._shares:  # paths of tables are meant from there
            os.chdir(place.working_folder)

    def _make(self, task: Task) -> Done:
        shown, tracker = _Shown(task.place.swept), NotedTracker(task.other_versions)
        cell = Cell(task.folder, task.folder.name)
        cell.identity, cell.tracker = task.identity, tracker

        def make() -> RunRecord:
            try:
                return run(task.identity, shown, tracker, task.folder, task.settings, task.figures, task.trials)
            except (DataError, FileNotFoundError) as error:
                if self._shares:
                    raise
                host = socket.gethostname()  # what is missing may be where the sweep was started
                raise DataError(f"{one_line(error)} (on {host}, which does not see the sweep's disk)") from error

        ending = cell.attempt(make)
        return Done(task.number, ending, cell.reason, shown.line, tracker, None)


def lay_down(files: Mapping[str, bytes], folder: Path) -> None:
    """Write a run's files into its folder; the record comes last, and in one piece.

    Raises
    ------
    OSError
        If something cannot be written.
    """
    for name, content in sorted(files.items(), key=lambda file: file[0] == RECORD):
        to = folder / name
        to.parent.mkdir(parents=True, exist_ok=True)
        written = to.with_name(f".{to.name}")
        written.write_bytes(content)
        os.replace(written, to)


class _Shown(Observer):
    """Keeps the line that a run of a sweep shows."""

    def __init__(self, swept: Sequence[str]) -> None:
        self._swept = swept
        self.line: Line | None = None

    def result(self, record: RunRecord, where: str | None) -> None:
        name = record.identity.name_showing(self._swept)
        self.line = Line(name, f"{record.dataset.name}, {name}: {record.headline()}", record.warnings)


def _files_below(folder: Path) -> dict[str, bytes]:
    files = [file for file in folder.rglob("*") if file.is_file()]
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}
