"""What validation rows say of thresholds, weighed against what the model's own probabilities say."""

from __future__ import annotations

import numpy as np

from imbalance_lab.data.rows import Priors
from imbalance_lab.strategies.calibration import fit_scaling

# What the probabilities are worth in rows of each class, and the precision of the belief that they are right.
ROWS_WORTH, PRECISION = 50.0, 1.0


def expected_labels(
    log_proba: np.ndarray, y: np.ndarray, priors: Priors, rows_worth: float = ROWS_WORTH, precision: float = PRECISION
) -> np.ndarray:
    """Return how much each row counts as a row of each class, shape (n, C); a class's total is its number of rows.

    Where classes are known, a row counts as one of its own class alone, and thresholds tuned on few rows of a class
    follow the accident of where these lie. The model says of all rows, by its probabilities, how likely they are of the
    class: what it says on its own leads to the offsets of logit adjustment (of balanced accuracy; of other metrics to
    those that are best for them). The two are mixed class by class: the distribution of a class's scores is given a
    Dirichlet-process prior around the one that the probabilities imply, worth `rows_worth` rows, whose posterior mean
    with n rows is ``(n * seen + rows_worth * implied) / (n + rows_worth)`` (Ferguson 1973). Offsets that are best for
    it have the largest expected balanced accuracy.

    Probabilities can be off; so they are first moved to the prior of the data and scaled by a slope and a bias for each
    class, which the rows of all classes are evidence for. A normal prior of `precision` keeps those at 1 and 0 until
    the likelihood is more curved than it: two rows change little, thirty set a wrong bias right.

    Parameters
    ----------
    log_proba : ndarray of shape (n, C)
    y : ndarray of shape (n,)
    priors : Priors
    rows_worth, precision : float
        0 rows give the classes as they are; a larger precision believes the probabilities more.
    """
    counts = np.bincount(y, minlength=log_proba.shape[1])
    scores = log_proba
    if priors.effective is not None:
        trained = priors.effective > 0
        scores = log_proba + np.log(
            np.divide(priors.natural, priors.effective, out=np.ones(len(trained)), where=trained)
        )
    proba = np.exp(fit_scaling(scores, y, precision)(scores))
    implied = counts * proba / np.maximum(proba.sum(axis=0), np.finfo(float).tiny)
    trust = rows_worth / (counts + rows_worth)
    return (1 - trust) * np.eye(len(counts))[y] + trust * implied
