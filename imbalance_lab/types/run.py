"""What flows through a run, and what is kept of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from imbalance_lab.types.dataset import Dataset

if TYPE_CHECKING:
    from imbalance_lab.types.protocols import FittedModel, Rule


class Split(NamedTuple):
    """Row numbers of one fold; the three never overlap."""

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray


class Rows(NamedTuple):
    """Prepared rows: `X` (n, d) floats, `y` (n, T) class indices of each task."""

    X: np.ndarray
    y: np.ndarray


@dataclass(frozen=True)
class TrainingSet:
    """What a learner is trained on.

    Parameters
    ----------
    X : ndarray of shape (m, d)
    y : ndarray of shape (m, T)
    counts : ndarray of shape (T, C)
        Rows of each class, in the shares in which the batches show them.
    class_weight : ndarray of shape (T, C)
        What a row of each class counts.
    weight_from : float
        Share of the epochs after which the weights count; before, all rows count 1.
    balanced_batches : bool
        Whether every batch holds the classes in equal shares.
    """

    X: np.ndarray
    y: np.ndarray
    counts: np.ndarray
    class_weight: np.ndarray
    weight_from: float = 0.0
    balanced_batches: bool = False

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


class Priors(NamedTuple):
    """Class priors (C,) of one task: what the scores carry (None: they are no probabilities), and that of the data."""

    carried: np.ndarray | None
    natural: np.ndarray


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
    """What a model said of the `rows` (n,) of a dataset.

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


@dataclass(frozen=True)
class FoldResult:
    """Everything one fold produced.

    Parameters
    ----------
    classes : DataFrame
        One row per class: rows, after sampling, weight, effective prior.
    carried_prior : ndarray of shape (T, C) or None
        The class prior that the scores carry; None if they are no probabilities.
    validation, test : Predictions
    metrics : dict
        ``balanced_accuracy``, ``recall/<class>``, ...
    history : DataFrame or None
        One row per epoch.
    seconds : dict
        Wall time of each stage.
    prepare : callable
        Raw columns to features.
    model : FittedModel
    rules : list of callable
        Scores (n, C) of each task to classes.
    """

    classes: pd.DataFrame
    carried_prior: np.ndarray | None
    validation: Predictions
    test: Predictions
    metrics: dict[str, float]
    history: pd.DataFrame | None
    seconds: dict[str, float]
    prepare: Any
    model: FittedModel
    rules: list[Rule]


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
        The run's metrics: of the only fold, or means over folds.
    deviations : dict
        Standard deviations over folds; empty for one.
    intervals : DataFrame
        ``low`` and ``high`` for ``balanced_accuracy`` and every ``recall/<class>``.
    classes : DataFrame
        One row per class: rows, after sampling, weight, effective prior, recall with interval, precision, F1, support.
    history : DataFrame or None
        One row per fold and epoch.
    never_predicted : list of str
        Classes that have test rows and are not predicted once.
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
    deviations: dict[str, float]
    intervals: pd.DataFrame
    classes: pd.DataFrame
    history: pd.DataFrame | None
    never_predicted: list[str]
    warnings: list[str]

    @property
    def test(self) -> Predictions:
        """Test predictions of all folds, one after the other."""
        return Predictions(*(np.concatenate(parts) for parts in zip(*(fold.test for fold in self.folds), strict=True)))
