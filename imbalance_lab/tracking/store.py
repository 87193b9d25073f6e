"""The store: opened, created once, and its experiments."""

from __future__ import annotations

import logging
import os
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any
from uuid import uuid4

from filelock import FileLock
from mlflow import MlflowClient
from mlflow.environment_variables import MLFLOW_SQLALCHEMYSTORE_POOLCLASS
from mlflow.exceptions import MlflowException
from sqlalchemy import create_engine
from sqlalchemy.exc import DBAPIError, NoSuchModuleError, SQLAlchemyError

from imbalance_lab.errors import StoreError, without_password
from imbalance_lab.options import EXTRAS
from imbalance_lab.tracking.address import SQLITE, beside, located
from imbalance_lab.tracking.connections import note_server

POOL = "MLFLOW_SQLALCHEMYSTORE_"  # variables that set MLflow's pool of connections, not all of which memory takes

# What MLflow and SQLite report of a database whose tables and recorded version do not fit.
BROKEN = r"already exists|no such (table|column)|duplicate column|malformed|has no column|found version None"
# MLflow announces every table it creates, and logs each error of a database with its traceback before it raises it.
VERBOSE_LOGGERS = {
    "mlflow": logging.WARNING,
    "alembic": logging.WARNING,
    "mlflow.store.db.utils": logging.CRITICAL,
}


@contextmanager
def quiet_loggers() -> Iterator[None]:
    """Leave it to this package to say what MLflow does, and what goes wrong, while the block runs."""
    levels = {name: logging.getLogger(name).level for name in VERBOSE_LOGGERS}
    for name, level in VERBOSE_LOGGERS.items():
        logging.getLogger(name).setLevel(level)
    try:
        yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


@cache
def open_store(uri: str) -> MlflowClient:
    """Open a store, once in a process. Of many processes that find no database yet, one creates it and the others wait.

    Raises
    ------
    StoreError
        If the file is no database of MLflow or a broken one, or the database's driver is not installed.
    MlflowException, SQLAlchemyError, OSError
        If it cannot be reached.
    """
    with quiet_loggers():
        if uri.startswith(SQLITE):
            return _open_file(Path(uri.removeprefix(SQLITE).partition("?")[0]).absolute(), uri)
        if "://" in uri and not uri.startswith(("http", "databricks", "file")):
            with _lock(beside(uri, "lock")):  # of this machine's processes one creates the tables
                return _open_database(uri)
        if uri.startswith("http"):
            note_server(uri)
        return _client_of(uri)


def _lock(file: Path) -> FileLock:
    """Return a lock; raise OSError where its file cannot be: the lock would wait for its folder to appear."""
    file.touch()
    return FileLock(file)


def _client_of(uri: str) -> MlflowClient:
    """Return a client whose store has answered."""
    client = MlflowClient(tracking_uri=uri)
    client.search_experiments(max_results=1)
    return client


def _connect(uri: str) -> None:
    """Connect to a database once, which fails at once where MLflow would try for minutes."""
    try:
        engine = create_engine(uri)
        with closing(engine.connect()):
            pass
        engine.dispose()
    except (ImportError, NoSuchModuleError) as error:
        driver = getattr(error, "name", None) or "it"
        wanted = f"'imbalance-lab[{EXTRAS[driver]}]'" if driver in EXTRAS else driver
        raise StoreError(
            f"tracking.uri={without_password(uri)} needs a database driver that is not installed ({error}); "
            f"pip install {wanted}"
        ) from error


def _open_database(uri: str) -> MlflowClient:
    _connect(uri)
    try:
        return _client_of(uri)
    except (MlflowException, SQLAlchemyError) as error:
        reason = _reason(error)
        if not re.search(BROKEN, reason, re.IGNORECASE):
            raise
        raise StoreError(
            f"the database at {without_password(uri)} is broken ({reason}): a process was probably killed while MLflow "
            "created or upgraded its tables; give it an empty one, or restore a backup"
        ) from error


def _open_file(file: Path, uri: str) -> MlflowClient:
    if file.is_dir():
        raise StoreError(f"tracking.uri={uri} is a folder; name a file in it: tracking.uri={uri.rstrip('/')}/mlflow.db")
    file.parent.mkdir(parents=True, exist_ok=True)
    with _lock(Path(f"{file}.lock")):
        _remove_unfinished(file)
        if not file.exists() or file.stat().st_size == 0:
            _create(file)
        _require_mlflow(file)
        try:
            return _client_of(uri)
        except (MlflowException, SQLAlchemyError) as error:
            raise _explained(file, error) from error


def _create(file: Path) -> None:
    """Create a database beside `file`, and put it in place when it is whole: a process may die at any moment."""
    folder = Path(mkdtemp(prefix=_unfinished(file), dir=file.parent))
    whole = folder / "whole.db"
    try:
        # MLflow keeps its connection to the first; nobody has the copy open.
        with _migrated(folder) as source, closing(sqlite3.connect(whole)) as copy:
            source.backup(copy)
        if file.exists() and file.stat().st_size > 0:  # made meanwhile by something that knows no lock (mlflow ui)
            return
        os.replace(whole, file)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _migrated(folder: Path) -> Iterator[sqlite3.Connection]:
    """Connect to a new database of MLflow: in memory, where some ninety commits wait for no disk."""
    pool: Any = MLFLOW_SQLALCHEMYSTORE_POOLCLASS
    if any(name.startswith(POOL) for name in os.environ):
        name, query = str(folder / "migrated.db"), ""
    else:
        name, query = f"file:{uuid4().hex}?mode=memory&cache=shared", "&uri=true"
        pool.set("SingletonThreadPool")
    with closing(sqlite3.connect(name, uri=True)) as connection:
        try:
            _client_of(f"{SQLITE}{name}{query}")
        finally:
            if query:
                pool.unset()
        yield connection


def _unfinished(file: Path) -> str:
    return f".{file.name}.new-"


def _remove_unfinished(file: Path) -> None:
    """Remove what processes left that died while they created `file`; its lock is held, so none is alive."""
    for found in os.scandir(file.parent):
        if found.name.startswith(_unfinished(file)):
            shutil.rmtree(found.path, ignore_errors=True)


def _require_mlflow(file: Path) -> None:
    """Refuse a file that is no database, or one of something else, before MLflow adds its tables to it."""
    try:
        tables = _names_of_tables(file)
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):  # locked, or not readable: MLflow may wait
            return
        raise StoreError(
            f"{file} is no database ({error}); move it away, or name another file: tracking.uri="
        ) from error
    if tables and "experiments" not in tables:
        some = ", ".join(sorted(tables)[:3])
        raise StoreError(
            f"{file} is a database of something else (with tables such as {some}), not of MLflow; name another file: "
            "tracking.uri=sqlite:///mlflow.db"
        )


def _explained(file: Path, error: Exception) -> Exception:
    """Return what is wrong with a database that MLflow cannot open."""
    reason = _reason(error)
    if not re.search(BROKEN, reason, re.IGNORECASE):
        return error
    return StoreError(
        f"{file} is broken ({reason}): a process was probably killed while MLflow created or upgraded its tables. "
        f"{_advice(file)}; the next run creates a new one, and python -m imbalance_lab send FOLDER sends finished runs "
        "to it"
    )


def _reason(error: Exception) -> str:
    cause = error.__cause__ if isinstance(error.__cause__, DBAPIError) else error
    reason = " ".join(str(getattr(cause, "orig", None) or cause).split())
    return without_password(reason).split(". ")[0][:200]


def _advice(file: Path) -> str:
    try:
        with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as connection:
            runs = connection.execute("select count(*) from runs").fetchone()[0]
    except sqlite3.Error:
        return "Move it away"
    return f"It holds {runs} runs: move it away, or restore a backup" if runs else "It holds no runs: delete it"


def _names_of_tables(file: Path) -> set[str]:
    with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as connection:
        return {name for (name,) in connection.execute("select name from sqlite_master where type = 'table'")}


def artifact_location(uri: str, artifacts: str, experiment: str) -> str | None:
    """Return where a local store keeps the artifacts of an experiment; a server decides for itself (None)."""
    if uri.startswith("http") or uri == "databricks":
        return None
    folder = re.sub(r"[^\w.-]", "_", experiment)
    return f"{located(artifacts)}/{folder}" if "://" in artifacts else (Path(artifacts).absolute() / folder).as_uri()


def find_experiment(client: MlflowClient, name: str, artifact_location: str | None) -> str:
    """Return the id of the experiment `name`, which is created, as one of model training, if it does not exist."""
    if found := client.get_experiment_by_name(name):
        if found.lifecycle_stage == "deleted":
            client.restore_experiment(found.experiment_id)
        return str(found.experiment_id)
    try:
        tags = {"mlflow.experimentKind": "custom_model_development"}
        return str(client.create_experiment(name, artifact_location=artifact_location, tags=tags))
    except MlflowException:  # another process was quicker
        if found := client.get_experiment_by_name(name):
            return str(found.experiment_id)
        raise
