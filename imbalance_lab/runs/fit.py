"""From training and validation rows to something that predicts: prepare, sample, weight, fit, decide."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from imbalance_lab import process
from imbalance_lab.data.base import Splitter
from imbalance_lab.data.dataset import Dataset
from imbalance_lab.data.prepare import Prepared
from imbalance_lab.data.rows import Priors, Rows, Seeds, Split, TrainingSet, shares
from imbalance_lab.data.split import (
    CrossValidation,
    GroupCrossValidation,
    checked_splits,
    combinations,
    group_folds,
    group_numbers,
)
from imbalance_lab.errors import ConfigError, DataError, LabWarning
from imbalance_lab.evaluation.predictions import Predictions
from imbalance_lab.models.base import FittedModel, Learner, NetworkTraining, Progress, no_progress
from imbalance_lab.models.training import Training
from imbalance_lab.runs.observers import Observer
from imbalance_lab.runs.plan import Plan
from imbalance_lab.runs.watch import Clock
from imbalance_lab.strategies.class_weights import ClassWeight
from imbalance_lab.strategies.decisions import Argmax
from imbalance_lab.strategies.rules import Rule, as_rule
from imbalance_lab.strategies.samplers import resample

FOLDS = 5  # of cross-validated scores
MAX_CACHED_VALUES = 2**17
CACHED_PREPARATIONS = 32


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
        return finite(self.model.predict_log_proba(self.prepare(X)))

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
    seeds, targets = Seeds.spawn(plan.seed, fold), dataset.targets
    held_out = None
    if not len(split.validation) and plan.needs_validation:
        with clock("cross-validate"):
            held_out = cross_validated(plan, dataset, split.train)
        plan = replace(plan, learner=held_out.learner, training=held_out.training, class_weight=held_out.class_weight)
    with clock("prepare"):
        prepare, columns, features = prepared(plan, dataset, split)
        y, validation = targets[split.train], Rows(features, targets[split.validation])
    natural = shares(dataset.count(y))
    with clock("sample"):
        if not dataset.labels:
            columns, labels = resample(
                plan.sampler,
                columns,
                y[:, 0],
                dataset.class_names,
                seeds.sampling,
                prepare.categorical,
                prepare.one_hot,
                None if fold else observer.message,
            )
            y = labels[:, None]
    train = training_set(plan, dataset, prepare.encode(columns), y, prepare.codes)
    effective = plan.learner.effective_prior(train, plan.loss)
    classes = class_table(dataset, targets[split.train], train, effective)
    observer.classes(classes, fold)

    with clock("fit"), observer.progress(fold, plan.training.epochs if plan.training else None) as show:

        def report(epoch: int, metrics: Mapping[str, float]) -> None:
            named = {name_of(key, dataset): value for key, value in metrics.items()}
            show(epoch, named)
            on_epoch(epoch, named)

        training = None
        if plan.loss is not None and plan.training is not None:
            training = NetworkTraining(plan.loss, plan.training, report)
        model = plan.learner.fit(train, validation, seeds, training)
    with clock("decide"):
        if held_out is None:
            rows, scores = split.validation, finite(model.predict_log_proba(validation.X))
        else:
            rows, scores = split.train, held_out.log_proba
        known = targets[rows]
        priors = [Priors(None if effective is None else effective[t], natural[t]) for t in range(len(dataset.tasks))]
        if plan.decision.cv is not None and held_out is None:
            scores, known = with_training_rows(plan, dataset, split, fold, scores, known)
        rules = [as_rule(plan.decision.fit(scores[:, t], known[:, t], prior)) for t, prior in enumerate(priors)]
        classes["offset"] = offsets(rules, dataset)
        if not fold and (doubts := plan.decision.doubts(list(known.T), dataset.tasks)):
            warnings.warn(doubts, LabWarning, stacklevel=2)
    history = None if model.history is None else model.history.rename(columns=lambda key: name_of(key, dataset))
    fitted = Fitted(prepare, model, rules, priors, classes, history)
    return fitted, fitted.predictions(rows, known, scores)


@dataclass(frozen=True)
class CrossValidated:
    """What folds of the training rows say of all of them.

    Parameters
    ----------
    log_proba : ndarray of shape (n, T, C)
        Of each training row by the model that was not trained on it.
    learner : Learner
    training : Training or None
        For as many epochs, or rounds of boosting, as the folds' models were trained for where they stopped early.
    class_weight : ClassWeight
        Deferred weights still set in at the same epoch.
    """

    log_proba: np.ndarray
    learner: Learner
    training: Training | None
    class_weight: ClassWeight


def cross_validated(plan: Plan, dataset: Dataset, rows: np.ndarray, folds: int = FOLDS) -> CrossValidated:
    """Train on all but one part of the rows, and score that part, in turn.

    Parameters
    ----------
    plan : Plan
    dataset : Dataset
    rows : ndarray of shape (n,)
        Row numbers.
    folds : int
        Fewer if a class has fewer rows; each fold samples, weights and prepares for itself. Groups that the run's split
        keeps together are kept together here.

    Raises
    ------
    DataError
        If a class has a single row.
    """
    part_of = {name: values.iloc[rows].reset_index(drop=True) for name, values in dataset.aside.items()}
    among = replace(dataset, X=dataset.take(rows), y=dataset.y[rows], aside=part_of)
    splitter = _folds(plan, among, folds, plan.split.validation if plan.stops_early else 0.0)
    inner = replace(plan, decision=Argmax())
    log_proba, steps = np.empty((len(rows), *dataset.count(dataset.targets[:1]).shape)), []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LabWarning)  # of the whole it is said already
        for fold, part in enumerate(checked_splits(splitter, among), start=1):
            split = Split(rows[part.train], rows[part.validation], rows[part.test])
            fitted, _ = fit(inner, dataset, split, fold, Clock(), Observer(), no_progress)
            log_proba[part.test] = fitted.log_proba(dataset.take(split.test))
            if fitted.model.steps is not None:
                steps.append(fitted.model.steps)
    if not plan.stops_early:
        return CrossValidated(log_proba, plan.learner, plan.training, plan.class_weight)
    kept = round(float(np.mean(steps)))
    learner, training = plan.learner.trained_for(kept, plan.training)
    if plan.training is None:
        return CrossValidated(log_proba, learner, training, plan.class_weight)
    first = min(int(np.ceil(round(plan.class_weight.weight_start * plan.training.epochs, 9))), kept - 1)
    deferred = plan.class_weight.weight_start > 0
    class_weight = replace(plan.class_weight, weight_start=first / kept) if deferred else plan.class_weight  # type: ignore[type-var]
    return CrossValidated(log_proba, learner, training, class_weight)


def _folds(plan: Plan, dataset: Dataset, folds: int, validation: float) -> Splitter:
    """Return what cuts rows into folds: whole groups where the run keeps them together; fewer folds for few rows."""
    fewest = int(np.unique(combinations(dataset.y), return_counts=True)[1].min())
    if plan.split.groups is None:
        return CrossValidation(max(2, min(folds, fewest)), 1, validation, plan.seed)
    groups = int(group_numbers(dataset, plan.split.groups).max()) + 1
    return GroupCrossValidation(max(2, min(folds, groups)), 1, validation, plan.split.groups, plan.seed)


def with_training_rows(
    plan: Plan, dataset: Dataset, split: Split, fold: int, log_proba: np.ndarray, y: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return log-probabilities (n, T, C) and classes (n, T) of validation rows with those of the training rows added.

    The training rows are scored by cross-validation: by a model that was trained, as the run's own, on the others.
    """
    alike = replace(plan, decision=Argmax())
    scores, classes = [log_proba], [y]
    for held_out in inner_folds(plan, dataset, split.train):
        part = Split(np.setdiff1d(split.train, held_out, assume_unique=True), split.validation, held_out)
        fitted, _ = fit(alike, dataset, part, fold, Clock(), Observer(), no_progress)
        scores.append(fitted.log_proba(dataset.take(part.test)))
        classes.append(dataset.targets[part.test])
    return np.concatenate(scores), np.concatenate(classes)


def inner_folds(plan: Plan, dataset: Dataset, rows: np.ndarray) -> list[np.ndarray]:
    """Return `rows` in folds for the decision: with each class in its share as far as it has rows, in whole groups.

    Raises
    ------
    DataError
        If there are fewer groups than folds, or a model would be trained without some class.
    """
    assert plan.decision.cv is not None
    folds, column = plan.decision.cv, plan.split.groups
    groups = np.arange(len(dataset)) if column is None else group_numbers(dataset, column)
    if (found := len(np.unique(groups[rows]))) < folds:
        raise DataError(
            f"decision.cv={folds} and the training rows are {found} groups of split.groups={column}; lower it"
        )
    if column is not None:
        parts = group_folds(rows, dataset.y, groups, folds, plan.seed)
    else:
        parts = stratified_folds(rows, dataset.y, folds, plan.seed)
    have = dataset.count(dataset.targets[rows]).ravel()
    for held_out in parts:
        lost = (have > 0) & (dataset.count(dataset.targets[held_out]).ravel() == have)
        if lost.any():
            raise DataError(
                f"decision.cv={folds} would train a model without class '{dataset.class_names[int(lost.argmax())]}', "
                "whose training rows are all in one fold; use decision.cv=null, or min_class_rows= to leave it out"
            )
    return parts


def stratified_folds(rows: np.ndarray, y: np.ndarray, folds: int, seed: int) -> list[np.ndarray]:
    """Return `rows` in folds with each class, or combination of labels, of `y` in its share as far as it has rows."""
    from sklearn.model_selection import StratifiedKFold

    strata = combinations(y)[rows]
    if np.bincount(strata).max() < folds:
        strata = np.zeros(len(rows), dtype=int)  # nothing to stratify by
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The least populated class")
        return [rows[test] for _, test in StratifiedKFold(folds, shuffle=True, random_state=seed).split(strata, strata)]


def prepared(plan: Plan, dataset: Dataset, split: Split) -> tuple[Prepared, np.ndarray, np.ndarray]:
    """Return the preparation fitted on training rows, their columns (n, p), and the features (v, d) of validation rows.

    Those of small data are kept for the runs of a session that share them.
    """
    wanted = plan.learner.dtype, plan.learner.native

    def prepare() -> tuple[Prepared, np.ndarray, np.ndarray]:
        train = dataset.take(split.train)
        fitted = plan.prepare.fit(train, dataset.kinds, *wanted)
        return fitted, fitted.columns(train), fitted(dataset.take(split.validation))

    if dataset.X.size > MAX_CACHED_VALUES:
        return prepare()
    key = (dataset.content_hash, plan.prepare, wanted, split.train.tobytes(), split.validation.tobytes())
    fitted, columns, features = process.cached("preparations", CACHED_PREPARATIONS, key, prepare)
    return fitted, columns.copy(), features.copy()


def finite(scores: np.ndarray) -> np.ndarray:
    """Return scores, which are refused if some are not finite.

    Raises
    ------
    DataError
    """
    if not np.isfinite(scores).all():
        raise DataError(
            "training diverged: the model's scores are not finite; lower training.optimizer.learning_rate, "
            "or check the features for huge values"
        )
    return scores


def training_set(plan: Plan, dataset: Dataset, X: np.ndarray, y: np.ndarray, codes: int) -> TrainingSet:
    """Return what the model is trained on: rows `X` (m, d) and classes `y` (m, T), counted and weighted.

    The last `codes` columns of `X` are category codes.
    """
    counts = dataset.count(y).astype(float)
    balanced = plan.sampler_balances_batches
    if balanced:
        counts = np.where(counts > 0, counts.sum(axis=1, keepdims=True), 0) / (counts > 0).sum(axis=1, keepdims=True)
    weight = np.stack([plan.class_weight(n, names) for n, names in zip(counts, dataset.tasks, strict=True)])
    if not (np.isfinite(weight).all() and weight.min() > 0):
        raise ConfigError(
            "class_weight gives weights that are 0 or not finite on these class sizes; make it less steep"
        )
    return TrainingSet(X, y, counts, weight, plan.class_weight.weight_start, balanced, codes)


def class_table(dataset: Dataset, y: np.ndarray, train: TrainingSet, effective: np.ndarray | None) -> pd.DataFrame:
    """Return what happens to each class before training.

    Training rows (of classes `y` (n, T)), rows after sampling, weight, and the effective prior: what the scores carry,
    missing if they are no probabilities.
    """
    return pd.DataFrame(
        {
            "train_rows": dataset.count(y).ravel(),
            "sampled_rows": dataset.count(train.y).ravel(),
            "weight": train.class_weight.ravel(),
            "effective_prior": np.full(len(dataset.class_names), np.nan) if effective is None else effective.ravel(),
        },
        index=pd.Index(dataset.class_names, name="class"),
    )


def offsets(rules: Sequence[Rule], dataset: Dataset) -> np.ndarray:
    """Return what the decision adds to each log-probability, relative to that of the task's most frequent class."""
    frequent = dataset.count(dataset.targets).argmax(axis=1)
    return np.concatenate(
        [rule.relative_offsets(len(names), k) for rule, names, k in zip(rules, dataset.tasks, frequent, strict=True)]
    )


def name_of(key: str, dataset: Dataset) -> str:
    """Replace the number in ``val/recall/<number of the class>`` by the class's name."""
    head, _, number = key.rpartition("/")
    return f"{head}/{dataset.class_names[int(number)]}" if number.isdigit() else key
