"""Metrics of what classes are ranked by, and of probabilities."""

from __future__ import annotations

import numpy as np

from imbalance_lab.evaluation.scores import Scores


def mean_over_classes(values: np.ndarray) -> float:
    """Return the mean of the values that are not NaN; NaN if there are none."""
    defined = ~np.isnan(values)
    return float(np.where(defined, values, 0).sum() / defined.sum()) if defined.any() else np.nan


def of_the_second_or_mean(values: np.ndarray) -> float:
    """Return of two classes the value of the second, of more the mean of those that are not NaN."""
    return float(values[1]) if len(values) == 2 else mean_over_classes(values)


def average_precision(scores: Scores) -> float:
    """Return the average precision of the positive one of two classes, of more classes the mean."""
    return of_the_second_or_mean(scores.average_precision)


def log_loss(scores: Scores) -> float:
    """Return the mean negative log-probability of the true class."""
    return float(-scores.log_proba[np.arange(len(scores.y)), scores.y].mean())


def brier(scores: Scores) -> float:
    """Return the mean squared error of the positive class's probability, of more classes the sum over classes.

    That is how scikit-learn's `brier_score_loss` scales it.
    """
    p, y = scores.proba, scores.y
    if p.shape[1] == 2:
        return float(np.square(p - np.eye(2)[y])[:, 1].mean())
    return float((np.square(p).sum(axis=1) - 2 * p[np.arange(len(y)), y] + 1).mean())


def ece(scores: Scores) -> float:
    """Return the expected calibration error of the largest probability, in bins of equal width (Guo et al. 2017)."""
    p, y, bins = scores.proba, scores.y, scores.bins
    confidence, right = p.max(axis=1), p.argmax(axis=1) == y
    bin_of = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    gap = np.bincount(bin_of, weights=right, minlength=bins) - np.bincount(bin_of, weights=confidence, minlength=bins)
    return float(np.abs(gap).sum() / len(y))
