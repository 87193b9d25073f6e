"""What flows through a run."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np


class Split(NamedTuple):
    """Row numbers of one fold; the three never overlap."""

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray


class Rows(NamedTuple):
    """Prepared rows: `X` (n, d) floats of a table, (n, ...) of anything else; `y` (n, T) class indices of each task."""

    X: np.ndarray
    y: np.ndarray


class Priors(NamedTuple):
    """Class priors (C,) of one task: what the scores carry (None: they are no probabilities), and that of the data."""

    effective: np.ndarray | None
    natural: np.ndarray


@dataclass(frozen=True)
class TrainingSet:
    """What a learner is trained on.

    Parameters
    ----------
    X : ndarray of shape (m, d), or (m, ...)
    y : ndarray of shape (m, T)
    counts : ndarray of shape (T, C)
        Rows of each class, in the shares in which the batches show them.
    class_weight : ndarray of shape (T, C)
        Weight of a row of each class.
    weight_start : float
        Share of the epochs after which the weights count; before, all rows count 1.
    balanced_batches : bool
        Whether every batch holds the classes in equal shares.
    codes : int
        How many columns of `X`, the last, are category codes; only a native model is given any.
    """

    X: np.ndarray
    y: np.ndarray
    counts: np.ndarray
    class_weight: np.ndarray
    weight_start: float = 0.0
    balanced_batches: bool = False
    codes: int = 0

    def evened(self) -> TrainingSet:
        """Return the rows as batches that hold the classes in equal shares show them, none weighted."""
        present = self.counts > 0
        even = np.where(present, self.counts.sum(axis=1, keepdims=True), 0) / present.sum(axis=1, keepdims=True)
        return replace(
            self, counts=even, class_weight=np.ones_like(self.class_weight), weight_start=0.0, balanced_batches=True
        )

    @property
    def sample_weight(self) -> np.ndarray:
        """Weight of each row in each task, shape (m, T)."""
        return self.class_weight[np.arange(self.y.shape[1]), self.y]

    @property
    def prior(self) -> np.ndarray:
        """Effective prior: the class shares after sampling and weighting, shape (T, C)."""
        return shares(self.counts * self.class_weight)


def shares(mass: np.ndarray) -> np.ndarray:
    """Return `mass` (..., C) scaled so that the last axis sums to 1."""
    return mass / mass.sum(axis=-1, keepdims=True)


class Seeds(NamedTuple):
    """Independent streams of one fold's randomness."""

    sampling: int
    initialisation: int
    shuffling: int
    intervals: int
    test_rows: int
    stress: int
    tuning: int

    @classmethod
    def spawn(cls, seed: int, fold: int) -> Seeds:
        """Derive the streams of `fold` from the run's seed (`numpy.random.SeedSequence`)."""
        children = np.random.SeedSequence([seed, fold]).spawn(len(cls._fields))
        return cls(*(int(child.generate_state(1)[0] >> 1) for child in children))
