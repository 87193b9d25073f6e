"""A sample of rows that come in parts."""

from __future__ import annotations

import numpy as np

MAX_VALUES = 2**22  # of kept scores: 32 MB


class Sample:
    """Keeps scores of rows drawn with equal chances from all that were added.

    Parameters
    ----------
    seed : int

    Attributes
    ----------
    scores : ndarray of shape (m, T, C)
    seen : int
        How many rows were added.

    Examples
    --------
    >>> sample = Sample()
    >>> for _ in range(3):
    ...     sample.add(np.zeros((10, 1, 2)))
    >>> sample.seen, sample.scores.shape
    (30, (30, 1, 2))
    """

    def __init__(self, seed: int = 0) -> None:
        self.seen = 0
        self._rng = np.random.default_rng(seed)
        self._parts: list[np.ndarray] = []
        self._draws: list[np.ndarray] = []

    def add(self, scores: np.ndarray) -> None:
        """Add rows of scores (n, T, C)."""
        self.seen += len(scores)
        self._parts.append(scores)
        self._draws.append(self._rng.random(len(scores)))
        most = max(1, MAX_VALUES // scores[0].size)
        if sum(map(len, self._parts)) > 2 * most:
            self._cut(most)

    @property
    def scores(self) -> np.ndarray:
        """The rows that were drawn."""
        most = max(1, MAX_VALUES // self._parts[0][0].size)
        if sum(map(len, self._parts)) > most:
            self._cut(most)
        return np.concatenate(self._parts)

    def _cut(self, most: int) -> None:
        scores, draws = np.concatenate(self._parts), np.concatenate(self._draws)
        kept = np.argpartition(draws, most)[:most]
        self._parts, self._draws = [scores[kept]], [draws[kept]]
