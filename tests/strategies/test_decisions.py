from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from imblearn.metrics import geometric_mean_score
from scipy.special import log_softmax, softmax
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    cohen_kappa_score,
    f1_score,
    matthews_corrcoef,
    recall_score,
)

from imbalance_lab.data.rows import Priors
from imbalance_lab.errors import ConfigError
from imbalance_lab.evaluation.metrics import METRICS, Metric
from imbalance_lab.strategies.costs import balanced_costs, cost_matrix
from imbalance_lab.strategies.decisions import (
    Argmax,
    Decision,
    LogitAdjust,
    MinCost,
    PriorCorrection,
    TunedThreshold,
)
from imbalance_lab.strategies.offsets import best_offsets as best_offsets_for

REFERENCES = {
    "balanced_accuracy": balanced_accuracy_score,
    "g_mean": geometric_mean_score,
    "macro_f1": lambda y, p: f1_score(y, p, average="macro", labels=np.unique(y), zero_division=0),
    "mcc": matthews_corrcoef,
    "accuracy": accuracy_score,
    "kappa": lambda y, p: np.nan_to_num(cohen_kappa_score(y, p)),
    "worst_class_recall": lambda y, p: recall_score(y, p, average=None, labels=np.unique(y), zero_division=0).min(),
}
EVEN = Priors(np.array([0.5, 0.5]), np.array([0.5, 0.5]))
NAMES = ["a", "b", "c"]


def best_offsets(scores: np.ndarray, y: np.ndarray, metric: str) -> np.ndarray:
    return best_offsets_for(scores, y, METRICS[metric])


def log_proba(odds: np.ndarray) -> np.ndarray:
    return np.column_stack([-np.logaddexp(0, odds), -np.logaddexp(0, -odds)])


def scores(n: int, classes: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = np.r_[np.arange(classes), rng.choice(classes, size=n - classes, p=softmax(-np.arange(classes)))]
    return y, log_softmax(rng.normal(size=(n, classes)) + 1.5 * np.eye(classes)[y] - np.arange(classes), axis=1)


@pytest.mark.parametrize("metric", REFERENCES)
@given(data=st.data())
@settings(max_examples=30, deadline=None)
def test_no_threshold_of_two_classes_is_better(metric: str, data: st.DataObject) -> None:
    n = data.draw(st.integers(4, 25))
    y = np.array([0, 1, *data.draw(st.lists(st.integers(0, 1), min_size=n - 2, max_size=n - 2))])
    odds = np.array(data.draw(st.lists(st.integers(-4, 4), min_size=n, max_size=n)), dtype=float)  # with many ties
    rule = TunedThreshold(metric, shrink=False).fit(log_proba(odds), y, EVEN)
    reached = REFERENCES[metric](y, rule(log_proba(odds)))
    best = max(REFERENCES[metric](y, (odds >= cut).astype(int)) for cut in [*np.unique(odds), np.inf])
    assert reached == pytest.approx(best, abs=1e-9)


@pytest.mark.parametrize("metric", REFERENCES)
@pytest.mark.parametrize("classes", [3, 6])
def test_no_single_offset_of_more_classes_helps_further(metric: str, classes: int) -> None:
    y, lp = scores(150, classes)
    offsets = best_offsets(lp, y, metric)
    reached = REFERENCES[metric](y, (lp + offsets).argmax(1))
    assert reached >= REFERENCES[metric](y, lp.argmax(1)) - 1e-9
    rng = np.random.default_rng(1)
    for _ in range(300):
        moved = offsets.copy()
        moved[rng.integers(1, classes)] += rng.normal(scale=2)
        assert REFERENCES[metric](y, (lp + moved).argmax(1)) <= reached + 1e-9


def test_three_classes_against_a_grid() -> None:
    y, lp = scores(80, 3, seed=2)
    grid = np.linspace(-4, 4, 41)
    best = max(balanced_accuracy_score(y, (lp + np.array([0, b, c])).argmax(1)) for b in grid for c in grid)
    reached = balanced_accuracy_score(y, (lp + best_offsets(lp, y, "balanced_accuracy")).argmax(1))
    assert reached >= best - 0.02  # a local search; the grid's best is not far above


def test_the_cut_lies_midway_and_argmax_stays_where_it_is_as_good() -> None:
    odds = np.array([-3.0, -2.0, -1.0])
    assert best_offsets(log_proba(odds), np.array([0, 1, 1]), "balanced_accuracy").tolist() == [0.0, 2.5]
    assert best_offsets(log_proba(np.array([-1.0, 2.0])), np.array([0, 1]), "mcc").tolist() == [0.0, 0.0]


def test_a_tuned_threshold_undoes_a_shifted_score() -> None:
    rng = np.random.default_rng(0)
    y = (rng.random(4000) < 0.1).astype(int)
    lp = log_proba(rng.normal(2 * y - 1, 1) - 4)
    plain = balanced_accuracy_score(y, Argmax().fit(lp, y, EVEN)(lp))
    tuned = balanced_accuracy_score(y, TunedThreshold().fit(lp, y, EVEN)(lp))
    assert plain < 0.55
    assert tuned > 0.8


def test_argmax_takes_the_first_of_equals() -> None:
    rule = Argmax().fit(np.empty((0, 3)), np.empty(0, int), Priors(None, np.ones(3) / 3))
    np.testing.assert_array_equal(rule(np.log([[0.2, 0.5, 0.3], [0.4, 0.4, 0.2]])), [1, 0])


def test_logit_adjustment_and_prior_correction_by_hand() -> None:
    # p = (.8, .2) under a prior of (.9, .1): p / prior = (.89, 2), so the rare class wins once the prior is even.
    lp = np.log([[0.8, 0.2], [0.95, 0.05]])
    priors = Priors(np.array([0.9, 0.1]), np.array([0.9, 0.1]))
    nobody = np.empty(0, int)
    assert LogitAdjust().fit(lp[:0], nobody, priors)(lp).tolist() == [1, 0]
    assert LogitAdjust(tau=0).fit(lp[:0], nobody, priors)(lp).tolist() == [0, 0]
    assert PriorCorrection().fit(lp[:0], nobody, priors)(lp).tolist() == [1, 0]
    assert PriorCorrection("natural").fit(lp[:0], nobody, priors)(lp).tolist() == [0, 0]
    # Under 1 : 3 the odds of the second row become .05 / .95 * 9 * 3 = 1.42
    mostly_rare = PriorCorrection({"no": 1, "yes": 3}).for_classes(["no", "yes"])
    assert mostly_rare.fit(lp[:0], nobody, priors)(lp).tolist() == [1, 1]


def test_scores_that_carry_even_priors_are_left_alone() -> None:
    """The rule that would correct twice: raw frequencies on scores that are balanced already."""
    y, lp = scores(50, 3)
    priors = Priors(np.ones(3) / 3, np.array([0.7, 0.2, 0.1]))
    for decision in (LogitAdjust(), PriorCorrection(), MinCost()):
        np.testing.assert_array_equal(decision.fit(lp, y, priors)(lp), lp.argmax(1))


def test_min_cost_by_hand() -> None:
    # A 20 % chance of illness: calling it well costs .2 * 10 = 2, calling it ill .8.
    lp = np.log([[0.8, 0.2], [0.95, 0.05]])
    rule = MinCost({"ill": {"well": 10}}).for_classes(["well", "ill"]).fit(lp, np.array([0, 1]), EVEN)
    assert rule(lp).tolist() == [1, 0]


def test_balanced_costs_are_the_rule_for_balanced_accuracy() -> None:
    y, lp = scores(300, 4)
    prior = np.array([0.4, 0.3, 0.2, 0.1])
    priors = Priors(prior, prior)
    np.testing.assert_array_equal(MinCost().fit(lp, y, priors)(lp), LogitAdjust().fit(lp, y, priors)(lp))
    costs = balanced_costs(prior)
    assert costs.sum() / 12 == pytest.approx(1)
    np.testing.assert_allclose(costs[3, 0] / costs[0, 3], 4)


@pytest.mark.parametrize(
    ("costs", "reason"),
    [
        ([[0, 1], [1, 0]], "must be 3 x 3 numbers for 3 classes.*not 2 rows of 2"),
        ([[0, 1, 1], [1, 0, 1], [1, -1, 0]], "numbers of 0 or more"),
        ([[0, 1, 1], [1, 2, 1], [1, 1, 0]], "predicting 'b' rightly costs 2; it must be 0"),
        ([[0, 1, 1], [0, 0, 0], [1, 1, 0]], "no error on a true 'b' costs anything"),
        ({"a": {"z": 1}}, "'z', which does not exist"),
        (5, "costs must be .*as in .a: .b: 5.*not 5"),
        ({"a": 5}, "costs must be .*as in"),
        ({"a": {"b": "much"}}, "costs must be .*as in"),
        ([[0, 1, float("nan")], [1, 0, 1], [1, 1, 0]], "numbers of 0 or more"),
    ],
)
def test_costs_are_checked_for_shape_sign_and_diagonal(costs, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        MinCost(costs).for_classes(NAMES)


def test_costs_by_name() -> None:
    assert cost_matrix({"b": {"a": 5, "c": 0}}, NAMES).tolist() == [[0, 1, 1], [5, 0, 0], [1, 1, 0]]


def test_targets_are_checked() -> None:
    with pytest.raises(ConfigError, match="no share for class b, c"):
        PriorCorrection({"a": 1}).for_classes(NAMES)
    with pytest.raises(ConfigError, match="'z', which does not exist"):
        PriorCorrection({"z": 1}).for_classes(NAMES)


def test_a_class_without_training_rows_is_never_decided_for() -> None:
    """Cleaning can remove every row of a class; what an untrained score says of it is no evidence."""
    y, lp = scores(60, 3)
    priors = Priors(np.array([0.6, 0.4, 0.0]), np.array([0.5, 0.3, 0.2]))
    for decision in (LogitAdjust(), PriorCorrection(), PriorCorrection("natural"), MinCost()):
        assert set(decision.fit(lp, y, priors)(lp)) <= {0, 1}, decision


def test_g_mean_is_never_below_where_the_search_starts() -> None:
    for seed in range(4):
        y, lp = scores(400, 12, seed)
        reached = geometric_mean_score(y, (lp + best_offsets(lp, y, "g_mean")).argmax(1))
        for other in (np.zeros(12), best_offsets(lp, y, "balanced_accuracy")):
            assert reached >= geometric_mean_score(y, (lp + other).argmax(1)) - 1e-9


COSTS = np.array([[0.0, 1.0, 4.0], [2.0, 0.0, 1.0], [9.0, 5.0, 0.0]])  # truth in rows


def mean_cost(y: np.ndarray, predicted: np.ndarray) -> float:
    return float(COSTS[y, predicted].mean())


def test_a_metric_of_ones_own_is_tuned_on_and_smaller_may_be_better() -> None:
    y, lp = scores(120, 3, seed=4)
    cost = Metric("cost", lambda s: mean_cost(s.y, s.predicted), larger_is_better=False)
    rule = TunedThreshold("cost").with_metrics([cost]).fit(lp, y, Priors(None, np.ones(3) / 3))
    reached = mean_cost(y, rule(lp))
    assert reached < mean_cost(y, lp.argmax(1))
    assert reached <= mean_cost(y, (lp + best_offsets(lp, y, "balanced_accuracy")).argmax(1))
    rng = np.random.default_rng(0)
    for _ in range(200):
        moved = rule.offsets.copy()
        moved[rng.integers(1, 3)] += rng.normal(scale=2)
        assert mean_cost(y, (lp + moved).argmax(1)) >= reached - 1e-12


@pytest.mark.parametrize("name", ["macro_f1", "mcc", "balanced_accuracy"])
def test_a_plain_function_is_tuned_to_where_that_of_the_confusion_matrix_is(name: str) -> None:
    y, lp = scores(60, 3, seed=5)
    plain = Metric("mine", lambda s: REFERENCES[name](s.y, s.predicted))
    reached = REFERENCES[name](y, (lp + best_offsets_for(lp, y, plain)).argmax(1))
    assert reached == pytest.approx(REFERENCES[name](y, (lp + best_offsets(lp, y, name)).argmax(1)), abs=1e-9)


def test_a_metric_of_ones_own_finds_each_class_in_its_place() -> None:
    """No row is of class 1; the metric goes by the recall of class 2, which is right wherever it can be."""
    y, lp = np.array([0, 0, 2, 2]), log_softmax(np.random.default_rng(0).normal(size=(4, 3)), axis=1)
    rare = Metric("rare", lambda c: c.recall[..., 2], needs="confusion")
    assert set((lp + best_offsets_for(lp, y, rare)).argmax(1)[2:]) == {2}


def test_metrics_that_cannot_be_tuned_on_are_refused() -> None:
    y, lp = scores(40, 3)
    with pytest.raises(ConfigError, match=r"decision.metric=roc_auc is no metric of the predicted classes"):
        TunedThreshold("roc_auc").with_metrics([])
    flat = Metric("flat", lambda c: c.hits.sum(), needs="confusion")
    with pytest.raises(ConfigError, match=r"flat cannot be computed: .* shape \(\), not \(41,\)"):
        best_offsets_for(lp, y, flat)
    undefined = Metric("undefined", lambda s: s.log_proba.max())
    with pytest.raises(ConfigError, match="undefined is undefined on the validation rows"):
        best_offsets_for(lp, y, undefined)


def test_a_decision_of_ones_own_writes_fit_and_nothing_else() -> None:
    class First(Decision):
        def fit(self, log_proba, y, priors):
            return lambda scores: np.zeros(len(scores), int)

    one = First()
    assert (one.needs_validation, one.needs_prior) == (False, False)
    assert one.for_classes(NAMES) is one.with_metrics([]) is one
    with pytest.raises(TypeError, match="fit"):
        Decision()
