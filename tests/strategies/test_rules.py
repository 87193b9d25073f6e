"""How a rule is written into a record, by hand, and when tuning one is doubtful."""

from __future__ import annotations

import json

import numpy as np
import pytest

from imbalance_lab.data.rows import Priors
from imbalance_lab.strategies.decisions import Argmax, LogitAdjust, MinCost, TunedThreshold
from imbalance_lab.strategies.rules import CostRule, OffsetRule, OwnRule, as_rule

PRIORS = Priors(np.array([0.8, 0.2]), np.array([0.8, 0.2]))
NOBODY = np.empty((0, 2)), np.empty(0, int)


def test_the_threshold_of_two_classes_by_hand() -> None:
    # p2 / .2 > p1 / .8 from p2 = .2 on
    described = LogitAdjust().fit(*NOBODY, PRIORS).describe(["no", "yes"])
    assert described["offsets"] == pytest.approx({"no": -np.log(0.8), "yes": -np.log(0.2)})
    assert described["threshold"] == pytest.approx(0.2)
    # A false alarm costs 1 and a miss 9: from one in ten on.
    cost = MinCost({"yes": {"no": 9}}).for_classes(["no", "yes"]).fit(*NOBODY, PRIORS)
    assert cost.describe(["no", "yes"])["threshold"] == pytest.approx(0.1)
    assert cost.describe(["no", "yes"])["costs"] == [[0, 1], [9, 0]]
    assert Argmax().fit(*NOBODY, PRIORS).describe(["no", "yes"])["threshold"] == 0.5


def test_a_tuned_threshold_is_recorded_where_it_cuts() -> None:
    odds = np.array([-3.0, -2.0, -1.0])
    scores = np.column_stack([-np.logaddexp(0, odds), -np.logaddexp(0, -odds)])
    rule = TunedThreshold(shrink=False).fit(scores, np.array([0, 1, 1]), PRIORS)
    described = rule.describe(["no", "yes"])
    assert described["offsets"] == pytest.approx({"no": 0, "yes": 2.5})
    assert described["threshold"] == pytest.approx(1 / (1 + np.exp(2.5)))
    np.testing.assert_array_equal(rule(scores), np.exp(scores[:, 1]) > described["threshold"])


@pytest.mark.parametrize("classes", [2, 4])
def test_costs_that_depend_on_the_missed_class_alone_are_offsets(classes: int) -> None:
    rng = np.random.default_rng(0)
    costs = rng.uniform(1, 9, size=(classes, 1)) * (1 - np.eye(classes))
    rule = CostRule(rng.normal(size=classes), costs)
    scores = np.log(rng.dirichlet(np.ones(classes), size=500))
    np.testing.assert_array_equal(rule(scores), OffsetRule(rule.equivalent_offsets())(scores))


def test_other_costs_have_no_offsets() -> None:
    rule = CostRule(np.zeros(3), np.array([[0.0, 1, 4], [2, 0, 1], [9, 5, 0]]))
    assert rule.equivalent_offsets() is None
    assert set(rule.describe("abc")) == {"rule", "costs", "shift"}
    assert np.isnan(rule.relative_offsets(3, 0)).all()


def test_offsets_are_relative_to_the_most_frequent_class() -> None:
    rule = OffsetRule(np.array([0.5, -1.0, 2.0]))
    assert rule.relative_offsets(3, 1).tolist() == [1.5, 0.0, 3.0]
    never = OffsetRule(np.array([-np.inf, 0.0, 1.0]))
    assert never.relative_offsets(3, 0).tolist() == [-np.inf, 0.0, 1.0]
    assert never.describe("abc")["offsets"] == {"a": None, "b": 0.0, "c": 1.0}
    json.dumps(never.describe("abc"), allow_nan=False)


def test_a_function_of_ones_own_is_a_rule_by_its_name() -> None:
    def first(scores):
        return np.zeros(len(scores), int)

    rule = as_rule(first)
    assert isinstance(rule, OwnRule)
    assert rule(np.zeros((2, 3))).tolist() == [0, 0]
    assert rule.describe("abc")["rule"].endswith("first")
    assert as_rule(rule) is rule


def test_tuning_on_few_rows_is_doubted_by_name() -> None:
    y = np.repeat([0, 1, 2], [40, 10, 9])
    assert (
        TunedThreshold()
        .doubts([y], ["abc"])
        .startswith("the decision is tuned on few validation rows of 'c' (9): below 10 it mostly follows")
    )
    assert "below 10 it fits noise" in TunedThreshold(shrink=False).doubts([y], ["abc"])
    by_folds = TunedThreshold(cv=5).doubts([y], ["abc"])
    assert by_folds.startswith("the decision is tuned on few rows of 'c' (9)")
    assert "decision.cv" not in by_folds
    assert TunedThreshold().doubts([y[:-9]], ["ab"]) is None
    assert LogitAdjust().doubts([y], ["abc"]) is None
    many = TunedThreshold().doubts([np.array([0, 0, 1])], [[f"class {k}" for k in range(9)]])
    assert "'class 2' (0), 'class 3' (0), 'class 4' (0) and 6 more" in many
    assert len(many) < 250
    both = TunedThreshold().doubts([y % 2, np.repeat([0, 1], [56, 3])], [["not hat", "hat"], ["not bag", "bag"]])
    assert "'bag' (3)" in both
