"""What is kept of a run, and who is told of it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd

from imbalance_lab.types.dataset import Dataset
from imbalance_lab.types.protocols import FittedModel, Progress, Rule
from imbalance_lab.types.run import Predictions


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


class Tracker(Protocol):
    """What an option of the ``tracking`` group instantiates to: told of a run as it happens, then given its record."""

    @property
    def where(self) -> str | None:
        """The command or address that shows the run."""

    def join_sweep(self, name: str, parent: Mapping[str, Any] | None) -> None:
        """Make the run to come one of a sweep."""

    def finished_on(self, dataset: str, config_hash: str, version: str) -> set[str]:
        """Return the hashes of the data on which this very configuration has ended well before."""

    def start(self, dataset: str, names: Mapping[str, str], config: dict[str, Any]) -> None:
        """Announce the run (`names` of ``run``, ``strategy`` and ``model``) on the dataset called `dataset`."""

    def describe(self, tags: dict[str, str], dataset: dict[str, Any]) -> None:
        """Take the run's tags and the summary of its dataset, once that is loaded."""

    def epoch(self, fold: int | None, epoch: int, metrics: Mapping[str, float]) -> None:
        """Take the figures of one epoch; `fold` is None if there is one only."""

    def finish(self, record: dict[str, Any], folder: Path) -> None:
        """Log what ``record.json`` in `folder` says, and the folder; raises TrackingError if the server is away."""

    def abort(self, outcome: str, reason: str, folder: Path) -> None:
        """End a run that did not finish: ``skipped``, ``failed`` or ``killed``."""


class Observer(Protocol):
    """Shows a run to a person."""

    def classes(self, table: pd.DataFrame, fold: int) -> None:
        """Show one row per class (rows, after sampling, weight), before the model of `fold` is trained."""

    def progress(self, fold: int, epochs: int | None) -> AbstractContextManager[Progress]:
        """Show a progress bar over `epochs`; of unknown length if None."""

    def say(self, text: str) -> None:
        """Show a line."""

    def result(self, record: RunRecord, where: str | None) -> None:
        """Show the result table, and where to look further."""
