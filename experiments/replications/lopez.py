"""López et al. (2013): averages over the 66 sets."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from scipy import stats

import imbalance_lab as lab
from experiments.replications.line import OTHER, UNKNOWN, Line, meets

FOLDS = 5


def run(paper: Mapping[str, Any], preset: Mapping[str, Any], folder: Path) -> tuple[list[Line], list[str]]:
    """Return the lines, and notes; what has run in `folder` before is not run again."""
    sets, lines, notes = list(preset.get("sets", paper["sets"])), [], []
    tables = {name: _table(paper, name, sets, preset["seeds"], folder / name) for name in paper["learners"]}
    for figure in paper["figures"]:
        values = tables[figure["learner"]].get(figure["strategy"])
        if values is None:
            continue
        lacking = values.columns[values.isna().any()]
        if len(lacking):
            notes.append(f"{figure['name']} lacks {', '.join(lacking)}, on which a run was skipped or failed")
        averages = values.drop(columns=lacking).mean(axis=1)
        low, high = prediction_interval(averages)
        name = f"{figure['name']}, {values.shape[1] - len(lacking)} sets"
        of = f"{figure['learner']}, {figure['strategy']}"
        if "value" in figure:
            agrees = meets(low, high, figure["low"], figure["high"]) if sets == paper["sets"] else OTHER
            lines.append(Line(name, of, f"{figure['value']:.2f}", averages.mean(), low, high, agrees))
        else:
            lines.append(Line(name, of, "", averages.mean(), low, high, UNKNOWN))
    return lines, notes


def prediction_interval(values: pd.Series, confidence: float = 0.95) -> tuple[float, float]:
    """Return where one more value would fall: ``m +- t s sqrt(1 + 1/n)``."""
    n = len(values)
    half = stats.t.ppf(0.5 + confidence / 2, n - 1) * values.std() * math.sqrt(1 + 1 / n)
    return float(values.mean() - half), float(values.mean() + half)


def _table(paper: Mapping[str, Any], name: str, sets: list[str], seeds: int, folder: Path) -> dict[str, pd.DataFrame]:
    """Return for each strategy the balanced accuracy: a row per seed, a column per set."""
    spec = paper["learners"][name]
    model = lab.option("model", spec["option"], **nested(spec["settings"]))
    data = [lab.option("dataset", "keel", name=one) for one in sets]
    table = lab.sweep(
        data, list(paper["strategies"][name]), model, split=lab.option("split", "cv", folds=FOLDS, validation=0),
        seed=range(seeds), evaluation={"resamples": 10}, folder=folder, progress=False,
    )  # fmt: skip
    long = table.runs.assign(value=table.metrics.balanced_accuracy.reindex(table.runs.index))
    return {
        str(strategy): part.pivot_table(index="seed", columns="dataset", values="value", dropna=False)
        for strategy, part in long.groupby("strategy")
    }


def nested(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings by their dotted names as a tree.

    >>> nested({"estimator.kernel": "linear"})
    {'estimator': {'kernel': 'linear'}}
    """
    tree: dict[str, Any] = {}
    for name, value in settings.items():
        *groups, key = name.split(".")
        at = tree
        for group in groups:
            at = at.setdefault(group, {})
        at[key] = value
    return tree
