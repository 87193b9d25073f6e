"""A store or a disk that refuses is one line, at once, and nothing is left RUNNING."""

from __future__ import annotations

import errno
from pathlib import Path

import numpy as np
import pytest
from mlflow import MlflowClient

from imbalance_lab.tracking import store as stores
from tests.conftest import TINY, invoke

TYPED = [*(text for text in TINY if text != "tracking=none"), "model=logreg"]


def statuses(store: Path) -> set[str]:
    client = MlflowClient(f"sqlite:///{store}")
    ids = [experiment.experiment_id for experiment in client.search_experiments()]
    return {run.info.status for run in client.search_runs(ids)}


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


@pytest.mark.parametrize("sweep", [["-m", "seed=0,1"], []])
def test_a_full_disk_is_one_line(
    sweep: list[str], store: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "predictions.npz")

    monkeypatch.setattr(np, "savez_compressed", full)
    status = invoke(*sweep, *TYPED)
    shown = capfd.readouterr()
    lines = [*shown.err.splitlines(), *(status.splitlines() if isinstance(status, str) else [])]
    assert status != 0
    assert len(lines) == 1, lines  # of a sweep, for all runs that had the same reason
    assert "no space left on device" in lines[0].lower()
    assert statuses(store) == {"FAILED"}


def test_a_database_that_cannot_be_created_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "mlflow.db")

    monkeypatch.setattr(stores, "mkdtemp", full)
    message = invoke(*TYPED)
    assert isinstance(message, str)
    assert message.startswith("error: the run finished, but MLflow at sqlite:///")
    assert "No space left on device" in message
    assert "\n" not in message
