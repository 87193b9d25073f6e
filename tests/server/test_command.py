"""``python -m experiments.server`` as it is typed: up, used, down with Ctrl-C, and up again with what it had."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from mlflow import MlflowClient

from experiments.server.postgres import programs
from experiments.server.processes import free_port
from imbalance_lab.errors import ConfigError
from tests.conftest import invoke
from tests.server.conftest import TYPED


@contextmanager
def typed(folder: Path) -> Iterator[str]:
    """Type it, give the address that it prints, and press Ctrl-C."""
    command = [sys.executable, "-m", "experiments.server", f"folder={folder}", f"port={free_port()}", "processes=1"]
    started = subprocess.Popen(command, cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, text=True)
    assert started.stdout is not None
    try:
        yield started.stdout.readline().partition(" ")[0]
        below = psutil.Process(started.pid).children(recursive=True)
        (postgres,) = (int(file.read_text().split()[0]) for file in folder.glob("postgres/data/postmaster.pid"))
        os.kill(started.pid, signal.SIGINT)
        assert started.wait(60) == 130
        left = psutil.wait_procs([*below, *([psutil.Process(postgres)] if psutil.pid_exists(postgres) else [])], 10)[1]
        assert left == []
    finally:
        started.terminate()
        started.communicate(timeout=60)


@pytest.mark.slow
def test_a_server_is_started_used_ended_and_started_again(open_folder: Path) -> None:
    pytest.importorskip("psycopg", reason="psycopg is not installed: pip install 'imbalance-lab[postgres]'")
    try:
        programs()
    except ConfigError as error:
        pytest.skip(str(error))
    folder = open_folder / "mine"
    with typed(folder) as address:
        assert invoke(*TYPED, f"tracking.uri={address}") == 0
    with typed(folder) as address:
        client = MlflowClient(address)
        (experiment,) = (found for found in client.search_experiments() if found.name == "synthetic")
        (run,) = client.search_runs([experiment.experiment_id])
        assert "record.json" in {file.path for file in client.list_artifacts(run.info.run_id)}
    assert (folder / "postgres" / "password").stat().st_mode & 0o077 == 0
    assert (folder / "postgres" / "password").read_text() not in (folder / "mlflow.log").read_text()


def test_a_machine_without_postgresql_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(Path, "glob", lambda *_: iter(()))
    with pytest.raises(ConfigError, match="PostgreSQL is not installed: apt-get install postgresql"):
        programs()
