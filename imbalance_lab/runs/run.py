"""One run, top to bottom: dataset, split, prepare, sample, weight, fit, decide, evaluate, record."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from omegaconf import DictConfig

from imbalance_lab import __version__
from imbalance_lab.app.config import config_hash, names, plain, run_name
from imbalance_lab.data.base import DatasetSource
from imbalance_lab.data.dataset import Dataset
from imbalance_lab.data.prepare import Prepared
from imbalance_lab.data.rows import Rows, Seeds, Split, TrainingSet, shares
from imbalance_lab.errors import AlreadyFinished, ConfigError, DataError
from imbalance_lab.evaluation.metrics import evaluate
from imbalance_lab.evaluation.predictions import Predictions
from imbalance_lab.models.base import NetworkTraining
from imbalance_lab.process import garbage
from imbalance_lab.process.recent import Recent
from imbalance_lab.runs.files import save_models, write_record
from imbalance_lab.runs.observers import Observer, Tracker
from imbalance_lab.runs.plan import Plan, build, make_plan, run_settings
from imbalance_lab.runs.provenance import describe
from imbalance_lab.runs.record import FoldResult, RunRecord
from imbalance_lab.runs.summary import summarise
from imbalance_lab.runs.watch import Clock, collected_warnings, messages
from imbalance_lab.strategies.base import Priors, Rule
from imbalance_lab.strategies.samplers import resample

MOST_KEPT = 2**17  # values

_loaded = Recent[Dataset](most=1)
_prepared = Recent[tuple[Prepared, np.ndarray, np.ndarray]](most=32)


def run_experiment(config: DictConfig, observer: Observer, tracker: Tracker) -> RunRecord:
    """Run one configuration and record it.

    Parameters
    ----------
    config : DictConfig
        Resolved (see `imbalance_lab.app.config.resolve`).
    observer : Observer
        Shows the run to a person.
    tracker : Tracker
        Told of the run as it happens, given its record once that is on disk.

    Returns
    -------
    RunRecord

    Raises
    ------
    LabError
        What a person can put right.
    """
    folder = Path(config.output_dir)
    with collected_warnings() as caught:
        settings = run_settings(config)
        source: DatasetSource = build(config, "dataset")
        if settings.resume:
            refuse_a_second_run(source, config, tracker)
        tracker.start(source.title, names(config), plain(config))
        dataset = load(source, settings.min_class_rows)
        tags = describe(config, dataset)
        tracker.describe(tags, dataset.summary())
        plan = make_plan(config, dataset)
        garbage.settle()
        splits = list(plan.split.split(dataset.y, dataset.class_names))
        folds = [
            run_fold(plan, dataset, split, fold, observer, tracker, alone=len(splits) == 1)
            for fold, split in enumerate(splits)
        ]
        record = summarise(config, tags, dataset, plan, folds, messages(caught))
    if plan.evaluation.figures:
        from imbalance_lab.evaluation import plots

        plots.save(
            plots.draw(record.test, dataset.tasks, record.classes, record.history, f"{dataset.name}: {record.name}"),
            folder / "figures",
        )
    if settings.save_model:
        save_models(record, folder / "models")
    said = write_record(record, folder)
    try:
        observer.result(record, tracker.where)
    finally:
        tracker.finish(said, folder)
    return record


def load(source: DatasetSource, min_class_rows: int) -> Dataset:
    """Return the data, read anew only if the run before was of others or their file has changed."""
    path = getattr(source, "path", None)
    file = Path(path).expanduser() if isinstance(path, str) else None
    stamp = (file.stat().st_mtime_ns, file.stat().st_size) if file is not None and file.is_file() else None
    return _loaded.get((source, stamp, min_class_rows), lambda: source.load().without_rare_classes(min_class_rows))


def refuse_a_second_run(source: DatasetSource, config: DictConfig, tracker: Tracker) -> None:
    """Refuse a run that has ended well before.

    Raises
    ------
    AlreadyFinished
    """
    earlier = tracker.finished_on(source.title, config_hash(config), __version__)
    if earlier and load(source, config.min_class_rows).content_hash in earlier:
        raise AlreadyFinished(f"{run_name(config)} on {source.title} has finished before; resume=false runs it again")


def run_fold(
    plan: Plan, dataset: Dataset, split: Split, fold: int, observer: Observer, tracker: Tracker, alone: bool
) -> FoldResult:
    """Run one fold. Everything is fitted on training rows, the decision on validation rows; test rows are read last."""
    clock, seeds = Clock(), Seeds.spawn(plan.seed, fold)
    table, targets = dataset.X, dataset.targets

    with clock("prepare"):
        prepare, columns, features = prepared(plan, dataset, split)
        y, validation = targets[split.train], Rows(features, targets[split.validation])
    natural = shares(dataset.count(y))
    with clock("sample"):
        if not dataset.labels:
            names, say = dataset.class_names, None if fold else observer.say
            columns, labels = resample(
                plan.sampler, columns, y[:, 0], names, seeds.sampling, prepare.categorical, prepare.encode, say
            )
            y = labels[:, None]
    train = training_set(plan, dataset, prepare.encode(columns), y)
    effective = plan.learner.effective_prior(train, plan.loss)
    classes = class_table(dataset, targets[split.train], train, effective)
    observer.classes(classes, fold)

    with clock("fit"), observer.progress(fold, plan.training.epochs if plan.training else None) as show:

        def progress(epoch: int, metrics: Mapping[str, float]) -> None:
            show(epoch, metrics)
            tracker.epoch(None if alone else fold, epoch, named(metrics, dataset))

        training = None
        if plan.loss is not None and plan.training is not None:
            training = NetworkTraining(plan.loss, plan.training, progress)
        model = plan.learner.fit(train, validation, seeds, training)
    with clock("decide"):
        scores = finite(model.predict_log_proba(validation.X))
        priors = [Priors(None if effective is None else effective[t], natural[t]) for t in range(len(dataset.tasks))]
        rules = [plan.decision.fit(scores[:, t], validation.y[:, t], prior) for t, prior in enumerate(priors)]
    held_out = decided(rules, split.validation, validation.y, scores)
    with clock("evaluate"):
        test_scores = finite(model.predict_log_proba(prepare(table.iloc[split.test])))
        test = decided(rules, split.test, targets[split.test], test_scores)
        bins = plan.evaluation.calibration_bins if plan.learner.gives_probabilities else None
        metrics = evaluate(test, priors, dataset.tasks, dataset.labels, bins)

    history = None if model.history is None else model.history.rename(columns=lambda key: name_of(key, dataset))
    return FoldResult(classes, effective, held_out, test, metrics, history, clock.seconds, prepare, model, rules)


def prepared(plan: Plan, dataset: Dataset, split: Split) -> tuple[Prepared, np.ndarray, np.ndarray]:
    """Return the preparation fitted on training rows, their columns (n, p), and the features (v, d) of validation rows.

    Those of small data are kept for the runs of a sweep that share them.
    """

    def prepare() -> tuple[Prepared, np.ndarray, np.ndarray]:
        train = dataset.X.iloc[split.train]
        fitted = plan.prepare.fit(train, dataset.kinds, plan.learner.dtype)
        return fitted, fitted.columns(train), fitted(dataset.X.iloc[split.validation])

    if dataset.X.size > MOST_KEPT:
        return prepare()
    key = (dataset.content_hash, plan.prepare, plan.learner.dtype, split.train.tobytes(), split.validation.tobytes())
    fitted, columns, features = _prepared.get(key, prepare)
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


def training_set(plan: Plan, dataset: Dataset, X: np.ndarray, y: np.ndarray) -> TrainingSet:
    """Return what the model is trained on: rows `X` (m, d) and classes `y` (m, T), counted and weighted."""
    counts = dataset.count(y).astype(float)
    balanced = plan.sampler_balances_batches
    if balanced:
        counts = np.where(counts > 0, counts.sum(axis=1, keepdims=True), 0) / (counts > 0).sum(axis=1, keepdims=True)
    weight = np.stack([plan.class_weight(n, names) for n, names in zip(counts, dataset.tasks, strict=True)])
    if not (np.isfinite(weight).all() and weight.min() > 0):
        raise ConfigError(
            "class_weight gives weights that are 0 or not finite on these class sizes; make it less steep"
        )
    return TrainingSet(X, y, counts, weight, plan.class_weight.weight_start, balanced)


def decided(rules: list[Rule], rows: np.ndarray, y: np.ndarray, scores: np.ndarray) -> Predictions:
    """Return predictions of `rows`: the rule of each task applied to its scores, (n, T, C)."""
    return Predictions(rows, y, scores, np.stack([rule(scores[:, t]) for t, rule in enumerate(rules)], axis=1))


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


def named(metrics: Mapping[str, float], dataset: Dataset) -> dict[str, float]:
    """Return an epoch's figures by class name, without the numbers of rows predicted."""
    return {
        name_of(key, dataset): value for key, value in metrics.items() if not key.startswith("val/predicted_count/")
    }


def name_of(key: str, dataset: Dataset) -> str:
    """Replace the number in ``val/recall/<number of the class>`` by the class's name."""
    head, _, number = key.rpartition("/")
    return f"{head}/{dataset.class_names[int(number)]}" if number.isdigit() else key
