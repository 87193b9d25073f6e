"""Test rows drawn so that the classes have other shares."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from imbalance_lab.data.rows import shares
from imbalance_lab.errors import DataError


def at_prior(rows: np.ndarray, y: np.ndarray, prior: Mapping[str, float], seed: int) -> np.ndarray:
    """Return as many of the rows as there can be with these class shares, drawn without replacement, in their order.

    Parameters
    ----------
    rows : ndarray of shape (n,)
        Row numbers.
    y : ndarray of shape (n,)
        Their classes.
    prior : mapping of class name to share
        In the order of the classes.
    seed : int

    Raises
    ------
    DataError
        If a class has no row, or would have none.

    Examples
    --------
    >>> at_prior(np.arange(6), np.array([0, 0, 0, 0, 1, 1]), {"no": 1, "yes": 1}, seed=0).tolist()[-2:]
    [4, 5]
    """
    share = shares(np.array(list(prior.values()), dtype=float))
    have = np.bincount(y, minlength=len(share))
    counts = _counts(share, have)
    if not counts.all():
        k = int(counts.argmin())
        raise DataError(
            f"evaluation.test_prior leaves no test row of class '{list(prior)[k]}' ({have[k]} of {len(y)} rows, share "
            f"{share[k]:.2g}); make its share larger, or split.test"
        )
    rng = np.random.default_rng(seed)
    chosen = [rng.choice(np.flatnonzero(y == k), size=n, replace=False) for k, n in enumerate(counts)]
    return rows[np.sort(np.concatenate(chosen))]


def _counts(share: np.ndarray, have: np.ndarray) -> np.ndarray:
    """Return how many rows of each class there are at most, rounded to whole rows by the largest remainders."""
    total = int(np.floor((have / share).min() + 1e-9))
    exact = share * total
    counts = np.floor(exact + 1e-9).astype(int)
    for k in np.argsort(counts - exact, kind="stable")[: total - counts.sum()]:
        counts[k] += 1
    return np.minimum(counts, have)
