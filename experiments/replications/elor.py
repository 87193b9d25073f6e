"""Elor and Averbuch-Elor (2022): weak against strong learners, thresholds against balancing."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

import imbalance_lab as lab
from experiments.leaderboard.table import source
from experiments.replications.line import Line, within
from experiments.replications.lopez import nested
from imbalance_lab.comparison.paired import interval
from imbalance_lab.options import EXTRAS

STRATEGIES = ("none", "smote", "ros", "tuned_threshold")


def run(paper: Mapping[str, Any], preset: Mapping[str, Any], folder: Path) -> tuple[list[Line], list[str]]:
    """Return the lines, and notes; what has run in `folder` before is not run again."""
    data = [lab.option("dataset", "keel", name=name) for name in preset.get("sets", paper["sets"])]
    lines = []
    for kind in ("weak", "strong"):
        for model, settings in paper[kind].items():
            if model in EXTRAS and find_spec(model) is None:
                continue
            table = lab.sweep(
                data, list(STRATEGIES), lab.option("model", model, **nested(settings)), split="cv",
                seed=range(preset["seeds"]), evaluation={"resamples": 10}, folder=folder / model, progress=False,
            )  # fmt: skip
            for figure in (one for one in paper["figures"] if one["models"] == kind):
                long = table.runs.assign(value=table.metrics[figure["metric"]].reindex(table.runs.index))
                means = long.pivot_table(index="dataset", columns="strategy", values="value")
                difference = (means[figure["one"]] - means[figure["less"]]).dropna().groupby(source).mean()
                mean, low, high = (float(v[0]) for v in interval(difference.to_numpy()[None], 0.0, 0.95))
                agrees = within(low, high, figure.get("low", -np.inf), figure.get("high", np.inf))
                of = f"{model}, {figure['one']} less {figure['less']}, {len(difference)} sources"
                lines.append(Line(figure["name"], of, "", mean, low, high, agrees))
    return lines, []
