"""The library as a notebook or a script uses it."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from imblearn.over_sampling import SMOTE
from sklearn.ensemble import RandomForestClassifier

import imbalance_lab as lab
from imbalance_lab import process
from imbalance_lab.errors import LabWarning
from imbalance_lab.runs import grid
from imbalance_lab.runs.files import read_predictions
from tests.conftest import invoke

QUICK = {"evaluation": {"resamples": 100}}


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    label = np.repeat(["common", "rare"], [160, 40])
    table = pd.DataFrame(rng.standard_normal((200, 3)) + (label == "rare")[:, None], columns=["a", "b", "c"])
    table["place"] = rng.choice(["north", "south"], 200)
    table.loc[::17, "a"] = np.nan
    return table.assign(label=label).sample(frac=1, random_state=0, ignore_index=True)


@pytest.fixture(scope="module")
def data(frame: pd.DataFrame) -> lab.Dataset:
    return lab.Dataset.from_frame(frame, target="label")


def test_importing_it_loads_nothing_heavy() -> None:
    code = (
        "import sys; import imbalance_lab; "
        "print(*({'tensorflow', 'sklearn', 'mlflow', 'pandas', 'numpy', 'hydra', 'pydantic'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == []


def test_every_name_of_the_face_exists() -> None:
    assert {name for name in lab.__all__ if getattr(lab, name, None) is None} == set()
    assert set(lab.__all__) <= set(dir(lab))
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        _ = lab.nonsense


def test_a_run_of_ones_own_table(data: lab.Dataset) -> None:
    record = lab.run(data, "inv_freq", "logreg", seed=1, **QUICK)
    assert record.name == "inv_freq logreg seed=1"
    predictions = record.predictions
    assert list(predictions) == ["row", "fold", "true", "predicted", "probability/common", "probability/rare"]
    hits = (predictions.true == predictions.predicted).groupby(predictions.true).mean()
    assert hits.mean() == pytest.approx(record.metrics["balanced_accuracy"])
    np.testing.assert_allclose(predictions.filter(like="probability/").sum(axis=1), 1)
    assert "balanced accuracy" in record._repr_html_()
    assert "decision" not in record._repr_html_()  # the class of the largest score
    tuned = lab.run(data, "tuned_threshold", "logreg", seed=1, **QUICK)
    (threshold,) = tuned.thresholds.values()
    for shown in ("offset of the decision", f"decision: rare from a probability of {threshold:.3f}"):
        assert shown in tuned._repr_html_()
    assert {"recall_per_class", "confusion_matrix"} <= set(record.figures())


def test_objects_of_ones_own_equal_the_options(frame: pd.DataFrame) -> None:
    data = lab.Dataset.from_frame(frame, target="label", drop=["place"])
    forest = RandomForestClassifier(n_estimators=200)
    own = lab.run(data, lab.Strategy(sampler=SMOTE(k_neighbors=5)), forest, **QUICK)
    option = lab.run(data, "smote", "random_forest", **QUICK)
    np.testing.assert_array_equal(own.test.log_proba, option.test.log_proba)
    assert own.name == "SMOTE RandomForestClassifier(n_estimators=200) seed=0"


def test_what_does_not_exist_is_refused_by_name(data: lab.Dataset) -> None:
    with pytest.raises(lab.ConfigError, match=r"there is no strategy=inv_frq; did you mean inv_freq\?"):
        lab.run(data, "inv_frq")
    with pytest.raises(lab.ConfigError, match=r"there is no model=logrge; did you mean logreg\?"):
        lab.run(data, model="logrge")
    with pytest.raises(lab.ConfigError, match=r"a run has no setting 'sede'; did you mean seed\?"):
        lab.run(data, sede=3)
    with pytest.raises(lab.ConfigError, match=r"seed: .*not true"):
        lab.run(data, model="logreg", seed=True)
    with pytest.raises(lab.ConfigError, match=r"has no setting 'gama'; did you mean gamma\?"):
        lab.option("loss", "focal", gama=3)
    with pytest.raises(lab.Incompatible, match="loss=focal cannot train model=logreg"):
        lab.run(data, "focal", "logreg")


def test_a_sweep_is_its_runs_and_goes_on_where_it_was(data: lab.Dataset, tmp_path: Path) -> None:
    first = lab.sweep(data, ["none", "inv_freq"], "logreg", seed=[0, 1], folder=tmp_path, progress=False, **QUICK)
    written = {file: file.stat().st_mtime_ns for file in tmp_path.rglob("record.json")}
    assert (len(first), len(written)) == (4, 4)
    again = lab.sweep(
        data, ["none", "inv_freq", "focal"], "logreg", seed=range(2), folder=tmp_path, progress=False, **QUICK
    )
    assert {file: file.stat().st_mtime_ns for file in written} == written
    assert sorted(again.runs.outcome) == ["finished"] * 4 + ["skipped"] * 2
    alone = lab.run(data, "inv_freq", "logreg", seed=1, **QUICK)
    found = again.metrics.balanced_accuracy[(again.runs.strategy == "inv_freq") & (again.runs.seed.astype(int) == 1)]
    assert found.tolist() == [alone.metrics["balanced_accuracy"]]


def test_several_at_once_give_the_same_numbers(data: lab.Dataset) -> None:
    asked = {"strategy": ["none", "ros"], "model": "logreg", "seed": [0, 1], "progress": False, **QUICK}
    one, two = lab.sweep(data, **asked), lab.sweep(data, **asked, jobs=2)
    columns = [key for key in one.metrics if not key.startswith("timing/")]
    np.testing.assert_array_equal(one.metrics[columns].to_numpy(), two.metrics[columns].to_numpy())


def test_a_sweep_is_compared_without_mlflow(data: lab.Dataset) -> None:
    runs = lab.sweep(data, ["none", "inv_freq", "tuned_threshold"], "logreg", seed=range(3), progress=False, **QUICK)
    verdict = lab.compare(runs)
    assert verdict.compared[0].table.index.tolist().sort() == ["inv_freq", "none", "tuned_threshold"].sort()
    assert "Against none" in verdict.verdict
    assert "mlflow" not in verdict._repr_html_().lower()


def test_runs_are_sent_to_mlflow_where_asked(data: lab.Dataset, store: Path) -> None:
    from imbalance_lab.tracking.read import read_runs

    uri = f"sqlite:///{store}"
    runs = lab.sweep(data, ["none", "inv_freq"], "logreg", seed=[0], tracking=uri, progress=False, **QUICK)
    logged = read_runs(uri, "balanced_accuracy")
    assert sorted(logged.runs.strategy) == sorted(runs.runs.strategy)
    assert sorted(logged.metrics.balanced_accuracy) == sorted(runs.metrics.balanced_accuracy)
    assert logged.runs.parent.notna().all()


def test_the_users_process_stays_as_it_was(data: lab.Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    import gc
    import signal

    monkeypatch.setattr(process._sessions, "caches", None)
    monkeypatch.setattr(process, "_open_sessions", 0)
    for name in process.TENSORFLOW | process.MLFLOW:
        monkeypatch.delenv(name, raising=False)
    before = dict(os.environ), gc.isenabled(), signal.getsignal(signal.SIGINT)
    lab.run(data, "none", "logreg", **QUICK)
    assert (dict(os.environ), gc.isenabled(), signal.getsignal(signal.SIGINT)) == before


def test_a_session_shares_and_lets_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process._sessions, "caches", None)
    made: list[int] = []
    with process.session():
        for _ in range(2):
            process.cached("numbers", 1, "key", lambda: made.append(1))
        with process.session():
            process.cached("numbers", 1, "key", lambda: made.append(2))
    process.cached("numbers", 1, "key", lambda: made.append(3))
    assert made == [1, 3]


def test_threads_do_not_train_on_each_others_variables(frame: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    X, y = frame.drop(columns="label"), frame.label

    def fitted(seed: int) -> np.ndarray:
        classifier = lab.Classifier(model="mlp", training={"epochs": 8}, seed=seed).fit(X, y)
        return classifier.predict_proba(X)

    alone = [fitted(seed) for seed in range(4)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(fitted, range(4)))
    np.testing.assert_array_equal(together, alone)


def test_a_failed_run_is_not_taken_for_the_one_that_finished_in_its_folder(data: lab.Dataset, tmp_path: Path) -> None:
    lab.run(data, "none", "logreg", folder=tmp_path, **QUICK)
    with pytest.raises(lab.Incompatible):
        lab.run(data, "focal", "logreg", folder=tmp_path, **QUICK)
    record = json.loads((tmp_path / "record.json").read_text())
    assert (record["outcome"], record["strategy"]) == ("skipped", "focal")


def test_a_tensorflow_loaded_before_is_warned_of() -> None:
    code = (
        "import tensorflow, imbalance_lab as lab; "
        "print(*lab.run('four_classes', training={'epochs': 1}, evaluation={'resamples': 10}).warnings)"
    )
    clean = {key: value for key, value in os.environ.items() if not key.startswith("TF_")}
    run = subprocess.run([sys.executable, "-c", code], env=clean, capture_output=True, text=True, check=True)
    assert "TensorFlow was loaded before this package" in run.stdout


def test_what_the_library_recorded_can_be_sent_later(data: lab.Dataset, store: Path, capsys) -> None:
    from imbalance_lab.tracking.read import read_runs

    lab.sweep(data, ["none", "inv_freq", "focal"], "logreg", folder="runs", progress=False, **QUICK)
    for _ in range(2):  # what MLflow has already is not sent again
        assert invoke("send", "runs") == 0
        assert "runs: 2 finished runs sent" in capsys.readouterr().out
    assert sorted(read_runs(f"sqlite:///{store}", "balanced_accuracy").runs.strategy) == ["inv_freq", "none"]


def test_a_server_that_is_down_costs_no_run(data: lab.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    asked = {"tracking": "http://127.0.0.1:9", "folder": tmp_path, "progress": False, **QUICK}
    with pytest.warns(LabWarning, match="in MLflow"):
        runs = lab.sweep(data, ["none", "inv_freq"], "logreg", **asked)
    assert sorted(runs.runs.outcome) == ["finished", "finished"]
    assert len(list(tmp_path.rglob("predictions.npz"))) == 2


def test_a_later_call_sends_what_an_earlier_one_could_not(
    data: lab.Dataset, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    from imbalance_lab.tracking.read import read_runs

    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    asked = {"folder": tmp_path / "runs", "progress": False, **QUICK}
    with pytest.warns(LabWarning, match="in MLflow"):
        lab.sweep(data, ["none", "inv_freq"], "logreg", tracking="http://127.0.0.1:9", **asked)
    for _ in range(2):
        lab.sweep(data, ["none", "inv_freq"], "logreg", tracking=f"sqlite:///{store}", **asked | {"progress": True})
        assert capsys.readouterr().out.startswith("browse: mlflow ui, then http://localhost:5000/#/experiments/1/")
    assert sorted(read_runs(f"sqlite:///{store}", "balanced_accuracy").runs.strategy) == ["inv_freq", "none"]


def test_two_sweeps_in_one_folder_make_each_run_once_and_return_all(
    data: lab.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, made = grid.run, []

    def run(identity: object, *arguments: object) -> object:
        made.append(identity.name)
        return real(identity, *arguments)

    monkeypatch.setattr(grid, "run", run)

    def sweep(_: int) -> list[str]:
        table = lab.sweep(data, ["none", "inv_freq"], "logreg", seed=range(4), folder=tmp_path, progress=False, **QUICK)
        return sorted(table.runs.name[table.runs.outcome == "finished"])

    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(sweep, range(2))
    assert one == other == sorted(made)
    assert len(one) == len(set(one)) == 8


@pytest.mark.slow
def test_two_processes_in_one_folder_make_each_run_once(tmp_path: Path, store: Path) -> None:
    from imbalance_lab.tracking.read import read_runs

    code = (
        "import imbalance_lab as lab\n"
        "if __name__ == '__main__':\n"
        "    runs = lab.sweep('four_classes', ['none', 'inv_freq'], 'logreg', seed=range(6), folder='runs', jobs=2,\n"
        "                     tracking='sqlite:///mlflow.db', progress=False)\n"
        "    print(len(runs), set(runs.runs.outcome))\n"
    )
    (tmp_path / "make.py").write_text(code)
    started = [subprocess.Popen([sys.executable, "make.py"], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [process.communicate(timeout=300)[0] for process in started] == ["12 {'finished'}\n"] * 2
    runs = read_runs(f"sqlite:///{store}", "balanced_accuracy").runs
    assert (len(runs), runs.name.nunique(), set(runs.outcome)) == (12, 12, {"finished"})


def test_options_of_a_slot_are_strategies_and_arrays_are_swept(data: lab.Dataset) -> None:
    runs = lab.sweep(
        data,
        [lab.option("class_weight", "inv_power", power=0.5), "none"],
        "logreg",
        seed=np.arange(2),
        progress=False,
        **QUICK,
    )
    assert sorted(runs.runs.strategy) == ["inv_power(power=0.5)"] * 2 + ["none"] * 2
    assert {"strategy", "balanced_accuracy"} <= set(runs.to_frame())
    again = pickle.loads(pickle.dumps(runs))
    pd.testing.assert_frame_equal(again.metrics, runs.metrics)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"strategy": 3}, "strategy is a name, an option of a slot"),
        ({"seed": []}, "seed is an empty list"),
        ({"jobs": 0}, "jobs=0 runs nothing"),
        ({"resume": True}, "a sweep goes on where it was with the same folder="),
    ],
)
def test_what_a_sweep_cannot_do_is_refused(wrong: dict, message: str, data: lab.Dataset) -> None:
    with pytest.raises(lab.ConfigError, match=message):
        lab.sweep(data, **{"model": "logreg", "progress": False, **wrong})
    with pytest.raises(lab.ConfigError, match="data is a Dataset"):
        lab.run(pd.DataFrame({"a": [1]}), model="logreg")


SCRIPT = """
import sys
import imbalance_lab as lab
record = lab.run("four_classes", "{strategy}", "{model}", seed=3, folder="library", training={{"epochs": 4}})
print(record.identity.config_hash)
"""


@pytest.mark.parametrize(("strategy", "model"), [("smote", "mlp"), ("tuned_threshold", "random_forest")])
def test_a_script_gives_the_command_lines_bits(strategy: str, model: str, tmp_path: Path) -> None:
    clean = {key: value for key, value in os.environ.items() if not key.startswith("TF_")}
    typed = [f"strategy={strategy}", f"model={model}", "seed=3", "training.epochs=4", "tracking=none"]
    command = [sys.executable, "-m", "imbalance_lab", *typed, "evaluation.figures=false", "hydra.run.dir=command"]
    subprocess.run(command, cwd=tmp_path, env=clean, check=True, capture_output=True)
    script = [sys.executable, "-c", SCRIPT.format(strategy=strategy, model=model)]
    printed = subprocess.run(script, cwd=tmp_path, env=clean, check=True, capture_output=True, text=True).stdout
    for part in ("validation", "test"):
        ours, theirs = (read_predictions(tmp_path / name, part=part) for name in ("library", "command"))
        np.testing.assert_array_equal(ours.log_proba, theirs.log_proba)
        np.testing.assert_array_equal(ours.predicted, theirs.predicted)
    records = [json.loads((tmp_path / name / "record.json").read_text()) for name in ("library", "command")]
    assert records[0]["identity"]["config_hash"] == records[1]["identity"]["config_hash"] == printed.split()[-1]
    assert records[0]["intervals"] == records[1]["intervals"]
