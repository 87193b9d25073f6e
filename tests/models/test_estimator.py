from __future__ import annotations

import numpy as np
import pytest
from imblearn.ensemble import EasyEnsembleClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from imbalance_lab.data.rows import Rows, Seeds, TrainingSet
from imbalance_lab.models.estimator import FLOOR, Estimator, FittedEstimator

NOBODY = Rows(np.empty((0, 3)), np.empty((0, 1), int))


def data(counts=(40, 20, 10), weight=None):
    y = np.repeat(np.arange(len(counts)), counts)
    X = np.random.default_rng(0).normal(y[:, None], 1, size=(len(y), 3))
    weight = np.ones(len(counts)) if weight is None else np.asarray(weight, float)
    return TrainingSet(X, y[:, None], np.array([counts], float), weight[None])


def fit(estimator, train, seed=0):
    return Estimator(estimator).fit(train, NOBODY, Seeds.spawn(seed, 0))


def test_weights_reach_the_estimator_as_scikit_learns_own_class_weights() -> None:
    train = data(weight=[0.5, 1, 4])
    ours = fit(LogisticRegression(), train).predict_log_proba(train.X)[:, 0]
    theirs = (
        LogisticRegression(class_weight={0: 0.5, 1: 1, 2: 4}).fit(train.X, train.y[:, 0]).predict_log_proba(train.X)
    )
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)


def test_who_takes_weights() -> None:
    assert Estimator(LogisticRegression()).takes_class_weight
    assert not Estimator(KNeighborsClassifier()).takes_class_weight
    assert not Estimator(EasyEnsembleClassifier()).takes_class_weight


def test_a_class_never_seen_keeps_its_column() -> None:
    y = np.array([[0], [0], [0], [2], [2], [2]])
    train = TrainingSet(np.arange(6.0)[:, None], y, np.array([[3.0, 0, 3]]), np.ones((1, 3)))
    scores = fit(LogisticRegression(), train).predict_log_proba(train.X)
    assert scores.shape == (6, 1, 3)
    np.testing.assert_array_equal(scores[:, 0, 1], FLOOR)


def test_certain_probabilities_stay_finite() -> None:
    train = data()
    scores = fit(DecisionTreeClassifier(), train).predict_log_proba(train.X)
    assert scores.min() == FLOOR
    assert scores.max() == 0


@pytest.mark.parametrize("counts", [(40, 20, 10), (40, 20)])
def test_decision_functions_rank_as_the_classifier_predicts(counts: tuple[int, ...]) -> None:
    train = data(counts)
    model = fit(SVC(break_ties=True), train)
    np.testing.assert_array_equal(
        model.predict_log_proba(train.X)[:, 0].argmax(1), model.estimators[0].predict(train.X)
    )


def test_the_seed_is_the_runs() -> None:
    train = data()
    states = [fit(DecisionTreeClassifier(), train, seed).estimators[0].random_state for seed in (1, 1, 2)]
    assert states[0] == states[1] != states[2]


def test_no_rows_no_scores_and_saving(tmp_path) -> None:
    train = data()
    model = fit(LogisticRegression(), train)
    assert model.predict_log_proba(np.empty((0, 3))).shape == (0, 1, 3)
    model.save(tmp_path)
    again = FittedEstimator.load(tmp_path, 1, model.n_classes)
    np.testing.assert_array_equal(again.predict_log_proba(train.X), model.predict_log_proba(train.X))


def test_labels_have_a_classifier_each_with_its_own_weights() -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 3)), rng.integers(2, size=(60, 2))
    weight = np.array([[1.0, 3.0], [1.0, 1.0]])
    counts = np.array([np.bincount(column) for column in y.T], float)
    ours = fit(LogisticRegression(), TrainingSet(X, y, counts, weight)).predict_log_proba(X)
    assert ours.shape == (60, 2, 2)
    for t, class_weight in enumerate([{0: 1, 1: 3}, None]):
        alone = LogisticRegression(class_weight=class_weight).fit(X, y[:, t])
        np.testing.assert_allclose(ours[:, t], alone.predict_log_proba(X), rtol=1e-6)


@pytest.mark.parametrize(("carries", "expected"), [("train", [[0.9, 0.1]]), ("balanced", [[0.75, 0.25]])])
def test_the_prior_scores_carry(carries: str, expected: list[list[float]]) -> None:
    # 30 and 10 rows weighted 3 : 1 are as good as 90 and 10; one that balances inside sees the weights alone.
    train = TrainingSet(np.empty((0, 1)), np.empty((0, 1), int), np.array([[30.0, 10.0]]), np.array([[3.0, 1.0]]))
    np.testing.assert_allclose(Estimator(LogisticRegression(), carries).effective_prior(train, None), expected)
    assert Estimator(SVC(), "nothing").effective_prior(train, None) is None
