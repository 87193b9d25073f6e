"""The command line as a person meets it."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import TINY, invoke, records, replaced

HEAVY = ("tensorflow", "keras", "sklearn", "mlflow", "pandas", "imblearn", "matplotlib")


@pytest.mark.parametrize("arguments", [["--help"], ["--cfg", "job"]])
def test_looking_around_loads_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys; from imbalance_lab.app.cli import main\n"
        f"sys.argv[1:] = {arguments}\n"
        "try: main()\n"
        f"finally: print('HEAVY', [m for m in {HEAVY} if m in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.splitlines()[-1] == "HEAVY []"
    assert "four_classes" in shown.stdout


def test_help_names_every_group_and_where_its_options_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke("--help") == 0
    shown = capsys.readouterr().out
    assert "python -m imbalance_lab strategy=inv_freq" in shown
    assert "python -m imbalance_lab options GROUP" in shown
    assert "  class_weight=     7  slot: how much does a row of each class count?" in shown
    assert "patience: 20" in shown
    own = shown.partition("Settings")[0]
    assert len(own.splitlines()) < 40
    assert "eff_num" not in own


SKLEARN_RUN = ["model=logreg", "strategy=smote", "tracking=mlflow", "evaluation.figures=true"]


def test_a_scikit_learn_run_never_imports_tensorflow(tmp_path: Path) -> None:
    code = (
        "import sys; from imbalance_lab.app.cli import main\n"
        f"sys.argv[1:] = {replaced(TINY, SKLEARN_RUN)}\n"
        "try: main()\n"
        "finally: print('HEAVY', [m for m in ('tensorflow', 'keras') if m in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert shown.stdout.splitlines()[-1] == "HEAVY []"
    assert [r["outcome"] for r in records(tmp_path)] == ["finished"]


def test_a_run_shows_its_classes_and_its_result(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert invoke(*TINY, "strategy=inv_freq", "model=logreg") == 0
    shown = capsys.readouterr().out
    assert "after sampling" in shown
    assert "95% interval" in shown
    assert "balanced accuracy 0." in shown
    assert "\x1b[" not in shown  # plain when not a terminal
    (record,) = records(tmp_path)
    assert record["name"] == "inv_freq logreg seed=0"


def test_a_sweep_skips_impossible_cells_and_finishes_the_others(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, store: Path
) -> None:
    from mlflow import MlflowClient

    assert invoke("-m", *replaced(TINY, ["tracking=mlflow", "strategy=none,focal", "model=logreg,linear"])) == 0
    shown = capsys.readouterr().out
    assert "3 finished, 1 skipped" in shown
    assert "skipped, loss=focal cannot train model=logreg" in shown
    client = MlflowClient(f"sqlite:///{store}")
    runs = client.search_runs([client.get_experiment_by_name("synthetic").experiment_id])
    cells = [run for run in runs if "sweep_parent" not in run.data.tags]
    assert sorted((r.info.run_name, r.info.status, r.data.tags["outcome"]) for r in cells) == [
        ("focal linear seed=0", "FINISHED", "finished"),
        ("focal logreg seed=0", "KILLED", "skipped"),
        ("none linear seed=0", "FINISHED", "finished"),
        ("none logreg seed=0", "FINISHED", "finished"),
    ]


def test_settings_of_swept_options(tmp_path: Path) -> None:
    typed = [*TINY, "model=linear", "strategy=focal,focal_inv", "loss.gamma=1"]
    assert invoke("-m", *typed) == 0
    assert [record["strategy"] for record in records(tmp_path)] == ["focal(gamma=1)", "inv_freq+focal(gamma=1)"]


def test_a_failing_job_does_not_stop_the_sweep(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert invoke("-m", *TINY, "model=logreg", "min_class_rows=1000,0") == 1
    message = capsys.readouterr()
    assert "1 finished, 1 failed" in message.out
    assert "failed: synthetic, none logreg seed=0: min_class_rows=1000 leaves 0 of 3 classes; lower it" in message.err
    assert [r["outcome"] for r in records(tmp_path)] == ["failed", "finished"]


# What is typed, and what the one line must say: what is wrong, and what to do.
BAD_INPUT = {
    "option": (["strategy=foca"], ["there is no strategy=foca", "did you mean focal?"]),
    "group": (["strategie=focal"], ["no setting 'strategie'", "did you mean strategy?"]),
    "key": (["training.epoch=3"], ["no setting 'training.epoch'", "did you mean training.epochs?"]),
    "unknown setting": (["+training.foo=1", "model=linear"], ["training.foo", "is not one of its settings"]),
    "text for a number": (["training.epochs=many", "model=linear"], ["training.epochs", "valid integer", "'many'"]),
    "zero epochs": (["training.epochs=0", "model=linear"], ["training.epochs", "greater than or equal to 1"]),
    "key of a table": (
        ["dataset=csv", "dataset.taget=y"],
        ["'dataset.taget'", "did you mean dataset.target?"],
    ),
    "group of a key": (["dataset=csv", "trainig.epochs=5"], ["'trainig.epochs'", "did you mean training.epochs?"]),
    "unreadable value": (["dataset.separator=;"], ["dataset.separator=; cannot be read", "\"dataset.separator=';'\""]),
    "setting of another option": (
        ["dataset.name=yeast"],
        ["no setting 'dataset.name'", "dataset=keel", "dataset.title"],
    ),
    "path alone": (["dataset.path=x.csv"], ["no setting 'dataset.path'", "dataset=csv", "my.csv target="]),
    "option of another slot": (["loss=smote"], ["smote is a sampler; did you mean sampler=smote or strategy=smote?"]),
    "strategy of two slots": (["loss=focal_inv"], ["focal_inv is a strategy; did you mean strategy=focal_inv?"]),
    "given twice": (["seed=1", "seed=2"], ["seed= is given twice", "-m seed=a,b"]),
    "no option": (["strategy=null"], ["strategy=null: strategy is one of python -m imbalance_lab options strategy"]),
    "options as a list": (["strategy=[none,smote]"], ["strategy is one of", "-m strategy=a,b"]),
    "printed name": (["strategy=post_hoc_adjust"], ["there is no strategy=post_hoc_adjust", "logit_adjust"]),
    "sweep without -m": (["seed=1,2"], ["seed=1,2", "-m"]),
    "missing path": (["dataset=csv"], ["dataset needs", "dataset.path="]),
    "missing file": (["dataset=csv", "dataset.path=no.csv", "dataset.target=y"], ["there is no file no.csv"]),
    "KEEL name": (["dataset=keel", "dataset.name=yest"], ["no KEEL set 'yest'", "did you mean yeast"]),
    "KEEL nothing": (["dataset=keel"], ["dataset.name=", "dataset.path="]),
    "class too small": (["dataset=keel", "dataset.name=abalone"], ["too few rows", "'1' (1)", "min_class_rows=3"]),
    "one row to interpolate": (
        ["dataset.priors={a: 0.98, b: 0.01, c: 0.01}", "split.validation=0", "split.test=0.5", "strategy=smote"],
        ["SMOTE needs two rows", "has 1 training row", "sampler=ros"],
    ),
    "loss for a forest": (
        ["model=random_forest", "loss=focal"],
        ["loss=focal", "model=random_forest", "use model=mlp"],
    ),
    "weights for k-NN": (["model=knn", "strategy=inv_freq"], ["class_weight=inv_freq", "model=knn", "strategy=ros"]),
    "unknown class": (
        ["class_weight=by_hand", "class_weight.weights={a: 2, z: 1}", "model=logreg"],
        ["'z'", "does not exist", "a, b, c"],
    ),
    "negative weight": (["class_weight=by_hand", "class_weight.weights={a: -2}"], ["weights.a", "greater than 0"]),
    "prior of no probabilities": (
        ["model=svm", "decision=prior_correction"],
        ["decision=prior_correction works on probabilities", "model=svm", "tuned_threshold"],
    ),
    "no validation rows": (
        ["strategy=tuned_threshold", "split.validation=0", "dataset.priors={a: 1, b: 1}", "model=logreg"],
        ["decision=tuned_threshold", "split.validation=0", "set split.validation=0.2"],
    ),
    "early stopping without rows": (["split.validation=0", "model=linear"], ["training.patience=null"]),
    "nothing to train on": (["split.validation=0.9"], ["leave no rows to train on"]),
    "estimator's own": (["model=logreg", "model.estimator.C=-1"], ["LogisticRegression cannot be fitted", "'C' param"]),
    "seed": (["seed=-1"], ["seed", "greater than or equal to 0"]),
    "word for a switch": (["save_model=no_thanks"], ["save_model", "boolean"]),
    "regressor": (["model=custom", "model.estimator._target_=sklearn.linear_model.Ridge"], ["Ridge", "no classifier"]),
    "no sampler": (["sampler=custom", "sampler._target_=builtins.dict"], ["dict", "no fit_resample"]),
    "endless weights": (["class_weight=inv_power", "class_weight.power=400"], ["class_weight", "not finite"]),
    "divergence": (
        ["model=mlp", "training.optimizer.learning_rate=1e12", "training.epochs=5"],
        ["training diverged", "training.optimizer.learning_rate"],
    ),
    "class to sample": (["sampler=ros", "sampler.sampling_strategy={z: 50}"], ["'z'", "does not exist"]),
    "labels and a sampler": (["dataset=two_labels", "strategy=smote"], ["needs one class per row", "inv_freq"]),
}


@pytest.mark.parametrize("case", BAD_INPUT)
def test_bad_input_is_one_line_that_says_what_to_do(case: str, tmp_path: Path) -> None:
    typed, expected = BAD_INPUT[case]
    message = invoke(*replaced([*TINY, "model=logreg"], typed))
    assert isinstance(message, str)
    assert message.startswith("error: ")
    assert "\n" not in message
    assert [part for part in expected if part not in message] == [], message
    assert all(record["outcome"] != "finished" for record in records(tmp_path))


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        (["modell.x=5,6"], "there is no setting 'modell.x'; did you mean model"),
        (["dataset=csv", "dataset.path=x.csv", "dataset.taget=y,z"], "did you mean dataset.target?"),
        (["loss=focal,poly", "loss.gama=1,2"], "there is no setting 'loss.gama'; did you mean loss.gamma?"),
        (["strategy=focal,none", "loss.gamma=1"], "no setting 'loss.gamma' in the option chosen; loss=focal"),
        (
            ["tuning=none,optuna", "tuning.trials=8"],
            "type two sweeps, one with tuning=optuna tuning.trials=8, one with tuning=none and without tuning.trials",
        ),
        (
            ["dataset=four_classes,keel", "dataset.name=yeast,ecoli"],
            "one with dataset=keel dataset.name=yeast,ecoli, one",
        ),
        (["dataset.name=yeast,ecoli"], "has it; dataset.title= only names the rows"),
        (["seed=range(0)"], "seed=range(0) is a range of no values: range(start,stop)"),
        (["seed=range(5,1)"], "seed=range(5,1) is a range of no values: range(start,stop)"),
        (["seed=range(1e12)"], "seed=range(1e12) is a range of 1,000,000,000,000 values, more than 100,000"),
        (["my.csv target=label"], "'my.csv target=label' is typed as one word: leave out the quotes around it"),
        (["compare metric=mcc"], "'compare metric=mcc' is typed as one word: leave out the quotes around it"),
        (["strategy=focal,foca"], "there is no strategy=foca; did you mean focal?"),
    ],
)
def test_bad_input_to_a_sweep_is_one_line(typed: list[str], expected: str, tmp_path: Path) -> None:
    message = invoke("-m", "tracking=none", *typed)
    assert expected in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", "cannot be read as a table"),
        ("x,y\n", "has no rows"),
        ("x,z\n1,2\n", "has no column 'y'"),
        ("x,y\n1,a\n2,a\n", "one class only"),
        ("x,y\n1,a\n4,\n3,b\n", "missing (or not a number) in 1 of 3 rows, first in row 2"),
        ("x,y\n1,1\n2,inf\n3,0\n", "infinite in 1 rows"),
        ("x,y\n1,0\n2,nan\n3,1\n", "missing (or not a number) in 1 of 3 rows"),
        ("y\n0\n1\n", "no column besides the target"),
    ],
)
def test_a_bad_table_is_refused_with_its_reason(content: str, expected: str, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(content)
    message = invoke("tracking=none", "dataset=csv", "dataset.path=t.csv", "dataset.target=y", "model=logreg")
    assert isinstance(message, str)
    assert expected in message
    assert "\n" not in message


def test_an_unreachable_server_costs_no_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    message = invoke(*replaced(TINY, ["tracking=mlflow", "tracking.uri=http://127.0.0.1:9", "model=logreg"]))
    assert isinstance(message, str)
    assert "could not take it" in message
    assert "python -m imbalance_lab send" in message
    (record,) = records(tmp_path)
    assert record["outcome"] == "finished"


@pytest.mark.slow
@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_run_is_killed_not_running(stop: signal.Signals, tmp_path: Path, store: Path) -> None:
    from mlflow import MlflowClient

    typed = ["model=linear", "training.epochs=1000000", "training.patience=null", "evaluation.figures=false"]
    process = subprocess.Popen([sys.executable, "-m", "imbalance_lab", *typed], cwd=tmp_path, stderr=subprocess.PIPE)
    client = MlflowClient(f"sqlite:///{store}")

    def statuses() -> list[str]:
        ids = [e.experiment_id for e in client.search_experiments()]
        return [run.info.status for run in client.search_runs(ids)]

    deadline = time.monotonic() + 120
    while statuses() != ["RUNNING"] and time.monotonic() < deadline:
        time.sleep(0.2)
    process.send_signal(stop)
    _, output = process.communicate(timeout=60)
    assert process.returncode != 0
    assert output.decode().strip().splitlines() == ["interrupted"]
    assert statuses() == ["KILLED"]
    assert [r["outcome"] for r in records(tmp_path)] == ["killed"]


def test_offsets_and_the_threshold_are_shown_where_the_decision_has_some(capsys) -> None:
    typed = ["tracking=none", "model=logreg", "dataset=synthetic", "dataset.rows=240", "evaluation.figures=false"]
    typed.append("dataset.priors={no: 0.75, yes: 0.25}")
    assert invoke(*typed, "strategy=logit_adjust") == 0
    shown = capsys.readouterr().out
    assert "decision: yes from a probability of 0.250" in shown
    assert "| offset |" in shown
    assert "|  1.099 |" in shown  # log 3
    assert invoke(*typed, "strategy=inv_freq") == 0
    assert "| offset |" not in capsys.readouterr().out
