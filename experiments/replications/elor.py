"""Elor and Averbuch-Elor (2022): weak against strong learners, thresholds against balancing."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import imbalance_lab as lab
from experiments.leaderboard import __main__ as leaderboard
from experiments.leaderboard.earlier import CELL, Earlier
from experiments.leaderboard.gather import SPEED
from experiments.leaderboard.table import source
from experiments.replications.line import Line, within
from experiments.replications.lopez import nested
from imbalance_lab.comparison.budgets import about_tuning
from imbalance_lab.comparison.paired import interval
from imbalance_lab.errors import LabWarning
from imbalance_lab.options import EXTRAS
from imbalance_lab.runs.parquet import read_parquet
from imbalance_lab.runs.spec import specify
from imbalance_lab.runs.table import RunTable

STRATEGIES = ("none", "smote", "ros", "tuned_threshold")
BOARD = leaderboard.HERE / leaderboard.NAME


def run(paper: Mapping[str, Any], preset: Mapping[str, Any], folder: Path) -> tuple[list[Line], list[str]]:
    """Return the lines, and notes; what has run in `folder`, or for the leaderboard alike, is not run again."""
    sets, lines, reused, runs = preset.get("sets", paper["sets"]), [], 0, 0
    board = _board() if preset.get("leaderboard", True) else None
    for kind in ("weak", "strong"):
        for model, settings in paper[kind].items():
            if model in EXTRAS and find_spec(model) is None:
                continue
            option = lab.option("model", model, **nested(settings))
            table, known = _table(sets, option, preset["seeds"], folder / model, board)
            reused, runs = reused + known, runs + len(table)
            lines += [_line(figure, table, model) for figure in paper["figures"] if figure["models"] == kind]
    return lines, [f"{reused} of {runs} runs are the leaderboard's, which had the same settings"] if reused else []


def _board() -> RunTable | None:
    if not BOARD.is_file():
        return None
    table = read_parquet(BOARD)
    return table.only((about_tuning(table.settings).trials == 0) & (table.runs.outcome == "finished"))


def _line(figure: Mapping[str, Any], table: pd.DataFrame, model: str) -> Line:
    means = table.pivot_table(index="dataset", columns="strategy", values=figure["metric"])
    difference = (means[figure["one"]] - means[figure["less"]]).dropna().groupby(source).mean()
    mean, low, high = (float(v[0]) for v in interval(difference.to_numpy()[None], 0.0, 0.95))
    agrees = within(low, high, figure.get("low", -np.inf), figure.get("high", np.inf))
    of = f"{model}, {figure['one']} less {figure['less']}, {len(difference)} sources"
    return Line(figure["name"], of, "", mean, low, high, agrees)


def _table(
    sets: Sequence[str], model: Any, seeds: int, folder: Path, board: RunTable | None
) -> tuple[pd.DataFrame, int]:
    """Return a row per run with its metrics, and how many of them the leaderboard had."""
    parts, known, earlier = [], 0, Earlier(board)
    for name in sets:
        data = lab.option("dataset", "keel", name=name)
        rows = data.build().load()
        for seed in range(seeds):
            given = {"split": lab.option("split", "cv", folds=5), "seed": seed, "evaluation": SPEED}
            ids = {s: specify(data, s, model, **given).on_data(rows.name, rows.content_hash) for s in STRATEGIES}
            held = [strategy for strategy, identity in ids.items() if earlier.holds(identity)]
            if board is not None and held:
                cells = [(name, ids[s].model, s, seed) for s in held]
                wanted = pd.MultiIndex.from_frame(board.runs[CELL]).isin(cells)
                parts.append(board.only(pd.Series(wanted, index=board.runs.index)))
                known += len(held)
            if left := [strategy for strategy in STRATEGIES if strategy not in held]:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", LabWarning)
                    parts.append(lab.sweep(data, left, model, folder=folder / name, progress=False, **given))
    return pd.concat([part.runs.join(part.metrics) for part in parts]), known
