"""Fewer rows to train on, of which none is a rare one's loss."""

from __future__ import annotations

from typing import Any

import numpy as np
from imblearn.under_sampling import RandomUnderSampler

from imbalance_lab.errors import Incompatible


class KeepRare(RandomUnderSampler):  # type: ignore[misc]
    """So many rows at the most: every class is cut to one size, and those that are smaller keep all their rows.

    The size is the largest with which the rows fit, so that no row of a rare class is left out for one of a common
    class. Which rows of a class stay is drawn without replacement. The scores of a model carry the prior of the rows
    that stay; that of the data is put back by a decision that corrects it (King and Zeng 2001).

    Parameters
    ----------
    rows : int
    random_state : int, optional

    Examples
    --------
    >>> X, y = np.arange(20.0)[:, None], np.repeat([0, 1, 2], [12, 6, 2])
    >>> _, kept = KeepRare(rows=10, random_state=0).fit_resample(X, y)
    >>> np.bincount(kept).tolist()
    [4, 4, 2]
    """

    draws_blindly = True  # it does not look at the rows
    is_subset = True

    def __init__(self, rows: int = 1_000_000, random_state: Any = None) -> None:
        super().__init__(sampling_strategy=self._sizes, random_state=random_state)
        self.rows = rows

    def _sizes(self, y: np.ndarray) -> dict[int, int]:
        """Return how many rows each class keeps.

        Raises
        ------
        Incompatible
            If not even the rarest class fits beside as many rows of the others.
        """
        classes, counts = np.unique(y, return_counts=True)
        size = largest_size(counts, self.rows)
        if size < counts.min():
            raise Incompatible(
                f"sampler.rows={self.rows} has no room for the {counts.min():,} rows of the rarest class and as "
                f"many of each of the others; set sampler.rows={counts.min() * len(counts)} or more"
            )
        kept = np.minimum(counts, size)
        return {int(k): int(n) for k, n, before in zip(classes, kept, counts, strict=True) if n < before}


def largest_size(counts: np.ndarray, rows: int) -> int:
    """Return the largest size of a class at which classes of `counts` rows, cut to it, have no more than `rows`.

    >>> largest_size(np.array([12, 6, 2]), 10), largest_size(np.array([3, 2]), 10)
    (4, 3)
    """
    left = rows
    for at, count in enumerate(ascending := np.sort(counts)):
        share = left // (len(counts) - at)
        if share < count:
            return int(share)
        left -= int(count)
    return int(ascending[-1])
