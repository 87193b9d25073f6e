"""A decision on top of any scikit-learn classifier."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from scipy.special import log_softmax
from sklearn.base import clone
from sklearn.datasets import load_wine, make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import LinearSVC
from sklearn.utils.estimator_checks import parametrize_with_checks

from imbalance_lab import ConfigError, DecisionClassifier, option


@pytest.fixture(scope="module")
def rare() -> tuple[np.ndarray, np.ndarray]:
    return make_classification(2000, weights=[0.95], class_sep=0.8, random_state=0)


@pytest.mark.filterwarnings("ignore::imbalance_lab.errors.LabWarning")
@parametrize_with_checks([DecisionClassifier(LogisticRegression(), decision="logit_adjust")])
def test_scikit_learns_checks(estimator, check) -> None:
    check(estimator)  # which asserts


def test_a_fitted_classifier_is_left_as_it_is(rare) -> None:
    X, y = rare
    inner = LogisticRegression().fit(X[:1000], y[:1000])
    before = inner.coef_.copy()
    tuned = DecisionClassifier(inner, decision="tuned_threshold").fit(X[1000:], y[1000:])
    assert tuned.estimator_ is inner
    np.testing.assert_array_equal(inner.coef_, before)
    np.testing.assert_array_equal(tuned.predict_proba(X), inner.predict_proba(X))
    plain, better = (balanced_accuracy_score(y[1000:], each.predict(X[1000:])) for each in (inner, tuned))
    assert better > plain + 0.02


def test_logit_adjustment_by_hand(rare) -> None:
    X, y = rare
    adjusted = DecisionClassifier(LogisticRegression(), decision="logit_adjust").fit(X, y)
    scores = np.log(LogisticRegression().fit(X, y).predict_proba(X)) - np.log(np.bincount(y) / len(y))
    np.testing.assert_array_equal(adjusted.predict(X), scores.argmax(axis=1))


def test_several_classes_and_words() -> None:
    X, numbers = load_wine(return_X_y=True)
    y = np.array(["red", "white", "rosé"], dtype=object)[numbers]
    tuned = DecisionClassifier(KNeighborsClassifier(), decision="tuned_threshold").fit(X, y)
    assert tuned.classes_.tolist() == sorted(set(y))
    assert set(tuned.predict(X)) <= set(y)


def test_without_probabilities_the_decision_function_will_do(rare) -> None:
    X, y = rare
    tuned = DecisionClassifier(LinearSVC(), decision="tuned_threshold").fit(X, y)
    assert not hasattr(tuned, "predict_proba")
    assert balanced_accuracy_score(y, tuned.predict(X)) > balanced_accuracy_score(y, LinearSVC().fit(X, y).predict(X))


def test_costs_by_name_and_an_option_with_settings(rare) -> None:
    X, y = rare
    dear = DecisionClassifier(LogisticRegression(), option("decision", "min_cost", costs={"1": {"0": 50}})).fit(X, y)
    p = LogisticRegression().fit(X, y).predict_proba(X)[:, 1]
    np.testing.assert_array_equal(dear.predict(X), (50 * p > 1 - p).astype(int))


def test_it_is_cloned_pickled_and_cross_validated(rare) -> None:
    X, y = rare
    tuned = DecisionClassifier(LogisticRegression(), decision="tuned_threshold").fit(X, y)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(tuned)).predict(X), tuned.predict(X))
    np.testing.assert_array_equal(clone(tuned).fit(X, y).predict(X), tuned.predict(X))
    scores = cross_val_score(tuned, X, y, cv=3, scoring="balanced_accuracy")
    assert scores.mean() > cross_val_score(LogisticRegression(), X, y, cv=3, scoring="balanced_accuracy").mean()


def test_what_cannot_be_is_refused(rare) -> None:
    X, y = rare
    few = np.concatenate([np.flatnonzero(y == 0)[:50], np.flatnonzero(y == 1)[:2]])
    with pytest.raises(ConfigError, match=r"class '1' has 2 rows, fewer than cv=5 folds"):
        DecisionClassifier(LogisticRegression()).fit(X[few], y[few])
    inner = LogisticRegression().fit(X, y)
    with pytest.raises(ConfigError, match="does not know the class '7'"):
        DecisionClassifier(inner).fit(X[:20], np.full(20, 7))
    with pytest.raises(ConfigError, match=r"did you mean tuned_threshold\?"):
        DecisionClassifier(inner, decision="tuned_treshold").fit(X, y)


def test_scores_are_log_probabilities_with_a_floor() -> None:
    from imbalance_lab.models.estimator import FLOOR, classifier_log_proba

    X, y = make_classification(100, random_state=0)
    neighbours = KNeighborsClassifier(1).fit(X, y)
    assert classifier_log_proba(neighbours, X).min() == FLOOR
    machine = LinearSVC().fit(X, y)
    z = machine.decision_function(X)
    np.testing.assert_allclose(classifier_log_proba(machine, X), log_softmax(np.column_stack([0 * z, z]), axis=1))
