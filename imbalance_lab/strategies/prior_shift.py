"""Class shares of rows whose classes are not known."""

from __future__ import annotations

import numpy as np

from imbalance_lab.data.rows import shares
from imbalance_lab.errors import DataError

MAX_STEPS, CLOSE = 10_000, 1e-9
MAX_CONDITION = 1e8


def most_likely_prior(log_proba: np.ndarray, source: np.ndarray) -> np.ndarray:
    """Return the class shares (C,) of largest likelihood for rows, by expectation maximisation (Saerens et al. 2002).

    Only the shares are supposed to differ from where the scores come from, not the rows of each class.

    Parameters
    ----------
    log_proba : ndarray of shape (n, C)
        Log-probabilities under the shares `source`.
    source : ndarray of shape (C,)
        A class with a share of 0 gets none.

    Examples
    --------
    >>> log_proba = np.log([[0.9, 0.1], [0.9, 0.1], [0.9, 0.1], [0.1, 0.9]])
    >>> most_likely_prior(log_proba, np.array([0.5, 0.5])).round(4).tolist()  # (3/4 - .1) / (.9 - .1)
    [0.8125, 0.1875]
    """
    known = source > 0
    log_ratio = log_proba[:, known] - np.log(source[known])
    ratio = np.exp(log_ratio - log_ratio.max(axis=1, keepdims=True))
    prior = source[known]
    for _ in range(MAX_STEPS):
        mass = ratio * prior
        before, prior = prior, (mass / mass.sum(axis=1, keepdims=True)).mean(axis=0)
        if np.abs(prior - before).max() < CLOSE:
            break
    found = np.zeros(len(source))
    found[known] = prior
    return found


def prediction_shares(predicted: np.ndarray, y: np.ndarray, classes: int) -> np.ndarray:
    """Return how often rows of each class (columns) are predicted as each class (rows), shape (C, C).

    Raises
    ------
    DataError
        If a class has no rows, or the predictions do not tell the classes apart.
    """
    counts = np.zeros((classes, classes))
    np.add.at(counts, (predicted, y), 1)
    if not counts.any(axis=0).all():
        raise DataError("decision.estimator=bbse needs validation rows of every class; use decision.estimator=em")
    found = counts / counts.sum(axis=0)
    if np.linalg.cond(found) > MAX_CONDITION:
        raise DataError(
            "decision.estimator=bbse: the predictions on validation rows do not tell all classes apart, so that their "
            "shares cannot be estimated from predictions; use decision.estimator=em"
        )
    return found


def black_box_prior(prediction_shares: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Return the class shares (C,) under which the predictions (n,) are as many as they are (BBSE; Lipton et al. 2018).

    Parameters
    ----------
    prediction_shares : ndarray of shape (C, C)
        As `prediction_shares` gives them.
    predicted : ndarray of shape (n,)

    Examples
    --------
    >>> black_box_prior(np.array([[0.9, 0.2], [0.1, 0.8]]), np.repeat([0, 1], [55, 45])).round(3).tolist()
    [0.5, 0.5]
    """
    seen = np.bincount(predicted, minlength=len(prediction_shares)) / len(predicted)
    return shares(np.maximum(np.linalg.solve(prediction_shares, seen), 0))
