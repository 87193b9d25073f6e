"""Records on their way into a store: many in one transaction of a database, one after the other to a server."""

from __future__ import annotations

import uuid
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, replace
from itertools import groupby
from math import inf
from pathlib import Path
from typing import Any

import pandas as pd

from imbalance_lab.errors import LabError, TrackingError
from imbalance_lab.process import let_go
from imbalance_lab.runs.claims import claimed
from imbalance_lab.runs.files import MODELS, RECORD, mark_tracked, mark_untracked
from imbalance_lab.runs.identity import Identity
from imbalance_lab.tracking import bulk, content
from imbalance_lab.tracking.address import Store, beside
from imbalance_lab.tracking.answers import answer_of, tries_of
from imbalance_lab.tracking.batches import Batches
from imbalance_lab.tracking.bulk import FinishedRun, Place
from imbalance_lab.tracking.entities import dataset_input
from imbalance_lab.tracking.guard import failure, is_store_error
from imbalance_lab.tracking.membership import Membership
from imbalance_lab.tracking.parent import process_tags
from imbalance_lab.tracking.store import open_store, quiet_loggers
from imbalance_lab.tracking.tracker import MlflowTracker
from imbalance_lab.tracking.unsent import forget
from imbalance_lab.tracking.view import save_view


@dataclass(frozen=True)
class Record:
    """What the folder of a finished run holds.

    Parameters
    ----------
    folder : Path
    content : mapping
        Of ``record.json``.
    config : mapping
    identity : Identity
    epochs : DataFrame or None
    """

    folder: Path
    content: Mapping[str, Any]
    config: Mapping[str, Any]
    identity: Identity
    epochs: pd.DataFrame | None


@dataclass(frozen=True)
class Delivered:
    """What has become of a record.

    Parameters
    ----------
    folder : Path
    place : Place or None
        Where the run is in the store.
    error : Exception or None
        Why it is not there.
    """

    folder: Path
    place: Place | None = None
    error: Exception | None = None


def deliver(records: Sequence[Record], store: Store, known: bool = True) -> Generator[Delivered]:
    """Send records in their order, unless the store has them, and yield what has become of each.

    Parameters
    ----------
    records : sequence of Record
    store : Store
    known : bool
        Whether the store may have them under ids of its own.
    """
    with ExitStack() as claims:
        in_order = sorted(record.folder.absolute() for record in records)  # or two could wait for each other
        for folder in in_order:
            claims.enter_context(claimed(beside(store.uri, "claims"), f"record {folder}"))
        left = {record.folder: record for record in records}
        try:
            for delivered in _deliver([_opened(record) for record in records], store, known):
                record = left.pop(delivered.folder)
                if delivered.error is None:
                    forget(store.uri, _membership(record.folder).record_id)
                else:
                    _mark_again(record)
                yield delivered
        except BaseException:  # a signal
            for record in left.values():
                _mark_again(record)
            raise


def _opened(record: Record) -> Record:
    """Take back that a record was not sent: it is among what is sent."""
    if "untracked" not in record.content:
        return record
    return replace(record, content=mark_tracked(record.folder, record.content))


def _mark_again(record: Record) -> None:
    if (reason := record.content.get("untracked")) is not None:
        mark_untracked(record.folder, reason)


def _deliver(records: Sequence[Record], store: Store, known: bool) -> Iterator[Delivered]:
    try:
        with quiet_loggers():
            many = bulk.takes_many(store.uri)
    except Exception as error:
        failures = [_failure(error, store, record.folder) for record in records]
        yield from (Delivered(record.folder, error=one) for record, one in zip(records, failures, strict=True))
        return
    for together, group in groupby(records, lambda record: many and not _keeps_model(record)):
        if together:
            yield from _write(list(group), store, known)
        else:
            yield from _send(list(group), store)


def _keeps_model(record: Record) -> bool:
    return (record.folder / MODELS / "0").is_dir()


def _write(records: Sequence[Record], store: Store, known: bool) -> Iterator[Delivered]:
    """Write records in one transaction; one that cannot be written takes no other with it."""
    try:
        runs = [_finished(record, store) for record in records]
        with quiet_loggers():
            places = bulk.write(store.uri, store.artifacts, runs, known)
            for experiment in {places[run.folder].experiment for run in runs if "sweep" not in run.tags}:
                save_view(open_store(store.uri), experiment)  # a sweep saves its views when it ends
    except Exception as error:
        let_go(error)
        if len(records) > 1 and tries_of(error) < inf:
            for record in records:
                yield from _write([record], store, known)
            return
        failures = [_failure(error, store, record.folder) for record in records]
        yield from (Delivered(record.folder, error=one) for record, one in zip(records, failures, strict=True))
        return
    yield from (Delivered(folder, place) for folder, place in places.items())


def _finished(record: Record, store: Store) -> FinishedRun:
    """Return a record as MLflow's tables hold it."""
    kept, batches, identity = _membership(record.folder), Batches(), record.identity
    ended = int((record.folder / RECORD).stat().st_mtime * 1000)
    content.add_settings(batches, identity, record.config)
    content.add_description(batches, record.content["tags"], record.content["dataset"], store.max_classes)
    content.add_epochs(batches, record.epochs, several=len(record.content["folds"]) > 1)
    content.add_record(batches, record.content)
    return FinishedRun(
        record.folder,
        kept.record_id,
        identity.name,
        store.experiment or identity.dataset,
        kept.began or ended,
        ended,
        content.first_tags(identity, process_tags() | dict(kept.sweep) | {"record": kept.record_id}),
        batches,
        dataset_input(record.content["dataset"]),
    )


def _membership(folder: Path) -> Membership:
    """Return what a run is called in any store: from now on, if it was never sent."""
    if (kept := Membership.read(folder)) is None:
        kept = Membership(uuid.uuid4().hex)
        kept.write(folder)
    return kept


def _send(records: Sequence[Record], store: Store) -> Iterator[Delivered]:
    """Send records by MLflow's client, one after the other, until the store turns out to be away."""
    for place, record in enumerate(records):
        delivered = _sent(record, store)
        yield delivered
        if isinstance(delivered.error, TrackingError) and delivered.error.tries == inf:
            for other in records[place + 1 :]:
                text = str(delivered.error).replace(str(record.folder), str(other.folder))
                yield Delivered(other.folder, error=TrackingError(text, inf))
            return


def _sent(record: Record, store: Store) -> Delivered:
    try:
        return Delivered(record.folder, _send_one(record, store))
    except Exception as error:
        let_go(error)
        return Delivered(record.folder, error=error)


def _send_one(record: Record, store: Store) -> Place:
    tracker = MlflowTracker(**asdict(store))
    _membership(record.folder)
    tracker.continue_record(record.folder)
    with suppress(TrackingError):  # which is raised with what to do as it is sent
        if tracker.find_sent(record.identity):
            return tracker.place
    try:
        tracker.start(record.identity, record.config)
        tracker.describe(record.content["tags"], record.content["dataset"])
        content.add_epochs(tracker.batches, record.epochs, several=len(record.content["folds"]) > 1)
        tracker.finish(record.content, record.folder)
    except BaseException as error:
        if not isinstance(error, Exception):  # a signal
            let_go(error)
            tracker.abort("killed", "interrupted while it was sent", record.folder)
        raise
    return tracker.place


def _failure(error: Exception, store: Store, folder: Path) -> Exception:
    """Return why a record is not in the store; a bug of our own is not blamed on that."""
    if isinstance(error, LabError) or not is_store_error(error):
        return error
    after = f"; send it later with python -m imbalance_lab send {folder}"
    return failure(store.uri, answer_of(error), tries_of(error), "the run finished, but ", after)
