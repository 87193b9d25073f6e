"""Saved models in MLflow."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import mlflow.pyfunc
import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient

import imbalance_lab as lab
from imbalance_lab.runs.predict import predictions
from imbalance_lab.tracking.model import fetch, log_model
from tests.conftest import invoke

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def rows() -> tuple[pd.DataFrame, pd.Series]:
    rng = np.random.default_rng(0)
    y = pd.Series(rng.choice(["well", "ill"], 300, p=[0.8, 0.2]))
    frame = pd.DataFrame(
        {
            "lab": rng.standard_normal(300) + 2 * (y == "ill"),
            "age": rng.integers(20, 90, 300),
            "place": rng.choice(["north", "south"], 300),
            "smokes": rng.random(300) < 0.5,
            "day": pd.Timestamp("2024-01-31") + pd.to_timedelta(rng.integers(0, 500, 300), unit="D"),
        }
    )
    frame.loc[::9, "lab"] = np.nan
    return frame, y


@pytest.fixture(scope="module")
def classifier(rows) -> lab.Classifier:
    return lab.Classifier("inv_freq", "logreg", decision="tuned_threshold").fit(*rows)


@pytest.fixture
def uri(store: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    address = f"sqlite:///{store}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)  # set_tracking_uri would outlast the test
    return address


@pytest.fixture
def saved(classifier: lab.Classifier, tmp_path: Path) -> Path:
    return classifier.save(tmp_path / "kept")


def test_mlflow_loads_what_was_registered(saved: Path, uri: str, rows, classifier: lab.Classifier) -> None:
    first = log_model(saved, uri, register="churn", alias="champion")
    second = log_model(saved, uri, register="churn")
    assert (first.version, second.version) == ("1", "2")
    for address in (first.uri, "models:/churn@champion", "models:/churn/2"):
        model = mlflow.pyfunc.load_model(address)
        assert model.predict(rows[0])["class"].tolist() == classifier.predict(rows[0]).tolist()
    pd.testing.assert_frame_equal(model.predict(rows[0]), predictions(classifier, rows[0]))
    trained = model.predict(rows[0], params={"prior": "trained"}).iloc[:, 1:].to_numpy()
    np.testing.assert_array_equal(trained, classifier.predict_proba(rows[0]))
    (run,) = MlflowClient(uri).search_runs([MlflowClient(uri).get_experiment_by_name("data").experiment_id])[:1]
    assert run.info.status == "FINISHED"


def test_signature_example_and_requirements_are_given(saved: Path, uri: str, rows) -> None:
    model = mlflow.pyfunc.load_model(log_model(saved, uri).uri)
    assert list(model.input_example) == list(rows[0])
    assert list(model.predict(model.input_example)) == ["class", "probability/ill", "probability/well"]
    types = {spec.name: str(spec.type) for spec in model.metadata.signature.inputs}
    assert types["lab"] == "DataType.double" and types["place"] == "DataType.string"
    folder = Path(mlflow.artifacts.download_artifacts(f"models:/{model.metadata.model_id}"))
    needed = (folder / "requirements.txt").read_text().splitlines()
    assert f"imbalance-lab=={lab.__version__}" in needed and any(line.startswith("scikit-learn==") for line in needed)
    assert (folder / "card.md").read_text() == (saved / "card.md").read_text()


def test_columns_may_come_as_files_are_read(saved: Path, uri: str, rows, classifier: lab.Classifier) -> None:
    """Whole numbers without missing ones, dates as text, truth as text or not."""
    rows[0].to_csv("new.csv", index=False)
    read = pd.read_csv("new.csv")
    assert read.age.dtype == np.int64 and read.smokes.dtype == bool
    model = mlflow.pyfunc.load_model(log_model(saved, uri).uri)
    assert model.predict(read)["class"].tolist() == classifier.predict(rows[0]).tolist()
    with pytest.raises(ValueError, match="column 'age' must hold numbers, as in training, and has 'old' in row 1"):
        model.predict(read.assign(age="old"))
    with pytest.raises(mlflow.MlflowException, match="missing inputs"):
        model.predict(read.drop(columns="age"))


def test_logging_starts_no_process_to_find_packages(saved: Path, uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """MLflow otherwise loads the model in one, which takes longer than all the rest."""

    inferred = []
    monkeypatch.setattr(mlflow.models, "infer_pip_requirements", lambda *asked, **_: inferred.append(asked) or [])
    log_model(saved, uri)
    assert inferred == []


def test_predict_takes_what_is_in_mlflow(saved: Path, uri: str, rows, classifier: lab.Classifier, capfd) -> None:
    log_model(saved, uri, register="churn", alias="champion")
    rows[0].to_csv("new.csv", index=False)
    capfd.readouterr()
    assert invoke("predict", "new.csv", "model=models:/churn@champion", "out=a.csv") == 0
    assert "Downloading" not in capfd.readouterr().err  # a bar for each file says nothing
    assert pd.read_csv("a.csv")["class"].tolist() == classifier.predict(rows[0]).tolist()
    assert "there is no 'models:/churn/7' in MLflow" in str(invoke("predict", "new.csv", "model=models:/churn/7"))
    assert "there is no" in str(invoke("predict", "new.csv", "model=" + "0" * 32))
    address = "uri=http://localhost:1"
    assert "MLflow at http://localhost:1" in str(invoke("predict", "new.csv", "model=models:/churn/7", address))


def test_a_run_in_mlflow_is_refitted_registered_and_predicts(uri: str) -> None:
    pd.DataFrame({"x": np.arange(200.0) % 17, "label": np.where(np.arange(200) % 17 > 13, "high", "low")}).to_csv(
        "train.csv", index=False
    )
    typed = "evaluation.resamples=50", "evaluation.figures=false"
    assert invoke("train.csv", "target=label", "model=decision_tree", "save_model=true", *typed) == 0
    client = MlflowClient(uri)
    (run,) = client.search_runs([client.get_experiment_by_name("train").experiment_id])
    (kept,) = run.outputs.model_outputs
    train = pd.read_csv("train.csv")
    assert mlflow.pyfunc.load_model(f"models:/{kept.model_id}").predict(train)["class"].tolist() == train.label.tolist()
    assert invoke("predict", "train.csv", f"model={run.info.run_id}", "out=kept.csv") == 0
    assert invoke("refit", f"run={run.info.run_id}", "out=all", "register=levels", "alias=champion") == 0
    assert client.get_model_version_by_alias("levels", "champion").run_id == run.info.run_id
    assert len(client.get_run(run.info.run_id).outputs.model_outputs) == 2
    for model in (run.info.run_id, "models:/levels@champion", "all"):
        assert invoke("predict", "train.csv", f"model={model}", "out=p.csv") == 0
        assert pd.read_csv("p.csv")["class"].tolist() == pd.read_csv("train.csv").label.tolist()


@pytest.mark.parametrize(
    ("more", "reason"),
    [({"alias": "champion"}, "register= names it"), ({"run": "0" * 32}, "there is no"), ({"register": ""}, "")],
)
def test_what_cannot_be_logged_is_named(more: dict, reason: str, saved: Path, uri: str) -> None:
    if not reason:
        assert log_model(saved, uri, **more).version is None
        return
    with pytest.raises(lab.LabError, match=reason):
        log_model(saved, uri, **more)


def test_something_else_in_the_registry_is_no_model(uri: str, tmp_path: Path) -> None:
    client = MlflowClient(uri)
    run = client.create_run(client.create_experiment("other", artifact_location=str(tmp_path / "art"))).info.run_id
    client.log_text(run, "hello", "models/notes.txt")
    with pytest.raises(lab.DataError, match=r"is no model of this program: it has no manifest.json"):
        fetch(run, uri, tmp_path)


@pytest.fixture
def server(saved: Path, uri: str) -> Iterator[str]:
    log_model(saved, uri, register="churn", alias="champion")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    scripts = Path(sys.executable).parent
    environment = os.environ | {
        "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "MLFLOW_TRACKING_URI": uri,
    }
    command = [shutil.which("mlflow", path=environment["PATH"]), "models", "serve", "--env-manager", "local"]
    process = subprocess.Popen(
        [*command, "-m", "models:/churn@champion", "-p", str(port), "-w", "1"],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        for _ in range(180):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/ping", timeout=2)
                break
            except OSError:
                assert process.poll() is None
                time.sleep(0.5)
        yield f"http://127.0.0.1:{port}/invocations"
    finally:
        os.killpg(process.pid, 15)
        process.wait(20)


def post(address: str, content: dict) -> tuple[int, str]:
    headers = {"Content-Type": "application/json"}
    try:
        with urllib.request.urlopen(urllib.request.Request(address, json.dumps(content).encode(), headers)) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


@pytest.mark.slow
def test_served_over_http_it_gives_the_same_classes(server: str, rows, classifier: lab.Classifier) -> None:
    split = json.loads(rows[0].to_json(orient="split", date_format="iso", double_precision=15))
    del split["index"]
    status, text = post(server, {"dataframe_split": split})
    assert status == 200, text
    answer = pd.DataFrame(json.loads(text)["predictions"])
    assert answer["class"].tolist() == classifier.predict(rows[0]).tolist()
    np.testing.assert_allclose(answer["probability/ill"], predictions(classifier, rows[0])["probability/ill"])
    status, text = post(server, {"dataframe_records": [{"lab": 1.0, "age": "old", "place": "north"}]})
    assert status == 400
