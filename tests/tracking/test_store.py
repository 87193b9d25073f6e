from __future__ import annotations

import logging
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from alembic import command
from mlflow import MlflowClient

from imbalance_lab.errors import ConfigError
from imbalance_lab.tracking.address import absolute
from imbalance_lab.tracking.store import VERBOSE_LOGGERS, open_store


def address(file: Path) -> str:
    return f"sqlite:///{file}"


def spoil(store: Path, to: Path) -> Path:
    """Copy a store as a kill between two migrations leaves it: tables that its recorded version does not know."""
    file = Path(shutil.copy(store, to))
    with sqlite3.connect(file) as connection:
        connection.execute("delete from alembic_version")
        connection.execute("drop table mcp_servers")
    connection.close()
    return file


def test_addresses_are_absolute(tmp_path: Path) -> None:
    assert absolute("sqlite:///mlflow.db") == f"sqlite:///{tmp_path}/mlflow.db"
    assert absolute("sqlite:////srv/mlflow.db") == "sqlite:////srv/mlflow.db"
    assert absolute("http://host:5000/") == "http://host:5000"


@pytest.mark.parametrize("uri", ["sqlite://", "sqlite:///", "sqlite:///:memory:", "sqlite:"])
def test_a_database_in_memory_is_refused(uri: str) -> None:
    with pytest.raises(ConfigError, match="in memory, which is gone when the process ends; name a file"):
        absolute(uri)


def test_an_interrupted_creation_leaves_no_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = command.upgrade

    def interrupted(config, revision: str) -> None:
        real(config, "+12")
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "upgrade", interrupted)
    uri = address(tmp_path / "new" / "mlflow.db")
    with pytest.raises(KeyboardInterrupt):
        open_store(uri)
    assert [file.name for file in (tmp_path / "new").iterdir()] in ([], ["mlflow.db.lock"])
    monkeypatch.setattr(command, "upgrade", real)
    assert open_store(uri).search_experiments()


@pytest.mark.parametrize("pool", [{}, {"MLFLOW_SQLALCHEMYSTORE_MAX_OVERFLOW": "2"}])
def test_a_database_is_migrated_in_memory_unless_the_pool_is_set(
    pool: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in pool.items():
        monkeypatch.setenv(name, value)
    opened = []
    real = command.upgrade

    def upgrade(config, revision: str) -> None:
        opened.append(config.get_main_option("sqlalchemy.url"))
        real(config, revision)

    monkeypatch.setattr(command, "upgrade", upgrade)
    assert open_store(address(tmp_path / "a b#.db")).search_experiments()
    assert ["mode=memory" in uri for uri in opened] == [not pool]
    assert sorted(file.name for file in tmp_path.iterdir() if file.suffix == ".db") == ["a b#.db"]


def test_what_a_killed_process_left_is_removed_and_other_files_stay(store: Path) -> None:
    left = store.with_name(".mlflow.db.new-abc")
    left.mkdir()
    (left / "migrated.db").write_bytes(b"half")
    other = store.with_name(".other.db.new-abc")
    other.mkdir()
    open_store(address(store))
    assert not left.exists()
    assert other.exists()


def test_an_empty_file_becomes_a_store(tmp_path: Path) -> None:
    file = tmp_path / "mlflow.db"
    file.touch()
    assert open_store(address(file)).search_experiments()


def test_broken_databases_are_refused_with_what_to_do(store: Path, tmp_path: Path) -> None:
    broken = spoil(store, tmp_path / "broken.db")
    with pytest.raises(ConfigError, match=r"broken.db is broken \(.*\): a process was probably killed .* delete it"):
        open_store(address(broken))
    client = MlflowClient(address(store))
    client.create_run(client.create_experiment("kept"))
    with pytest.raises(ConfigError, match="It holds 1 runs: move it away"):
        open_store(address(spoil(store, tmp_path / "used.db")))


def test_a_broken_database_of_a_server_is_refused_too(store: Path, tmp_path: Path) -> None:
    broken = spoil(store, tmp_path / "broken.db")
    with pytest.raises(ConfigError, match=r"broken.db is broken \(.*\): a process was probably killed .* an empty one"):
        open_store(f"sqlite+pysqlite:///{broken}")  # opened as that of a server is


def test_files_of_something_else_are_left_alone(tmp_path: Path) -> None:
    text, other, folder = tmp_path / "text.db", tmp_path / "other.db", tmp_path / "folder.db"
    text.write_text("no database " * 1000)
    folder.mkdir()
    with sqlite3.connect(other) as connection:
        connection.execute("create table orders (id)")
    connection.close()
    before = other.read_bytes()
    for file, message in ((text, "is no database"), (other, "something else .*orders"), (folder, "is a folder")):
        with pytest.raises(ConfigError, match=message):
            open_store(address(file))
    assert other.read_bytes() == before


def test_a_database_that_is_away_is_noticed_at_once() -> None:
    began = time.monotonic()
    with pytest.raises(ConfigError, match=r"postgresql\+nothing://\*\*\*@127.0.0.1:9/x needs a database driver"):
        open_store("postgresql+nothing://me:secret@127.0.0.1:9/x")
    assert time.monotonic() - began < 30  # MLflow itself tries ten times, for minutes


def test_loggers_are_as_before(tmp_path: Path) -> None:
    levels = {name: logging.getLogger(name).level for name in VERBOSE_LOGGERS}
    open_store(address(tmp_path / "mlflow.db"))
    assert {name: logging.getLogger(name).level for name in VERBOSE_LOGGERS} == levels


OPEN = "import sys; from imbalance_lab.tracking import open_store; print('ready', flush=True); open_store(sys.argv[1])"


@pytest.mark.slow
def test_a_kill_at_any_moment_of_the_creation_is_repaired_by_the_next_run(tmp_path: Path) -> None:
    file = tmp_path / "mlflow.db"
    for seconds in (0.1, 0.3, 0.5, 0.7, 0.9, 1.1):
        process = subprocess.Popen([sys.executable, "-c", OPEN, address(file)], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        if file.exists():
            with sqlite3.connect(file) as connection:
                assert connection.execute("select count(*) from experiments").fetchone() == (1,)
            connection.close()
            file.unlink()
    assert subprocess.run([sys.executable, "-c", OPEN, address(file)], capture_output=True, text=True).returncode == 0
    assert {found.name for found in tmp_path.iterdir()} <= {"mlflow.db", "mlflow.db.lock"}


@pytest.mark.slow
def test_many_processes_may_open_a_store_that_does_not_exist_yet(tmp_path: Path) -> None:
    file = tmp_path / "new" / "mlflow.db"
    started = [subprocess.Popen([sys.executable, "-c", OPEN, address(file)], stderr=subprocess.PIPE) for _ in range(6)]
    assert [(p.communicate()[1], p.returncode) for p in started] == [(b"", 0)] * 6
    assert open_store(address(file)).search_experiments()
