from __future__ import annotations

import numpy as np
import pytest

from imbalance_lab.evaluation.intervals import bootstrap
from imbalance_lab.types import Evaluation


def interval(hits, support, **settings):
    support = np.asarray(support)
    confusion = np.zeros((len(support), len(support)), int)
    np.fill_diagonal(confusion, hits)
    confusion[np.arange(len(support)), (np.arange(len(support)) + 1) % len(support)] += support - hits
    names = [f"c{k}" for k in range(len(support))]
    return bootstrap(confusion, names, Evaluation(**settings), 0)


def test_large_classes_have_the_width_of_the_normal_approximation() -> None:
    found = interval([8000, 4000], [10000, 10000], resamples=20000)
    for name, p in (("recall/c0", 0.8), ("recall/c1", 0.4)):
        half = 1.96 * np.sqrt(p * (1 - p) / 10000)
        np.testing.assert_allclose(found.loc[name], [p - half, p + half], atol=0.0006)
    both = 1.96 * np.sqrt((0.8 * 0.2 + 0.4 * 0.6) / 10000) / 2
    np.testing.assert_allclose(found.loc["balanced_accuracy"], [0.6 - both, 0.6 + both], atol=0.0006)


def test_the_interval_holds_the_recall_itself() -> None:
    for support in (1, 2, 5, 40):
        for hits in range(support + 1):
            low, high = interval([hits, 3], [support, 5]).loc["recall/c0"]
            assert low <= hits / support <= high


def test_a_class_of_one_row_is_not_certain() -> None:
    assert interval([0, 5], [1, 9]).loc["recall/c0", "high"] == 1
    assert interval([1, 5], [1, 9]).loc["recall/c0", "low"] == 0


@pytest.mark.parametrize(("support", "recall"), [(5, 0.5), (10, 0.9), (40, 0.7), (200, 0.95)])
def test_coverage_by_simulation(support: int, recall: float) -> None:
    """The true recall lies inside about as often as the level says: not below 88 % for 95 %, small classes included.

    Recall of n rows takes n + 1 values only, so exact coverage is out of reach; the plain bootstrap of five rows covers
    a recall of one half in 94 % of samples but one of 0.9 in 41 %.
    """
    rng = np.random.default_rng(1)
    inside = 0
    for hits in rng.binomial(support, recall, size=300):
        low, high = interval([hits, 1], [support, 1], resamples=500).loc["recall/c0"]
        inside += low - 1e-9 <= recall <= high + 1e-9
    assert inside / 300 >= 0.88


def test_confidence_widens_and_the_seed_repeats() -> None:
    narrow, wide = (interval([30, 20], [40, 40], confidence=c).loc["balanced_accuracy"] for c in (0.8, 0.99))
    assert wide.low < narrow.low < narrow.high < wide.high
    assert interval([30, 20], [40, 40]).equals(interval([30, 20], [40, 40]))


def test_classes_without_rows_are_left_out() -> None:
    assert list(interval([3, 0], [4, 0]).index) == ["balanced_accuracy", "recall/c0"]
