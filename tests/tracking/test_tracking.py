from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from imbalance_lab.app.border import job_of
from imbalance_lab.app.config import plain
from imbalance_lab.app.send import main as send_main
from imbalance_lab.errors import ConfigError, DataError, TrackingError
from imbalance_lab.options import leaves
from imbalance_lab.runs.run import run as run_identity
from imbalance_lab.tracking.keys import key_for
from imbalance_lab.tracking.read import read_epochs
from imbalance_lab.tracking.send import send
from imbalance_lab.tracking.store import find_experiment
from imbalance_lab.tracking.tracker import MlflowTracker
from tests.conftest import Silent, invoke

BROWSE = (
    "mlflow ui, then http://localhost:5000/#/experiments/1/runs?viewStateShareKey=strategies"
    "&workflowType=machine_learning"
)


@pytest.fixture(autouse=True)
def _no_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")


@pytest.fixture
def client(store: Path) -> MlflowClient:
    return MlflowClient(f"sqlite:///{store}")


def only_run(client: MlflowClient, experiment: str):
    (run,) = client.search_runs([client.get_experiment_by_name(experiment).experiment_id])
    return run


def test_a_run_logs_what_there_is_to_know(tiny, run, client: MlflowClient) -> None:
    config = tiny("tracking=mlflow", "model=linear", "strategy=inv_freq", "evaluation.figures=true")
    record = run(config)
    logged = only_run(client, "synthetic")
    assert (logged.info.run_name, logged.info.status) == ("inv_freq linear seed=0", "FINISHED")

    metrics = logged.data.metrics
    for key, value in record.metrics.items():
        assert metrics[key if key.startswith(("timing/", "rows/")) else f"test/{key}"] == value
    assert metrics["test_interval/low/recall/c"] == record.intervals.loc["recall/c", "low"]
    assert metrics["test/support/c"] == 5
    for key in ("train/loss", "val/loss", "val/balanced_accuracy", "val/recall/c"):
        steps = [(m.step, m.value) for m in client.get_metric_history(logged.info.run_id, key)]
        assert steps == list(enumerate(record.history[key], start=1))

    own = {"run": "inv_freq linear seed=0", "strategy": "inv_freq", "model": "linear"}
    of_tuning = ("tuning.", "options.tuning", "trials_dir")  # this run is not tuned: no budget, no ranges
    settings = [(key, str(value)) for key, value in leaves(plain(config)) if "._search_." not in key]
    assert logged.data.params == own | {key: value for key, value in settings if not key.startswith(of_tuning)}
    tags = logged.data.tags
    assert (tags["strategy"], tags["model"], tags["outcome"]) == ("inv_freq", "linear", "finished")
    assert {"config_hash", "data_hash", "version/tensorflow", "mlflow.note.content"} <= set(tags)
    assert "| c | 14 | 14 | 3.43 | 0.000 |" in tags["mlflow.note.content"]
    assert logged.inputs.dataset_inputs[0].dataset.digest == record.dataset.content_hash
    artifacts = {a.path for a in client.list_artifacts(logged.info.run_id)}
    assert artifacts >= {"record.json", "config.yaml", "classes.csv", "epochs.csv", "predictions.npz", "figures"}


def test_the_experiment_opens_on_training_runs(client: MlflowClient, tmp_path: Path) -> None:
    found = find_experiment(client, "data", (tmp_path / "artifacts").as_uri())
    assert find_experiment(client, "data", None) == found
    assert client.get_experiment(found).tags["mlflow.experimentKind"] == "custom_model_development"
    client.delete_experiment(found)
    assert find_experiment(client, "data", None) == found
    assert client.get_experiment(found).lifecycle_stage == "active"


def test_folds_are_steps_and_the_runs_metric_is_their_mean(tiny, run, client: MlflowClient) -> None:
    record = run(tiny("tracking=mlflow", "model=logreg", "split=cv", "split.folds=3"))
    logged = only_run(client, "synthetic")
    history = client.get_metric_history(logged.info.run_id, "test_fold/balanced_accuracy")
    assert [m.value for m in history] == [fold.metrics["balanced_accuracy"] for fold in record.folds]
    assert [m.step for m in history] == [0, 1, 2]
    assert logged.data.metrics["test/balanced_accuracy"] == record.metrics["balanced_accuracy"]
    assert logged.data.metrics["test_std/recall/a"] == record.deviations["recall/a"]


def test_metrics_of_many_classes_are_capped_rarest_first(tiny, run, client: MlflowClient) -> None:
    run(tiny("tracking=mlflow", "tracking.max_classes=2", "model=logreg"))
    recalls = {k for k in only_run(client, "synthetic").data.metrics if k.startswith("test/recall/")}
    assert recalls == {"test/recall/b", "test/recall/c"}


@pytest.mark.parametrize("name", ["<=50K", "50%", "a,b", "x=1 (y)", "ünïcode", "l" * 400])
def test_any_class_name_can_be_logged(name: str, client: MlflowClient, store: Path) -> None:
    created = client.create_run(client.create_experiment("names"))
    client.log_metric(created.info.run_id, key_for(f"test/recall/{name}"), 0.5)
    assert len(client.get_run(created.info.run_id).data.metrics) == 1


ODD_NAMES = ["<5", ">5", "=5", ".", "..", "a/", "c/d_std", "$10_$20", "", " ", "c"]


def test_classes_of_odd_names_keep_a_metric_each(client: MlflowClient, tmp_path: Path, run, tiny) -> None:
    rows = "".join(f"{i % 7},{i * 37 % 11},{ODD_NAMES[i % len(ODD_NAMES)] or 'empty'}\n" for i in range(330))
    (tmp_path / "odd.csv").write_text("x,z,y\n" + rows)
    typed = ["dataset=csv", "dataset.path=odd.csv", "dataset.target=y", "tracking=mlflow", "evaluation.figures=true"]
    record = run(tiny(*typed, "model=decision_tree"))
    logged = only_run(client, "odd")
    assert logged.info.status == "FINISHED"
    recalls = {key: value for key, value in logged.data.metrics.items() if key.startswith("test/recall/")}
    assert len(recalls) == 11
    assert sorted(recalls.values()) == sorted(v for k, v in record.metrics.items() if k.startswith("recall/"))


def test_a_store_that_refuses_is_told_from_one_that_is_away_and_nothing_is_left_running(
    client: MlflowClient, tmp_path: Path, run, tiny
) -> None:
    (tmp_path / "file").write_text("not a folder")
    config = tiny("tracking=mlflow", "tracking.artifacts=file", "model=logreg")
    with pytest.raises(TrackingError, match="the run finished, but"):
        run(config)
    assert only_run(client, "synthetic").info.status == "FAILED"
    assert (tmp_path / "run" / "record.json").is_file()


def test_passwords_are_not_recorded(tiny) -> None:
    config = tiny("tracking=mlflow", "tracking.uri=http://me:secret@127.0.0.1:9")
    assert "secret" not in str(job_of(config).settings)


def test_a_lost_server_loses_nothing(tiny, run, client: MlflowClient, store: Path, tmp_path: Path) -> None:
    with pytest.raises(TrackingError, match=r"the run finished, but MLflow at http://127\.0\.0\.1:9 could not take it"):
        run(tiny("tracking=mlflow", "tracking.uri=http://127.0.0.1:9", "model=linear"))
    with pytest.raises(TrackingError):
        send(tmp_path / "run")
    assert send(tmp_path / "run", f"sqlite:///{store}") == BROWSE
    sent = only_run(client, "synthetic")
    assert sent.info.status == "FINISHED"
    assert "test/balanced_accuracy" in sent.data.metrics
    assert len(client.get_metric_history(sent.info.run_id, "val/loss")) == 2


def test_a_record_is_sent_once_with_its_sweep(tiny, run, client: MlflowClient, store: Path, tmp_path: Path) -> None:
    job = job_of(tiny("tracking=mlflow", "tracking.uri=http://127.0.0.1:9", "model=logreg"))
    tracker = job.tracking.build()
    parent = client.create_run(client.create_experiment("synthetic")).info.run_id
    tracker.join_sweep("night", {"run_id": parent})
    with pytest.raises(TrackingError):
        run_identity(job.identity, Silent(), tracker, job.folder, job.settings)
    assert [send(tmp_path / "run", f"sqlite:///{store}") for _ in range(2)] == [BROWSE] * 2
    found = client.search_runs([client.get_experiment_by_name("synthetic").experiment_id], "tags.outcome = 'finished'")
    assert [(r.data.tags["sweep"], r.data.tags["mlflow.parentRunId"]) for r in found] == [("night", parent)]

    client.set_terminated(found[0].info.run_id, "FAILED")  # cut off: it is replaced
    send(tmp_path / "run", f"sqlite:///{store}")
    found = client.search_runs([client.get_experiment_by_name("synthetic").experiment_id], "tags.outcome = 'finished'")
    assert [r.info.status for r in found] == ["FINISHED"]
    send(tmp_path / "run", f"sqlite:///{tmp_path}/other.db")
    other = only_run(MlflowClient(f"sqlite:///{tmp_path}/other.db"), "synthetic").data.tags
    assert other["sweep"] == "night"
    assert "mlflow.parentRunId" not in other


def test_two_that_send_a_record_at_once_send_it_once(
    tiny, run, client: MlflowClient, store: Path, tmp_path: Path
) -> None:
    with pytest.raises(TrackingError):
        run(tiny("tracking=mlflow", "tracking.uri=http://127.0.0.1:9", "model=logreg"))
    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(lambda _: send(tmp_path / "run", f"sqlite:///{store}"), range(3))) == [BROWSE] * 3
    assert only_run(client, "synthetic").info.status == "FINISHED"


def test_a_finished_run_is_not_sent_again(tiny, run, client: MlflowClient, tmp_path: Path) -> None:
    run(tiny("tracking=mlflow", "model=logreg"))
    first = only_run(client, "synthetic").info.run_id
    send(tmp_path / "run")
    assert only_run(client, "synthetic").info.run_id == first


def test_an_address_whose_password_was_left_out_is_asked_for(
    tiny, run, client: MlflowClient, store: Path, tmp_path: Path, monkeypatch
) -> None:
    with pytest.raises(TrackingError):
        run(tiny("tracking=mlflow", "tracking.uri=http://me:secret@127.0.0.1:9", "model=logreg"))
    with pytest.raises(ConfigError, match=r"meant for http://\*\*\*@127.0.0.1:9, and records hold no passwords"):
        send(tmp_path / "run")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{store}")
    send(tmp_path / "run")
    assert only_run(client, "synthetic").info.status == "FINISHED"


def test_only_what_a_run_wrote_is_sent(tiny, run, client: MlflowClient, store: Path, tmp_path: Path) -> None:
    (tmp_path / "figures").mkdir()
    for name in ("thesis.tex", "secrets.env", "figures/notes.txt"):
        (tmp_path / name).write_text("mine")
    config = tiny("tracking=mlflow", "model=logreg", "evaluation.figures=true", "save_model=true")
    config.output_dir = "."
    run(config)
    logged = only_run(client, "synthetic").info.run_id
    artifacts = {a.path for folder in ("", "figures", "models/0") for a in client.list_artifacts(logged, folder)}
    assert artifacts >= {"record.json", "config.yaml", "predictions.npz", "models/0/manifest.json"}
    assert {path.rpartition(".")[2] for path in artifacts if path.startswith("figures/")} == {"png"}
    assert not artifacts & {"thesis.tex", "secrets.env", "mlflow.db", "mlartifacts", "figures/notes.txt"}


def test_what_is_on_disk_of_an_aborted_run_is_sent_by_name(
    tiny, client: MlflowClient, store: Path, tmp_path: Path
) -> None:
    tracker = MlflowTracker(f"sqlite:///{store}")
    tracker.start(job_of(tiny()).identity, {"seed": 0})
    for name in ("error.txt", "record.json", "mine.txt"):
        (tmp_path / name).write_text("{}")
    tracker.abort("failed", "a reason", tmp_path)
    logged = only_run(client, "synthetic")
    assert logged.info.status == "FAILED"
    assert {a.path for a in client.list_artifacts(logged.info.run_id)} == {"error.txt", "record.json"}


@pytest.mark.parametrize(("error", "of_the_store"), [(KeyError("metrics"), False), (MlflowException("full"), True)])
def test_a_bug_of_our_own_is_not_blamed_on_the_store(
    error: Exception, of_the_store: bool, tiny, store: Path, tmp_path: Path
) -> None:
    tracker = MlflowTracker(f"sqlite:///{store}")
    tracker.start(job_of(tiny()).identity, {"seed": 0})

    def fail(*_: object) -> None:
        raise error

    tracker._send = fail
    with pytest.raises(TrackingError if of_the_store else KeyError, match="full" if of_the_store else "metrics"):
        tracker.finish({}, tmp_path)
    tracker.abort("failed", "a reason", tmp_path)
    assert only_run(MlflowClient(f"sqlite:///{store}"), "synthetic").info.status == "FAILED"


def test_sending_says_what_is_wrong(tmp_path: Path, monkeypatch, capsys) -> None:
    with pytest.raises(DataError, match="holds no finished run"):
        send(tmp_path)
    monkeypatch.setattr(sys, "argv", ["tracking"])
    with pytest.raises(SystemExit, match="send needs the folders of finished runs"):
        send_main()
    monkeypatch.setattr(sys, "argv", ["tracking", str(tmp_path)])
    with pytest.raises(SystemExit, match=r"error: .*holds no finished run"):
        send_main()


def test_the_note_of_a_run_shows_what_its_decision_adds(run, tiny, client: MlflowClient) -> None:
    run(tiny("tracking=mlflow", "dataset.priors={a: 0.8, b: 0.2}", "model=logreg", "decision=tuned_threshold"))
    logged = only_run(client, "synthetic")
    shown, record = logged.data.tags["mlflow.note.content"], json.loads(next(Path().rglob("record.json")).read_text())
    (rule,) = record["folds"][0]["decision"]
    assert f"Decision: b from a probability of {rule['threshold']:.3f}" in shown
    assert f"| {record['classes']['b']['offset']:.3f} |" in shown


def test_the_epoch_that_was_kept_is_known_in_mlflow_as_on_disk(run, tiny, store: Path, client: MlflowClient) -> None:
    run(tiny("tracking=mlflow", "model=linear", "split=cv", "split.folds=2", "training.epochs=4"))
    logged = only_run(client, "synthetic")
    epochs = read_epochs(f"sqlite:///{store}", [logged.info.run_id])
    found = epochs[epochs.key == "kept"].epoch.to_list()
    record = next(Path().rglob("record.json"))
    history = pd.read_csv(record.parent / "epochs.csv")
    assert found == history[history.kept > 0].epoch.to_list()
    assert [[epoch] for epoch in found] == [fold["kept_epochs"] for fold in json.loads(record.read_text())["folds"]]


@pytest.fixture
def recorded(tiny, run, tmp_path: Path) -> Path:
    """The folder of a finished run of a network that no store has."""
    run(tiny("tracking=none", "model=linear", "split=cv", "split.folds=2"))
    return tmp_path / "run"


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 3 : len(content) // 3 + 8] = b"\0" * 8
    file.write_bytes(content)


def without_a_fold(file: Path) -> None:
    with np.load(file) as arrays:
        kept = {key: arrays[key] for key in arrays.files if key[0] == "0"}
    np.savez_compressed(file, **kept)


@pytest.mark.parametrize(
    ("name", "damage", "reason"),
    [
        ("predictions.npz", cut, "predictions.npz: "),
        ("predictions.npz", flip, "predictions.npz: "),
        ("predictions.npz", lambda file: file.write_bytes(b""), "predictions.npz: "),
        ("predictions.npz", lambda file: file.write_text("junk"), "predictions.npz: "),
        ("predictions.npz", without_a_fold, "predictions.npz has no test rows of fold 1"),
        ("epochs.csv", lambda file: file.write_text("a,b\n1,2\n"), "epochs.csv has no column 'epoch'"),
        ("classes.csv", lambda file: file.write_bytes(b"\0" * 40), "classes.csv"),
        ("config.yaml", cut, "config.yaml has no '"),
        ("record.json", lambda file: file.write_text('{"outcome": "finished", "tags": []}'), ""),
    ],
)
def test_nothing_is_sent_of_a_damaged_record(
    name: str, damage, reason: str, recorded: Path, store: Path, client: MlflowClient, capsys
) -> None:
    damage(recorded / name)
    message = invoke("send", str(recorded), f"uri=sqlite:///{store}")
    assert isinstance(message, str)
    assert "run is damaged (" in message and reason in message and message.endswith("repeat the run")
    assert "\n" not in message and len(message) <= 200
    assert client.search_runs([experiment.experiment_id for experiment in client.search_experiments()]) == []


def test_a_record_whose_predictions_were_deleted_is_sent(recorded: Path, store: Path, client: MlflowClient) -> None:
    (recorded / "predictions.npz").unlink()
    send(recorded, f"sqlite:///{store}")
    assert only_run(client, "synthetic").info.status == "FINISHED"
