"""How do scores become a class?"""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic.dataclasses import dataclass

from imbalance_lab.types import STRICT, Rule

ThresholdMetric = Literal["balanced_accuracy", "g_mean", "f1", "mcc"]


@dataclass(frozen=True, config=STRICT)
class Argmax:
    """The null option: the class with the highest score, of equal ones the first."""

    needs_validation: ClassVar[bool] = False
    binary_only: ClassVar[bool] = False

    def fit(self, log_proba: np.ndarray, y: np.ndarray, prior: np.ndarray) -> Rule:
        """Return the rule; nothing is fitted."""
        return argmax


def argmax(log_proba: np.ndarray) -> np.ndarray:
    """Return the class of the highest score of each row, shape (n,)."""
    return np.asarray(log_proba.argmax(axis=1))


@dataclass(frozen=True, config=STRICT)
class TunedThreshold:
    """Binary: call a row positive when its log-odds reach the cut that was best on validation rows.

    Every cut between two different scores is tried; the rule cuts midway. Of equally good cuts the one nearest to
    even odds is taken.

    Parameters
    ----------
    metric : {"balanced_accuracy", "g_mean", "f1", "mcc"}
        What is best; F1 is that of the positive (rarer) class.
    """

    metric: ThresholdMetric = "balanced_accuracy"

    needs_validation: ClassVar[bool] = True
    binary_only: ClassVar[bool] = True

    def fit(self, log_proba: np.ndarray, y: np.ndarray, prior: np.ndarray) -> Rule:
        """Fit the cut on validation scores `log_proba` (n, 2) and classes `y` (n,)."""
        cut = best_cut(log_odds(log_proba), y, self.metric)
        return lambda scores: (log_odds(scores) >= cut).astype(np.int64)


def log_odds(log_proba: np.ndarray) -> np.ndarray:
    """Return the log-odds of the positive class, shape (n,)."""
    return np.asarray(log_proba[:, 1] - log_proba[:, 0])


def best_cut(scores: np.ndarray, y: np.ndarray, metric: ThresholdMetric) -> float:
    """Return the cut on `scores` (n,) that is best for labels `y` (n,) in {0, 1}, over all possible cuts.

    Examples
    --------
    >>> best_cut(np.array([-3.0, -2.0, -1.0]), np.array([0, 1, 1]), "balanced_accuracy")
    -2.5
    """
    order = np.argsort(scores)
    values, firsts = np.unique(scores[order], return_index=True)
    # Cutting before the i-th distinct value calls the rows from firsts[i] on positive; the last cut calls none.
    positives_before = np.concatenate([[0], np.cumsum(y[order])])[np.append(firsts, len(y))]
    rows_before = np.append(firsts, len(y))
    true_positives = y.sum() - positives_before
    false_positives = (len(y) - y.sum()) - (rows_before - positives_before)
    value = _value(metric, true_positives, false_positives, int(y.sum()), len(y) - int(y.sum()))
    cuts = np.concatenate([[values[0] - 1], (values[1:] + values[:-1]) / 2, [values[-1] + 1]])
    best = np.flatnonzero(value >= value.max() - 1e-12)
    return float(cuts[best[np.abs(cuts[best]).argmin()]])


def _value(metric: ThresholdMetric, tp: np.ndarray, fp: np.ndarray, positives: int, negatives: int) -> np.ndarray:
    recall, specificity = tp / max(positives, 1), 1 - fp / max(negatives, 1)
    if metric == "balanced_accuracy":
        return np.asarray((recall + specificity) / 2)
    if metric == "g_mean":
        return np.sqrt(recall * specificity)
    if metric == "f1":
        return np.asarray(2 * tp / np.maximum(tp + fp + positives, 1))
    called = tp + fp
    spread = np.sqrt(called * float(positives) * negatives * (positives + negatives - called))
    return np.asarray((tp * (negatives - fp) - fp * (positives - tp)) / np.where(spread > 0, spread, np.inf))
