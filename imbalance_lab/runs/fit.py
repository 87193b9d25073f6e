"""From training and validation rows to something that predicts: train, decide."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from imbalance_lab.data.dataset import Dataset
from imbalance_lab.data.prepare import Prepared
from imbalance_lab.data.rows import Priors, Split
from imbalance_lab.data.stored import applied
from imbalance_lab.errors import LabWarning
from imbalance_lab.evaluation.predictions import Predictions
from imbalance_lab.models.base import FittedModel, Progress
from imbalance_lab.runs.inner import cross_validated
from imbalance_lab.runs.observers import Observer
from imbalance_lab.runs.plan import Plan
from imbalance_lab.runs.train import finite, train
from imbalance_lab.runs.watch import Clock
from imbalance_lab.strategies.rules import Rule, as_rule


@dataclass(frozen=True)
class Fitted:
    """Everything it takes to predict raw rows, and how it came about.

    Parameters
    ----------
    prepare : Prepared
        Raw columns to features.
    model : FittedModel
        Features to log-probabilities of each task.
    rules : list of Rule
        Log-probabilities (n, C) of each task to classes (n,).
    priors : list of Priors
        Of each task: what the scores carry, and what the training rows had.
    classes : DataFrame
        One row per class: rows, rows after sampling, weight, effective prior, and the offset that the decision adds to
        its log-probability, relative to the most frequent class.
    history : DataFrame or None
        One row per epoch.
    """

    prepare: Prepared
    model: FittedModel
    rules: list[Rule]
    priors: list[Priors]
    classes: pd.DataFrame
    history: pd.DataFrame | None

    @property
    def effective_prior(self) -> np.ndarray | None:
        """The class prior that the scores carry, shape (T, C); None if they are no probabilities."""
        effective = [prior.effective for prior in self.priors if prior.effective is not None]
        return np.stack(effective) if effective else None

    def log_proba(self, X: pd.DataFrame) -> np.ndarray:
        """Return log-probabilities, shape (n, T, C), of raw rows.

        Raises
        ------
        DataError
            If some are not finite.
        """
        return self.scores(self.prepare(X))

    def scores(self, features: Any) -> np.ndarray:
        """Return log-probabilities, shape (n, T, C), of features (n, d); errors as those of `log_proba`."""
        return finite(applied(self.model.predict_log_proba, features))

    def decide(self, log_proba: np.ndarray) -> np.ndarray:
        """Return the class of each task, shape (n, T), of log-probabilities (n, T, C)."""
        return np.stack([rule(log_proba[:, t]) for t, rule in enumerate(self.rules)], axis=1)

    def predictions(self, rows: np.ndarray, y: np.ndarray, log_proba: np.ndarray) -> Predictions:
        """Return the predictions of the numbered `rows` of classes `y` (n, T) from their log-probabilities."""
        return Predictions(rows, y, log_proba, self.decide(log_proba))


def fit(
    plan: Plan, dataset: Dataset, split: Split, fold: int, clock: Clock, observer: Observer, on_epoch: Progress
) -> tuple[Fitted, Predictions]:
    """Fit everything on training rows, the decision on validation rows; test rows are not looked at.

    Without validation rows a decision that needs them is fitted on cross-validated scores of the training rows, and a
    network that would stop early is trained for as many epochs as the networks of the folds were on average.

    Parameters
    ----------
    plan : Plan
    dataset : Dataset
    split : Split
    fold : int
        Its number; each has streams of randomness of its own.
    clock : Clock
        Keeps the time that each stage takes.
    observer : Observer
        Shows it to a person.
    on_epoch : callable
        Given the number of each epoch and its figures, classes by name.

    Returns
    -------
    Fitted
    Predictions
        Of the validation rows; without any, where the decision is fitted, cross-validated ones of the training rows.

    Raises
    ------
    LabError
        What a person can put right.
    """
    rows, targets = split.validation, dataset.targets
    held_out = None
    if plan.decision.cv is not None or (plan.needs_validation and not len(rows)):
        with clock("cross-validate"):
            held_out = cross_validated(plan, dataset, split)
        plan = held_out.plan
    trained, scores = train(plan, dataset, split, fold, clock, observer, on_epoch)
    with clock("decide"):
        if held_out is not None:
            rows, scores = np.concatenate([rows, held_out.rows]), np.concatenate([scores, held_out.log_proba])
        known = targets[rows]
        rules = [as_rule(plan.decision.fit(scores[:, t], known[:, t], prior)) for t, prior in enumerate(trained.priors)]
        trained.classes["offset"] = offsets(rules, dataset)
        if not fold and (doubts := plan.decision.doubts(list(known.T), dataset.tasks)):
            warnings.warn(doubts, LabWarning, stacklevel=2)
    fitted = Fitted(trained.prepare, trained.model, rules, trained.priors, trained.classes, trained.history)
    return fitted, fitted.predictions(rows, known, scores)


def offsets(rules: Sequence[Rule], dataset: Dataset) -> np.ndarray:
    """Return what the decision adds to each log-probability, relative to that of the task's most frequent class."""
    frequent = dataset.count(dataset.targets).argmax(axis=1)
    return np.concatenate(
        [rule.relative_offsets(len(names), k) for rule, names, k in zip(rules, dataset.tasks, frequent, strict=True)]
    )
