"""Runs read back as a table: straight from a database, or through the interface of a server."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

from imbalance_lab.errors import ConfigError, TrackingError
from imbalance_lab.runs.table import RunTable
from imbalance_lab.tracking.keys import key_for
from imbalance_lab.tracking.store import absolute, open_store, without_password

TAGS = ("strategy", "model", "dataset", "data_hash", "outcome", "reason", "sweep", "config_hash")
VERSION, PARENT = "version/imbalance_lab", "mlflow.parentRunId"
PREFIXES = ("test/", "timing/", "rows/")
EPOCHS = re.compile(r"^(fold_\d+/)?val/")
PAGE = 1000
RUNS_A_QUERY = 500
READERS = 8
OUTCOMES = {"FINISHED": "finished", "FAILED": "failed", "KILLED": "killed", "RUNNING": "running"}


@dataclass(frozen=True)
class Rows:
    """Long tables: of runs, and of (run, key, value) and (run, step, value)."""

    runs: list[tuple[str, str, str, int, str]] = field(default_factory=list)
    tags: list[tuple[str, str, str]] = field(default_factory=list)
    params: list[tuple[str, str, str]] = field(default_factory=list)
    metrics: list[tuple[str, str, float]] = field(default_factory=list)
    folds: list[tuple[str, int, float]] = field(default_factory=list)


def read_runs(uri: str, metric: str, experiments: Sequence[str] = ()) -> RunTable:
    """Read the runs of this package, without the parents of sweeps.

    Parameters
    ----------
    uri : str
        A database (``sqlite:///mlflow.db``) or the address of a server.
    metric : str
        The metric whose values for each fold are read too.
    experiments : sequence of str
        Names; empty for all.

    Raises
    ------
    ConfigError
        If there is no such experiment.
    TrackingError
        If the store cannot be read.
    """
    uri = absolute(uri)
    try:
        client = open_store(uri)
        names = _experiments(client, experiments)
        read = _from_server if _is_server(uri) else _from_database
        return _table(read(client, uri, sorted(names), key_for(metric)), names)
    except (MlflowException, SQLAlchemyError, OSError, ImportError) as error:
        raise _unreadable(uri, error) from error


def read_epochs(uri: str, runs: Sequence[str]) -> pd.DataFrame:
    """Return the validation figures of each epoch of `runs`, of all their folds.

    Returns
    -------
    DataFrame
        ``run``, ``key`` (``recall/<class>``, ``balanced_accuracy``, ``loss``), ``epoch``, ``value``.

    Raises
    ------
    TrackingError
        If the store cannot be read.
    """
    uri = absolute(uri)
    try:
        client = open_store(uri)
        read = _epochs_from_server if _is_server(uri) else _epochs_from_database
        found = pd.DataFrame(read(client, uri, list(runs)), columns=["run", "key", "epoch", "value"])
    except (MlflowException, SQLAlchemyError, OSError, ImportError) as error:
        raise _unreadable(uri, error) from error
    return found.assign(key=found.key.str.replace(EPOCHS, "", regex=True))


def _epochs_from_server(client: MlflowClient, uri: str, runs: list[str]) -> list[tuple[str, str, int, float]]:
    def histories(run: str) -> list[tuple[str, str, int, float]]:
        keys = [key for key in client.get_run(run).data.metrics if EPOCHS.match(key)]
        return [
            (run, key, point.step, point.value)
            for key in sorted(keys)
            for point in client.get_metric_history(run, key)
            if not math.isnan(point.value)
        ]

    with ThreadPoolExecutor(READERS) as pool:
        return [row for rows in pool.map(histories, runs) for row in rows]


def _epochs_from_database(client: MlflowClient, uri: str, runs: list[str]) -> list[tuple[str, str, int, float]]:
    from sqlalchemy import bindparam, create_engine, text

    query = text(
        "select run_uuid, key, step, value from metrics where is_nan = 0 and run_uuid in :runs "
        "and (key like 'val/%' or key like 'fold%') order by run_uuid, key, step"
    ).bindparams(bindparam("runs", expanding=True))
    engine = create_engine(uri)
    with engine.connect() as connection:
        rows = [
            (run, key, step, value)
            for start in range(0, len(runs), RUNS_A_QUERY)
            for run, key, step, value in connection.execute(query, {"runs": runs[start : start + RUNS_A_QUERY]})
            if EPOCHS.match(key)
        ]
    engine.dispose()
    return rows


def _is_server(uri: str) -> bool:
    return uri.startswith("http") or "://" not in uri


def _unreadable(uri: str, error: Exception) -> TrackingError:
    said = " ".join(str(error).split())[:300]
    return TrackingError(f"MLflow at {without_password(uri)} cannot be read: {said}")


def _experiments(client: MlflowClient, wanted: Sequence[str]) -> dict[str, str]:
    """Return the names of experiments by id."""
    found: dict[str, str] = {}
    token = None
    while True:
        page = client.search_experiments(max_results=PAGE, page_token=token)
        found |= {str(experiment.experiment_id): experiment.name for experiment in page}
        if not (token := page.token):
            break
    if unknown := sorted(set(wanted) - set(found.values())):
        known = ", ".join(sorted(found.values()))
        raise ConfigError(f"there is no experiment {', '.join(unknown)}; there are: {known}")
    return {key: name for key, name in found.items() if not wanted or name in wanted}


def _from_server(client: MlflowClient, uri: str, experiments: list[str], metric: str) -> Rows:
    rows, with_folds = Rows(), []
    for run in _pages(client, experiments):
        info, data = run.info, run.data
        if data.tags.get("mlflow.source.name") != "imbalance_lab":
            continue
        rows.runs.append((info.run_id, info.run_name, info.status, info.start_time, str(info.experiment_id)))
        rows.tags.extend((info.run_id, key, data.tags[key]) for key in (*TAGS, VERSION, PARENT) if key in data.tags)
        rows.params.extend((info.run_id, key, value) for key, value in data.params.items())
        rows.metrics.extend((info.run_id, key, value) for key, value in data.metrics.items() if _wanted(key, metric))
        if f"test_fold/{metric}" in data.metrics:
            with_folds.append(info.run_id)

    def history(run: str) -> list[tuple[str, int, float]]:
        return [(run, point.step, point.value) for point in client.get_metric_history(run, f"test_fold/{metric}")]

    with ThreadPoolExecutor(READERS) as pool:
        rows.folds.extend(row for found in pool.map(history, with_folds) for row in found)
    return rows


def _pages(client: MlflowClient, experiments: list[str]) -> Iterator[Run]:
    token = None
    while experiments:
        page = client.search_runs(experiments, max_results=PAGE, page_token=token)
        yield from page
        if not (token := page.token):
            return


def _wanted(key: str, metric: str) -> bool:
    return key.startswith(PREFIXES) or key in _interval_keys(metric)


def _interval_keys(metric: str) -> tuple[str, str]:
    return f"test_interval/low/{metric}", f"test_interval/high/{metric}"


def _from_database(client: MlflowClient, uri: str, experiments: list[str], metric: str) -> Rows:
    """Read MLflow's tables: the client makes an object of each value, which takes ten times as long."""
    from mlflow.store.tracking.dbmodels.models import SqlLatestMetric, SqlMetric, SqlParam, SqlRun, SqlTag
    from sqlalchemy import create_engine, or_, select

    source: Any = select(SqlTag.run_uuid).where(SqlTag.key == "mlflow.source.name", SqlTag.value == "imbalance_lab")
    active = SqlRun.lifecycle_stage == "active", SqlRun.experiment_id.in_([int(number) for number in experiments])
    ours = select(SqlRun.run_uuid).where(*active, SqlRun.run_uuid.in_(source))
    wanted = or_(
        *(SqlLatestMetric.key.startswith(prefix) for prefix in PREFIXES),
        SqlLatestMetric.key.in_(_interval_keys(metric)),
    )

    def values(table: Any, *conditions: Any, key: str = "key") -> Any:
        columns = table.run_uuid, getattr(table, key), table.value
        return select(*columns).where(table.run_uuid.in_(ours), *conditions)

    queries = (
        select(SqlRun.run_uuid, SqlRun.name, SqlRun.status, SqlRun.start_time, SqlRun.experiment_id).where(
            SqlRun.run_uuid.in_(ours)
        ),
        values(SqlTag, SqlTag.key.in_([*TAGS, VERSION, PARENT])),
        values(SqlParam),
        values(SqlLatestMetric, wanted, SqlLatestMetric.is_nan.is_(False)),
        values(SqlMetric, SqlMetric.key == f"test_fold/{metric}", SqlMetric.is_nan.is_(False), key="step"),
    )
    engine = create_engine(uri)
    once: dict[str, str] = {}  # names and values repeat from run to run: each is kept once
    with engine.connect() as connection:
        runs, *found = (
            [
                tuple(once.setdefault(v, v) if isinstance(v, str) else v for v in row)
                for row in connection.execute(query)
            ]
            for query in queries
        )
    engine.dispose()
    return Rows([(*row[:4], str(row[4])) for row in runs], *found)


def _table(rows: Rows, experiments: dict[str, str]) -> RunTable:
    runs = pd.DataFrame(rows.runs, columns=["run", "name", "status", "start", "experiment_id"])
    runs = runs.drop_duplicates("run").set_index("run")  # a server may show a run on two pages
    runs["experiment"] = runs.experiment_id.map(experiments)
    tags = _wide(rows.tags, runs.index).reindex(columns=[*TAGS, VERSION, PARENT]).astype(object)
    runs = runs.join(tags.rename(columns={VERSION: "version", PARENT: "parent"}))
    ended = runs.status.map(OUTCOMES)
    # What a run says of itself is more telling, but for one whose last words did not arrive.
    runs["outcome"] = runs.outcome.where(
        runs.outcome.notna() & ((runs.outcome != "finished") | (ended == "finished")), ended
    )
    metrics = _wide(rows.metrics, runs.index)
    metrics.columns = [_plain(str(key)) for key in metrics]
    folds = pd.DataFrame(rows.folds, columns=["run", "fold", "value"])
    folds = folds.drop_duplicates(["run", "fold"], keep="last").pivot(index="run", columns="fold", values="value")
    return RunTable(runs, _wide(rows.params, runs.index), metrics, folds)


def _plain(key: str) -> str:
    return key.removeprefix("test/").replace("test_interval/", "interval/", 1)


def _wide(rows: Iterable[tuple[str, str, object]], index: pd.Index) -> pd.DataFrame:
    """Return a row per run and a column per key."""
    long = pd.DataFrame(rows, columns=["run", "key", "value"])
    long = long.drop_duplicates(["run", "key"])
    long["key"] = long.key.astype("category")
    return long.pivot(index="run", columns="key", values="value").reindex(index)
