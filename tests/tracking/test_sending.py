"""The process that sends: in order, once, beside computing, and gone with whoever started it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from mlflow import MlflowClient

from imbalance_lab.app.border import job_of
from imbalance_lab.errors import StoreError, TrackingError
from imbalance_lab.options import Option
from imbalance_lab.runs.claims import release
from imbalance_lab.runs.files import read_outcome
from imbalance_lab.runs.run import run as run_identity
from imbalance_lab.tracking import cells, unsent
from imbalance_lab.tracking.sending import Channel, QueuedTracker, channel, start
from imbalance_lab.tracking.sending.sweep import TrackedSweep
from tests.app.stops import statuses
from tests.conftest import TINY, Silent, invoke

AWAY = "http://127.0.0.1:9"
SWEEP = ("-m", *(typed for typed in TINY if typed != "tracking=none"), "model=logreg", "seed=0,1")


@pytest.fixture
def uri(store: Path) -> str:
    return f"sqlite:///{store}"


@pytest.fixture
def make(tiny):
    """Make a run with a tracker that hands it over, in a folder of its own."""

    def _make(tracker: QueuedTracker, folder: Path, *typed: str):
        job = job_of(tiny("model=logreg", *typed))
        return run_identity(job.identity, Silent(), tracker, folder, job.settings)

    return _make


@pytest.fixture
def silent_server() -> Iterator[str]:
    """The address of a server that takes what is said, and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def runs_of(uri: str) -> list:
    client = MlflowClient(uri)
    ids = [one.experiment_id for one in client.search_experiments()]
    return client.search_runs(ids, order_by=["attributes.start_time"])


def test_runs_are_sent_in_order_as_they_were_made(make, uri: str, tmp_path: Path) -> None:
    address = start()
    for seed in range(3):
        began = int(time.time() * 1000)
        tracker = QueuedTracker(uri, address=address)
        tracker.join_sweep("night", None)
        record = make(tracker, tmp_path / str(seed), f"seed={seed}")
        assert tracker.has_record
    assert Channel(address).drain(tmp_path) == {}
    sent = runs_of(uri)
    assert [one.info.run_name for one in sent] == [f"none logreg seed={seed}" for seed in range(3)]
    assert {one.info.status for one in sent} == {"FINISHED"}
    ended = (tmp_path / "2" / "record.json").stat().st_mtime * 1000
    assert began <= sent[-1].info.start_time <= sent[-1].info.end_time <= ended
    assert sent[-1].data.metrics["test/balanced_accuracy"] == record.metrics["balanced_accuracy"]
    assert {one.data.tags["sweep"] for one in sent} == {"night"}


def test_a_sweep_leaves_mlflow_to_the_other_process(store: Path, tmp_path: Path) -> None:
    script = "import sys; from imbalance_lab.app import sweep, cli\ntry:\n    cli.main()\nfinally:\n    "
    script += "assert not {'mlflow', 'sqlalchemy', 'tensorflow'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", script, *SWEEP], cwd=tmp_path, check=True)
    assert statuses(store) == ["FINISHED"] * 3


def test_what_was_sent_already_is_not_sent_again(make, uri: str, tmp_path: Path) -> None:
    address = start()
    make(QueuedTracker(uri, address=address), tmp_path / "run")
    QueuedTracker(uri, address=address).send_again(tmp_path / "run")
    assert Channel(address).drain(tmp_path) == {}
    assert len(runs_of(uri)) == 1


def test_a_run_made_anew_in_its_folder_is_another_one(make, uri: str, tmp_path: Path) -> None:
    address = start()
    for _ in range(2):
        make(QueuedTracker(uri, address=address), tmp_path / "run")
        assert channel.channel_to(address).drain(tmp_path) == {}
    assert len(runs_of(uri)) == 2


def test_a_run_interrupted_as_it_was_handed_over_is_sent_as_what_it_is(make, uri: str, tmp_path: Path) -> None:
    class Interrupted(QueuedTracker):
        def finish(self, record, folder) -> None:
            super().finish(record, folder)
            self._handed_over = False  # as if the signal had come before this was noted
            raise KeyboardInterrupt

    address = start()
    tracker = Interrupted(uri, address=address)
    with pytest.raises(KeyboardInterrupt):
        make(tracker, tmp_path / "run")
    tracker.abort("killed", "interrupted", tmp_path / "run")
    assert Channel(address).drain(tmp_path) == {}
    assert [one.info.status for one in runs_of(uri)] == ["FINISHED"]


def test_a_run_that_cannot_be_sent_says_so_on_disk_and_to_the_sweep(make, tmp_path: Path) -> None:
    address, folder = start(), tmp_path / "run"
    make(QueuedTracker(AWAY, address=address), folder)
    (reason,) = Channel(address).drain(tmp_path).values()
    assert reason.startswith("the run finished, but MLflow at http://127.0.0.1:9 could not take it")
    assert reason.endswith(f"send it later with python -m imbalance_lab send {folder}")
    assert (read_outcome(folder) or {})["untracked"] == reason
    assert Channel(address).drain(tmp_path) == {}  # it was told


def test_only_so_many_runs_wait(make, silent_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "MAX_WAITING", 2)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    address = start()
    one = channel.channel_to(address)
    for number in range(3):
        make(QueuedTracker(silent_server, address=address), tmp_path / str(number))
        assert len(one._waiting) <= 2
    assert len(one.drain(tmp_path)) == 3


def test_a_sweep_that_was_interrupted_waits_for_seconds_only(make, silent_server: str, tmp_path: Path) -> None:
    address = start()
    for number in range(3):
        make(QueuedTracker(silent_server, address=address), tmp_path / str(number))
    began = time.monotonic()
    unsent = Channel(address).drain(tmp_path, seconds=0.5)
    assert time.monotonic() - began < 60  # the three are not waited for without end
    assert len(unsent) == 3
    assert all("interrupted before it was sent; send it with" in reason for reason in unsent.values())
    assert all((read_outcome(folder) or {})["untracked"] == reason for folder, reason in unsent.items())


def test_an_address_of_no_store_ends_the_sweep_and_a_server_that_is_away_does_not(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="is a folder; name a file in it"):
        TrackedSweep(f"sqlite:///{tmp_path}", tmp_path).begin("mlartifacts", "e", "night", {})
    with pytest.raises(TrackingError, match="connection refused"):
        TrackedSweep(AWAY, tmp_path).begin("mlartifacts", "e", "night", {})


def test_a_cell_that_is_being_sent_is_claimed(uri: str) -> None:
    cells.claim_for_sending(uri, "a cell")
    assert not cells.claim_cell(uri, "a cell")
    cells.release_sent(uri, "a cell")
    assert cells.claim_cell(uri, "a cell")
    release(cells.claims_of(uri), "a cell")


def test_resuming_knows_of_runs_that_wait(make, tiny, uri: str, tmp_path: Path) -> None:
    address = start()
    make(QueuedTracker(uri, address=address), tmp_path / "run")
    tracker = QueuedTracker(uri, address=address)
    identity = job_of(tiny("model=logreg")).identity
    data_hash = (read_outcome(tmp_path / "run") or {})["tags"]["data_hash"]
    assert tracker.claim(identity.on_data("synthetic", data_hash))  # once it is sent
    assert tracker.finished_on(identity) == {data_hash}


def test_settings_are_refused_as_mlflow_refuses_them(tiny) -> None:
    settings = job_of(tiny("tracking=mlflow", "tracking.max_classes=-1")).tracking.settings
    reasons = []
    for target in ("imbalance_lab.tracking.MlflowTracker", "imbalance_lab.tracking.sending.QueuedTracker"):
        with pytest.raises(Exception, match="max_classes") as caught:
            Option("tracking", "tracking", {**settings, "_target_": target}).build()
        reasons.append(str(caught.value))
    assert reasons[0] == reasons[1]


STARTS = """
import sys, time
from imbalance_lab.tracking.sending import Channel, start, starting
address = start()
Channel(address).call("adopt", {}, ".")
print(starting._started.process.pid, flush=True)
time.sleep(60 if sys.argv[1] == "killed" else 0)
"""


@pytest.mark.parametrize("how", ["killed", "ends"])
def test_the_process_ends_with_the_one_that_started_it(how: str, tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", STARTS, how], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        sender = psutil.Process(int(parent.stdout.readline()))
        os.kill(sender.pid, signal.SIGTERM)  # which a batch system sends to all
        if how == "killed":
            parent.kill()
    psutil.wait_procs([sender], timeout=10)
    assert not sender.is_running() or sender.status() == psutil.STATUS_ZOMBIE


def test_a_process_that_was_killed_costs_no_record(store: Path, tmp_path: Path, capfd) -> None:
    kill = "import os, imbalance_lab.tracking.sending.starting as s; os.kill(s._started.process.pid, 9)"
    (tmp_path / "mine.py").write_text(
        "from imbalance_lab.runs import run as runs\nreal = runs.fit\ncalls = []\n"
        f"def fit(*a, **k):\n    calls.append(1)\n    if len(calls) == 2:\n        {kill}\n    return real(*a, **k)\n"
        "runs.fit = fit\nfrom imbalance_lab.app.cli import main\nmain()\n"
    )
    ended = subprocess.run([sys.executable, "mine.py", *SWEEP], cwd=tmp_path, capture_output=True, text=True)
    assert ended.returncode != 0
    assert "2 finished" in ended.stdout
    assert "Traceback" not in ended.stderr
    assert "the process that sends runs to MLflow has ended; send it later" in ended.stderr
    (folder,) = (tmp_path / "multirun").glob("*/*")
    assert invoke("send", str(folder)) == 0
    assert sorted(statuses(store)) == ["FINISHED"] * 2 + ["RUNNING"]  # the sweep's own: the next one closes it
    assert invoke(*SWEEP, "resume=true") == 0
    assert sorted(statuses(store)) == ["FINISHED"] * 3 + ["KILLED"]


def test_resuming_first_sends_what_sweeps_that_are_gone_left(store: Path, tmp_path: Path, capfd) -> None:
    assert invoke(*SWEEP, f"tracking.uri={AWAY}") != 0
    for record_id, folder in unsent.waiting(AWAY).items():
        if tmp_path in folder.parents:  # as if it had been this store that was away
            unsent.note(f"sqlite:///{store}", record_id, folder)
        unsent.forget(AWAY, record_id)
    capfd.readouterr()
    assert invoke(*SWEEP, "resume=true") == 0
    shown = capfd.readouterr().out
    assert "sent to MLflow first: 2 finished runs of earlier sweeps" in shown
    assert "2 already finished" in shown
    assert unsent.waiting(f"sqlite:///{store}") == {}
