"""Saved models: what comes back, and what is refused."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression

import imbalance_lab as lab
from imbalance_lab.models import skops_files
from imbalance_lab.runs.record import RunRecord
from imbalance_lab.runs.saving import MANIFEST, read_manifest

QUICK = {"evaluation": {"resamples": 50}}
TUNED_SMOTE = lab.Strategy(sampler="smote", decision="tuned_threshold")
ROOT = Path(__file__).parents[2]


def mixed(rows: int = 400) -> lab.Dataset:
    rng = np.random.default_rng(0)
    ill = rng.random(rows) < 0.15
    frame = pd.DataFrame(
        {
            "lab": rng.standard_normal(rows) + 2 * ill,
            "age": rng.integers(20, 90, rows),
            "place": rng.choice(["north", "south"], rows),
            "smokes": rng.random(rows) < 0.5,
            "day": pd.Timestamp("2024-01-31") + pd.to_timedelta(rng.integers(0, 500, rows), unit="D"),
            "outcome": np.where(ill, "ill", "well"),
        }
    )
    frame.loc[::9, "lab"] = np.nan
    frame.loc[::7, "place"] = None
    with pytest.warns(lab.errors.LabWarning, match="'day' holds dates"):
        return lab.Dataset.from_frame(frame, "outcome", name="mixed")


FAST = {
    "logreg": lambda **more: lab.run("four_classes", "none", "logreg", **more),
    "hist_gb": lambda **more: lab.run("four_classes", "inv_freq", "hist_gb", **more),
    "labels": lambda **more: lab.run("two_labels", "tuned_threshold", "logreg", **more),
    "mixed": lambda **more: lab.run(mixed(), "logit_adjust", "logreg", **more),
    "cost": lambda **more: lab.run("four_classes", "min_cost", "decision_tree", **more),
    "boosted": lambda **more: lab.run(SMALL, TUNED_SMOTE, "lightgbm", **more),
    "boosted labels": lambda **more: lab.run("two_labels", "tuned_threshold", "lightgbm", **more),
}
SMALL = lab.option("dataset", "synthetic", rows=300, priors={"a": 0.8, "b": 0.2})
SLOW = {
    "mlp": lambda **more: lab.run(SMALL, TUNED_SMOTE, "mlp", training={"epochs": 3}, **more),
    "cosine": lambda **more: lab.run(SMALL, "ldam", "mlp", training={"epochs": 2}, **more),
    "scales": lambda **more: lab.run(SMALL, "lws", "mlp", training={"epochs": 2}, **more),
    "labels of a network": lambda **more: lab.run("two_labels", "inv_freq", "mlp", training={"epochs": 1}, **more),
    **{
        name: lambda name=name, **more: lab.run(SMALL, "none", name, **more)
        for name in ("balanced_random_forest", "easy_ensemble", "knn", "random_forest", "rusboost", "svm")
    },
}


def expected(record: RunRecord) -> tuple[np.ndarray, np.ndarray]:
    """Return classes and probabilities that a run predicted for its test rows."""
    proba, predicted = np.exp(record.test.log_proba), record.test.predicted
    if record.dataset.labels:
        return predicted, proba[:, :, 1]
    return np.array(record.dataset.class_names, dtype=object)[predicted[:, 0]], proba[:, 0]


def require_same(record: RunRecord, classifier: lab.Classifier) -> None:
    classes, proba = expected(record)
    rows = record.dataset.take(record.test.rows)
    np.testing.assert_array_equal(classifier.predict(rows), classes)
    np.testing.assert_array_equal(classifier.predict_proba(rows), proba)


@pytest.mark.parametrize("name", FAST)
def test_a_saved_run_gives_its_own_test_predictions(name: str, tmp_path: Path) -> None:
    record = FAST[name](folder=tmp_path, save_model=True, **QUICK)
    require_same(record, lab.load(tmp_path / "models" / "0"))


@pytest.mark.slow
def test_every_kind_opens_in_a_fresh_process_by_ours_and_by_mlflow(tmp_path: Path) -> None:
    from imbalance_lab.tracking.model import write_mlflow

    for name, make in (FAST | SLOW).items():
        record = make(folder=tmp_path / name, save_model=True, **QUICK)
        folder = tmp_path / name / "models" / "0"
        write_mlflow(folder, read_manifest(folder), tmp_path / name / "mlflow")
        classes, proba = expected(record)
        (tmp_path / name / "rows.pickle").write_bytes(
            pickle.dumps((record.dataset.take(record.test.rows), classes.astype(str), proba))
        )
    code = """
import pickle, sys, pathlib
import numpy as np
for folder in sorted(pathlib.Path(".").glob("*/models/0")):
    import imbalance_lab, mlflow.pyfunc
    run = folder.parents[1]
    rows, classes, proba = pickle.loads((run / "rows.pickle").read_bytes())
    model = imbalance_lab.load(folder)
    assert (model.predict(rows).astype(str) == classes).all(), folder
    assert (model.predict_proba(rows) == proba).all(), folder
    served = mlflow.pyfunc.load_model(str(run / "mlflow")).predict(rows, params={"prior": "trained"})
    half = len(served.columns) // 2 if classes.ndim == 2 else 1
    assert (served.iloc[:, :half].to_numpy().astype(str) == classes.reshape(len(rows), -1)).all(), folder
    assert (served.iloc[:, half:].to_numpy() == proba).all(), folder
    print(folder)
"""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, env=environment, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert len(done.stdout.splitlines()) == len(FAST | SLOW)


@pytest.fixture(scope="module")
def rows() -> tuple[pd.DataFrame, pd.Series]:
    rng = np.random.default_rng(1)
    y = pd.Series(rng.choice([3, 7], 200, p=[0.8, 0.2]))
    return pd.DataFrame({"a": rng.standard_normal(200) + y, "b": rng.choice(["x", "y"], 200)}), y


@pytest.fixture
def saved(rows, tmp_path: Path) -> Path:
    return lab.Classifier("inv_freq", "logreg").fit(*rows).save(tmp_path / "kept")


@pytest.mark.parametrize("kind", [int, str, float, bool])
def test_classes_come_back_as_what_they_were(kind: type, rows, tmp_path: Path) -> None:
    X, y = rows
    labels = (y == 7) if kind is bool else y.astype(kind)
    classifier = lab.Classifier("inv_freq", "logreg").fit(X, labels)
    again = lab.load(classifier.save(tmp_path / "kept"))
    assert again.classes_.dtype == classifier.classes_.dtype
    np.testing.assert_array_equal(again.predict(X), classifier.predict(X))
    np.testing.assert_array_equal(again.predict_proba(X), classifier.predict_proba(X))


def test_an_array_comes_back_as_an_array(rows, tmp_path: Path) -> None:
    X, y = rows[0][["a"]].to_numpy(), rows[1]
    classifier = lab.Classifier("none", "logreg").fit(X, y)
    again = lab.load(classifier.save(tmp_path / "kept"))
    assert not hasattr(again, "feature_names_in_")
    np.testing.assert_array_equal(again.predict_proba(X), classifier.predict_proba(X))


def test_what_is_loaded_can_be_trained_again_alike(rows, tmp_path: Path) -> None:
    X, y = rows
    classifier = lab.Classifier("smote_nc", lab.option("model", "logreg", estimator={"C": 0.1}), seed=3)
    classifier = classifier.fit(X, y)
    fresh = clone(lab.load(classifier.save(tmp_path / "kept"))).fit(X, y)
    np.testing.assert_array_equal(fresh.predict_proba(X), classifier.predict_proba(X))


def test_a_model_is_replaced_and_nothing_else(saved: Path, rows, tmp_path: Path) -> None:
    other = lab.Classifier("none", "logreg").fit(*rows)
    other.save(saved)
    np.testing.assert_array_equal(lab.load(saved).predict_proba(rows[0]), other.predict_proba(rows[0]))
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.tex").write_text("mine")
    with pytest.raises(lab.DataError, match=r"mine is there and no saved model; name another folder"):
        other.save(mine)
    assert [file.name for file in mine.iterdir()] == ["thesis.tex"]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["kept", "mine"]  # no drafts


def test_a_save_that_fails_leaves_what_was_there(saved: Path, rows, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {file.name: file.read_bytes() for file in saved.iterdir()}
    other = lab.Classifier("none", "logreg").fit(*rows)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(skops_files, "write", full)
    with pytest.raises(lab.DataError, match=r"cannot be saved in .*kept: .*No space left on device"):
        other.save(saved)
    assert {file.name: file.read_bytes() for file in saved.iterdir()} == before
    assert [file.name for file in saved.parent.iterdir()] == ["kept"]


def edit(folder: Path, change: Callable[[dict], None]) -> None:
    file = folder / MANIFEST
    manifest = json.loads(file.read_text())
    change(manifest)
    file.write_text(json.dumps(manifest))


def rehash(folder: Path) -> None:
    from imbalance_lab.runs.saving import _digest

    edit(
        folder, lambda manifest: manifest["files"].update({name: _digest(folder / name) for name in manifest["files"]})
    )


def cut(folder: Path) -> None:
    file = folder / "model.skops"
    file.write_bytes(file.read_bytes()[:2000])


WRONG = {
    "of another format": (lambda f: edit(f, lambda m: m.update(format=2)), "has format 2, and imbalance_lab .* reads "),
    "without a file": (lambda f: (f / "parts.skops").unlink(), "is not whole: parts.skops is missing"),
    "cut": (cut, "is not whole: model.skops is not what was saved"),
    "cut, with its hash": (lambda f: (cut(f), rehash(f)), "model.skops is no model in skops' format"),
    "without a manifest": (lambda f: (f / MANIFEST).unlink(), "no saved model, or one that was not written to its end"),
    "with half a manifest": (lambda f: (f / MANIFEST).write_text('{"format": 1, "fil'), "manifest.json is damaged"),
    "with a list for one": (lambda f: (f / MANIFEST).write_text("[]"), "manifest.json is damaged"),
    "of a kind of its own": (lambda f: edit(f, lambda m: m.update(model="os.system")), "not loaded unasked: os.system"),
    "without its tasks": (lambda f: edit(f, lambda m: m.pop("tasks")), "manifest.json is damaged"),
    "not there": (lambda f: f.rename(f.with_name("gone")), "there is no folder"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_model_that_is_not_whole_is_refused_in_one_line(name: str, saved: Path) -> None:
    spoil, reason = WRONG[name]
    spoil(saved)
    with pytest.raises(lab.DataError, match=reason) as refused:
        lab.load(saved)
    assert "\n" not in str(refused.value)


class Owned:
    def __reduce__(self):
        return (exec, ("open('owned', 'w').close()",))


def test_a_pickle_in_disguise_is_not_run(saved: Path, tmp_path: Path) -> None:
    (saved / "model.skops").write_bytes(pickle.dumps(Owned()))
    rehash(saved)
    with pytest.raises(lab.DataError, match=r"model.skops is no model in skops' format, whatever its name says"):
        lab.load(saved)
    with zipfile.ZipFile(saved / "model.skops", "w") as archive:
        archive.writestr("schema.json", pickle.dumps(Owned()))
    rehash(saved)
    with pytest.raises(lab.DataError, match=r"model.skops"):
        lab.load(saved)
    assert not Path("owned").exists()


class Mine(LogisticRegression):
    """A classifier of somebody's own."""


def test_types_of_others_are_named_and_loaded_when_they_are_trusted(rows, tmp_path: Path) -> None:
    X, y = rows
    classifier = lab.Classifier(model=Mine()).fit(X, y)
    folder, name = classifier.save(tmp_path / "kept"), f"{Mine.__module__}.Mine"
    with pytest.raises(lab.DataError, match=rf"not loaded unasked: {name}; .* trusted=\[{name}\] loads them"):
        lab.load(folder)
    np.testing.assert_array_equal(lab.load(folder, trusted=[name]).predict_proba(X), classifier.predict_proba(X))


def test_classifiers_of_this_package_need_no_trust(rows, tmp_path: Path) -> None:
    X, y = rows
    classifier = lab.Classifier(model=lab.DecisionClassifier(LogisticRegression())).fit(X, y)
    again = lab.load(classifier.save(tmp_path / "kept"))
    np.testing.assert_array_equal(again.predict_proba(X), classifier.predict_proba(X))


def test_a_function_that_runs_code_is_no_preparation(saved: Path) -> None:
    from functools import partial

    from sklearn.preprocessing import FunctionTransformer

    skops_files.write({"prepare": FunctionTransformer(partial(exec)), "rules": []}, saved / "parts.skops")
    rehash(saved)
    with pytest.raises(lab.DataError, match=r"not loaded unasked: builtins.exec"):
        lab.load(saved)
    instantiate = lab.options.instantiate  # which makes whatever a tree names
    skops_files.write({"prepare": FunctionTransformer(instantiate), "rules": []}, saved / "parts.skops")
    rehash(saved)
    with pytest.raises(lab.DataError, match=r"not loaded unasked: imbalance_lab.options.*instantiate"):
        lab.load(saved)


@pytest.mark.parametrize("model", ["decision_tree", "hist_gb", "knn"])
def test_trees_that_lead_out_of_themselves_are_refused(model: str, rows, tmp_path: Path) -> None:
    classifier = lab.Classifier(model=model).fit(*rows)
    (estimator,) = classifier.fitted_.model.estimators
    if model == "decision_tree":
        estimator.tree_.children_left[0] = 10**6
    elif model == "hist_gb":
        estimator._predictors[0][0].nodes["right"][0] = 0  # round in a circle
    else:
        np.asarray(estimator._tree.get_arrays()[1])[0] = -(10**9)
    folder = classifier.save(tmp_path / "kept")
    with pytest.raises(lab.DataError, match="points outside itself"):
        lab.load(folder)


def test_other_versions_are_warned_of(saved: Path) -> None:
    edit(saved, lambda manifest: manifest["versions"].update({"scikit-learn": "0.9.0"}))
    with pytest.warns(lab.errors.LabWarning, match=r"saved with scikit-learn 0.9.0 \(here .*\): its predictions can"):
        lab.load(saved)


def test_a_network_with_code_of_its_own_is_refused(saved: Path) -> None:
    import keras

    inputs = keras.Input((2,))
    net = keras.Model(inputs, keras.layers.Lambda(lambda x: x[:, :1])(inputs))
    net.save(saved / "model.keras")
    edit(saved, lambda manifest: manifest.update(model="network", files={}))
    with pytest.raises(lab.DataError, match=r"model.keras cannot be loaded by Keras"):
        lab.load(saved)
