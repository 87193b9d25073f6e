"""Ensembles that balance, against imbalanced-learn's under-sampling and the equations of their papers."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from imblearn.under_sampling import RandomUnderSampler
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC
from sklearn.utils.estimator_checks import parametrize_with_checks

import imbalance_lab as lab
from imbalance_lab.errors import Incompatible
from imbalance_lab.models.balancing import (
    HARDNESS,
    BalanceCascadeClassifier,
    SelfPacedEnsembleClassifier,
    shared_out,
)
from imbalance_lab.options import option

BOTH = [SelfPacedEnsembleClassifier, BalanceCascadeClassifier]


@parametrize_with_checks([kind(n_estimators=3) for kind in BOTH])
def test_scikit_learns_own_checks(estimator: Any, check: Any) -> None:
    check(estimator)


def rows(counts: tuple[int, ...] = (90, 40, 15)) -> tuple[np.ndarray, np.ndarray]:
    y = np.repeat(np.arange(len(counts)), counts)
    return np.random.default_rng(0).normal(y[:, None], 1, size=(len(y), 3)), y


class Known(ClassifierMixin, BaseEstimator):
    """Gives rows the probability that stands in their first column, and notes by their last which it is fitted to."""

    fitted_to: ClassVar[list[np.ndarray]] = []

    def fit(self, X: np.ndarray, y: np.ndarray) -> Known:
        self.classes_ = np.unique(y)
        self.fitted_to.append(X[:, -1].astype(int))
        return self

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        return np.column_stack([X[:, 0], 1 - X[:, 0]])


def known(p: np.ndarray, positives: int) -> tuple[np.ndarray, np.ndarray]:
    """Return rows of class 0 with the probabilities `p`, then those of class 1."""
    X = np.column_stack([np.append(p, np.zeros(positives)), np.arange(len(p) + positives)])
    Known.fitted_to.clear()
    return X, np.repeat([0, 1], [len(p), positives])


@pytest.mark.parametrize("counts", [(90, 15), (90, 40, 15)])
@pytest.mark.parametrize(
    ("kind", "replacement"), [*((kind, False) for kind in BOTH), (SelfPacedEnsembleClassifier, True)]
)
def test_one_member_is_a_fit_to_under_sampled_rows(kind: Any, replacement: bool, counts: tuple[int, ...]) -> None:
    X, y = rows(counts)
    drawing = {"replacement": replacement} if kind is SelfPacedEnsembleClassifier else {}
    one = kind(LogisticRegression(), n_estimators=1, random_state=7, **drawing).fit(X, y)
    strategy = "all" if replacement else "auto"
    sampler = RandomUnderSampler(random_state=7, replacement=replacement, sampling_strategy=strategy)
    sampler.fit_resample(X, y)
    kept = np.sort(sampler.sample_indices_)
    alone = LogisticRegression().fit(X[kept], y[kept])
    np.testing.assert_array_equal(one.predict_proba(X), alone.predict_proba(X))
    np.testing.assert_array_equal(one.predict_log_proba(X), np.log(one.predict_proba(X)))


def test_the_scores_are_the_members_mean() -> None:
    X, y = rows()
    fitted = SelfPacedEnsembleClassifier(LogisticRegression(), n_estimators=4, random_state=0).fit(X, y)
    assert len(fitted.estimators_) == 4
    mean = sum(member.predict_proba(X) for member in fitted.estimators_) / 4
    np.testing.assert_allclose(fitted.predict_proba(X), mean, rtol=1e-12)


@pytest.mark.parametrize("replacement", [False, True])
@pytest.mark.parametrize("hardness", HARDNESS)
def test_self_paced_shares_are_those_of_the_paper(hardness: str, replacement: bool) -> None:
    n, k, positives = 5, 4, 60
    p = np.random.default_rng(0).uniform(0.3, 0.95, 1000)
    X, y = known(p, positives)
    chosen = SelfPacedEnsembleClassifier(
        Known(), n, k_bins=k, hardness=hardness, replacement=replacement, random_state=0
    )
    chosen.fit(X, y)
    hard = {"absolute": 1 - p, "squared": (1 - p) ** 2, "cross_entropy": -np.log(p)}[hardness]
    population, edges = np.histogram(hard, bins=k)
    for i, fitted_to in enumerate(Known.fitted_to):
        negatives = fitted_to[fitted_to < 1000]
        assert len(fitted_to) == 2 * positives
        assert replacement or set(range(1000, 1060)) <= set(fitted_to)  # the smallest class whole
        assert len(negatives) == positives
        assert replacement or len(set(negatives)) == positives
        if i == 0:
            continue
        alpha = np.tan(i * np.pi / (2 * (n - 1)))
        inside = [(hard >= low) & (hard <= high) for low, high in pairwise(edges)]
        weight = np.array([1 / (hard[each].mean() + alpha) for each in inside])
        expected = positives * weight / weight.sum()
        assert (expected < population).all()
        drawn = np.histogram(hard[negatives], bins=edges)[0]
        np.testing.assert_allclose(drawn, expected, atol=1)
    np.testing.assert_array_equal(drawn, positives / k)  # at the end all bins count the same


def test_where_no_row_is_harder_the_self_paced_ensemble_draws_at_random() -> None:
    X, y = known(np.full(200, 0.5), 20)
    SelfPacedEnsembleClassifier(Known(), 3, replacement=False, random_state=7).fit(X, y)
    random = np.random.RandomState(7)
    for fitted_to in Known.fitted_to:
        sampler = RandomUnderSampler(random_state=random)
        sampler.fit_resample(X, y)
        np.testing.assert_array_equal(fitted_to, np.sort(sampler.sample_indices_))


def test_the_cascade_keeps_the_rows_it_gets_wrong() -> None:
    members, positives = 4, 20
    p = np.random.default_rng(0).permutation(np.linspace(0.01, 0.99, 200))
    X, y = known(p, positives)
    BalanceCascadeClassifier(Known(), members, random_state=0).fit(X, y)
    hardest = np.argsort(p)
    for i, fitted_to in enumerate(Known.fitted_to):
        left = round(200 * (positives / 200) ** (i / (members - 1)))  # each stage leaves the share f of the one before
        negatives = set(fitted_to[fitted_to < 200])
        assert len(negatives) == positives
        assert negatives <= set(hardest[:left])
    assert negatives == set(hardest[:positives])


def test_every_member_sees_as_many_rows_of_each_of_several_classes() -> None:
    class Counting(LogisticRegression):
        seen: ClassVar[list[list[int]]] = []

        def fit(self, X: np.ndarray, y: np.ndarray) -> Counting:
            self.seen.append(np.bincount(y).tolist())
            return super().fit(X, y)

    X, y = rows()
    for kind in BOTH:
        kind(Counting(), n_estimators=5, random_state=0).fit(X, y)
    assert Counting.seen == [[15, 15, 15]] * 10


def test_under_bagging_draws_every_member_anew_from_all_rows() -> None:
    X, y = rows()
    chosen = option("model", "under_bagging", estimator={"n_estimators": 20}).build().estimator
    fitted = chosen.set_params(random_state=0).fit(X, y)
    drawn = [member.steps[0][1].sample_indices_ for member in fitted.estimators_]
    assert {tuple(np.bincount(y[each])) for each in drawn} == {(15, 15, 15)}
    assert len(set(np.concatenate(drawn))) > 120
    assert all(set(np.flatnonzero(y == 2)) <= set(each) for each in drawn)


@given(
    st.lists(st.tuples(st.floats(0.01, 100), st.integers(0, 50)), min_size=1, max_size=8).filter(
        lambda groups: any(population for _, population in groups)
    ),
    st.floats(0, 1),
)
def test_all_are_shared_out_and_no_group_gives_more_than_it_has(groups: list[tuple[float, int]], part: float) -> None:
    weight, population = (np.array(column) for column in zip(*groups, strict=True))
    total = int(part * population.sum())
    taken = shared_out(total, weight, population)
    assert taken.sum() == total
    assert (taken <= population).all() and (taken >= 0).all()
    ideal = total * weight / weight.sum()
    if (np.ceil(ideal) <= population).all():
        assert (np.abs(taken - ideal) <= 1).all()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (SelfPacedEnsembleClassifier(hardness="some"), "hardness must be one of absolute, squared, cross_entropy"),
        (SelfPacedEnsembleClassifier(k_bins=0), "k_bins must be 1 or more"),
        (BalanceCascadeClassifier(n_estimators=0), "n_estimators must be 1 or more"),
        (BalanceCascadeClassifier(LinearSVC()), "needs the probabilities of LinearSVC, which has none"),
    ],
)
def test_wrong_parameters_are_named(wrong: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        wrong.fit(*rows())


@pytest.mark.parametrize("name", ["self_paced", "balance_cascade", "under_bagging"])
def test_as_models_over_any_classifier(name: str) -> None:
    X, y = rows((300, 120, 45))
    dataset = lab.Dataset.from_arrays(X, y)
    over = option("model", name, estimator={"n_estimators": 3, "estimator": LogisticRegression()})
    record = lab.run(dataset, "none", over)
    assert record.metrics["balanced_accuracy"] > 0.5
    with pytest.raises(Incompatible, match=f"class_weight=inv_freq means nothing to model={name}"):
        lab.run(dataset, "inv_freq", name)
    if name == "under_bagging":
        np.testing.assert_allclose(record.classes.effective_prior, 1 / 3)
    else:
        with pytest.raises(Incompatible, match=f"the scores of model={name} are none"):
            lab.run(dataset, "logit_adjust", name)
