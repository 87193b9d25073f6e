"""The cells of a sweep in the process that follows it: what is given out, and how each ended."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hydra.core.utils import JobReturn, JobStatus
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from imbalance_lab.app.border import Job, job_of
from imbalance_lab.app.composing import compose_job
from imbalance_lab.app.config import resolved, searched
from imbalance_lab.app.job import title_of, tracker_of
from imbalance_lab.app.launchers.work import Done, Place, Task, lay_down
from imbalance_lab.app.screen import Screen
from imbalance_lab.app.sweep import follows, membership
from imbalance_lab.errors import AlreadyFinished, LabError, TrackingError
from imbalance_lab.process import interrupted
from imbalance_lab.runs.cell import Cell
from imbalance_lab.runs.files import RECORD, mark_untracked, read_outcome
from imbalance_lab.runs.record import RunRecord
from imbalance_lab.runs.run import refuse_a_second_run
from imbalance_lab.runs.watch import collected_warnings


class WorkerLost(LabError):
    """The process that made a run is gone, and so is the run; ``resume=true`` makes it again."""


@dataclass(frozen=True)
class _GivenOut:
    cell: Cell
    folder: Path
    settings: dict[str, Any]
    at: float = field(default_factory=time.time)

    @property
    def has_record(self) -> bool:
        """Whether a worker has completed its record."""
        file = self.folder / RECORD
        is_new = file.is_file() and file.stat().st_mtime >= self.at - 1
        return is_new and (read_outcome(self.folder) or {}).get("outcome") == "finished"


class Cells:
    """Composes cells, and records how they end.

    Parameters
    ----------
    context : HydraContext
    config : DictConfig
        Of the sweep.
    function : callable
        Hydra's task function, for callbacks.
    place : Place
        Of the sweep.

    Attributes
    ----------
    returns : dict of int to JobReturn
        Of the cells that have ended.
    """

    def __init__(self, context: HydraContext, config: DictConfig, function: TaskFunction, place: Place) -> None:
        self._context, self._config, self._function, self._place = context, config, function, place
        self._sweep = membership(place.folder) or {}
        self._screen = Screen(quiet=True, behind_bar=follows(), swept=place.swept)
        self._given_out: dict[int, _GivenOut] = {}
        self._typed: dict[int, Sequence[str]] = {}
        self.returns: dict[int, JobReturn] = {}

    def begin(self, number: int, overrides: Sequence[str]) -> Task | None:
        """Return a cell as a task; None if it has ended with that, as one that has finished before."""
        self._typed[number] = overrides
        config = compose_job(self._context, self._config, number, overrides)
        self._context.callbacks.on_job_start(config=config, task_function=self._function)
        folder = Path(config.hydra.runtime.output_dir)
        cell = Cell(folder, folder.name)
        try:
            job = job_of(resolved(config), searched(config.hydra))
            cell.identity = job.identity
            cell.tracker = tracker_of(job.tracking, self._sweep)
            found = _versions_before(job, cell)
        except Exception as error:
            self._end(number, cell.attempt(_raising(error)), title_of(cell, self._place.swept), cell.reason)
            return None
        self._given_out[number] = _GivenOut(cell, folder, job.settings)
        return Task(number, job.identity, job.settings, folder, job.trials.absolute(), job.figures, self._place, found)

    def end(self, done: Done) -> None:
        """Take back a cell that a worker has made.

        Raises
        ------
        OSError
            If its files cannot be written.
        """
        given = self._given_out.pop(done.number)
        if done.files is not None:
            lay_down(done.files, given.folder)
        ending, reason = done.ending, done.reason
        if done.line is not None:
            self._screen.finished(done.line.name, done.line.text, done.line.warnings)
        if given.cell.tracker is not None:
            try:
                done.tracker.repeat(given.cell.tracker, given.folder)
            except TrackingError as error:  # the record is complete
                mark_untracked(given.folder, str(error))
                ending, reason = "failed", str(error)
        self._end(done.number, ending, title_of(given.cell, self._place.swept), reason)

    def lose(self, number: int, reason: str) -> None:
        """Record a cell whose worker is gone."""
        given = self._given_out.pop(number)
        ending = given.cell.attempt(_raising(WorkerLost(reason), given))
        self._end(number, ending, title_of(given.cell, self._place.swept), reason)

    def kill(self, numbers: Collection[int], error: BaseException) -> None:
        """Record cells that were being made when the sweep was interrupted."""
        for given in (self._given_out[number] for number in numbers if number in self._given_out):
            if given.has_record:
                advice = f"send it with python -m imbalance_lab send {given.folder}"
                mark_untracked(given.folder, f"interrupted before it was sent; {advice}")
                continue
            with suppress(KeyboardInterrupt):
                given.cell.attempt(_raising(KeyboardInterrupt(str(error) or type(error).__name__), given))

    def _end(self, number: int, ending: str, name: str, reason: str) -> None:
        self._screen.ended(ending, name, reason)
        returned = JobReturn(overrides=list(self._typed.pop(number)), status=JobStatus.COMPLETED)
        returned.return_value = ending
        self.returns[number] = returned
        self._context.callbacks.on_job_end(config=self._config, job_return=returned)


def _versions_before(job: Job, cell: Cell) -> int:
    """Return how many finished runs of other versions there are, once it is known that the run is to be made.

    Raises
    ------
    AlreadyFinished
        If it is not.
    """
    if not job.identity.settings.resume or cell.tracker is None:
        return 0
    try:
        with collected_warnings():  # the worker warns, into the record
            return refuse_a_second_run(job.identity, cell.tracker)
    except (AlreadyFinished, TrackingError):
        raise
    except Exception:  # the data cannot be read here: perhaps where the worker is, or the run says why
        if interrupted():
            raise KeyboardInterrupt from None
        return 0


def _raising(error: BaseException, given: _GivenOut | None = None) -> Callable[[], RunRecord]:
    """Return what ends a cell with an error; one that was given out is announced first, and has a run in MLflow."""

    def make() -> RunRecord:
        if given is not None and given.cell.tracker is not None and given.cell.identity is not None:
            given.cell.tracker.start(given.cell.identity, given.settings)
        raise error

    return make
