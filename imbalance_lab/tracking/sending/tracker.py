"""The tracker of a run in a sweep: it talks to the process that sends, and never to MLflow."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, validate_call

from imbalance_lab.errors import TrackingError
from imbalance_lab.runs.claims import release
from imbalance_lab.runs.identity import Identity
from imbalance_lab.runs.observers import Tracker
from imbalance_lab.tracking.address import DEFAULT, Store, absolute, located
from imbalance_lab.tracking.cells import cell_of, claim_cell, claims_of
from imbalance_lab.tracking.membership import Membership, sweep_tags
from imbalance_lab.tracking.sending.channel import channel_to
from imbalance_lab.tracking.sending.messages import Aborted, Recorded
from imbalance_lab.tracking.unsent import note


class QueuedTracker(Tracker):
    """Hands a run to the process that sends, once its record is on disk.

    Parameters
    ----------
    uri, artifacts, experiment, max_classes
        As of `MlflowTracker`.
    address : str
        Of the process (see `start`).

    Raises
    ------
    ConfigError
        If the address of the store is a database in memory.
    ValidationError
        If a setting has a value it cannot take.
    """

    @validate_call
    def __init__(
        self,
        uri: str | None,
        artifacts: Annotated[str, Field(min_length=1)] = "mlartifacts",
        experiment: Annotated[str, Field(min_length=1, max_length=200)] | None = None,
        max_classes: Annotated[int, Field(ge=0)] = 50,
        address: str = "",
    ) -> None:
        self._store = Store(absolute(uri or DEFAULT), located(artifacts), experiment, max_classes)
        self._channel = channel_to(address)
        self._began, self._record_id = int(time.time() * 1000), uuid.uuid4().hex
        self._sweep: dict[str, str] = {}
        self._identity: Identity | None = None
        self._settings: Mapping[str, Any] = {}
        self._tags: Mapping[str, str] | None = None
        self._dataset: Mapping[str, Any] | None = None
        self._epochs: list[tuple[int | None, int, Mapping[str, float]]] = []
        self._claimed: str | None = None
        self._handed_over = False

    @property
    def has_record(self) -> bool:
        """Whether the run was handed over."""
        return self._handed_over

    def join_sweep(self, name: str, parent: Mapping[str, Any] | None) -> None:
        """Make the run to come one of a sweep."""
        self._sweep = sweep_tags(name, parent)

    def finished_on(self, identity: Identity) -> set[str]:
        """Return the data hashes of the runs of this very configuration that have ended well or were skipped."""
        found: set[str] = self._channel.call("finished_on", self._store, identity.summary())
        return found

    def finished_by_other_versions(self, identity: Identity) -> int:
        """Return how many finished runs of other versions the experiment has."""
        return int(self._channel.call("finished_by_other_versions", self._store, identity.summary()))

    def claim(self, identity: Identity) -> bool:
        """Claim a run on data that are known, until it is sent; False if another process is making or sending it."""
        cell = cell_of(identity)
        self._channel.wait_for(cell)
        try:
            free = claim_cell(self._store.uri, cell)
        except OSError:  # where no file can be written the store refuses too, with its reason
            return True
        self._claimed = cell if free else None
        return free

    def start(self, identity: Identity, config: Mapping[str, Any]) -> None:
        """Note the run and its settings."""
        self._identity, self._settings = identity, config

    def describe(self, tags: Mapping[str, str], dataset: Mapping[str, Any]) -> None:
        """Note the tags and the dataset."""
        self._tags, self._dataset = tags, dataset

    def epoch(self, fold: int | None, epoch: int, metrics: Mapping[str, float]) -> None:
        """Note an epoch's metrics: of a run that finishes they are on disk, of one that fails nowhere else."""
        self._epochs.append((fold, epoch, dict(metrics)))

    def finish(self, record: Mapping[str, Any], folder: Path) -> None:
        """Hand over the record under `folder`.

        Raises
        ------
        TrackingError
            If the process has ended.
        """
        Membership(self._record_id, self._sweep, self._began).write(folder)
        note(self._store.uri, self._record_id, folder)
        tags = record["tags"]
        cell = f"{tags['config_hash']} {tags['data_hash']} {record['identity']['version']}"
        try:
            self._channel.hand_over(Recorded(folder.absolute(), self._store, cell, self._record_id), self._release)
        except TrackingError as error:
            raise TrackingError(
                f"the run finished, but {error}; send it later with python -m imbalance_lab send {folder}"
            ) from error
        self._handed_over = True

    def abort(self, outcome: str, reason: str, folder: Path) -> None:
        """Hand over a run that was announced and did not finish; that the process has ended costs its run in MLflow."""
        if self._handed_over:
            return
        if self._identity is None:
            self._release()
            return
        run = Aborted(
            folder.absolute(),
            self._store,
            outcome,
            reason,
            self._identity.summary(),
            json.loads(json.dumps(self._settings, default=str)),
            self._began,
            self._record_id,
            self._sweep,
            self._tags,
            self._dataset,
            self._epochs,
        )
        with suppress(TrackingError):
            self._channel.hand_over(run, self._release, wait=False)

    def send_again(self, folder: Path) -> None:
        """Hand over the record of an earlier run, which may have been sent.

        Raises
        ------
        TrackingError
            If the process has ended.
        """
        run = Recorded(folder.absolute(), self._store, f"record {folder.absolute()}", again=True)
        self._channel.hand_over(run, self._release)

    def _release(self) -> None:
        if self._claimed is not None:
            release(claims_of(self._store.uri), self._claimed)
            self._claimed = None
