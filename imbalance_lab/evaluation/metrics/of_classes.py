"""Metrics of the predicted classes."""

from __future__ import annotations

from math import inf

import numpy as np

from imbalance_lab.evaluation.scores import Confusion


def macro_f1(confusion: Confusion) -> np.ndarray:
    """Return the mean F1 of the classes that have rows."""
    # A sum over all classes, absent ones as zeros, and not `mean`: the order of the additions decides the last bit.
    return np.asarray(np.where(confusion.present, confusion.f1, 0).sum(axis=-1) / confusion.present.sum())


def g_mean(confusion: Confusion, smallest: float = 0.0) -> np.ndarray:
    """Return the geometric mean of the recalls, each at least `smallest` (Kubat and Matwin 1997)."""
    with np.errstate(divide="ignore"):  # the logarithm of 0 is what makes the mean 0
        return np.asarray(np.exp(np.log(np.maximum(confusion.present_recall, smallest)).mean(axis=-1)))


def mcc(confusion: Confusion) -> np.ndarray:
    """Return Matthews' correlation coefficient, of several classes Gorodkin's (2004); 0 where it is not defined."""
    n, support, predicted = confusion.rows, confusion.support, confusion.predicted
    others = n - predicted.sum(axis=-1)  # rows predicted as other classes count as one class more
    spread = np.sqrt((n**2 - np.square(predicted).sum(axis=-1) - others**2) * (n**2 - np.square(support).sum()))
    return (confusion.hits.sum(axis=-1) * n - confusion.agreement) / np.where(spread > 0, spread, inf)


def kappa(confusion: Confusion) -> np.ndarray:
    """Return Cohen's kappa (1960); NaN where all rows are, and are predicted as, one class."""
    n, agreement = confusion.rows, confusion.agreement
    possible = n**2 - agreement
    return (confusion.hits.sum(axis=-1) * n - agreement) / np.where(possible > 0, possible, np.nan)
