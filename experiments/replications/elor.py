"""Elor and Averbuch-Elor (2022): weak against strong learners, thresholds against balancing."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
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
from experiments.tables import to_markdown
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
    sets, board = preset.get("sets", paper["sets"]), _board()
    data = {name: lab.option("dataset", "keel", name=name).build().load() for name in sets}
    smaller = pd.Series({name: int(one.counts.min()) for name, one in data.items()}).groupby(source).mean()
    lines, by_size, notes, reused, runs = [], {}, [], 0, 0
    for kind in ("weak", "strong"):
        for model, settings in paper[kind].items():
            if model in EXTRAS and find_spec(model) is None:
                continue
            option = lab.option("model", model, **nested(settings))
            table, known = _table(data, option, preset["seeds"], folder / model, board)
            reused, runs = reused + known, runs + len(table)
            left = table[table.outcome != "finished"]
            notes += [
                f"{run.strategy} with {model} did not run on {run.dataset}: {run.reason}" for run in left.itertuples()
            ]
            for figure in (one for one in paper["figures"] if one["models"] == kind):
                difference = _difference(figure, table)
                lines.append(_line(figure, model, difference))
                of = f"{lines[-1].of}, {figure['metric'].replace('_', ' ')}"
                by_size[of] = _by_size(difference, smaller, paper["few"])
    notes += [f"{reused} of {runs} runs are the leaderboard's, which had the same settings"] if reused else []
    return lines, [*notes, to_markdown(pd.DataFrame.from_dict(by_size, orient="index").rename_axis("ours is"))]


def _difference(figure: Mapping[str, Any], table: pd.DataFrame) -> pd.Series:
    """Return the difference of two strategies in each source."""
    means = table.pivot_table(index="dataset", columns="strategy", values=figure["metric"])
    return (means[figure["one"]] - means[figure["less"]]).dropna().groupby(source).mean()


def _line(figure: Mapping[str, Any], model: str, difference: pd.Series) -> Line:
    mean, low, high = _interval(difference)
    agrees = within(low, high, figure.get("low", -np.inf), figure.get("high", np.inf))
    of = f"{model}, {figure['one']} less {figure['less']}, {len(difference)} sources"
    return Line(figure["name"], of, "", mean, low, high, agrees)


def _by_size(difference: pd.Series, smaller: pd.Series, few: int) -> dict[str, str]:
    """Return the mean differences of the sources with few rows of the smaller class and of the others, as text."""
    is_few = smaller.reindex(difference.index) < few
    parts = {f"fewer than {few} rows of the smaller class": difference[is_few], "more": difference[~is_few]}
    shown = {}
    for name, part in parts.items():
        mean, low, high = _interval(part) if len(part) else (np.nan,) * 3
        shown[name] = f"{mean:+.3f} [{low:+.3f}, {high:+.3f}], {len(part)} sources"
    return shown


def _interval(values: pd.Series) -> tuple[float, float, float]:
    mean, low, high = interval(values.to_numpy()[None], 0.0, 0.95)
    return float(mean[0]), float(low[0]), float(high[0])


def _board() -> RunTable | None:
    if not BOARD.is_file():
        return None
    table = read_parquet(BOARD)
    return table.only((about_tuning(table.settings).trials == 0) & (table.runs.outcome == "finished"))


def _table(
    data: Mapping[str, lab.Dataset], model: Any, seeds: int, folder: Path, board: RunTable | None
) -> tuple[pd.DataFrame, int]:
    """Return a row per run with its metrics, and how many of them the leaderboard had."""
    parts, known, earlier = [], 0, Earlier(board)
    for name, rows in data.items():
        option = lab.option("dataset", "keel", name=name)
        for seed in range(seeds):
            given = {"split": lab.option("split", "cv", folds=5), "seed": seed, "evaluation": SPEED}
            ids = {s: specify(option, s, model, **given).on_data(rows.name, rows.content_hash) for s in STRATEGIES}
            held = [strategy for strategy, identity in ids.items() if earlier.holds(identity)]
            if board is not None and held:
                cells = [(name, ids[s].model, s, seed) for s in held]
                wanted = pd.MultiIndex.from_frame(board.runs[CELL]).isin(cells)
                parts.append(board.only(pd.Series(wanted, index=board.runs.index)))
                known += len(held)
            if left := [strategy for strategy in STRATEGIES if strategy not in held]:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", LabWarning)
                    parts.append(lab.sweep(option, left, model, folder=folder / name, progress=False, **given))
    return pd.concat([part.runs.join(part.metrics) for part in parts]), known
