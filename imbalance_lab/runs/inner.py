"""Folds of the training rows, on which is fitted what must not see the rows it was trained on."""

from __future__ import annotations

import warnings
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np

from imbalance_lab.data.base import Splitter
from imbalance_lab.data.dataset import Dataset
from imbalance_lab.data.rows import Priors, Split
from imbalance_lab.data.split import (
    CrossValidation,
    GroupCrossValidation,
    TimeCrossValidation,
    checked_splits,
    combinations,
    group_numbers,
)
from imbalance_lab.errors import DataError, LabWarning
from imbalance_lab.runs.plan import Plan
from imbalance_lab.runs.train import train

FOLDS = 5  # where nobody says how many


def inner_splits(
    splitter: Splitter, dataset: Dataset, rows: np.ndarray, folds: int, seed: int, validation: float = 0.0
) -> list[Split]:
    """Split training rows as the run's own split would: groups stay together, what is scored is later than what trains.

    Parameters
    ----------
    splitter : Splitter
        That of the run. Rows in an order of time are in rolling folds, of which the earliest rows are never scored;
        of all others each row is scored once, with each class in its share as far as it has rows.
    dataset : Dataset
    rows : ndarray of shape (n,)
        Numbers of the training rows.
    folds, seed : int
    validation : float
        Share of each fold's other rows that validates; may be 0.

    Returns
    -------
    list of Split
        Of numbers of the dataset's rows; what a fold scores are its test rows.

    Raises
    ------
    DataError
        If there are too few rows, groups or times, or a model would be trained without some class.

    Examples
    --------
    >>> from imbalance_lab.data.split import Holdout
    >>> data = Dataset.from_arrays(np.arange(0.0, 40.0, 2.0)[:, None], [0, 1] * 10)
    >>> found = inner_splits(Holdout(validation=0, test=0.2), data, np.arange(4, 16), folds=3, seed=0)
    >>> [len(one.train) for one in found], sorted(int(row) for one in found for row in one.test) == list(range(4, 16))
    ([8, 8, 8], True)
    """
    lone = np.flatnonzero(dataset.count(dataset.targets[rows]).ravel() == 1)
    if len(lone):
        raise DataError(
            f"class '{dataset.class_names[lone[0]]}' has one training row, so the {folds} folds of the training rows "
            "would train a model without it; leave such classes out with min_class_rows="
        )
    aside = {name: values.iloc[rows].reset_index(drop=True) for name, values in dataset.aside.items()}
    among = replace(dataset, X=dataset.take(rows), y=dataset.y[rows], aside=aside)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LabWarning)  # of the whole it is said already
        try:
            parts = checked_splits(_inner_splitter(splitter, folds, validation, seed), among)
        except DataError as error:
            raise DataError(f"the {len(rows):,} training rows cannot be cut into {folds} folds: {error}") from error
    return [Split(*(rows[part] for part in split)) for split in parts]


def _inner_splitter(splitter: Splitter, folds: int, validation: float, seed: int) -> Splitter:
    if splitter.order is not None:
        gap = getattr(splitter, "gap", 0)
        return TimeCrossValidation(folds, validation, splitter.order, gap=gap, groups=splitter.groups)
    if splitter.groups is not None:
        return GroupCrossValidation(folds, 1, validation, splitter.groups, seed)
    return CrossValidation(folds, 1, validation, seed)


@dataclass(frozen=True)
class CrossValidated:
    """What folds of the training rows say of all of them.

    Parameters
    ----------
    rows : ndarray of shape (n,)
        Numbers of the rows that were scored: all of them, but for the earliest ones where rows are in an order of time.
    log_proba : ndarray of shape (n, T, C)
        Of each by a model that was not trained on it.
    priors : list of Priors
        Of each task, those of the first fold's model.
    plan : Plan
        The run's own; where there are no validation rows by which to stop early, for as many epochs, or rounds of
        boosting, as the folds' models were trained for on average.
    """

    rows: np.ndarray
    log_proba: np.ndarray
    priors: list[Priors]
    plan: Plan


def cross_validated(plan: Plan, dataset: Dataset, split: Split) -> CrossValidated:
    """Train on all but one part of the training rows, and score that part, in turn.

    Each fold samples, weights and prepares for itself. A model that stops early watches the validation rows of `split`,
    where there are some and they are not later than what is scored; otherwise a share of the fold's own training rows.

    Parameters
    ----------
    plan : Plan
    dataset : Dataset
    split : Split
        Test rows are not looked at.

    Raises
    ------
    DataError
        If the training rows cannot be cut into as many folds as `decision.cv` says or, where it says nothing, into two.
    """
    rows, watched = split.train, split.validation
    own = plan.stops_early and (not len(watched) or plan.split.order is not None)
    share = plan.split.validation if own else 0.0
    steps, scored, scores, priors = [], [], [], list[list[Priors]]()
    for fold, part in enumerate(_parts(plan, dataset, rows, share), start=1):
        part = part if own else part._replace(validation=watched)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", LabWarning)  # of the whole it is said already
            trained, _ = train(plan, dataset, part, fold)
        priors.append(trained.priors)
        scored.append(part.test)
        scores.append(trained.log_proba(dataset.take(part.test)))
        if trained.model.steps is not None:
            steps.append(trained.model.steps)
    found, log_proba = np.concatenate(scored), np.concatenate(scores)
    order = np.argsort(found, kind="stable")
    if plan.stops_early and not len(watched):
        plan = trained_for(plan, round(float(np.mean(steps))))
    return CrossValidated(found[order], log_proba[order], priors[0], plan)


def _parts(plan: Plan, dataset: Dataset, rows: np.ndarray, validation: float) -> list[Split]:
    """Return as many folds as the decision asks for; where it asks for none, as many as the rows allow."""
    if (cv := plan.decision.cv) is not None:
        try:
            return inner_splits(plan.split, dataset, rows, cv, plan.seed, validation)
        except DataError as error:
            raise DataError(f"decision.cv={cv} is refused: {error}") from error
    if plan.split.order is not None:
        for folds in range(FOLDS, 2, -1):
            with suppress(DataError):
                return inner_splits(plan.split, dataset, rows, folds, plan.seed, validation)
        return inner_splits(plan.split, dataset, rows, 2, plan.seed, validation)
    if plan.split.groups is not None:
        most = len(np.unique(group_numbers(dataset, plan.split.groups)[rows]))
    else:
        most = int(np.unique(combinations(dataset.y[rows]), return_counts=True)[1].min())
    return inner_splits(plan.split, dataset, rows, max(2, min(FOLDS, most)), plan.seed, validation)


def trained_for(plan: Plan, steps: int) -> Plan:
    """Return the plan for so many epochs, or rounds of boosting; what waits for an epoch still sets in at the same."""
    learner, training = plan.learner.trained_for(steps, plan.training)
    class_weight, loss = plan.class_weight, plan.loss
    if plan.training is not None and class_weight.weight_start > 0:
        first = min(plan.training.first_epoch(class_weight.weight_start), steps - 1)
        class_weight = replace(class_weight, weight_start=first / steps)  # type: ignore[type-var]
    if plan.training is not None and loss is not None and loss.needs_features and loss.loss_start > 0:
        first = min(plan.training.first_epoch(loss.loss_start), steps - 1)
        loss = replace(loss, loss_start=first / steps)  # type: ignore[type-var]
    return replace(plan, learner=learner, training=training, class_weight=class_weight, loss=loss)
