"""A store or a disk that refuses is one line, at once, and nothing is left RUNNING."""

from __future__ import annotations

import errno
import os
import resource
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from mlflow import MlflowClient

from imbalance_lab.errors import ROOM
from imbalance_lab.tracking import store as stores
from imbalance_lab.tracking import tracker
from imbalance_lab.tracking.parent import start_parent
from imbalance_lab.tracking.read import read_runs
from imbalance_lab.tracking.sending import Channel
from tests.app.stops import statuses
from tests.conftest import TINY, invoke, records

TYPED = [*(text for text in TINY if text != "tracking=none"), "model=logreg"]


def mount(folder: Path, options: str) -> None:
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    if not shutil.which("mount") or subprocess.run(command, capture_output=True).returncode != 0:
        pytest.skip("only root can mount a disk")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A folder to mount a disk on."""
    folder = tmp_path / "disk"
    folder.mkdir()
    yield folder
    subprocess.run(["umount", "-l", str(folder)], capture_output=True)


@pytest.mark.parametrize("sweep", [["-m", "seed=0,1"], []])
@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("sqlite:///folder.db", "folder.db is a folder; name a file in it"),
        ("postgresql+nothing://me:geheim@127.0.0.1:9/x", "needs a database driver that is not installed"),
    ],
)
def test_an_address_of_no_store_is_one_line_before_any_run(
    sweep: list[str], uri: str, expected: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "folder.db").mkdir()
    message = invoke(*sweep, *TYPED, f"tracking.uri={uri}")
    assert isinstance(message, str)
    assert message.startswith("error: ")
    assert expected in message
    assert "\n" not in message and len(message) < 300
    shown = capfd.readouterr()
    assert "balanced accuracy" not in shown.out
    assert shown.err == ""


@pytest.mark.parametrize(
    ("sweep", "number"),
    [
        (["-m", "seed=0,1"], errno.ENOSPC),
        (["-m", "seed=0,1"], errno.EDQUOT),
        (["-m", "seed=0,1"], errno.EFBIG),
        ([], errno.EFBIG),
        (["-m", "seed=0,1"], errno.EACCES),
        ([], errno.ENOSPC),
        ([], errno.EDQUOT),
        ([], errno.EROFS),
    ],
)
def test_a_disk_that_takes_nothing_is_one_line(
    sweep: list[str], number: int, store: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number), "predictions.npz")

    monkeypatch.setattr(np.lib.format, "write_array", full)
    status = invoke(*sweep, *TYPED)
    shown = capfd.readouterr()
    lines = [*shown.err.splitlines(), *(status.splitlines() if isinstance(status, str) else [])]
    assert status != 0
    assert len(lines) == 1, lines  # of a sweep, for all runs that had the same reason
    assert os.strerror(number).lower() in lines[0].lower()
    assert ROOM.get(number, "") in lines[0]
    assert set(statuses(store)) == {"FAILED"}


@pytest.mark.parametrize("sweep", [["-m", "seed=0,1"], []])
def test_files_that_may_not_grow_are_one_line_and_leave_nothing_running(
    sweep: list[str], store: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        status = invoke(*sweep, *TYPED)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    shown = capfd.readouterr()
    lines = [*shown.err.splitlines(), *(status.splitlines() if isinstance(status, str) else [])]
    assert status != 0
    assert any("file too large; raise the limit on the size of files (ulimit -f)" in line for line in lines)
    assert not any("Traceback" in line for line in lines) and len(lines) <= 4
    assert "RUNNING" not in statuses(store)


def test_a_database_that_cannot_be_created_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "mlflow.db")

    monkeypatch.setattr(stores, "mkdtemp", full)
    message = invoke(*TYPED)
    assert isinstance(message, str)
    assert message.startswith("error: the run finished, but MLflow at sqlite:///")
    assert "No space left on device" in message
    assert "\n" not in message


@pytest.mark.parametrize("sweep", [["-m", "seed=0,1"], []])
@pytest.mark.parametrize("what", ["outputs", "working directory"])
def test_a_folder_that_is_read_only_is_one_line_before_any_run(
    sweep: list[str], what: str, disk: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    mount(disk, "ro")
    key = "hydra.sweep.dir" if sweep else "hydra.run.dir"
    typed = [f"{key}={disk / 'out'}", "tracking=none"] if what == "outputs" else []
    if what == "working directory":
        monkeypatch.chdir(disk)
    message = invoke(*sweep, *TYPED, *typed)
    assert isinstance(message, str)
    assert message.startswith("error: ")
    assert message.endswith("read-only file system")
    shown = capfd.readouterr()
    assert shown.out + shown.err == ""


@pytest.mark.parametrize("sweep", [["-m", "seed=0,1"], []])
def test_a_store_that_is_read_only_loses_no_run(
    sweep: list[str], disk: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    mount(disk, "ro")
    status = invoke(*sweep, *TYPED, f"tracking.uri=sqlite:///{disk}/mlflow.db")
    shown = capfd.readouterr()
    about = [line for line in [*shown.err.splitlines(), str(status)] if "could not take it" in line]
    assert status != 0
    assert len(about) == 1
    assert "Read-only file" in about[0]
    assert "send it later with python -m imbalance_lab send" in about[0]
    folder = about[0].partition("imbalance_lab send ")[2]
    assert {record["outcome"] for record in records(tmp_path)} == {"finished"}
    assert invoke("send", folder, "uri=sqlite:///mlflow.db") == 0  # the folder that was named
    assert set(statuses(tmp_path / "mlflow.db")) == {"FINISHED"}
    assert not any("untracked" in record for record in records(tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize("size", ["900k", "1400k", "2000k"])  # the database, a record, what MLflow logs find no room
def test_a_sweep_on_a_disk_that_fills_up_is_completed_once_there_is_room(size: str, disk: Path) -> None:
    mount(disk, f"size={size}")
    cells = ["strategy=none,inv_freq,smote,ros,tuned_threshold", "seed=0,1"]
    command = [sys.executable, "-m", "imbalance_lab", "-m", *TYPED, *cells, "resume=true"]
    full = subprocess.run(command, cwd=disk, capture_output=True, text=True)
    assert full.returncode != 0
    assert "Traceback" not in full.stdout + full.stderr
    lines = full.stderr.splitlines()
    assert any("disk is full" in line or "no space left" in line.lower() for line in lines), lines
    of_runs = [line for line in lines if line.startswith(("not in MLflow: ", "failed: "))]
    at_the_start = [line for line in lines if line.startswith("warning: no parent run in MLflow: ")]
    assert len(of_runs) <= 10 and len(at_the_start) <= 1
    assert len(lines) <= len(of_runs) + len(at_the_start) + 1, lines  # one at the end
    subprocess.run(["mount", "-o", "remount,size=40m", str(disk)], check=True)
    again = subprocess.run(command, cwd=disk, capture_output=True, text=True)
    assert again.returncode == 0, again.stderr
    runs = read_runs(f"sqlite:///{disk}/mlflow.db", "balanced_accuracy").runs
    finished = Counter(runs.name[runs.outcome == "finished"])
    assert (len(finished), set(finished.values())) == (10, {1})
    assert "RUNNING" not in statuses(disk / "mlflow.db")


def test_a_run_that_was_sent_when_it_was_interrupted_has_finished(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(tracker, "save_view", interrupted)
    assert invoke(*TYPED) == "interrupted"
    assert statuses(store) == ["FINISHED"]
    (record,) = records(tmp_path)
    assert record["outcome"] == "finished"
    assert "untracked" not in record


def test_a_run_of_a_sweep_that_was_not_sent_counts_as_finished_and_not_as_failed(
    store: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt("SIGINT received")

    monkeypatch.setattr(Channel, "hand_over", interrupted)
    assert invoke("-m", *TYPED, "seed=0,1") == "interrupted"
    shown = capfd.readouterr()
    assert "1 finished" in shown.out.splitlines()
    assert "failed" not in shown.out + shown.err
    (line,) = shown.err.splitlines()
    assert line.startswith("not in MLflow: synthetic, none logreg seed=0: SIGINT received before it was sent; send it")


@pytest.mark.parametrize("what", ["sweep", "run"])
def test_a_run_whose_creation_is_interrupted_is_closed(what: str, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = MlflowClient.create_run

    def create_run(self: MlflowClient, *arguments: object, **settings: object) -> None:
        real(self, *arguments, **settings)
        raise KeyboardInterrupt

    monkeypatch.setattr(MlflowClient, "create_run", create_run)
    if what == "run":
        assert invoke(*TYPED) == "interrupted"
    else:
        with pytest.raises(KeyboardInterrupt):
            start_parent(f"sqlite:///{store}", "mlartifacts", "synthetic", "night", {"seed": ["0", "1"]})
    assert statuses(store) == ["KILLED"]
