"""Tables of runs from MLflow: straight from a database whose schema is known, or through MLflow's client."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pandas as pd
from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

from imbalance_lab.errors import ConfigError, TrackingError, without_password
from imbalance_lab.runs.reading import NO_GROUP, VERSION, Key, listed, seed_number, settings_of
from imbalance_lab.runs.table import RunTable, folds_frame, settings_frame
from imbalance_lab.tracking.address import absolute
from imbalance_lab.tracking.answers import answer_of
from imbalance_lab.tracking.bulk import takes_many
from imbalance_lab.tracking.database import (
    children_from_database,
    epochs_from_database,
    has_known_schema,
    runs_from_database,
)
from imbalance_lab.tracking.keys import key_for
from imbalance_lab.tracking.links import link
from imbalance_lab.tracking.long import PARENT, TAGS, TUNED, LongTables, is_wanted, validation_figure
from imbalance_lab.tracking.store import open_store, quiet_loggers

PAGE = 1000
READERS = 8
OUTCOMES = {"FINISHED": "finished", "FAILED": "failed", "KILLED": "killed", "RUNNING": "running"}


@quiet_loggers()
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
        read = runs_from_database if has_known_schema(uri) else _from_client
        return _table(read(client, uri, sorted(names), key_for(metric)), names, key_for(metric), uri)
    except (MlflowException, SQLAlchemyError, OSError, ImportError) as error:
        raise _unreadable(uri, error) from error


@quiet_loggers()
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
        read = epochs_from_database if has_known_schema(uri) else _epochs_from_client
        rows = read(client, uri, list(runs))
    except (MlflowException, SQLAlchemyError, OSError, ImportError) as error:
        raise _unreadable(uri, error) from error
    names = {key: validation_figure(key) for _, key, _, _ in rows}
    return pd.DataFrame(
        [(run, names[key], epoch, value) for run, key, epoch, value in rows], columns=["run", "key", "epoch", "value"]
    )


@quiet_loggers()
def find_links(uri: str, parent: str) -> dict[str, str]:
    """Return the addresses of the runs below a sweep's `parent`, by the hashes of their configurations."""
    return {key: link(uri, experiment, run) for run, experiment, key in children(open_store(absolute(uri)), parent)}


def children(client: MlflowClient, parent: str) -> list[tuple[str, str, str]]:
    """Return the runs below a sweep's `parent`, the last first: run, experiment, hash of the configuration."""
    if takes_many(client.tracking_uri):
        return children_from_database(client.tracking_uri, parent)
    experiments = [str(experiment.experiment_id) for experiment in client.search_experiments(max_results=PAGE)]
    return [
        (run.info.run_id, str(run.info.experiment_id), run.data.tags.get("config_hash", ""))
        for run in _pages(client, experiments, f"tags.`{PARENT}` = '{parent}'")
    ]


def _epochs_from_client(client: MlflowClient, uri: str, runs: list[str]) -> list[tuple[str, str, int, float]]:
    def histories(run: str) -> list[tuple[str, str, int, float]]:
        keys = [key for key in client.get_run(run).data.metrics if validation_figure(key)]
        return [
            (run, key, point.step, point.value)
            for key in sorted(keys)
            for point in client.get_metric_history(run, key)
            if not math.isnan(point.value)
        ]

    with ThreadPoolExecutor(READERS) as pool:
        return [row for rows in pool.map(histories, runs) for row in rows]


def _unreadable(uri: str, error: Exception) -> TrackingError:
    reason = answer_of(error)
    return TrackingError(f"MLflow at {without_password(uri)} cannot be read: {reason}")


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


def _from_client(client: MlflowClient, uri: str, experiments: list[str], metric: str) -> LongTables:
    rows, with_folds = LongTables(), []
    for run in _pages(client, experiments):
        info, data = run.info, run.data
        if data.tags.get("mlflow.source.name") != "imbalance_lab":
            continue
        rows.runs.append((info.run_id, info.run_name, info.status, info.start_time, str(info.experiment_id)))
        wanted = [key for key in data.tags if key in (*TAGS, VERSION, PARENT) or key.startswith(TUNED)]
        rows.tags.extend((info.run_id, key, data.tags[key]) for key in wanted)
        rows.params.extend((info.run_id, key, value) for key, value in data.params.items())
        rows.metrics.extend((info.run_id, key, value) for key, value in data.metrics.items() if is_wanted(key, metric))
        if f"test_fold/{metric}" in data.metrics:
            with_folds.append(info.run_id)

    def history(run: str) -> list[tuple[str, int, float]]:
        return [(run, point.step, point.value) for point in client.get_metric_history(run, f"test_fold/{metric}")]

    with ThreadPoolExecutor(READERS) as pool:
        rows.folds.extend(row for found in pool.map(history, with_folds) for row in found)
    return rows


def _pages(client: MlflowClient, experiments: list[str], query: str = "") -> Iterator[Run]:
    token = None
    while experiments:
        page = client.search_runs(experiments, query, max_results=PAGE, page_token=token)
        yield from page
        if not (token := page.token):
            return


def _table(rows: LongTables, experiments: dict[str, str], metric: str, uri: str) -> RunTable:
    runs = pd.DataFrame(rows.runs, columns=["run", "name", "status", "start", "experiment_id"])
    runs = runs.drop_duplicates("run").set_index("run")  # a server may show a run on two pages
    runs["experiment"] = runs.experiment_id.map(experiments)
    tags = _wide(rows.tags, runs.index)
    runs["tuned"] = _tuned(tags)
    tags = tags.reindex(columns=[*TAGS, VERSION, PARENT]).astype(object)
    runs = runs.join(tags.rename(columns={VERSION: "version", PARENT: "parent"}))
    ended = runs.status.map(OUTCOMES)
    # The tag is more precise than MLflow's status, but for a run that ended before its last tags arrived.
    runs["outcome"] = runs.outcome.where(
        runs.outcome.notna() & ((runs.outcome != "finished") | (ended == "finished")), ended
    )
    settings = _settings(rows.params)
    runs["seed"] = pd.array([seed_number(settings.get(run, {}).get((NO_GROUP, "seed"))) for run in runs.index], "Int64")
    runs["link"] = [link(uri, experiment, str(run)) for run, experiment in runs.experiment_id.items()]
    metrics = _wide(rows.metrics, runs.index)
    metrics.columns = [_plain(str(key)) for key in metrics]
    folds: dict[str, dict[tuple[str, int], float]] = {}
    for run, fold, value in rows.folds:
        folds.setdefault(run, {})[metric, fold] = value
    return RunTable(
        runs.drop(columns="status"),
        settings_frame([settings.get(run, {}) for run in runs.index], runs.index),
        metrics,
        folds_frame([folds.get(run, {}) for run in runs.index], runs.index),
        partial(read_epochs, uri),
    )


def _tuned(tags: pd.DataFrame) -> pd.Series:
    """Return what tuning chose in each fold of each run, as a table of runs holds it."""
    folds = sorted((key for key in map(str, tags) if key.startswith(TUNED)), key=lambda key: int(key[len(TUNED) :]))
    rows = [[text for text in row if isinstance(text, str)] for row in tags[folds].to_numpy()]
    return pd.Series([listed(row) for row in rows], index=tags.index, dtype=object)


def _settings(params: Iterable[tuple[str, str, str]]) -> Mapping[str, Mapping[Key, str]]:
    """Return the settings of each run from its parameters, whose names are split at the first dot."""
    found: dict[str, list[tuple[str, str]]] = {}
    for run, name, value in params:
        found.setdefault(run, []).append((name, value))
    return {run: settings_of(values) for run, values in found.items()}


def _plain(key: str) -> str:
    return key.removeprefix("test/").replace("test_interval/", "interval/", 1)


def _wide(rows: Iterable[tuple[str, str, object]], index: pd.Index) -> pd.DataFrame:
    """Return a row per run and a column per key."""
    long = pd.DataFrame(rows, columns=["run", "key", "value"])
    long = long.drop_duplicates(["run", "key"])
    long["key"] = long.key.astype("category")
    return long.pivot(index="run", columns="key", values="value").reindex(index)
