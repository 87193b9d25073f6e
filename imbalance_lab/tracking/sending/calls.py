"""What the process that sends does with MLflow."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from imbalance_lab.errors import LabError, TrackingError, one_line
from imbalance_lab.process import let_go
from imbalance_lab.runs.files import mark_untracked
from imbalance_lab.runs.identity import Identity
from imbalance_lab.runs.table import RunTable
from imbalance_lab.tracking import parent as parents
from imbalance_lab.tracking import read
from imbalance_lab.tracking.address import absolute
from imbalance_lab.tracking.description import Parent, Result
from imbalance_lab.tracking.membership import Membership
from imbalance_lab.tracking.send import send, send_recorded
from imbalance_lab.tracking.sending.messages import Aborted, Recorded, Store
from imbalance_lab.tracking.tracker import MlflowTracker
from imbalance_lab.tracking.unsent import forget, waiting


class Calls:
    """Functions by the names under which they are asked for, and the parent runs that are open."""

    def __init__(self) -> None:
        self._open: dict[str, Parent] = {}

    def adopt(self, environment: Mapping[str, str], folder: str) -> None:
        """Take the environment and the working directory of the sweep that begins."""
        os.environ.clear()
        os.environ.update(environment)
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

    def send(self, run: Recorded, late: bool) -> str | None:
        """Send a record, and return why it could not be, which its record says too; `late` sends nothing any more."""
        try:
            if late:
                raise KeyboardInterrupt
            record_id = send_recorded(run.folder, MlflowTracker(**asdict(run.store)))
            forget(run.store.uri, record_id)
            return None
        except KeyboardInterrupt as error:
            let_go(error)
            advice = f"send it with python -m imbalance_lab send {run.folder}"
            return _marked(run.folder, f"interrupted before it was sent; {advice}")
        except LabError as error:
            return _marked(run.folder, str(error))
        except Exception as error:
            let_go(error)
            return _marked(run.folder, one_line(error))

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


def _marked(folder: Path, reason: str) -> str:
    with suppress(OSError, LabError):  # a full disk: the reason is told
        mark_untracked(folder, reason)
    return reason
