"""What is kept of a run, and who is told of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from imbalance_lab.data.dataset import Dataset
from imbalance_lab.evaluation.predictions import Predictions
from imbalance_lab.models.base import FittedModel
from imbalance_lab.strategies.decisions import Rule


@dataclass(frozen=True)
class FoldResult:
    """Everything one fold produced.

    Parameters
    ----------
    classes : DataFrame
        One row per class: rows, after sampling, weight, effective prior.
    effective_prior : ndarray of shape (T, C) or None
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
    effective_prior: np.ndarray | None
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
