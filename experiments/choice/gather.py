"""The panel on every set: cross-validated on its training side, and fitted there and tested on the other side."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

import imbalance_lab as lab
from imbalance_lab.data.sources.keel import names
from imbalance_lab.data.split import Holdout, share_out
from imbalance_lab.errors import LabWarning
from imbalance_lab.recommendation.panel import MODELS, OF_MODEL, STRATEGIES
from imbalance_lab.runs.table import RunTable

TEST, VALIDATION = 1 / 3, 0.16
MAX_ROWS, MAX_VALUES, FEWEST_ROWS = 2000, 200_000, 400
FEWEST_OF_A_CLASS = 5  # two to test and three to train, validate and test on the training side
MOST_FOLDS = 5
METRICS = ("balanced_accuracy", "macro_f1", "g_mean", "worst_class_recall", "mcc")
PANEL: Mapping[str, Sequence[str]] = {model: OF_MODEL.get(model, STRATEGIES) for model in MODELS}
SPEED = {"resamples": 10}  # of the intervals of single runs, which nothing here reads


@dataclass(frozen=True)
class Sides:
    """What the panel did on one set.

    Parameters
    ----------
    name : str
    inner : DataFrame
        Cross-validated on the training side: a row per (strategy, model), a column per (metric, repeat, fold).
    outer : DataFrame
        Of the test rows, after training on the training side: a row per (strategy, model), a column per metric.
    ratio : float
        Test rows by other rows of the cross-validation.
    imbalance : float
        Rows of the largest class for one of the smallest.
    """

    name: str
    inner: pd.DataFrame
    outer: pd.DataFrame
    ratio: float
    imbalance: float


def gather(
    wanted: Sequence[str], folder: Path, repeats: int = 1, jobs: int = 2, panel: Mapping[str, Sequence[str]] = PANEL
) -> Iterator[Sides | str]:
    """Yield what the panel did on each set, or why a set is left out; what is in `folder` is not run again.

    Parameters
    ----------
    wanted : sequence of str
        Sets by name; all of them if there is none.
    folder : Path
    repeats : int
        Of the cross-validation.
    jobs : int
        Runs at once.
    panel : mapping of model to strategies
    """
    for name in wanted or names():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", LabWarning)
            try:
                data = reduced(lab.option("dataset", "keel", name=name).build().load())
                rest = training_side(data)
                yield _sides(data, rest, panel, folder / name, repeats, jobs)
            except lab.DataError as error:
                yield f"{name}: {error}"


def reduced(data: lab.Dataset) -> lab.Dataset:
    """Return at most as many rows as the study has time for, every class in its share, without the smallest classes."""
    data = data.without_rare_classes(FEWEST_OF_A_CLASS)
    most = min(MAX_ROWS, max(FEWEST_ROWS, MAX_VALUES // max(len(data.kinds), 1)))
    if len(data) <= most:
        return data
    _, kept = share_out(np.arange(len(data)), data.y, most / len(data), np.random.default_rng(0))
    return subset(data, kept).without_rare_classes(FEWEST_OF_A_CLASS)


def training_side(data: lab.Dataset) -> lab.Dataset:
    """Return the rows of a set that are not tested in the end."""
    (split,) = Holdout(validation=VALIDATION, test=TEST, seed=0).split(data)
    return subset(data, np.sort(np.concatenate([split.train, split.validation])))


def subset(data: lab.Dataset, rows: np.ndarray) -> lab.Dataset:
    """Return some rows of a dataset."""
    return replace(data, X=data.take(rows).reset_index(drop=True), y=data.y[rows])


def _sides(
    data: lab.Dataset, rest: lab.Dataset, panel: Mapping[str, Sequence[str]], folder: Path, repeats: int, jobs: int
) -> Sides:
    folds = lab.option("split", "cv", folds=int(min(MOST_FOLDS, rest.counts.min())))
    half = lab.option("split", "holdout", test=TEST, validation=VALIDATION)
    tables = []
    for part, split, seeds in ((rest, folds, range(repeats)), (data, half, range(1))):
        swept = [
            lab.sweep(
                part, list(strategies), model, split=split, seed=seeds, evaluation=SPEED,
                folder=folder / f"{'inner' if part is rest else 'outer'}", jobs=jobs, progress=False,
            )
            for model, strategies in panel.items()
        ]  # fmt: skip
        tables.append(swept)
    ratio = 1 / (folds.settings["folds"] - 1)
    inner, outer = pd.concat(map(_folds, tables[0])), pd.concat(map(_means, tables[1]))
    return Sides(data.name, inner, outer, ratio, rest.imbalance_ratio)


def _folds(table: RunTable) -> pd.DataFrame:
    """Return a row per (strategy, model) and a column per (metric, seed, fold)."""
    runs = table.runs[table.runs.outcome == "finished"]
    rows: dict[tuple[str, str], dict[tuple[str, int, int], float]] = {}
    for run, about in runs.iterrows():
        values = rows.setdefault((about.strategy, about.model), {})
        for metric in METRICS:
            values |= {(metric, about.seed, fold): v for fold, v in table.folds_of(metric).loc[run].dropna().items()}
    return pd.DataFrame.from_dict(rows, orient="index")


def _means(table: RunTable) -> pd.DataFrame:
    """Return a row per (strategy, model) and a column per metric."""
    runs = table.runs[table.runs.outcome == "finished"]
    found = table.metrics.loc[runs.index, list(METRICS)]
    return found.set_axis(pd.MultiIndex.from_frame(runs[["strategy", "model"]]), axis=0)
