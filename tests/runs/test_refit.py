"""A run's configuration trained on all rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import imbalance_lab as lab
from imbalance_lab.data.rows import Split
from imbalance_lab.data.split import CrossValidation, checked_splits
from imbalance_lab.evaluation.metrics import METRICS
from imbalance_lab.models.base import no_progress
from imbalance_lab.runs.fit import fit
from imbalance_lab.runs.inner import cross_validated
from imbalance_lab.runs.observers import Observer
from imbalance_lab.runs.plan import make_plan
from imbalance_lab.runs.refit import refit
from imbalance_lab.runs.spec import specify
from imbalance_lab.runs.watch import Clock
from imbalance_lab.strategies.offsets import best_offsets

QUICK = {"evaluation": {"resamples": 50}}


@pytest.fixture(scope="module")
def data() -> lab.Dataset:
    rng = np.random.default_rng(0)
    y = rng.choice(["a", "b", "c"], 400, p=[0.7, 0.2, 0.1])
    X = pd.DataFrame(rng.standard_normal((400, 3)), columns=["x", "y", "z"])
    X["x"] += 1.5 * (y == "b") + 3 * (y == "c")
    return lab.Dataset.from_frame(X.assign(label=y), "label")


def all_rows(rows: np.ndarray) -> Split:
    return Split(rows, rows[:0], rows[:0])


@pytest.mark.parametrize("strategy", ["none", "inv_freq", "logit_adjust"])
def test_without_a_fitted_decision_it_is_the_classifier_of_all_rows(strategy: str, data: lab.Dataset) -> None:
    classifier = refit(lab.run(data, strategy, "logreg", **QUICK))
    other = lab.Classifier(strategy, "logreg").fit(data.X, np.array(data.class_names)[data.y])
    np.testing.assert_array_equal(classifier.predict(data.X), other.predict(data.X))
    np.testing.assert_array_equal(classifier.predict_proba(data.X), other.predict_proba(data.X))


@pytest.mark.filterwarnings("ignore:.*holds dates:imbalance_lab.errors.LabWarning")
def test_the_table_a_model_was_made_from_predicts_with_its_dates_as_text(data: lab.Dataset, tmp_path: Path) -> None:
    """`pandas.read_csv` gives dates as text, and `Dataset.from_frame` reads them."""
    days = pd.date_range("2024-01-30", periods=len(data))
    frame = data.X.assign(day=days.strftime("%d.%m.%Y"), label=np.array(data.class_names)[data.y])
    classifier = refit(lab.run(lab.Dataset.from_frame(frame, "label"), "none", "logreg", **QUICK))
    text = frame.drop(columns="label").iloc[::3]
    loaded = lab.load(classifier.save(tmp_path / "model"))
    for one in (classifier, loaded):
        np.testing.assert_array_equal(one.predict_proba(text), one.predict_proba(text.assign(day=days[::3])))
    with pytest.raises(lab.DataError, match=r"134 of 134 cells are none.*pd.to_datetime\(frame\['day'\]"):
        loaded.predict(text.assign(day="soon"))


def test_the_decision_is_the_best_for_cross_validated_scores(data: lab.Dataset) -> None:
    """The scores by hand: each fold's, by a run's own fit on the others; `refit` never sees a row's own label."""
    identity = specify(
        data, lab.Strategy("ros", decision=lab.option("decision", "tuned_threshold", shrink=False)), "logreg", seed=2
    )
    plan, rows = make_plan(identity, data), np.arange(len(data))
    scores = np.empty((len(data), 3))
    for fold, split in enumerate(checked_splits(CrossValidation(5, 1, 0.0, 2), data), start=1):
        by_hand = make_plan(specify(data, "ros", "logreg", seed=2), data)
        fitted, _ = fit(by_hand, data, split, fold, Clock(), Observer(), no_progress)
        scores[split.test] = fitted.log_proba(data.take(split.test))[:, 0]
    np.testing.assert_array_equal(cross_validated(plan, data, all_rows(rows)).log_proba[:, 0], scores)
    (rule,) = refit(identity, data).fitted_.rules
    np.testing.assert_array_equal(rule.offsets, best_offsets(scores, data.y, METRICS["balanced_accuracy"]))


def test_every_row_counts(data: lab.Dataset) -> None:
    identity = specify(data, "tuned_threshold", "logreg")
    classifier = refit(identity, data)
    assert classifier.fitted_.classes.train_rows.tolist() == data.counts.tolist()
    plain = refit(specify(data, "none", "logreg"), data)
    np.testing.assert_array_equal(classifier.predict_proba(data.X), plain.predict_proba(data.X))


def test_groups_stay_together_where_the_run_keeps_them(data: lab.Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    from imbalance_lab.runs import inner as module

    groups = pd.Series(np.arange(len(data)) // 4)
    frame = data.X.assign(patient=groups, label=np.array(data.class_names)[data.y])
    grouped = lab.Dataset.from_frame(frame, "label")
    seen = []

    def noted(splitter, rows):
        seen.extend(checked_splits(splitter, rows))
        return seen

    monkeypatch.setattr(module, "checked_splits", noted)
    split = lab.option("split", "group", groups="patient")
    classifier = refit(specify(grouped, "tuned_threshold", "logreg", split=split), grouped)
    assert list(classifier.feature_names_in_) == ["x", "y", "z"]
    assert len(seen) == 5
    for one in seen:
        assert not set(groups[one.train]) & set(groups[one.test])


def test_a_class_of_few_rows_makes_fewer_folds(data: lab.Dataset) -> None:
    rows = np.r_[np.flatnonzero(data.y < 2), np.flatnonzero(data.y == 2)[:3]]
    plan = make_plan(specify(data, "tuned_threshold", "logreg"), data)
    assert np.isfinite(cross_validated(plan, data, all_rows(np.sort(rows))).log_proba).all()
    with pytest.raises(lab.DataError, match=r"class 'c' has one training row"):
        cross_validated(plan, data, all_rows(rows[:-2]))


@pytest.mark.parametrize("strategy", ["none", "ldam_drw", "crt"])
def test_a_network_that_stopped_early_is_trained_as_long_as_those_of_the_folds(
    strategy: str, data: lab.Dataset
) -> None:
    training = {"epochs": 12, "patience": 2, "batch_size": 64}
    plan = make_plan(specify(data, strategy, "mlp", training=training), data)
    found = cross_validated(plan, data, all_rows(np.arange(len(data)))).plan
    assert found.training.patience is None
    assert 1 <= found.training.epochs <= 12
    classifier = refit(specify(data, strategy, "mlp", training=training), data)
    assert len(classifier.fitted_.history) == found.training.epochs + (100 if strategy == "crt" else 0)
    if strategy == "ldam_drw":  # the weights set in at epoch 10 of 12, and still do
        start = found.class_weight.weight_start * found.training.epochs
        assert int(np.ceil(round(start, 9))) == 10


def test_a_record_on_disk_says_it_all(tmp_path: Path) -> None:
    record = lab.run("four_classes", "tuned_threshold", "logreg", folder=tmp_path, **QUICK)
    from_disk, from_memory = refit(tmp_path), refit(record)
    X = record.dataset.X
    np.testing.assert_array_equal(from_disk.predict_proba(X), from_memory.predict_proba(X))
    np.testing.assert_array_equal(from_disk.predict(X), from_memory.predict(X))
    assert from_disk.measured_ == from_memory.measured_
    again = lab.load(from_disk.save(tmp_path / "model"))
    np.testing.assert_array_equal(again.predict(X), from_disk.predict(X))
    assert again.measured_["metrics"] == record.metrics


def test_what_cannot_be_made_again_is_refused(data: lab.Dataset, tmp_path: Path) -> None:
    lab.run(data, "none", "logreg", folder=tmp_path, **QUICK)
    with pytest.raises(lab.ConfigError, match="dataset=frame was an object of its caller's own, which no record holds"):
        refit(tmp_path)
    assert len(refit(tmp_path, data).classes_) == 3
    with pytest.raises(lab.DataError, match="holds no finished run"):
        refit(tmp_path / "gone")


def test_test_rows_are_not_needed(data: lab.Dataset) -> None:
    plan = make_plan(specify(data, "none", "logreg"), data)
    rows = np.arange(len(data))
    _, scored = fit(plan, data, Split(rows, rows[:0], rows[:0]), 0, Clock(), Observer(), no_progress)
    assert len(scored.rows) == 0  # nothing was held out, as nothing is fitted on it
