"""What a model predicts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np


class Predictions(NamedTuple):
    """What a model predicts for the `rows` (n,) of a dataset.

    `y` and `predicted` are (n, T), `log_proba` is (n, T, C); of one task alone (n,) and (n, C).
    """

    rows: np.ndarray
    y: np.ndarray
    log_proba: np.ndarray
    predicted: np.ndarray

    def tasks(self) -> list[Predictions]:
        """Return the predictions of each task."""
        count = self.y.shape[1]
        return [Predictions(self.rows, self.y[:, t], self.log_proba[:, t], self.predicted[:, t]) for t in range(count)]


def join(parts: Iterable[Predictions]) -> Predictions:
    """Put the predictions of several folds one after the other."""
    return Predictions(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))
