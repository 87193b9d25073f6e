from __future__ import annotations

import joblib
import numpy as np
import pytest
from imblearn.ensemble import EasyEnsembleClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from imbalance_lab.models.estimator import FLOOR, Estimator
from imbalance_lab.types import Rows, Seeds, TrainingSet

NOBODY = Rows(np.empty((0, 3)), np.empty(0, int))


def data(counts=(40, 20, 10), weight=None):
    y = np.repeat(np.arange(len(counts)), counts)
    X = np.random.default_rng(0).normal(y[:, None], 1, size=(len(y), 3))
    return TrainingSet(X, y, np.ones(len(counts)) if weight is None else np.asarray(weight, float))


def fit(estimator, train, seed=0):
    return Estimator(estimator).fit(train, NOBODY, None, None, Seeds.spawn(seed, 0), lambda *_: None)


def test_weights_reach_the_estimator_as_scikit_learns_own_class_weights() -> None:
    train = data(weight=[0.5, 1, 4])
    ours = fit(LogisticRegression(), train).predict_log_proba(train.X)
    theirs = LogisticRegression(class_weight={0: 0.5, 1: 1, 2: 4}).fit(train.X, train.y).predict_log_proba(train.X)
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)


def test_who_takes_weights() -> None:
    assert Estimator(LogisticRegression()).takes_class_weight
    assert not Estimator(KNeighborsClassifier()).takes_class_weight
    assert not Estimator(EasyEnsembleClassifier()).takes_class_weight


def test_a_class_never_seen_keeps_its_column() -> None:
    train = TrainingSet(np.arange(6.0)[:, None], np.array([0, 0, 0, 2, 2, 2]), np.ones(3))
    scores = fit(LogisticRegression(), train).predict_log_proba(train.X)
    assert scores.shape == (6, 3)
    np.testing.assert_array_equal(scores[:, 1], FLOOR)


def test_certain_probabilities_stay_finite() -> None:
    train = data()
    scores = fit(DecisionTreeClassifier(), train).predict_log_proba(train.X)
    assert scores.min() == FLOOR
    assert scores.max() == 0


@pytest.mark.parametrize("counts", [(40, 20, 10), (40, 20)])
def test_decision_functions_rank_as_the_classifier_predicts(counts: tuple[int, ...]) -> None:
    train = data(counts)
    model = fit(SVC(break_ties=True), train)
    np.testing.assert_array_equal(model.predict_log_proba(train.X).argmax(1), model.estimator.predict(train.X))


def test_the_seed_is_the_runs() -> None:
    train = data()
    states = [fit(DecisionTreeClassifier(), train, seed).estimator.random_state for seed in (1, 1, 2)]
    assert states[0] == states[1] != states[2]


def test_no_rows_no_scores_and_saving(tmp_path) -> None:
    train = data()
    model = fit(LogisticRegression(), train)
    assert model.predict_log_proba(np.empty((0, 3))).shape == (0, 3)
    model.save(tmp_path / "deep")
    again = joblib.load(tmp_path / "deep" / "model.joblib")
    np.testing.assert_array_equal(again.predict(train.X), model.estimator.predict(train.X))
