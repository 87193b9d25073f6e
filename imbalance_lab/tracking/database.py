"""MLflow's tables read by SQL: its client makes an object of each value, which takes ten times as long."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from mlflow import MlflowClient
from sqlalchemy import Engine, create_engine
from sqlalchemy.exc import SQLAlchemyError

from imbalance_lab.runs.reading import VERSION
from imbalance_lab.tracking.long import PARENT, PREFIXES, TAGS, TUNED, LongTables, interval_keys, validation_figure

# The revisions of MLflow's schema whose tables this module was tested with; others are read through the client.
SCHEMAS = frozenset({"dc11669786a5"})
RUNS_A_QUERY = 500
SECONDS_TO_WAIT = 20  # for a SQLite file that somebody else writes, as MLflow does


@cache
def engine_of(uri: str) -> Engine:
    """Return the connections of this process to a database that it writes, or reads again and again."""
    settings: dict[str, Any] = {"connect_args": {"timeout": SECONDS_TO_WAIT}} if uri.startswith("sqlite") else {}
    return create_engine(uri, pool_pre_ping=True, **settings)


def has_known_schema(uri: str) -> bool:
    """Whether a store is a database whose tables have a schema that this module was tested with."""
    from sqlalchemy import text

    if is_server(uri):
        return False
    engine = create_engine(uri)
    try:
        with engine.connect() as connection:
            revisions = set(connection.execute(text("select version_num from alembic_version")).scalars())
            return bool(revisions) and revisions <= SCHEMAS
    except SQLAlchemyError:
        return False
    finally:
        engine.dispose()


def is_server(uri: str) -> bool:
    """Whether an address is that of a server, which has an interface only."""
    return uri.startswith("http") or "://" not in uri


def runs_from_database(client: MlflowClient, uri: str, experiments: list[str], metric: str) -> LongTables:
    """Read the runs of this package in `experiments`, with the folds of one metric."""
    from mlflow.store.tracking.dbmodels.models import SqlLatestMetric, SqlMetric, SqlParam, SqlRun, SqlTag
    from sqlalchemy import or_, select

    source: Any = select(SqlTag.run_uuid).where(SqlTag.key == "mlflow.source.name", SqlTag.value == "imbalance_lab")
    active = SqlRun.lifecycle_stage == "active", SqlRun.experiment_id.in_([int(number) for number in experiments])
    ours = select(SqlRun.run_uuid).where(*active, SqlRun.run_uuid.in_(source))
    wanted = or_(
        *(SqlLatestMetric.key.startswith(prefix) for prefix in PREFIXES),
        SqlLatestMetric.key.in_(interval_keys(metric)),
    )

    def values(table: Any, *conditions: Any, key: str = "key") -> Any:
        columns = table.run_uuid, getattr(table, key), table.value
        return select(*columns).where(table.run_uuid.in_(ours), *conditions)

    queries = (
        select(SqlRun.run_uuid, SqlRun.name, SqlRun.status, SqlRun.start_time, SqlRun.experiment_id).where(
            SqlRun.run_uuid.in_(ours)
        ),
        values(SqlTag, or_(SqlTag.key.in_([*TAGS, VERSION, PARENT]), SqlTag.key.startswith(TUNED))),
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
    return LongTables([(*row[:4], str(row[4])) for row in runs], *found)


def epochs_from_database(client: MlflowClient, uri: str, runs: list[str]) -> list[tuple[str, str, int, float]]:
    """Read the epochs of `runs`: run, key, epoch, value."""
    from mlflow.store.tracking.dbmodels.models import SqlMetric
    from sqlalchemy import or_, select

    wanted = or_(SqlMetric.key.startswith("val/"), SqlMetric.key.startswith("fold"))
    query = (
        select(SqlMetric.run_uuid, SqlMetric.key, SqlMetric.step, SqlMetric.value)
        .where(SqlMetric.is_nan.is_(False), wanted)
        .order_by(SqlMetric.run_uuid, SqlMetric.key, SqlMetric.step)
    )
    engine = create_engine(uri)
    with engine.connect() as connection:
        rows = [
            (run, key, step, value)
            for start in range(0, len(runs), RUNS_A_QUERY)
            for run, key, step, value in connection.execute(
                query.where(SqlMetric.run_uuid.in_(runs[start : start + RUNS_A_QUERY]))
            )
            if validation_figure(key)
        ]
    engine.dispose()
    return rows


def children_from_database(uri: str, parent: str) -> list[tuple[str, str, str]]:
    """Read the runs below the parent of a sweep, the last first: run, experiment, hash of the configuration."""
    from mlflow.store.tracking.dbmodels.models import SqlRun, SqlTag
    from sqlalchemy import and_, select
    from sqlalchemy.orm import aliased

    below, config = aliased(SqlTag), aliased(SqlTag)
    query: Any = (
        select(SqlRun.run_uuid, SqlRun.experiment_id, config.value)
        .join(below, and_(below.run_uuid == SqlRun.run_uuid, below.key == PARENT, below.value == parent))
        .outerjoin(config, and_(config.run_uuid == SqlRun.run_uuid, config.key == "config_hash"))
        .where(SqlRun.lifecycle_stage == "active")
        .order_by(SqlRun.start_time.desc(), SqlRun.run_uuid)
    )
    with engine_of(uri).connect() as connection:
        return [(run, str(experiment), key or "") for run, experiment, key in connection.execute(query)]


def finished_from_database(
    uri: str, experiment: str, sweep: str | None, tags: Sequence[str], prefixes: Sequence[str], most: int
) -> list[tuple[dict[str, str], dict[str, float]]]:
    """Read tags, and metrics that begin with `prefixes`, of the last finished runs of an experiment, or of a sweep."""
    from mlflow.store.tracking.dbmodels.models import SqlLatestMetric, SqlParam, SqlRun, SqlTag
    from sqlalchemy import and_, or_, select

    is_strategy = SqlParam.run_uuid == SqlRun.run_uuid, SqlParam.key == "strategy", SqlParam.value != ""
    runs: Any = select(SqlRun.run_uuid).join(SqlParam, and_(*is_strategy))
    if sweep is not None:
        runs = runs.join(SqlTag, and_(SqlTag.run_uuid == SqlRun.run_uuid, SqlTag.key == "sweep", SqlTag.value == sweep))
    where = SqlRun.experiment_id == int(experiment), SqlRun.lifecycle_stage == "active", SqlRun.status == "FINISHED"
    runs = runs.where(*where).order_by(SqlRun.start_time.desc(), SqlRun.run_uuid).limit(most)
    wanted = or_(*(SqlLatestMetric.key.startswith(prefix) for prefix in prefixes))
    with engine_of(uri).connect() as connection:
        found: dict[str, tuple[dict[str, str], dict[str, float]]] = {
            run: ({}, {}) for run in connection.execute(runs).scalars()
        }
        for place, table, condition in ((0, SqlTag, SqlTag.key.in_(tags)), (1, SqlLatestMetric, wanted)):
            values: Any = select(table.run_uuid, table.key, table.value).where(table.run_uuid.in_(found), condition)
            for run, key, value in connection.execute(values):
                found[run][place][key] = value
    return list(found.values())
