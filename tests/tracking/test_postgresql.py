"""PostgreSQL as the store, started by the test itself where its programs and a driver are installed."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from mlflow import MlflowClient

from tests.conftest import TINY, invoke

pytestmark = pytest.mark.slow

TYPED = [*(text for text in TINY if text != "tracking=none"), "model=logreg"]


def programs() -> Path:
    """Return the folder of PostgreSQL's programs; Debian keeps them out of the PATH."""
    if found := shutil.which("initdb"):
        return Path(found).parent
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not folders:
        pytest.skip("PostgreSQL is not installed")
    return folders[-1]


def as_postgres(*command: object) -> list[str]:
    """Return a command for a user whom PostgreSQL accepts: it does not run as root."""
    return [*(["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []), *map(str, command)]


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of an empty database."""
    pytest.importorskip("psycopg", reason="psycopg is not installed: pip install 'imbalance-lab[postgres]'")
    binaries = programs()
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    if os.getuid() == 0:
        shutil.chown(folder, "postgres")
    with closing(socket.socket()) as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    data = folder / "data"
    control = as_postgres(binaries / "pg_ctl", "-D", data, "-l", folder / "log", "-w")
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
    quiet = {"check": True, "stdout": subprocess.DEVNULL, "cwd": "/"}
    subprocess.run(as_postgres(binaries / "initdb", "-D", data, "-A", "trust", "-U", "lab"), **quiet)
    subprocess.run([*control, "-o", options, "start"], **quiet)
    try:
        yield f"postgresql+psycopg://lab:geheim@127.0.0.1:{port}/postgres"
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], **quiet)
        shutil.rmtree(folder, ignore_errors=True)


def test_a_sweep_its_report_and_a_comparison(server: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert invoke("-m", *TYPED, f"tracking.uri={server}", "strategy=none,inv_freq", "seed=0,1") == 0
    shown = capfd.readouterr()
    assert "4 finished" in shown.out and "report: " in shown.out
    assert "warning" not in shown.err
    assert "geheim" not in shown.out + shown.err
    assert invoke("compare", f"uri={server}", "format=html") == 0
    assert "none has the best mean" in capfd.readouterr().out
    assert "4 runs of 2 strategies in 1 group" in (tmp_path / "comparison.html").read_text()
    again = invoke("-m", *TYPED, f"tracking.uri={server}", "strategy=none,inv_freq", "seed=0,1", "resume=true")
    assert again == 0
    assert "4 already finished" in capfd.readouterr().out
    client = MlflowClient(server)
    (experiment,) = (found for found in client.search_experiments() if found.name == "synthetic")
    assert {run.info.status for run in client.search_runs([experiment.experiment_id])} == {"FINISHED"}
    assert "mlflow.sharedViewState.strategies" in experiment.tags


def test_a_server_that_is_down_is_one_line_at_once(tmp_path: Path) -> None:
    pytest.importorskip("psycopg", reason="psycopg is not installed: pip install 'imbalance-lab[postgres]'")
    address = "postgresql+psycopg://lab:geheim@127.0.0.1:9/x"
    command = [sys.executable, "-m", "imbalance_lab", *TYPED, f"tracking.uri={address}"]
    began = time.monotonic()
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert time.monotonic() - began < 60
    assert ended.returncode != 0
    (line,) = ended.stderr.splitlines()
    assert "could not take it" in line and "127.0.0.1" in line
    assert "geheim" not in ended.stdout + ended.stderr
    assert len(line) < 700
