"""Finished runs written into a database, many in one transaction: each is there whole, or not at all.

MLflow's client writes a run in some fifteen transactions, and reads it in each of them. Here its rows go into the same
tables, by MLflow's own models of them, in schemas this was tested with (see `database.SCHEMAS`).
"""

from __future__ import annotations

import math
import sys
import time
import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from mlflow.entities import DatasetInput
from mlflow.store.tracking.dbmodels import models
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
from mlflow.utils import uri as uris
from sqlalchemy import Connection, insert, select, update

from imbalance_lab.tracking.artifacts import attach
from imbalance_lab.tracking.batches import Batches
from imbalance_lab.tracking.database import engine_of, has_known_schema
from imbalance_lab.tracking.long import PARENT
from imbalance_lab.tracking.store import artifact_location, find_experiment, open_store

_path: Any = uris.append_to_uri_path
FINISHED, ACTIVE, DELETED = "FINISHED", "active", "deleted"
MAX_VALUE = sys.float_info.max


@dataclass(frozen=True)
class FinishedRun:
    """A run as MLflow's tables hold it.

    Parameters
    ----------
    folder : Path
        With the files that are attached.
    record_id : str
        Also the run's id in the store, unless a run has it already.
    name, experiment : str
    began, ended : int
        In milliseconds.
    tags : mapping
        Those it is created with.
    batches : Batches
        Metrics, parameters and more tags.
    dataset : DatasetInput
    """

    folder: Path
    record_id: str
    name: str
    experiment: str
    began: int
    ended: int
    tags: Mapping[str, str]
    batches: Batches
    dataset: DatasetInput


@dataclass(frozen=True)
class Place:
    """Where a run is in a store.

    Parameters
    ----------
    experiment, run : str
        Their ids.
    """

    experiment: str
    run: str


@cache
def takes_many(uri: str) -> bool:
    """Whether runs can be written into a store by `write`."""
    open_store(uri)
    return has_known_schema(uri)


def write(uri: str, artifacts: str, runs: Sequence[FinishedRun], known: bool) -> dict[Path, Place]:
    """Write the runs that a database does not hold, with their files before, and return where all are, by folder.

    Parameters
    ----------
    uri : str
    artifacts : str
        Where experiments that are created keep their files.
    runs : sequence of FinishedRun
        In the order in which they are written.
    known : bool
        Whether a run may be there already under an id of MLflow's own; that takes a search through all tags.

    Raises
    ------
    Exception
        Whatever the database or the store of files raises; no run has been written then.
    """
    experiments = {name: _experiment(uri, artifacts, name) for name in dict.fromkeys(run.experiment for run in runs)}
    with engine_of(uri).connect() as connection:
        found = _find(connection, [run.record_id for run in runs], known)
        parents = _existing(connection, {run.tags[PARENT] for run in runs if PARENT in run.tags})
    whole = {record for record, states in found.items() if FINISHED in states.values()}
    ids = {run.record_id: _id_of(run.record_id, found.get(run.record_id, {})) for run in runs}
    rows = []
    for run in runs:
        if run.record_id not in whole:
            number, location = experiments[run.experiment]
            files = _path(location, ids[run.record_id], SqlAlchemyStore.ARTIFACTS_FOLDER_NAME)
            attach(uri, files, run.folder)
            rows.append(_Rows(run, ids[run.record_id], int(number), files, parents))
    cut_off = [one for record, states in found.items() if record not in whole for one in states]
    if rows:
        with engine_of(uri).begin() as connection:
            _delete(connection, cut_off)
            _insert(connection, rows)
    return {run.folder: Place(experiments[run.experiment][0], ids[run.record_id]) for run in runs}


class _Rows:
    """The rows of a run, by the table they belong to."""

    def __init__(self, run: FinishedRun, run_id: str, experiment: int, files: str, parents: Collection[str]) -> None:
        metrics, params, more = run.batches.content
        tags = {**run.tags, "mlflow.runName": run.name, **{tag.key: tag.value for tag in more}}
        if tags.get(PARENT) not in parents:
            tags.pop(PARENT, None)
        self.run_id, self.experiment, self.dataset = run_id, experiment, run.dataset
        self.run = {
            "run_uuid": run_id,
            "name": run.name,
            "source_type": "UNKNOWN",
            "source_name": "",
            "entry_point_name": "",
            "user_id": tags.get("mlflow.user", "unknown"),
            "status": FINISHED,
            "start_time": run.began,
            "end_time": run.ended,
            "source_version": "",
            "lifecycle_stage": ACTIVE,
            "artifact_uri": files,
            "experiment_id": experiment,
        }
        self.tags = [{"run_uuid": run_id, "key": key, "value": value} for key, value in tags.items()]
        named = {param.key: param.value for param in params}
        self.params = [{"run_uuid": run_id, "key": key, "value": value} for key, value in named.items()]
        self.metrics = list({self._key(row): row for row in map(self._metric, metrics)}.values())
        latest: dict[str, dict[str, Any]] = {}
        for row in self.metrics:
            last = latest.get(row["key"])
            if last is None or _age(row) > _age(last):
                latest[row["key"]] = row
        self.latest = list(latest.values())

    def _metric(self, metric: Any) -> dict[str, Any]:
        is_nan = math.isnan(metric.value)
        value = 0.0 if is_nan else max(-MAX_VALUE, min(metric.value, MAX_VALUE))  # as MLflow stores infinity
        moment = {"timestamp": metric.timestamp, "step": metric.step}
        return {"run_uuid": self.run_id, "key": metric.key, "value": value, "is_nan": is_nan, **moment}

    @staticmethod
    def _key(row: Mapping[str, Any]) -> tuple[Any, ...]:
        return row["key"], row["timestamp"], row["step"], row["value"], row["is_nan"]


def _age(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return what MLflow orders a metric's values by."""
    return row["step"], row["timestamp"], row["value"]


def _insert(connection: Connection, runs: Sequence[_Rows]) -> None:
    """Insert all rows, one statement for each table."""
    _into(connection, models.SqlRun, [run.run for run in runs])
    _into(connection, models.SqlTag, [row for run in runs for row in run.tags])
    _into(connection, models.SqlParam, [row for run in runs for row in run.params])
    _into(connection, models.SqlMetric, [row for run in runs for row in run.metrics])
    _into(connection, models.SqlLatestMetric, [row for run in runs for row in run.latest])
    inputs = list(_inputs(connection, runs))
    _into(connection, models.SqlInput, [row for row, _ in inputs])
    _into(connection, models.SqlInputTag, [row for _, tags in inputs for row in tags])


def _into(connection: Connection, table: Any, rows: list[dict[str, Any]]) -> None:
    if rows:
        connection.execute(insert(table.__table__), rows)


def _inputs(connection: Connection, runs: Sequence[_Rows]) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Yield what joins each run to its dataset, with its tags; datasets that are new are inserted."""
    table: Any = models.SqlDataset
    digests = {run.dataset.dataset.digest for run in runs}
    columns = table.experiment_id, table.name, table.digest, table.dataset_uuid
    known = {tuple(row[:3]): row[3] for row in connection.execute(select(*columns).where(table.digest.in_(digests)))}
    for run in runs:
        of = run.dataset.dataset
        if (key := (run.experiment, of.name, of.digest)) not in known:
            known[key] = uuid.uuid4().hex
            row = dict(zip(("experiment_id", "name", "digest", "dataset_uuid"), (*key, known[key]), strict=True))
            about = {"dataset_source_type": of.source_type, "dataset_source": of.source, "dataset_profile": of.profile}
            _into(connection, table, [row | about])
        join = {"source_type": "DATASET", "source_id": known[key], "destination_type": "RUN"}
        number = uuid.uuid4().hex
        tags = [{"input_uuid": number, "name": tag.key, "value": tag.value} for tag in run.dataset.tags]
        yield {"input_uuid": number, "destination_id": run.run_id, **join}, tags


def _find(connection: Connection, records: Sequence[str], known: bool) -> dict[str, dict[str, str]]:
    """Return the runs there are of records, with their states: of each record's the ids and the states."""
    run: Any = models.SqlRun
    tag: Any = models.SqlTag
    columns = run.run_uuid, run.status, run.lifecycle_stage
    rows = [(one[0], *one) for one in connection.execute(select(*columns).where(run.run_uuid.in_(records)))]
    if known:
        joined = select(tag.value, *columns).join(run, run.run_uuid == tag.run_uuid)
        rows += connection.execute(joined.where(tag.key == "record", tag.value.in_(records), run.run_uuid != tag.value))
    found: dict[str, dict[str, str]] = {}
    for record, run_id, status, stage in rows:
        found.setdefault(record, {})[run_id] = status if stage == ACTIVE else stage
    return found


def _id_of(record: str, found: Mapping[str, str]) -> str:
    """Return the id of a run that is there, or under which it will be."""
    there = next((one for one, state in found.items() if state == FINISHED), None)
    return there or (uuid.uuid4().hex if record in found or len(record) != len(uuid.uuid4().hex) else record)


def _existing(connection: Connection, runs: Collection[str]) -> set[str]:
    run: Any = models.SqlRun
    return set(connection.execute(select(run.run_uuid).where(run.run_uuid.in_(runs))).scalars()) if runs else set()


def _delete(connection: Connection, runs: Collection[str]) -> None:
    """Delete runs as MLflow does: they are hidden until its ``gc`` removes them."""
    run: Any = models.SqlRun
    if runs:
        gone = {"lifecycle_stage": DELETED, "deleted_time": int(time.time() * 1000)}
        active = run.run_uuid.in_(runs), run.lifecycle_stage == ACTIVE
        connection.execute(update(run.__table__).where(*active).values(**gone))


def _experiment(uri: str, artifacts: str, name: str) -> tuple[str, str]:
    """Return an experiment's id and where it keeps files."""
    number = find_experiment(open_store(uri), name, artifact_location(uri, artifacts, name))
    return number, _location(uri, number)


@cache
def _location(uri: str, experiment: str) -> str:
    return str(open_store(uri).get_experiment(experiment).artifact_location)
