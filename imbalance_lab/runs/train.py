"""From training rows to a model: prepare, sample, weight, fit."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from imbalance_lab import process
from imbalance_lab.data.dataset import Dataset
from imbalance_lab.data.prepare import Prepared
from imbalance_lab.data.rows import Priors, Rows, Seeds, Split, TrainingSet, shares
from imbalance_lab.data.stored import StoredRows, applied
from imbalance_lab.errors import ConfigError, DataError
from imbalance_lab.models.base import FittedModel, NetworkTraining, Progress, no_progress
from imbalance_lab.runs.observers import Observer
from imbalance_lab.runs.plan import Plan
from imbalance_lab.runs.watch import Clock
from imbalance_lab.strategies.samplers import resample

MAX_CACHED_VALUES = 2**17
CACHED_PREPARATIONS = 32


@dataclass(frozen=True)
class Trained:
    """What gives raw rows their scores, and how it came about.

    Parameters
    ----------
    prepare : Prepared
        Raw columns to features.
    model : FittedModel
        Features to log-probabilities of each task.
    priors : list of Priors
        Of each task: what the scores carry, and what the training rows had.
    classes : DataFrame
        One row per class: rows, rows after sampling, weight, effective prior.
    history : DataFrame or None
        One row per epoch.
    """

    prepare: Prepared
    model: FittedModel
    priors: list[Priors]
    classes: pd.DataFrame
    history: pd.DataFrame | None

    def log_proba(self, X: pd.DataFrame) -> np.ndarray:
        """Return log-probabilities, shape (n, T, C), of raw rows.

        Raises
        ------
        DataError
            If some are not finite.
        """
        return finite(applied(self.model.predict_log_proba, self.prepare(X)))


def train(
    plan: Plan,
    dataset: Dataset,
    split: Split,
    fold: int,
    clock: Clock | None = None,
    observer: Observer | None = None,
    on_epoch: Progress = no_progress,
) -> tuple[Trained, np.ndarray]:
    """Train the model on training rows, and return it with the log-probabilities (v, T, C) of the validation rows.

    Parameters
    ----------
    plan : Plan
        Its decision is not fitted here.
    dataset : Dataset
    split : Split
        Validation rows are for a model that stops early; test rows are not looked at.
    fold : int
        Its number; each has streams of randomness of its own.
    clock : Clock, optional
        Keeps the time that each stage takes.
    observer : Observer, optional
        Shows it to a person.
    on_epoch : callable
        Given the number of each epoch and its figures, classes by name.
    """
    clock, observer = clock or Clock(), observer or Observer()
    seeds, targets = Seeds.spawn(plan.seed, fold), dataset.targets
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
    features, validation = _where_needed(plan, prepare.encode(columns), validation)
    trained_on = training_set(plan, dataset, features, y, prepare.codes)
    effective = plan.effective_prior(trained_on)
    classes = class_table(dataset, targets[split.train], trained_on, effective)
    observer.classes(classes, fold)

    with clock("fit"), observer.progress(fold, plan.epochs) as show:

        def report(epoch: int, metrics: Mapping[str, float]) -> None:
            named = {name_of(key, dataset): value for key, value in metrics.items()}
            show(epoch, named)
            on_epoch(epoch, named)

        training = None
        if plan.loss is not None and plan.training is not None:
            training = NetworkTraining(plan.loss, plan.training, report, plan.representation)
        model = plan.learner.fit(trained_on, validation, seeds, training)
    priors = [Priors(None if effective is None else effective[t], natural[t]) for t in range(len(dataset.tasks))]
    history = None if model.history is None else model.history.rename(columns=lambda key: name_of(key, dataset))
    with clock("decide"):
        scores = finite(applied(model.predict_log_proba, validation.X))
    return Trained(prepare, model, priors, classes, history), scores


def prepared(plan: Plan, dataset: Dataset, split: Split) -> tuple[Prepared, np.ndarray, np.ndarray]:
    """Return the preparation fitted on training rows, their columns (n, p), and the features (v, d) of validation rows.

    Those of small data are kept for the runs of a session that share them.
    """
    wanted = plan.learner.dtype, plan.learner.native

    def prepare() -> tuple[Prepared, np.ndarray, np.ndarray]:
        train = dataset.take(split.train)
        fitted = plan.prepare.fit(train, dataset.kinds, *wanted)
        return fitted, fitted.columns(train), fitted(dataset.take(split.validation))

    if not _is_small(dataset):
        return prepare()
    key = (dataset.content_hash, plan.prepare, wanted, split.train.tobytes(), split.validation.tobytes())
    fitted, columns, features = process.cached("preparations", CACHED_PREPARATIONS, key, prepare)
    return fitted, columns.copy(), features.copy()


def prepared_rows(prepare: Prepared, dataset: Dataset, rows: np.ndarray) -> Any:
    """Return the features (m, d) of the numbered rows; those of small data are kept for the runs that share them."""
    if not _is_small(dataset):
        return prepare(dataset.take(rows))
    key = (prepare, dataset.content_hash, rows.tobytes())  # two preparations are equal if they share what was fitted
    kept = process.cached("features", CACHED_PREPARATIONS, key, lambda: prepare(dataset.take(rows)))
    return copy(kept)


def _is_small(dataset: Dataset) -> bool:
    """Whether what is prepared of a dataset is kept for later runs."""
    return not isinstance(dataset.X, StoredRows) and bool(dataset.X.size <= MAX_CACHED_VALUES)


def _where_needed(plan: Plan, features: Any, validation: Rows) -> tuple[Any, Rows]:
    """Return training and validation rows where the model needs them: in memory, unless it reads them in pieces.

    Raises
    ------
    DataError
        If they are stored, and more than may be in memory.
    """
    if plan.learner.in_pieces:
        return features, validation
    if isinstance(validation.X, StoredRows) and plan.stops_early:
        validation = validation._replace(X=validation.X.loaded("a model that stops early"))
    return features.loaded("this model") if isinstance(features, StoredRows) else features, validation


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
        counts = TrainingSet(X, y, counts, counts).evened().counts
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
        index=dataset.class_index,
    )


def name_of(key: str, dataset: Dataset) -> str:
    """Replace the number in ``val/recall/<number of the class>`` by the class's name."""
    head, _, number = key.rpartition("/")
    return f"{head}/{dataset.class_names[int(number)]}" if number.isdigit() else key
