"""Probabilities put right by labelled rows: bias-corrected temperature scaling."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax


@dataclass(frozen=True)
class Scaling:
    """Log-probabilities ``log softmax(slope * log p + bias)`` (Alexandari et al. 2020).

    Parameters
    ----------
    slope : float
        The inverse of a temperature; below 1 where probabilities were too extreme.
    bias : ndarray of shape (C,)
    """

    slope: float
    bias: np.ndarray

    def __call__(self, log_proba: np.ndarray) -> np.ndarray:
        """Return calibrated log-probabilities, shape (n, C), of log-probabilities (n, C)."""
        return np.asarray(log_softmax(self.slope * log_proba + self.bias, axis=1))


def fit_scaling(log_proba: np.ndarray, y: np.ndarray, precision: float = 0.0) -> Scaling:
    """Return the scaling of largest likelihood on scores (n, C) and classes (n,).

    Parameters
    ----------
    log_proba : ndarray of shape (n, C)
    y : ndarray of shape (n,)
    precision : float
        Inverse variance of a normal prior on log slope and biases around 0, which leaves scores as they are. The
        likelihood's own curvature is the evidence that it is weighed against.

    Examples
    --------
    >>> odds = np.repeat(np.log([1 / 9, 9]), 10)  # promised: one in ten and nine in ten; found: three and seven
    >>> y = np.repeat([1, 0, 1, 0], [3, 7, 7, 3])
    >>> scaling = fit_scaling(np.column_stack([-np.logaddexp(0, odds), -np.logaddexp(0, -odds)]), y)
    >>> round(scaling.slope, 3)  # log(7 / 3) / log(9)
    0.386
    """
    classes = log_proba.shape[1]
    truth = np.eye(classes)[y]

    def loss(at: np.ndarray) -> tuple[float, np.ndarray]:
        slope, bias = np.exp(at[0]), at[1:]
        log_q = log_softmax(slope * log_proba + bias, axis=1)
        wrong = np.exp(log_q) - truth
        value = -(truth * log_q).sum() + precision / 2 * (at @ at)
        gradient = np.append((wrong * log_proba).sum() * slope, wrong.sum(axis=0)) + precision * at
        return value / len(y), gradient / len(y)

    bounds = [(-5.0, 5.0)] + [(None, None)] * classes  # separated classes would ask for ever steeper scores
    found = minimize(loss, np.zeros(classes + 1), jac=True, method="L-BFGS-B", bounds=bounds, tol=1e-10)
    return Scaling(float(np.exp(found.x[0])), found.x[1:] - found.x[1:].mean())
