"""A server that refuses, is away, or is killed: one line each, no run lost or sent twice, nothing left RUNNING."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from math import inf
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import OperationalError

from imbalance_lab.app.border import job_of
from imbalance_lab.runs.files import read_outcome
from imbalance_lab.runs.run import run as run_identity
from imbalance_lab.tracking.address import Store
from imbalance_lab.tracking.answers import answer_of, tries_of
from imbalance_lab.tracking.sending import Channel, QueuedTracker, start
from imbalance_lab.tracking.sending.calls import Calls
from imbalance_lab.tracking.sending.messages import Recorded
from tests.app.stops import statuses
from tests.conftest import TINY, Silent, invoke
from tests.tracking.servers import MlflowServer, answering, free_port

SWEEP = ("-m", *(typed for typed in TINY if typed != "tracking=none"), "model=logreg")
FULL = '{"error_code": "INTERNAL_ERROR", "message": "(sqlite3.OperationalError) database or disk is full"}'
USER = "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"
ANSWERS = {
    "who": (401, "who are you?", f"401: {USER}"),
    "forbidden": (403, '{"error_code": "PERMISSION_DENIED", "message": "no"}', f"403: {USER}, of one who may write"),
    "broken": (500, "Traceback (most recent call last):\n  oh", "500, it failed, and its own log says why"),
    "full": (500, FULL, "500, it failed, and its own log says why"),
    "no room": (507, "", "507, its disk is full"),
    "full, in words": (507, FULL, "500, INTERNAL_ERROR: database or disk is full"),
    "starting": (503, "", "503, it is not ready or has no room, and its own log says why"),
}


@pytest.mark.parametrize("kind", ANSWERS)
def test_a_server_that_refuses_is_a_line_each(kind: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    status, body, reason = ANSWERS[kind]
    with answering(status, body) as address:
        assert invoke(*SWEEP, "seed=0,1", f"tracking.uri=http://me:geheim@{address}") == 1
    shown = capfd.readouterr()
    assert "geheim" not in shown.out + shown.err
    at_the_start, at_the_end = shown.err.splitlines()
    where = f"http://***@{address}"
    assert at_the_start == f"warning: no parent run in MLflow: {reason} ({where})"
    assert len(at_the_start) <= 200
    (folder,) = (tmp_path / "multirun").glob("*/*")
    about, _, advice = at_the_end.rpartition("; ")
    named = "not in MLflow: synthetic, none logreg seed=0 and 1 more: the run finished, but MLflow"
    assert about == f"{named} at {where} could not take it ({reason})"
    assert advice == f"send it later with python -m imbalance_lab send {folder}"
    assert {(read_outcome(folder / job) or {})["outcome"] for job in "01"} == {"finished"}


def test_a_single_run_is_refused_in_a_line(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    typed = [one for one in SWEEP if one != "-m"]
    with answering(401, "") as address:
        message = invoke(*typed, f"tracking.uri=http://me:geheim@{address}")
    assert isinstance(message, str)
    assert "could not take it (401: set MLFLOW_TRACKING_US" in message and "send it later with" in message
    assert "\n" not in message and len(message) <= 200 and "geheim" not in message + "".join(capfd.readouterr())


def raised(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("text", "tries"),
    [
        ("server closed the connection unexpectedly", inf),
        ("connection to server at '127.0.0.1', port 1 failed: Connection refused", inf),
        ("FATAL: the database system is starting up", inf),
        ("terminating connection due to administrator command", inf),
        ("database is locked", inf),
        ("database or disk is full", 0),
        ("could not extend file 'base/5': No space left on device", 0),
        ("attempt to write a readonly database", 0),
        ("FATAL: password authentication failed for user 'me'", 0),
        ("FATAL: database 'labs' does not exist", 0),
        ("something new", 1),
    ],
)
def test_databases_that_are_away_are_told_from_those_that_refuse(text: str, tries: float) -> None:
    error = OperationalError("select 1", {}, sqlite3.OperationalError(text))
    assert tries_of(error) == tries
    assert tries_of(raised(MlflowException(str(error), error_code=7), error)) == tries
    assert answer_of(error) == text


@pytest.mark.parametrize(("status", "body", "tries"), [(200, "{}", 1), (404, "", 0), (502, "", inf)])
def test_every_run_of_a_batch_is_accounted_for(
    status: int, body: str, tries: float, tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "7")  # nobody waits for them
    folders = [tmp_path / str(seed) for seed in range(3)]
    for seed, folder in enumerate(folders):
        job = job_of(tiny("model=logreg", "tracking=none", f"seed={seed}"))
        run_identity(job.identity, Silent(), None, folder, job.settings)
    with answering(status, body) as address:
        store = Store(f"http://{address}", str(tmp_path / "artifacts"), None, 50)
        runs = [Recorded(folder, store, "") for folder in (*folders, folders[0])]  # one of them twice
        failed = Calls().send(runs, lambda: False)
    assert list(failed) == folders
    assert {error.tries for error in failed.values()} == {tries}
    assert all(str(error).endswith(f"send {folder}") for folder, error in failed.items())


def test_a_store_that_is_away_is_waited_for_as_long_as_was_told(tiny, tmp_path: Path, store: Path) -> None:
    address, port = start(), free_port()
    for seed in range(3):
        job = job_of(tiny("model=logreg", f"seed={seed}"))
        tracker = QueuedTracker(f"http://127.0.0.1:{port}", address=address)
        run_identity(job.identity, Silent(), tracker, tmp_path / str(seed), job.settings)
    began = time.monotonic()
    unsent = Channel(address).drain(tmp_path, patience=3.0)
    assert 3.0 <= time.monotonic() - began < 60
    assert sorted(folder.name for folder in unsent) == ["0", "1", "2"]
    assert all("(connection refused); send it later with" in reason for reason in unsent.values())
    assert all(reason.endswith(f"send {folder}") for folder, reason in unsent.items())
    assert invoke("send", *(str(folder) for folder in unsent), f"uri=sqlite:///{store}") == 0
    assert statuses(store) == ["FINISHED"] * 3


def test_computing_goes_on_while_a_server_is_away(tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More runs are handed over than may wait for a server that answers."""
    monkeypatch.setattr("imbalance_lab.tracking.sending.channel.MAX_WAITING", 1)
    address = start()
    job = job_of(tiny("model=logreg"))
    waited = 0.0
    for number in range(6):
        tracker = QueuedTracker("http://127.0.0.1:9", address=address)
        record, folder = {}, tmp_path / str(number)
        real = tracker.finish

        def timed(content, where, real=real):
            nonlocal waited
            began = time.monotonic()
            real(content, where)
            waited += time.monotonic() - began

        tracker.finish = timed
        record = run_identity(job.identity, Silent(), tracker, folder, job.settings)
        assert record.metrics
    assert waited < 30  # for the first of them, which finds out
    assert len(Channel(address).drain(tmp_path)) == 6


@pytest.fixture
def server(tmp_path: Path) -> Iterator[MlflowServer]:
    """A server of MLflow that answers."""
    folder = tmp_path / "server"
    folder.mkdir()
    made = MlflowServer(folder)
    made.start()
    try:
        made.wait()
        yield made
    finally:
        made.kill()


@pytest.mark.slow
def test_a_server_that_is_killed_and_restarted_during_a_sweep_gets_every_run_once(
    server: MlflowServer, tmp_path: Path
) -> None:
    seeds = 120
    typed = [*SWEEP, f"seed=range({seeds})", f"tracking.uri={server.address}"]
    with open(tmp_path / "shown", "w") as shown:
        sweep = subprocess.Popen(
            [sys.executable, "-m", "imbalance_lab", *typed], cwd=tmp_path, stdout=shown, stderr=shown
        )
    text = tmp_path / "shown"
    while text.read_text().count("balanced accuracy") < 10 and sweep.poll() is None:
        time.sleep(0.1)
    server.kill()
    time.sleep(1)
    server.start()
    server.wait()
    sweep.wait()
    left = text.read_text()
    assert "Traceback" not in left and "balanced accuracy" in left, left
    (folder,) = (tmp_path / "multirun").glob("*/*")
    assert len([*folder.glob("*/record.json")]) == seeds
    if sweep.returncode:  # a machine on which the server takes longer to start than the sweep waits
        assert "could not take it" in left and invoke("send", str(folder)) == 0
    client = MlflowClient(server.address)
    ids = [one.experiment_id for one in client.search_experiments()]
    runs = [run for run in client.search_runs(ids, max_results=1000) if "config_hash" in run.data.tags]
    assert Counter(run.info.run_name for run in runs) == {f"none logreg seed={seed}": 1 for seed in range(seeds)}
    assert {run.info.status for run in client.search_runs(ids, max_results=1000)} == {"FINISHED"}
