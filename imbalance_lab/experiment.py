"""One run, top to bottom: dataset, split, prepare, sample, weight, fit, decide, evaluate, record."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
from omegaconf import DictConfig

from imbalance_lab.config import model_name, plain, run_name, strategy_name
from imbalance_lab.evaluation.intervals import bootstrap
from imbalance_lab.evaluation.metrics import confusion_matrix, evaluate, per_class
from imbalance_lab.plan import Plan, build, make_plan
from imbalance_lab.provenance import describe
from imbalance_lab.record import write_record
from imbalance_lab.strategies.samplers import resample
from imbalance_lab.types import (
    Dataset,
    DatasetSource,
    FoldResult,
    LabWarning,
    Observer,
    Predictions,
    Rows,
    RunRecord,
    Seeds,
    Split,
    Tracker,
    TrainingSet,
)


def run_experiment(config: DictConfig, observer: Observer, tracker: Tracker) -> RunRecord:
    """Run one configuration and record it.

    Parameters
    ----------
    config : DictConfig
        Resolved (see `imbalance_lab.config.resolve`).
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
        source: DatasetSource = build(config, "dataset")
        name = run_name(config)
        tracker.start(source.title, name, plain(config))
        dataset = source.load().without_rare_classes(config.min_class_rows)
        tracker.describe(describe(config, dataset), dataset.summary())
        plan = make_plan(config, dataset)
        folds = [
            run_fold(plan, dataset, split, fold, observer, tracker)
            for fold, split in enumerate(plan.split.split(dataset.y, dataset.class_names))
        ]
    record = summarise(name, config, dataset, plan, folds, messages(caught))
    said = write_record(record, folder)
    if config.save_model:
        for fold, result in enumerate(folds):
            result.model.save(folder / "models" / str(fold))
    if plan.evaluation.figures:
        from imbalance_lab.evaluation import figures

        figures.save(
            figures.draw(record.test, record.classes, record.history, f"{dataset.name}: {name}"), folder / "figures"
        )
    observer.result(record, tracker.where)
    tracker.finish(said, folder)
    return record


def run_fold(plan: Plan, dataset: Dataset, split: Split, fold: int, observer: Observer, tracker: Tracker) -> FoldResult:
    """Run one fold. Everything is fitted on training rows, the decision on validation rows; test rows are read last."""
    clock, seeds = Clock(), Seeds.spawn(plan.seed, fold)

    with clock("prepare"):
        prepare = plan.prepare.fit(dataset.X.iloc[split.train], dataset.kinds, plan.learner.dtype)
        X, y = prepare(dataset.X.iloc[split.train]), dataset.y[split.train]
        validation = Rows(prepare(dataset.X.iloc[split.validation]), dataset.y[split.validation])
    with clock("sample"):
        X, y = resample(plan.sampler, X, y, dataset.class_names, seeds.sampling)
    counts = np.bincount(y, minlength=len(dataset.class_names))
    train = TrainingSet(X, y, plan.class_weight(counts, dataset.class_names))
    classes = class_table(dataset, split, train)
    observer.classes(classes, fold)

    with clock("fit"), observer.progress(fold, plan.training.epochs if plan.training else None) as show:

        def progress(epoch: int, metrics: Mapping[str, float]) -> None:
            show(epoch, metrics)
            tracker.epoch(fold, epoch, named(metrics, dataset))

        model = plan.learner.fit(train, validation, plan.loss, plan.training, seeds, progress)
    with clock("decide"):
        validation_scores = model.predict_log_proba(validation.X)
        rule = plan.decision.fit(validation_scores, validation.y, train.prior)
    with clock("evaluate"):
        test_scores = model.predict_log_proba(prepare(dataset.X.iloc[split.test]))
        test = Predictions(split.test, dataset.y[split.test], test_scores, rule(test_scores))
        metrics = evaluate(test, dataset.class_names, plan.evaluation.calibration_bins)

    held_out = Predictions(split.validation, validation.y, validation_scores, rule(validation_scores))
    history = (
        None if model.history is None else model.history.rename(columns=lambda c: next(iter(named({c: 0}, dataset))))
    )
    return FoldResult(classes, held_out, test, metrics, history, clock.seconds, model)


def class_table(dataset: Dataset, split: Split, train: TrainingSet) -> pd.DataFrame:
    """Return training rows, rows after sampling, weight and effective prior of each class."""
    return pd.DataFrame(
        {
            "train_rows": np.bincount(dataset.y[split.train], minlength=len(dataset.class_names)),
            "sampled_rows": train.counts,
            "weight": train.class_weight,
            "effective_prior": train.prior,
        },
        index=pd.Index(dataset.class_names, name="class"),
    )


def named(metrics: Mapping[str, float], dataset: Dataset) -> dict[str, float]:
    """Replace the class index in ``val/recall/<index>`` by the class name."""
    prefix = "val/recall/"
    return {
        prefix + dataset.class_names[int(key.removeprefix(prefix))] if key.startswith(prefix) else key: value
        for key, value in metrics.items()
    }


def summarise(
    name: str, config: DictConfig, dataset: Dataset, plan: Plan, folds: list[FoldResult], warned: list[str]
) -> RunRecord:
    """Put the folds together: means and deviations of their metrics, intervals from all their test rows."""
    table = pd.DataFrame([fold.metrics for fold in folds])
    metrics = table.mean().to_dict()
    if len(folds) > 1:
        metrics |= {f"{key}_std": value for key, value in table.std().dropna().items()}
    seconds = pd.DataFrame([fold.seconds for fold in folds]).sum()
    metrics |= {f"timing/{stage}": float(value) for stage, value in seconds.items()}

    confusion = np.sum([confusion_matrix(f.test.y, f.test.predicted, len(dataset.class_names)) for f in folds], axis=0)
    repeats = max(
        sum(len(fold.test.rows) for fold in folds) / len(dataset.y), 1.0
    )  # each row is one row, however often tested
    intervals = bootstrap(
        confusion / repeats, dataset.class_names, plan.evaluation, Seeds.spawn(plan.seed, 0).intervals
    )
    recalls = intervals.filter(like="recall/", axis=0).rename(index=lambda key: key.removeprefix("recall/"))
    before = pd.concat([fold.classes for fold in folds]).groupby(level=0, sort=False).mean()
    after = per_class(confusion).set_index(pd.Index(dataset.class_names, name="class"))
    return RunRecord(
        name=name,
        strategy=strategy_name(config),
        model=model_name(config),
        config=plain(config),
        tags=describe(config, dataset),
        dataset=dataset,
        folds=folds,
        metrics={str(key): float(value) for key, value in metrics.items()},
        intervals=intervals,
        classes=before.join(after).join(recalls),
        history=join_histories([fold.history for fold in folds]),
        warnings=warned,
    )


def join_histories(histories: list[pd.DataFrame | None]) -> pd.DataFrame | None:
    """Put the epochs of all folds under each other, with columns ``fold`` and ``epoch`` (from 1)."""
    kept = [
        history.assign(fold=fold, epoch=np.arange(1, len(history) + 1))
        for fold, history in enumerate(histories)
        if history is not None
    ]
    return pd.concat(kept, ignore_index=True) if kept else None


class Clock:
    """Wall time of named stages."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        """Time one stage."""
        started = time.perf_counter()
        yield
        self.seconds[stage] = time.perf_counter() - started


@contextmanager
def collected_warnings() -> Iterator[list[warnings.WarningMessage]]:
    """Keep warnings for the record instead of printing them one by one."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for noise in (DeprecationWarning, FutureWarning, PendingDeprecationWarning, ResourceWarning):
            warnings.simplefilter("ignore", noise)
        yield caught


def messages(caught: list[warnings.WarningMessage]) -> list[str]:
    """Return each distinct warning as one line; those of libraries name their kind."""
    lines = (
        " ".join(str(w.message).split())
        if issubclass(w.category, LabWarning)
        else f"{w.category.__name__}: {' '.join(str(w.message).split())}"
        for w in caught
    )
    return list(dict.fromkeys(lines))
