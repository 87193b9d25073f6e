from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from imblearn.metrics import geometric_mean_score
from sklearn.metrics import balanced_accuracy_score, f1_score, matthews_corrcoef

from imbalance_lab.strategies.decisions import Argmax, TunedThreshold, best_cut

METRICS = {
    "balanced_accuracy": balanced_accuracy_score,
    "g_mean": geometric_mean_score,
    "f1": lambda y, p: f1_score(y, p, zero_division=0),
    "mcc": matthews_corrcoef,
}
PRIOR = np.array([0.5, 0.5])


def log_proba(odds: np.ndarray) -> np.ndarray:
    return np.column_stack([-np.logaddexp(0, odds), -np.logaddexp(0, -odds)])


@pytest.mark.parametrize("metric", METRICS)
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_no_cut_is_better_than_the_tuned_one(metric: str, data: st.DataObject) -> None:
    n = data.draw(st.integers(4, 25))
    y = np.array([0, 1, *data.draw(st.lists(st.integers(0, 1), min_size=n - 2, max_size=n - 2))])
    odds = np.array(data.draw(st.lists(st.integers(-4, 4), min_size=n, max_size=n)), dtype=float)  # with many ties
    rule = TunedThreshold(metric).fit(log_proba(odds), y, PRIOR)
    reached = METRICS[metric](y, rule(log_proba(odds)))
    cuts = np.unique(odds)
    best = max(METRICS[metric](y, (odds >= cut).astype(int)) for cut in [*cuts, np.inf])
    assert reached == pytest.approx(best, abs=1e-9)


def test_the_cut_lies_midway_and_nearest_to_even_odds() -> None:
    assert best_cut(np.array([-3.0, -2.0, -1.0]), np.array([0, 1, 1]), "balanced_accuracy") == -2.5
    # Anything between -1 and 1 separates; of scores that never disagree the cut nearest to 0 is taken.
    assert best_cut(np.array([-1.0, 1.0]), np.array([0, 1]), "balanced_accuracy") == 0.0


def test_a_tuned_threshold_undoes_a_shifted_score() -> None:
    rng = np.random.default_rng(0)
    y = (rng.random(4000) < 0.1).astype(int)
    odds = rng.normal(2 * y - 1, 1) - 4
    scores = log_proba(odds)
    plain = balanced_accuracy_score(y, Argmax().fit(scores, y, PRIOR)(scores))
    tuned = balanced_accuracy_score(y, TunedThreshold().fit(scores, y, PRIOR)(scores))
    assert plain < 0.55
    assert tuned > 0.8


def test_argmax_takes_the_first_of_equals() -> None:
    rule = Argmax().fit(np.empty((0, 3)), np.empty(0, int), np.ones(3) / 3)
    np.testing.assert_array_equal(rule(np.log([[0.2, 0.5, 0.3], [0.4, 0.4, 0.2]])), [1, 0])
