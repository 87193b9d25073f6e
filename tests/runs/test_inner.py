"""Folds of the training rows keep what the run's own split keeps."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import imbalance_lab as lab
from imbalance_lab.data.split import GroupHoldout, Holdout, TimeCrossValidation, TimeHoldout
from imbalance_lab.runs import fit as fitting
from imbalance_lab.runs.inner import cross_validated, inner_splits

TUNED = lab.option("decision", "tuned_threshold", cv=4)


@pytest.fixture(scope="module")
def data() -> lab.Dataset:
    """Rows of 24 patients, five each, in no order of time; every third pair is of the rare class."""
    rng = np.random.default_rng(0)
    y = np.arange(120) % 3 // 2
    X = rng.normal(size=(120, 2)) + y[:, None]
    return lab.Dataset.from_arrays(X, y, groups=np.repeat(np.arange(24), 5), order=rng.permutation(60).repeat(2))


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list:
    """What cross-validation scored, each time it was made."""
    found: list = []
    monkeypatch.setattr(fitting, "cross_validated", lambda *given: found.append(cross_validated(*given)) or found[-1])
    return found


def test_every_training_row_is_scored_once_and_by_others(data: lab.Dataset) -> None:
    rows = np.arange(10, 100)
    splits = inner_splits(Holdout(validation=0.2, test=0.2), data, rows, 4, 0, validation=0.25)
    np.testing.assert_array_equal(np.sort(np.concatenate([split.test for split in splits])), rows)
    for split in splits:
        np.testing.assert_array_equal(np.sort(np.concatenate(split)), rows)
        assert len(split.validation) == pytest.approx(0.25 * (len(rows) - len(split.test)), abs=2)
        assert data.y[split.test].mean() == pytest.approx(data.y[rows].mean(), abs=0.05)


def test_groups_stay_together(data: lab.Dataset) -> None:
    rows = np.arange(10, 110)
    splitter = GroupHoldout(validation=0.2, test=0.2, groups="groups")
    patient = data.aside["groups"].to_numpy()
    splits = inner_splits(splitter, data, rows, 4, 0)
    for split in splits:
        assert not set(patient[split.train]) & set(patient[split.test])
    np.testing.assert_array_equal(np.sort(np.concatenate([split.test for split in splits])), rows)
    with pytest.raises(lab.DataError, match=r"training rows cannot be cut into 50 folds: .* has 20 groups"):
        inner_splits(splitter, data, rows, 50, 0)


@pytest.mark.parametrize(
    "splitter",
    [
        TimeHoldout(validation=0.2, test=0.2, order="order"),
        TimeCrossValidation(folds=3, validation=0.2, order="order", gap=6),
    ],
)
def test_what_is_scored_is_later_than_what_trains(splitter: lab.Splitter, data: lab.Dataset) -> None:
    time = data.aside["order"].to_numpy()
    rows = np.flatnonzero(time < 48)
    splits = inner_splits(splitter, data, rows, 4, 0, validation=0.2)
    assert len(splits) == 4
    gap = getattr(splitter, "gap", 0) / 2  # two rows a time
    for split in splits:
        assert set(np.concatenate(split)) <= set(rows)
        assert time[split.train].max() < time[split.validation].min()
        assert time[split.validation].max() + gap < time[split.test].min()


@pytest.mark.parametrize("validation", [0.0, 0.2])
def test_a_decision_of_a_split_in_time_is_fitted_on_later_rows(
    validation: float, data: lab.Dataset, seen: list
) -> None:
    split = lab.option("split", "time", order="order", validation=validation)
    lab.run(data, decision=TUNED, model="logreg", split=split)
    (found,) = seen
    time = data.aside["order"].to_numpy()
    assert 0 < len(found.rows) < 0.8 * (1 - validation) * len(data)
    assert time[found.rows].max() < 48
    assert time[found.rows].min() > 0


def test_a_run_in_time_is_trained_again_on_all_rows(data: lab.Dataset, seen: list) -> None:
    record = lab.run(data, "tuned_threshold", "logreg", split=lab.option("split", "time", order="order"))
    classifier = lab.refit(record)
    assert classifier.fitted_.classes.train_rows.sum() == len(data)
    (found,) = seen
    time = data.aside["order"].to_numpy()
    np.testing.assert_array_equal(np.sort(time[found.rows])[[0, -1]], [10, 59])  # a sixth is never scored


def test_a_class_that_comes_late_is_refused_by_name() -> None:
    y = np.r_[np.zeros(90, int), np.ones(30, int)]
    data = lab.Dataset.from_arrays(np.random.default_rng(0).normal(size=(120, 2)), y, order=np.arange(120))
    split = lab.option("split", "time", order="order", validation=0.0, test=9 / 120)
    with pytest.raises(
        lab.DataError, match=r"decision.cv=4 is refused: .* folds to the class '1' \(21 rows\); try fewer folds"
    ):
        lab.run(data, decision=TUNED, model="logreg", split=split)


def test_as_many_scores_as_rows_are_recorded(data: lab.Dataset) -> None:
    record = lab.run(data, decision=TUNED, model="logreg")
    validation = record.folds[0].validation
    assert len(validation.rows) == len(validation.y) == len(validation.log_proba) == len(data) - len(record.test.rows)
    np.testing.assert_array_equal(validation.y.ravel(), data.y[validation.rows])


@pytest.mark.parametrize("decision", [TUNED, "tuned_threshold"])
def test_groups_of_a_classifier_reach_its_decision(decision, data: lab.Dataset, seen: list) -> None:
    """Rows of a patient are copies of one: where they cross, a nearest neighbour knows their class."""
    rng = np.random.default_rng(1)
    patient = np.arange(80)
    X, y = pd.DataFrame(rng.normal(size=(80, 3))), (patient % 4 == 0).astype(int)
    groups = np.repeat(patient, 3)
    classifier = lab.Classifier(lab.Strategy(decision=decision), "knn")
    classifier.fit(X.iloc[groups], y[groups], groups=groups)
    if decision is TUNED:
        (found,) = seen
        np.testing.assert_array_equal(np.sort(found.rows), np.arange(240))
        right = (found.log_proba[:, 0].argmax(axis=1) == y[groups][found.rows]).mean()
        assert right < 0.9
    with pytest.raises(lab.DataError, match="1 of 240 rows have no group"):
        classifier.fit(X.iloc[groups], y[groups], groups=np.where(np.arange(240) == 7, np.nan, groups))
