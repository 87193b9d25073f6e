"""What flows through a run, and what is kept of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from imbalance_lab.types.dataset import Dataset

if TYPE_CHECKING:
    from imbalance_lab.types.protocols import FittedModel


class Split(NamedTuple):
    """Row numbers of one fold; the three never overlap."""

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray


class Rows(NamedTuple):
    """Prepared rows: `X` (n, d) floats, `y` (n,) class indices."""

    X: np.ndarray
    y: np.ndarray


@dataclass(frozen=True)
class TrainingSet:
    """What a learner is trained on.

    Parameters
    ----------
    X : ndarray of shape (m, d)
    y : ndarray of shape (m,)
    class_weight : ndarray of shape (C,)
        What a row of each class counts.
    """

    X: np.ndarray
    y: np.ndarray
    class_weight: np.ndarray

    @cached_property
    def counts(self) -> np.ndarray:
        """Rows of each class that the model sees, shape (C,)."""
        return np.bincount(self.y, minlength=len(self.class_weight))

    @property
    def sample_weight(self) -> np.ndarray:
        """Weight of each row, shape (m,)."""
        return self.class_weight[self.y]

    @property
    def weighted(self) -> bool:
        """Whether some class counts more than another."""
        return bool(np.ptp(self.class_weight) > 0)

    @property
    def prior(self) -> np.ndarray:
        """Effective prior: the class shares after sampling and weighting, shape (C,)."""
        mass = self.counts * self.class_weight
        return mass / mass.sum()


class Seeds(NamedTuple):
    """Independent streams of one fold's randomness."""

    sampling: int
    initialisation: int
    shuffling: int
    intervals: int

    @classmethod
    def spawn(cls, seed: int, fold: int) -> Seeds:
        """Derive the streams of `fold` from the run's seed (`numpy.random.SeedSequence`)."""
        children = np.random.SeedSequence([seed, fold]).spawn(len(cls._fields))
        return cls(*(int(child.generate_state(1)[0] >> 1) for child in children))


class Predictions(NamedTuple):
    """Scores `log_proba` (n, C), classes and decisions (n,) of the `rows` (n,) of the dataset."""

    rows: np.ndarray
    y: np.ndarray
    log_proba: np.ndarray
    predicted: np.ndarray


@dataclass(frozen=True)
class FoldResult:
    """Everything one fold produced.

    Parameters
    ----------
    classes : DataFrame
        One row per class: rows, after sampling, weight, effective prior.
    validation, test : Predictions
    metrics : dict
        ``balanced_accuracy``, ``recall/<class>``, ...
    history : DataFrame or None
        One row per epoch.
    seconds : dict
        Wall time of each stage.
    model : FittedModel
    """

    classes: pd.DataFrame
    validation: Predictions
    test: Predictions
    metrics: dict[str, float]
    history: pd.DataFrame | None
    seconds: dict[str, float]
    model: FittedModel


@dataclass(frozen=True)
class RunRecord:
    """What is kept of a run.

    Parameters
    ----------
    name, strategy, model : str
        How the run, its strategy and its model are called.
    config : dict
        The resolved configuration.
    tags : dict
        Hashes, commit, versions.
    dataset : Dataset
    folds : list of FoldResult
    metrics : dict
        The run's metrics: of the only fold, or means over folds and ``_std`` beside them.
    intervals : DataFrame
        ``low`` and ``high`` for ``balanced_accuracy`` and every ``recall/<class>``.
    classes : DataFrame
        One row per class: rows, after sampling, weight, effective prior, recall with interval, precision, F1, support.
    history : DataFrame or None
        One row per fold and epoch.
    warnings : list of str
    """

    name: str
    strategy: str
    model: str
    config: dict[str, Any]
    tags: dict[str, str]
    dataset: Dataset
    folds: list[FoldResult]
    metrics: dict[str, float]
    intervals: pd.DataFrame
    classes: pd.DataFrame
    history: pd.DataFrame | None
    warnings: list[str]

    @property
    def test(self) -> Predictions:
        """Test predictions of all folds, one after the other."""
        return Predictions(*(np.concatenate(parts) for parts in zip(*(fold.test for fold in self.folds), strict=True)))
