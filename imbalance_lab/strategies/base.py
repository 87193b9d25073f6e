"""The four slots of a strategy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np


class Sampler(Protocol):
    """Decides which training rows there are; every imbalanced-learn sampler is one."""

    def fit_resample(self, X: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return training rows (m, d) and their classes (m,) made from rows (n, d) and classes (n,)."""


class ClassWeight(Protocol):
    """Decides what a row of each class counts."""

    @property
    def weight_start(self) -> float:
        """Share of the epochs after which the weights count."""

    def check(self, class_names: Sequence[str], counts: np.ndarray) -> None:
        """Refuse settings that do not fit these classes, of so many rows in the data."""

    def __call__(self, counts: np.ndarray, class_names: Sequence[str]) -> np.ndarray:
        """Return positive weights, shape (C,), from the rows of each class, shape (C,)."""


class Loss(Protocol):
    """Penalty of each row. TensorFlow tensors in and out."""

    @property
    def head_scale(self) -> float | None:
        """Scale of the normalised head it needs: logits are the scale times a cosine; None for a plain head."""

    @property
    def counts_classes(self) -> bool:
        """Whether it is plain cross-entropy where classes are equally large."""

    def for_classes(self, class_names: Sequence[str]) -> Loss:
        """Return the loss for these classes, settings given by name looked up."""

    def effective_prior(self, prior: np.ndarray, counts: np.ndarray) -> np.ndarray | None:
        """Return the prior that softmax(z) carries.

        Parameters
        ----------
        prior, counts : ndarray of shape (..., C)
            Effective prior, and class sizes, of the rows trained on.

        Returns
        -------
        ndarray of shape (..., C), or None if the scores are no probabilities
        """

    def __call__(self, y: Any, logits: Any, counts: Any) -> Any:
        """Return the loss of each row, shape (b,), of classes (b,), logits (b, C) and class sizes (C,)."""
