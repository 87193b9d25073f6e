"""The folds of a run put together: its record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from imbalance_lab.data.dataset import Dataset
from imbalance_lab.data.rows import Seeds
from imbalance_lab.data.stress import PARTS
from imbalance_lab.evaluation.intervals import bootstrap
from imbalance_lab.evaluation.predictions import Predictions, join
from imbalance_lab.runs.diagnostics import diagnose, never_predicted
from imbalance_lab.runs.identity import Identity
from imbalance_lab.runs.plan import Plan
from imbalance_lab.runs.provenance import environment
from imbalance_lab.runs.record import FoldResult, RunRecord


def summarise(
    identity: Identity,
    settings: dict[str, Any],
    dataset: Dataset,
    plan: Plan,
    folds: list[FoldResult],
    warnings: list[str],
) -> RunRecord:
    """Put the folds together: means and deviations of their metrics, intervals from all their test rows."""
    table = pd.DataFrame([fold.metrics for fold in folds])
    metrics = table.mean().to_dict()
    seconds = pd.DataFrame([fold.seconds for fold in folds]).sum()
    metrics |= {f"timing/{stage}": float(value) for stage, value in seconds.items()}
    metrics.update(rows_per_fold(folds))

    test = join(fold.test for fold in folds)
    tested = np.zeros(len(dataset), dtype=bool)
    tested[test.rows] = True
    repeats = len(test.rows) / int(np.count_nonzero(tested))  # a row is one row, however often it is tested
    seed = Seeds.spawn(plan.seed, 0).intervals
    intervals = bootstrap(test, dataset.tasks, plan.evaluation, seed, repeats)
    history = join_histories([fold.history for fold in folds])
    missing = never_predicted(test, dataset)
    metrics["never_predicted"] = float(len(missing))
    return RunRecord(
        identity=identity,
        settings=settings,
        tags=identity.tags | environment(),
        dataset=dataset,
        folds=folds,
        metrics={str(key): float(value) for key, value in metrics.items()},
        deviations={str(key): float(value) for key, value in table.std().dropna().items()},
        intervals=intervals,
        classes=result_table(folds, test, dataset, metrics, intervals),
        history=history,
        never_predicted=missing,
        warnings=[*warnings, *diagnose(identity.names, plan.learner, plan.loss, folds, dataset, missing, history)],
    )


def rows_per_fold(folds: list[FoldResult]) -> dict[str, float]:
    """Return how many rows a fold trained, validated and tested on, before sampling; means over folds.

    Of a stressed run also how many it had to train and validate on before.
    """
    sizes = [(f.classes.train_rows.sum() / f.test.y.shape[1], len(f.validation.rows), len(f.test.rows)) for f in folds]
    rows = dict(zip(("rows/train", "rows/validation", "rows/test"), np.mean(sizes, axis=0).tolist(), strict=True))
    if not (reports := [fold.stress for fold in folds if fold.stress is not None]):
        return rows
    before = [sum(sum(report[part]["before"].values()) for part in PARTS) for report in reports]
    return rows | {"rows/before_stress": float(np.mean(before)) / folds[0].test.y.shape[1]}


def result_table(
    folds: list[FoldResult],
    test: Predictions,
    dataset: Dataset,
    metrics: Mapping[Any, float],
    intervals: pd.DataFrame,
) -> pd.DataFrame:
    """Return one row per class: the means of the folds' class tables, and the run's metrics of its test rows."""
    before = pd.concat([fold.classes for fold in folds]).groupby(level=0, sort=False).mean()
    before["threshold"] = thresholds(before.offset, dataset)
    after = pd.DataFrame({"support": dataset.count(test.y).ravel()}, index=dataset.class_index)
    for key in ("recall", "precision", "f1"):
        after[key] = [metrics.get(f"{key}/{name}", np.nan) for name in dataset.class_names]
    recalls = intervals.filter(like="recall/", axis=0).rename(index=lambda key: key.removeprefix("recall/"))
    return before.assign(**after, **recalls)


def thresholds(offset: pd.Series, dataset: Dataset) -> np.ndarray:
    """Return of the second of two classes the probability from which it is decided for, by offsets; else missing."""
    found = np.full(len(offset), np.nan)
    if len(dataset.tasks[0]) == 2:
        moved = offset.to_numpy()
        found[1::2] = 1 / (1 + np.exp(moved[1::2] - moved[::2]))
    return found


def join_histories(histories: list[pd.DataFrame | None]) -> pd.DataFrame | None:
    """Put the epochs of all folds under each other, with columns ``fold`` and ``epoch`` (from 1)."""
    kept = [
        history.assign(fold=fold, epoch=np.arange(1, len(history) + 1))
        for fold, history in enumerate(histories)
        if history is not None
    ]
    return pd.concat(kept, ignore_index=True) if kept else None
