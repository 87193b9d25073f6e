"""Metrics of an operating point: how well some class is found where one wants to work.

Each is made for a setting, which is the end of its name, and is one against the rest: of two classes its value is that
of the second, of more the mean over classes; that of each class is logged as ``<name>/<class>``.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf

import numpy as np

from imbalance_lab.errors import ConfigError
from imbalance_lab.evaluation.metrics.base import AMOUNT, SHARE, Metric, Needs
from imbalance_lab.evaluation.metrics.of_scores import of_the_second_or_mean
from imbalance_lab.evaluation.scores import Curve, Scores

PERCENT = "pct"


def recall_at_precision(precision: str | float) -> Metric:
    """Return the largest recall among thresholds with at least this precision; 0 where none has it.

    Examples
    --------
    >>> scores = Scores(np.array([1, 0, 1]), np.array([1, 1, 0]), np.log([[0.1, 0.9], [0.3, 0.7], [0.6, 0.4]]))
    >>> recall_at_precision(0.8)(scores), recall_at_precision(0.6)(scores)
    (0.5, 1.0)
    """
    least = _share(precision, "recall_at_precision")

    def of_one(curve: Curve) -> float:
        return float(curve.recall[curve.precision >= least].max(initial=0.0))

    return _of_curves(f"recall_at_precision_{least:g}", of_one)


def precision_at_recall(recall: str | float) -> Metric:
    """Return the largest precision among thresholds with at least this recall."""
    least = _share(recall, "precision_at_recall")

    def of_one(curve: Curve) -> float:
        return float(curve.precision[curve.recall >= least].max())

    return _of_curves(f"precision_at_recall_{least:g}", of_one)


def precision_at_top(first: str) -> Metric:
    """Return the precision among the first rows by score: a number of them, or a percentage as ``5pct``.

    Where equal scores straddle the last of them, it is the mean over all orders of the equal ones. Of fewer rows all
    count.
    """
    return _at_top("precision", first, lambda curve, hits, rows: hits / rows)


def recall_at_top(first: str) -> Metric:
    """Return the recall among the first rows by score; see `precision_at_top`."""
    return _at_top("recall", first, lambda curve, hits, rows: hits / curve.tp[-1])


def net_benefit(thresholds: str) -> Metric:
    """Return the net benefit at a threshold, or its mean over a range, as ``0.05_to_0.3`` (Vickers and Elkin 2006).

    ``tp / n - fp / n * t / (1 - t)`` of the rows whose probability is at least the threshold t. Treating nobody has 0.

    Examples
    --------
    >>> scores = Scores(np.array([1, 0, 1]), np.array([1, 1, 0]), np.log([[0.1, 0.9], [0.3, 0.7], [0.6, 0.4]]))
    >>> round(net_benefit("0.5")(scores), 9), round(net_benefit("0.2")(scores), 9)
    (0.0, 0.583333333)
    """
    ends = [_share(end, "net_benefit", top=False) for end in thresholds.split("_to_")]
    if len(ends) > 2 or (ends[0] >= ends[-1] and len(ends) == 2):
        raise ConfigError(f"net_benefit_{thresholds}: a range is written as net_benefit_0.05_to_0.3")
    low, high = ends[0], ends[-1]

    def of_one(positive: np.ndarray, p: np.ndarray) -> float:
        if low == high:
            return float(np.where(p >= low, np.where(positive, 1.0, -low / (1 - low)), 0).mean())
        treated = np.clip(p, low, high)  # up to this threshold
        gain = treated - low
        loss = np.log1p(-low) - np.log1p(-treated) - gain  # the integral of t / (1 - t)
        return float(np.where(positive, gain, -loss).mean() / (high - low))

    def values(scores: Scores) -> list[float]:
        return [of_one(scores.y == k, scores.proba[:, k]) for k in range(scores.proba.shape[1])]

    name = "net_benefit_" + "_to_".join(f"{end:g}" for end in ends)
    return _against_the_rest(name, values, "probabilities", bounds=(-inf, 1.0))


def expected_cost(costs: np.ndarray) -> Metric:
    """Return the mean cost of the predicted classes under a matrix (C, C), truth in rows (Elkan 2001).

    Examples
    --------
    >>> metric = expected_cost(np.array([[0.0, 1.0], [10.0, 0.0]]))
    >>> metric(Scores(np.array([0, 1]), np.array([1, 0]), np.log(np.full((2, 2), 0.5))))
    5.5
    """
    matrix = np.asarray(costs, dtype=float)
    return Metric(
        "expected_cost",
        lambda scores: matrix[scores.y, scores.predicted].mean(),
        larger_is_better=False,
        bounds=AMOUNT,
        heading="expected cost",
        per_row=lambda support: matrix / support.sum(),
        shown=("screen",),
    )


def _at_top(kind: str, first: str, value: Callable[[Curve, float, float], float]) -> Metric:
    text = first.removesuffix(PERCENT)
    try:
        number = float(text) if text != first else int(text)
    except ValueError:
        number = 0
    if number <= 0 or (text != first and number > 100):
        raise ConfigError(
            f"{kind}_at_top_{first}: write a number of rows, or a percentage, as {kind}_at_top_5{PERCENT}"
        )

    def of_one(curve: Curve) -> float:
        total = curve.rows[-1]
        rows = min(float(max(round(total * number / 100), 1)) if text != first else float(number), total)
        end = int(np.searchsorted(curve.rows, rows))  # the group of equal scores in which the last one lies
        hits, before = (curve.tp[end - 1], curve.rows[end - 1]) if end else (0.0, 0.0)
        hits += (curve.tp[end] - hits) * (rows - before) / (curve.rows[end] - before)
        return float(value(curve, hits, rows))

    return _of_curves(f"{kind}_at_top_{number:g}{PERCENT if text != first else ''}", of_one)


def _of_curves(name: str, of_one: Callable[[Curve], float]) -> Metric:
    def values(scores: Scores) -> list[float]:
        return [of_one(curve) if curve.defined else np.nan for curve in scores.curves]

    return _against_the_rest(name, values, "scores")


def _against_the_rest(
    name: str, values: Callable[[Scores], list[float]], needs: Needs, bounds: tuple[float, float] = SHARE
) -> Metric:
    """Return the metric of values of each class; those that are not defined are NaN."""

    def of_each(scores: Scores) -> np.ndarray:
        return np.array(values(scores))

    return Metric(
        name,
        lambda scores: of_the_second_or_mean(of_each(scores)),
        needs,
        bounds=bounds,
        heading=name.replace("_", " ").replace(PERCENT, " %"),
        by_class=of_each,
        shown=("screen",),
    )


def _share(value: float | str, name: str, top: bool = True) -> float:
    try:
        share = float(value)
    except ValueError:
        share = -1.0
    if not 0 < share < 1 and not (top and share == 1):
        raise ConfigError(f"{name}_{value}: write a number between 0 and 1, as in {name}_0.2")
    return share
