"""One run in MLflow: created when training starts, so that it can be watched; logged in few large batches."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from mlflow import MlflowClient
from mlflow.entities import Run
from pydantic import Field, validate_call

from imbalance_lab.errors import TrackingError
from imbalance_lab.runs.claims import release
from imbalance_lab.runs.files import MODELS, RECORD
from imbalance_lab.runs.identity import Identity
from imbalance_lab.runs.observers import Tracker
from imbalance_lab.tracking.address import DEFAULT, absolute, located
from imbalance_lab.tracking.artifacts import attach
from imbalance_lab.tracking.batches import Batches
from imbalance_lab.tracking.bulk import Place
from imbalance_lab.tracking.cells import cell_of, claim_cell, claims_of
from imbalance_lab.tracking.content import add_description, add_epoch, add_record, add_settings, first_tags
from imbalance_lab.tracking.entities import dataset_input
from imbalance_lab.tracking.guard import Guard
from imbalance_lab.tracking.links import page_of
from imbalance_lab.tracking.long import PARENT
from imbalance_lab.tracking.membership import Membership, sweep_tags
from imbalance_lab.tracking.parent import STATUS, close_dead, find_created, holds, process_tags
from imbalance_lab.tracking.store import artifact_location, find_experiment, open_store
from imbalance_lab.tracking.view import save_view

MAX_EXPERIMENT_NAME = 200  # it is the name of a folder of artifacts, too
ENDED_WELL = [(outcome, STATUS[outcome]) for outcome in ("finished", "skipped")]


class MlflowTracker(Tracker):
    """Logs one run.

    Parameters
    ----------
    uri : str
        A database (``sqlite:///mlflow.db``) or the address of a server.
    artifacts : str
        Where a local store keeps artifacts: a folder, or an address such as ``s3://bucket/prefix``; a server has its
        own place.
    experiment : str or None
        By default named after the dataset.
    max_classes : int
        Per-class metrics are logged for at most so many classes, the rarest first.

    Attributes
    ----------
    record_id : str
        A tag that tells whether a store has the run.
    batches : Batches
        What waits to be sent.

    Raises
    ------
    ConfigError
        If the address is a database in memory.
    ValidationError
        If a setting has a value it cannot take.
    """

    @validate_call
    def __init__(
        self,
        uri: str | None,
        artifacts: Annotated[str, Field(min_length=1)] = "mlartifacts",
        experiment: Annotated[str, Field(min_length=1, max_length=MAX_EXPERIMENT_NAME)] | None = None,
        max_classes: Annotated[int, Field(ge=0)] = 50,
    ) -> None:
        self.uri = absolute(uri or DEFAULT)
        self.artifacts, self.experiment = located(artifacts), experiment
        self.max_classes = max_classes
        self._client: MlflowClient | None = None
        self._run: str | None = None
        self._files: str | None = None
        self._experiment_id: str | None = None
        self.batches = Batches()
        self._guarded = Guard(self.uri, lambda: self._try_to_end("failed"))
        self.record_id = uuid.uuid4().hex
        self._sweep_tags: dict[str, str] = {}
        self._began: int | None = None
        self._ended_at: int | None = None
        self._continues = False
        self._claimed: str | None = None
        self._ended = False

    @property
    def has_record(self) -> bool:
        """Whether the run has finished in the store."""
        return self._ended

    @property
    def where(self) -> str | None:
        """The command or address that shows the run."""
        if self._run is None or self._experiment_id is None:
            return None
        return page_of(self.uri, self._experiment_id, self._run)

    @property
    def place(self) -> Place:
        """Where the run is in the store."""
        return Place(str(self._experiment_id), str(self._run))

    def join_sweep(self, name: str, parent: Mapping[str, Any] | None) -> None:
        """Make the run to come one of a sweep: with a tag of its name, below its parent run if there is one."""
        self._sweep_tags = sweep_tags(name, parent)

    def continue_record(self, folder: Path) -> None:
        """Make the run to come that of the record in `folder`: of the same sweep, and no second one in a store."""
        if (kept := Membership.read(folder)) is not None:
            self.continue_run(kept, int((folder / RECORD).stat().st_mtime * 1000))

    def continue_run(self, run: Membership, ended: int | None = None) -> None:
        """Make the run to come one that began, and ended, earlier; times are in milliseconds."""
        self.record_id, self._sweep_tags = run.record_id, dict(run.sweep)
        self._began, self._ended_at, self._continues = run.began or ended, ended, True

    def find_sent(self, identity: Identity) -> bool:
        """Whether the store has the whole run already; what it has of a run that was cut off is deleted.

        Raises
        ------
        TrackingError
            If the store cannot be reached.
        """
        found: list[Run] = []
        self._guarded(lambda: found.extend(self._sent(self.experiment or identity.dataset)))
        self._guarded.raise_failure("the record was not sent, because ", "")
        return bool(found)

    def finished_on(self, identity: Identity) -> set[str]:
        """Return the data hashes of the runs of this very configuration that have ended well or were skipped.

        Runs of the experiment that are RUNNING although their process is gone are closed on the way.
        """
        found: set[str] = set()
        self._guarded(lambda: found.update(self._finished_on(identity)))
        return found

    def finished_by_other_versions(self, identity: Identity) -> int:
        """Return how many finished runs of other versions the experiment has; those above 1000 are not counted."""
        found: list[int] = [0]
        self._guarded(lambda: found.append(self._finished_by_other_versions(identity)))
        return found[-1]

    def claim(self, identity: Identity) -> bool:
        """Claim a run on data that are known, until it ends; False if another process is making or sending it."""
        cell = cell_of(identity)
        try:
            free = claim_cell(self.uri, cell)
        except OSError:  # where no file can be written the store refuses too, with its reason
            return True
        self._claimed = cell if free else None
        return free

    def start(self, identity: Identity, config: Mapping[str, Any]) -> None:
        """Create the run with its parameters; that a server is away is remembered until the end."""
        self._guarded(lambda: self._create(identity, config))

    def describe(self, tags: Mapping[str, str], dataset: Mapping[str, Any]) -> None:
        """Log the tags and the dataset."""
        add_description(self.batches, tags, dataset, self.max_classes)
        self._guarded(lambda: self._describe(dataset))

    def epoch(self, fold: int | None, epoch: int, metrics: Mapping[str, float]) -> None:
        """Queue an epoch's metrics; the queue is sent every few seconds."""
        add_epoch(self.batches, fold, epoch, metrics)
        if self.batches.are_due:
            self._guarded(self._flush)

    def finish(self, record: Mapping[str, Any], folder: Path) -> None:
        """Send the record under `folder` and close the run.

        Raises
        ------
        TrackingError
            If the server was away or refused something, now or before.
        """
        if not self._continues:  # a record that is sent to another store stays what it was
            Membership(self.record_id, self._sweep_tags).write(folder)
        self._guarded(lambda: self._send(record, folder))
        self._release()
        self._guarded.raise_failure(
            "the run finished, but ",
            f"; send it later with python -m imbalance_lab send {folder}",
        )

    def abort(self, outcome: str, reason: str, folder: Path) -> None:
        """Close a run that did not finish, with its reason as a tag and what is on disk as artifacts."""
        self._guarded(lambda: self._close(outcome, reason, folder))
        self._release()

    def _release(self) -> None:
        if self._claimed is not None:
            release(claims_of(self.uri), self._claimed)
            self._claimed = None

    def _finished_on(self, identity: Identity) -> set[str]:
        client = open_store(self.uri)
        if (known := client.get_experiment_by_name(self.experiment or identity.dataset)) is None:
            return set()
        close_dead(client, [known.experiment_id])
        query = f"tags.config_hash = '{identity.config_hash}' and tags.`version/imbalance_lab` = '{identity.version}'"
        runs = client.search_runs([known.experiment_id], query, max_results=1000)
        ended = [run for run in runs if (run.data.tags.get("outcome"), run.info.status) in ENDED_WELL]
        return {run.data.tags["data_hash"] for run in ended}

    def _finished_by_other_versions(self, identity: Identity) -> int:
        client = open_store(self.uri)
        if (known := client.get_experiment_by_name(self.experiment or identity.dataset)) is None:
            return 0
        query = f"tags.outcome = 'finished' and tags.`version/imbalance_lab` != '{identity.version}'"
        return len(client.search_runs([known.experiment_id], query, max_results=1000))

    def _create(self, identity: Identity, config: Mapping[str, Any]) -> None:
        experiment = self.experiment or identity.dataset
        self._client = open_store(self.uri)
        self._experiment_id = find_experiment(
            self._client, experiment, artifact_location(self.uri, self.artifacts, experiment)
        )
        more = process_tags() | self._sweep_tags | {"record": self.record_id}
        tags = first_tags(identity, more)
        run = self._client.create_run(self._experiment_id, self._began, tags, identity.name)
        self._run, self._files = run.info.run_id, run.info.artifact_uri
        add_settings(self.batches, identity, config)

    def _sent(self, experiment: str) -> list[Run]:
        client = self._client = open_store(self.uri)
        if not holds(client, self._sweep_tags.get(PARENT)):
            self._sweep_tags.pop(PARENT, None)
        if (known := client.get_experiment_by_name(experiment)) is None:
            return []
        whole = []
        for run in client.search_runs([known.experiment_id], f"tags.record = '{self.record_id}'"):
            if run.info.status == STATUS["finished"]:
                whole.append(run)
                self._run, self._experiment_id = run.info.run_id, known.experiment_id
            else:
                client.delete_run(run.info.run_id)
        return whole

    def _describe(self, dataset: Mapping[str, Any]) -> None:
        client, run = self._opened()
        if not self._continues:  # a run that can be watched
            self._flush()
        client.log_inputs(run, [dataset_input(dataset)])

    def _send(self, record: Mapping[str, Any], folder: Path) -> None:
        client, run = self._opened()
        add_record(self.batches, record)
        self._flush()
        self._attach(folder)
        if len(record["folds"]) == 1 and (kept := folder / MODELS / "0").is_dir():
            from imbalance_lab.tracking.model import log_kept  # which loads more of MLflow

            log_kept(client, kept, run)
        client.set_terminated(run, STATUS["finished"], self._ended_at)
        self._ended = True
        if not self._sweep_tags and self._experiment_id is not None:  # a sweep saves its views when it ends
            save_view(client, self._experiment_id)

    def _close(self, outcome: str, reason: str, folder: Path) -> None:
        if self._ended:
            return
        if self._run is None and self._client is not None and self._experiment_id is not None:
            self._run = find_created(self._client, self._experiment_id, self.record_id)
        if self._run is None:
            return
        client, run = self._opened()
        self.batches.tags({"outcome": outcome, "reason": reason})
        self._flush()
        self._attach(folder)
        client.set_terminated(run, STATUS[outcome])

    def _attach(self, folder: Path) -> None:
        attach(self.uri, self._files or self._opened()[0].get_run(str(self._run)).info.artifact_uri, folder)

    def _flush(self) -> None:
        self.batches.send(*self._opened())

    def _opened(self) -> tuple[MlflowClient, str]:
        if self._client is None or self._run is None:
            raise TrackingError("the run was not created")
        return self._client, self._run

    def _try_to_end(self, outcome: str) -> None:
        """Leave no run RUNNING on a server that answers but does not take what it is sent."""
        if self._client is not None and self._run is not None:
            with contextlib.suppress(Exception):
                self._client.set_terminated(self._run, STATUS[outcome])
