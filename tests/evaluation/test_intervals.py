from __future__ import annotations

import numpy as np
import pytest

from imbalance_lab.evaluation.intervals import bootstrap
from imbalance_lab.evaluation.predictions import Predictions
from imbalance_lab.evaluation.settings import Evaluation


def interval(hits, support, **settings):
    """Intervals of classes of which so many rows are hit; misses are predicted as the next class."""
    y = np.repeat(np.arange(len(support)), support)
    within = np.concatenate([np.arange(n) for n in support])
    predicted = np.where(within < np.asarray(hits)[y], y, (y + 1) % len(support))
    p = Predictions(np.arange(len(y)), y[:, None], np.zeros((len(y), 1, len(support))), predicted[:, None])
    return bootstrap(p, [[f"c{k}" for k in range(len(support))]], Evaluation(**settings), 0)


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


@pytest.mark.parametrize("support", [[3] * 40, [5] * 20, [93, 1, 7, 9, 10, 33, 49, 86, 4, 6]])
@pytest.mark.parametrize("recall", [0.05, 0.6, 0.95])
def test_balanced_accuracy_of_many_small_classes(support: list[int], recall: float) -> None:
    """The interval holds the estimate always, and the truth about as often as it says."""
    rng = np.random.default_rng(2)
    inside = 0
    for _ in range(100):
        hits = rng.binomial(support, recall)
        low, high = interval(hits, support, resamples=400).loc["balanced_accuracy"]
        assert low - 1e-9 <= np.mean(hits / np.array(support)) <= high + 1e-9
        inside += low <= recall <= high
    assert inside >= 88


def test_confidence_widens_and_the_seed_repeats() -> None:
    narrow, wide = (interval([30, 20], [40, 40], confidence=c).loc["balanced_accuracy"] for c in (0.8, 0.99))
    assert wide.low < narrow.low < narrow.high < wide.high
    assert interval([30, 20], [40, 40]).equals(interval([30, 20], [40, 40]))


def test_classes_without_rows_are_left_out() -> None:
    assert list(interval([3, 0], [4, 0]).index) == ["balanced_accuracy", "recall/c0"]


def test_rows_tested_twice_count_once() -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(2, size=(400, 1))
    predicted = np.where(rng.random((400, 1)) < 0.7, y, 1 - y)
    once = Predictions(np.arange(400), y, np.zeros((400, 1, 2)), predicted)
    twice = Predictions(*(np.concatenate([part, part]) for part in once))
    names = [["a", "b"]]
    single, double = (
        bootstrap(p, names, Evaluation(resamples=20000), 0, repeats) for p, repeats in ((once, 1), (twice, 2))
    )
    np.testing.assert_allclose(single, double, atol=0.01)


def test_labels_share_their_rows() -> None:
    """Two labels that are always hit together spread the mean as one does; two that take turns spread it less."""
    rng = np.random.default_rng(0)
    truth = rng.integers(2, size=(1000, 1))
    hit = rng.random((1000, 1)) < 0.7
    tasks = [("not a", "a"), ("not b", "b")]

    def width(hits: np.ndarray) -> float:
        y = np.hstack([truth, truth])
        p = Predictions(np.arange(1000), y, np.zeros((1000, 2, 2)), np.where(hits, y, 1 - y))
        found = bootstrap(p, tasks, Evaluation(resamples=4000), 0)
        assert list(found.index) == ["balanced_accuracy", *(f"recall/{n}" for task in tasks for n in task)]
        return float(found.high["balanced_accuracy"] - found.low["balanced_accuracy"])

    one = np.zeros((60, 2), int)
    one[0, 1], one[:20, 0] = 1, 1
    for predicted in (one * [1, 0], one):  # the one positive of b missed, and hit
        found = bootstrap(Predictions(np.arange(60), one, np.zeros((60, 2, 2)), predicted), tasks, Evaluation(), 0)
        point = (1 + 1 + 1 + (1 if predicted[0, 1] else 0)) / 4
        assert found.low["balanced_accuracy"] <= point <= found.high["balanced_accuracy"]
        assert found.high["balanced_accuracy"] - found.low["balanced_accuracy"] > 0.05

    together = width(np.hstack([hit, hit]))
    assert together == pytest.approx(2 * 1.96 * np.sqrt(0.21 / 1000), rel=0.1)
    assert width(np.hstack([hit, ~hit])) < 0.5 * together
