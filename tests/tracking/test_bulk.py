"""Runs written into a database's tables are those that MLflow's client writes, each whole and there once."""

from __future__ import annotations

import math
import shutil
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run
from sqlalchemy import create_engine, text

from imbalance_lab.app.border import job_of
from imbalance_lab.errors import DataError, TrackingError
from imbalance_lab.runs.run import run as run_identity
from imbalance_lab.tracking import bulk
from imbalance_lab.tracking.send import send, send_all
from tests.conftest import Silent, invoke

KINDS = {
    "one fold": ("model=logreg",),
    "epochs of folds": ("model=linear", "split=cv", "split.folds=2", "strategy=tuned_threshold"),
    "labels": ("dataset=two_labels", "model=logreg"),
}


@pytest.fixture
def make(tiny):
    """Make runs that no store has, in folders of their names."""

    def _make(folder: Path, *typed: str) -> Path:
        job = job_of(tiny("tracking=none", *typed))
        run_identity(job.identity, Silent(), None, folder, job.settings)
        return folder

    return _make


def runs_of(uri: str) -> list[Run]:
    client = MlflowClient(uri)
    return client.search_runs([one.experiment_id for one in client.search_experiments()], order_by=["start_time"])


def content(uri: str) -> dict[str, Any]:
    """Return everything that a store holds of its only run, but for ids and moments."""
    client = MlflowClient(uri)
    (run,) = runs_of(uri)
    key = run.info.run_id
    histories = {
        name: [(one.step, one.value) for one in client.get_metric_history(key, name)] for name in run.data.metrics
    }
    with create_engine(uri).connect() as connection:
        latest = {row[:3] for row in connection.execute(text("select key, value, step, is_nan from latest_metrics"))}
    return {
        "name": run.info.run_name,
        "status": run.info.status,
        "times": (run.info.start_time, run.info.end_time),
        "user": run.info.user_id,
        "stage": run.info.lifecycle_stage,
        "tags": run.data.tags,
        "params": run.data.params,
        "metrics": run.data.metrics,
        "histories": histories,
        "latest": latest,
        "inputs": [
            (one.dataset.to_dictionary(), {tag.key: tag.value for tag in one.tags}) for one in run.inputs.dataset_inputs
        ],
        "files": {file.path: file.file_size for file in client.list_artifacts(key)},
        "experiment": client.get_experiment(run.info.experiment_id).name,
    }


@pytest.mark.parametrize("kind", KINDS)
def test_a_database_holds_what_the_client_would_have_written(
    kind: str, make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make(tmp_path / "run", *KINDS[kind])
    uris = [f"sqlite:///{tmp_path}/{name}.db" for name in ("tables", "client")]
    send(folder, uris[0])
    monkeypatch.setattr(bulk, "takes_many", lambda uri: False)
    send(folder, uris[1])
    ours, theirs = map(content, uris)
    assert ours["metrics"] and ours["params"] and ours["files"] and ours["inputs"]
    assert ours == theirs


def test_runs_are_written_in_one_transaction_or_not_at_all(
    make, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = [make(tmp_path / str(seed), "model=logreg", f"seed={seed}") for seed in range(3)]
    uri, commits = f"sqlite:///{store}", []
    real = bulk._insert

    def cut_off(connection: Any, rows: Any) -> None:
        real(connection, rows)
        commits.append(len(rows))
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(bulk, "_insert", cut_off)
        with pytest.raises(KeyboardInterrupt):
            send_all(folders, uri)
    assert commits == [3]
    assert runs_of(uri) == []
    send_all(folders, uri)
    send_all(folders, uri)
    assert [run.info.run_name for run in runs_of(uri)] == [f"none logreg seed={seed}" for seed in range(3)]
    assert {run.info.status for run in runs_of(uri)} == {"FINISHED"}


def test_a_run_that_cannot_be_written_takes_no_other_with_it(
    make, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = [make(tmp_path / str(seed), "model=logreg", f"seed={seed}") for seed in range(3)]
    real = bulk.attach

    def attach(uri: str, files: str, folder: Path) -> None:
        if folder.name == "1":
            raise PermissionError(13, "Permission denied")
        real(uri, files, folder)

    monkeypatch.setattr(bulk, "attach", attach)
    with pytest.raises(TrackingError, match=r"could not take it \(.*Permission denied\); send it later with .*/1"):
        send_all(folders, f"sqlite:///{store}")
    assert [run.info.run_name for run in runs_of(f"sqlite:///{store}")] == ["none logreg seed=0"]


def test_a_run_that_was_deleted_is_sent_anew(make, store: Path, tmp_path: Path) -> None:
    folder, uri = make(tmp_path / "run", "model=logreg"), f"sqlite:///{store}"
    send(folder, uri)
    (first,) = runs_of(uri)
    MlflowClient(uri).delete_run(first.info.run_id)
    send(folder, uri)
    (second,) = runs_of(uri)
    assert second.info.run_id != first.info.run_id
    assert second.data.metrics == first.data.metrics


def test_what_no_number_is_stands_in_the_tables_as_mlflow_puts_it(make, store: Path, tmp_path: Path) -> None:
    record = make(tmp_path / "run", "model=logreg") / "record.json"
    odd = '"metrics": {\n  "huge": Infinity, "tiny": -Infinity, "none": NaN,'
    assert record.read_text().count('\n "metrics": {') == 1
    record.write_text(record.read_text().replace('\n "metrics": {', f"\n {odd}"))
    send(record.parent, f"sqlite:///{store}")
    (run,) = runs_of(f"sqlite:///{store}")
    assert run.data.metrics["test/huge"] == -run.data.metrics["test/tiny"] == 1.7976931348623157e308
    assert math.isnan(run.data.metrics["test/none"])


def test_those_before_a_damaged_record_are_sent(make, store: Path, tmp_path: Path) -> None:
    folders = [make(tmp_path / str(seed), "model=logreg", f"seed={seed}") for seed in range(3)]
    (folders[1] / "config.yaml").write_text("{")
    with pytest.raises(DataError, match=r"the record in .*/1 is damaged"):
        send_all(folders, f"sqlite:///{store}")
    assert [run.info.run_name for run in runs_of(f"sqlite:///{store}")] == ["none logreg seed=0"]


def test_an_interrupted_send_leaves_each_record_as_it_was(
    make, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make(tmp_path / "run", "model=logreg")
    record = folder / "record.json"
    record.write_text(record.read_text().replace('"outcome"', '"untracked": "it was away",\n "outcome"'))
    before = record.read_text()

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(bulk, "_insert", interrupted)
    assert invoke("send", str(folder), f"uri=sqlite:///{store}") == "interrupted"
    assert sorted(record.read_text()) == sorted(before)
    monkeypatch.undo()
    shutil.copy(record, tmp_path / "before.json")
    assert invoke("send", str(folder), f"uri=sqlite:///{store}") == 0
    assert "untracked" not in record.read_text()
