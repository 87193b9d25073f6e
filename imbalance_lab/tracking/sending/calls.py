"""What the process that sends does with MLflow."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from imbalance_lab.errors import LabError, TrackingError, one_line
from imbalance_lab.process import MLFLOW, let_go
from imbalance_lab.runs.files import mark_untracked
from imbalance_lab.runs.identity import Identity
from imbalance_lab.runs.table import RunTable
from imbalance_lab.tracking import parent as parents
from imbalance_lab.tracking import read
from imbalance_lab.tracking.address import Store, absolute
from imbalance_lab.tracking.deliver import deliver
from imbalance_lab.tracking.description import Parent, Result
from imbalance_lab.tracking.membership import Membership
from imbalance_lab.tracking.send import read as read_record
from imbalance_lab.tracking.send import send
from imbalance_lab.tracking.sending.messages import Aborted, Recorded
from imbalance_lab.tracking.tracker import MlflowTracker
from imbalance_lab.tracking.unsent import forget, waiting

RETRIES = "MLFLOW_HTTP_REQUEST_MAX_RETRIES"


class Calls:
    """Functions by the names under which they are asked for, and the parent runs that are open."""

    def __init__(self) -> None:
        self._open: dict[str, Parent] = {}
        os.environ[RETRIES] = MLFLOW[RETRIES]

    def adopt(self, environment: Mapping[str, str], folder: str) -> None:
        """Take the environment and the working directory of the sweep that begins."""
        os.environ.clear()
        os.environ.update({**environment, RETRIES: MLFLOW[RETRIES]})  # MLflow's own would take minutes
        with suppress(OSError):
            os.chdir(folder)

    def start_parent(
        self, uri: str, artifacts: str, experiment: str, name: str, grid: Mapping[str, Sequence[str]]
    ) -> Parent:
        """Create a sweep's parent run."""
        made = parents.start_parent(uri, artifacts, experiment, name, grid)
        self._open[made.run_id] = made
        return made

    def end_parent(self, parent: Parent, outcome: str, result: Result) -> str | None:
        """Describe a sweep, and close its parent run."""
        where = parents.end_parent(parent, outcome, result)
        self._open.pop(parent.run_id, None)
        return where

    def abandon_parent(self, parent: Parent, outcome: str) -> None:
        """Close the parent run of a sweep that was interrupted."""
        parents.abandon_parent(parent, outcome)
        self._open.pop(parent.run_id, None)

    def abandon_all(self) -> None:
        """Close the parent runs of sweeps whose process has died."""
        for parent in list(self._open.values()):
            self.abandon_parent(parent, "killed")

    def find_links(self, uri: str, parent: str) -> dict[str, str]:
        """Return the addresses of the runs of a sweep."""
        return read.find_links(uri, parent)

    def read_runs(self, uri: str, metric: str) -> RunTable:
        """Return the runs of a store."""
        return read.read_runs(uri, metric)

    def finished_on(self, store: Store, identity: Mapping[str, Any]) -> set[str]:
        """Return the data on which a configuration has finished."""
        return MlflowTracker(**asdict(store)).finished_on(Identity.from_summary(identity))

    def finished_by_other_versions(self, store: Store, identity: Mapping[str, Any]) -> int:
        """Return how many finished runs of other versions there are."""
        return MlflowTracker(**asdict(store)).finished_by_other_versions(Identity.from_summary(identity))

    def send(self, runs: Sequence[Recorded], late: Callable[[], bool]) -> dict[Path, TrackingError]:
        """Send records of one store, and return why some could not be; once it is `late` nothing is sent any more."""
        failed: dict[Path, TrackingError] = {}
        left = {run.folder: run for run in runs}
        try:
            records = []
            for folder in list(left):
                try:
                    records.append(read_record(folder))
                except (LabError, OSError, ValueError) as error:
                    failed[folder] = TrackingError(one_line(error))
                    del left[folder]
            if late():
                raise KeyboardInterrupt
            again = any(run.again for run in runs)
            with _without_retries(), closing(deliver(records, runs[0].store, again)) as delivered:
                for one in delivered:
                    del left[one.folder]
                    if one.error is not None:
                        failed[one.folder] = _tracking_error(one.error)
        except KeyboardInterrupt as error:
            let_go(error)
            for folder in left:
                advice = f"send it with python -m imbalance_lab send {folder}"
                failed[folder] = TrackingError(f"interrupted before it was sent; {advice}")
        except Exception as error:  # a disk that is full, or a bug: the process goes on
            let_go(error)
            failed |= {folder: TrackingError(one_line(error)) for folder in left}
        return failed

    def mark(self, folder: Path, reason: str) -> str:
        """Note in a record that it was not sent, and why; return that."""
        with suppress(OSError, LabError):  # a full disk: the reason is told
            mark_untracked(folder, reason)
        return reason

    def send_waiting(self, uri: str) -> int:
        """Send what sweeps that were killed, or found no server, left; return how many runs there were."""
        count = 0
        for record_id, folder in waiting(absolute(uri)).items():
            try:
                send(folder, uri)
                count += 1
            except TrackingError:  # nor will it take the others
                break
            except LabError:  # the folder is gone, or was used again
                pass
            forget(absolute(uri), record_id)
        return count

    def close(self, run: Aborted) -> None:
        """Create a run that did not finish, and close it."""
        tracker = MlflowTracker(**asdict(run.store))
        tracker.continue_run(Membership(run.record_id, run.sweep, run.began))
        tracker.start(Identity.from_summary(run.identity), run.settings)
        if run.tags is not None and run.dataset is not None:
            tracker.describe(run.tags, run.dataset)
        for fold, epoch, metrics in run.epochs:
            tracker.epoch(fold, epoch, metrics)
        tracker.abort(run.outcome, run.reason, run.folder)


def _tracking_error(error: Exception) -> TrackingError:
    """Return an error as one of sending; a bug of our own is told as it is."""
    return error if isinstance(error, TrackingError) else TrackingError(one_line(error))


@contextmanager
def _without_retries() -> Iterator[None]:
    """Let MLflow try once: the process that sends tries again itself, and does other things meanwhile."""
    kept = os.environ.get(RETRIES)
    os.environ[RETRIES] = "0"
    try:
        yield
    finally:
        os.environ[RETRIES] = kept or MLFLOW[RETRIES]
