"""The H-measure, and how far probabilities are from the shares they promise."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import betainc, expit, logsumexp

from imbalance_lab.evaluation.scores import Curve, Scores

MAX_STEPS = 100


def h_measure(scores: Scores) -> np.ndarray:
    """Return the H-measure of each class against the rest, shape (C,) (Hand 2009).

    What the best threshold for each cost saves, on average over costs, of what is lost without scores. Of a class with
    the share pi the cost c of a false alarm, the miss costing 1 - c, follows Beta(1 + pi, 2 - pi) (Hand and
    Anagnostopoulos 2014), which is the same for all models, unlike the weighting that is implied by the ROC-AUC.
    """
    return np.array([_h_measure(curve) for curve in scores.curves])


def _h_measure(curve: Curve) -> float:
    if not curve.defined:
        return np.nan
    share = curve.tp[-1] / curve.rows[-1]
    fpr, tpr = _hull(np.append(0, curve.fp / curve.fp[-1]), np.append(0, curve.recall))
    right, wrong = share * np.diff(tpr), (1 - share) * np.diff(fpr)
    # From this cost on (a decreasing sequence) a corner of the hull is better than the next one.
    switch = np.concatenate([[1.0], right / (right + wrong), [0.0]])
    a, b = 1 + share, 2 - share
    of_alarm = a / (a + b) * betainc(a + 1, b, switch)  # the integral of c from 0 on
    of_miss = b / (a + b) * betainc(a, b + 1, switch)  # the integral of 1 - c
    loss = (1 - share) * fpr @ -np.diff(of_alarm) + share * (1 - tpr) @ -np.diff(of_miss)
    everybody, nobody = a / (a + b) * betainc(a + 1, b, share), b / (a + b) * (1 - betainc(a, b + 1, share))
    return float(1 - loss / ((1 - share) * everybody + share * nobody))


def _hull(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the corners of the upper convex hull of a curve that rises from (0, 0) to (1, 1)."""
    corners: list[int] = []
    for i in range(len(x)):
        while len(corners) > 1:
            one, two = corners[-2:]
            if (x[two] - x[one]) * (y[i] - y[one]) < (y[two] - y[one]) * (x[i] - x[one]):
                break
            corners.pop()
        corners.append(i)
    return x[corners], y[corners]


def calibration_slope(scores: Scores) -> np.ndarray:
    """Return for each class the slope b of the logistic regression ``logit P(y = k) = a + b logit p_k``, shape (C,).

    1 is right; below it probabilities are too extreme, above it too timid (Cox 1958; Van Calster et al. 2016). NaN
    where the classes are separated.
    """

    def slope(positive: np.ndarray, log_odds: np.ndarray) -> float:
        own, others = log_odds[positive], log_odds[~positive]
        if own.min() >= others.max() or own.max() <= others.min():  # the likelihood has no maximum
            return np.nan
        return float(_fitted(positive, log_odds, np.zeros(len(log_odds)))[1])

    return _of_each(scores, slope)


def calibration_intercept(scores: Scores) -> np.ndarray:
    """Return for each class the intercept a of ``logit P(y = k) = a + logit p_k``, shape (C,).

    0 is right; below it the class is promised too often (calibration in the large; Van Calster et al. 2016).
    """
    return _of_each(scores, lambda positive, log_odds: _fitted(positive, None, log_odds)[0])


def _of_each(scores: Scores, value: Callable[[np.ndarray, np.ndarray], float]) -> np.ndarray:
    log_proba = scores.log_proba
    values = []
    for k, curve in enumerate(scores.curves):
        log_odds = log_proba[:, k] - logsumexp(np.delete(log_proba, k, axis=1), axis=1)
        values.append(value(scores.y == k, log_odds) if curve.defined else np.nan)
    return np.array(values)


def _fitted(positive: np.ndarray, x: np.ndarray | None, offset: np.ndarray) -> np.ndarray:
    """Return the coefficients of a logistic regression, an intercept first, by Newton's method; NaN without such."""
    design = np.ones((len(offset), 1)) if x is None else np.column_stack([np.ones(len(offset)), x])
    at = np.zeros(design.shape[1])
    for _ in range(MAX_STEPS):
        p = expit(design @ at + offset)
        curvature = (design * (p * (1 - p))[:, None]).T @ design
        try:
            step = np.linalg.solve(curvature, design.T @ (positive - p))
        except np.linalg.LinAlgError:
            return np.full(len(at), np.nan)
        reached = _likelihood(design @ at + offset, positive)
        while _likelihood(design @ (at + step) + offset, positive) < reached and np.abs(step).max() > 1e-12:
            step = step / 2
        at = at + step
        if np.abs(step).max() < 1e-9:
            return at
    return np.full(len(at), np.nan)


def _likelihood(log_odds: np.ndarray, positive: np.ndarray) -> float:
    return float(-np.logaddexp(0, np.where(positive, -log_odds, log_odds)).sum())
