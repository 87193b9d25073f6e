"""Class shares of rows whose classes nobody knows."""

from __future__ import annotations

import numpy as np
from scipy.special import logsumexp

MAX_STEPS = 10_000
SMALLEST_STEP = 1e-9


def estimate_prior(log_proba: np.ndarray, prior: np.ndarray) -> np.ndarray:
    """Return the class shares under which the rows are most likely, by expectation maximisation (Saerens et al. 2002).

    Right as far as the scores are probabilities under `prior`, and rows of a class look alike here and there.

    Parameters
    ----------
    log_proba : ndarray of shape (n, C)
        Of unlabelled rows.
    prior : ndarray of shape (C,)
        The class shares that the scores carry.

    Returns
    -------
    ndarray of shape (C,)

    Examples
    --------
    Ten sure rows of the second class among forty; the scores carry equal shares:

    >>> scores = np.log(np.repeat([[0.99, 0.01], [0.01, 0.99]], [30, 10], axis=0))
    >>> estimate_prior(scores, np.array([0.5, 0.5])).round(2).tolist()
    [0.76, 0.24]
    """
    with np.errstate(divide="ignore"):
        likelihood = log_proba - np.where(prior > 0, np.log(prior), np.inf)
        shares = np.where(prior > 0, prior, 0.0) / prior.sum()
        for _ in range(MAX_STEPS):
            scores = likelihood + np.log(shares)
            updated = np.exp(scores - logsumexp(scores, axis=1, keepdims=True)).mean(axis=0)
            step, shares = np.abs(updated - shares).max(), updated
            if step < SMALLEST_STEP:
                break
    return shares
