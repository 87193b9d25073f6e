"""Van den Goorbergh et al. (2022): calibration of logistic regression after balancing, in their simulation."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import quantile_test

from experiments.replications.line import AGREES, DIFFERS, OPEN, Line, meets, within
from experiments.replications.simulation import scenarios, simulated
from experiments.tables import to_markdown

CELL = ["predictors", "rows", "fraction", "strategy"]
ENDS = {"smallest": "min", "largest": "max"}


def run(paper: Mapping[str, Any], preset: Mapping[str, Any], folder: Path) -> tuple[list[Line], list[str]]:
    """Return the lines, and notes; draws that `folder` holds are not drawn again."""
    wanted = list(scenarios(paper, preset.get("predictors")))
    draws = pd.concat([simulated(one, preset["draws"], preset["test_rows"], folder) for one in wanted])
    kept = draws[~draws.separated.astype(bool)]
    lines = [line for figure in paper["figures"] for line in lines_of(figure, kept, paper["confidence"])]
    by_cell = kept.groupby(CELL).median(numeric_only=True).reset_index()
    return lines, [*_separated(draws), *_outside(paper["figures"], kept, paper["confidence"]), _by_fraction(by_cell)]


def lines_of(figure: Mapping[str, Any], draws: pd.DataFrame, confidence: float) -> list[Line]:
    """Return the line of a claim about every median, or of a range those of the smallest and the largest median."""
    found = medians(figure, draws, confidence)
    of = f"{len(found)} medians, {', '.join(figure['strategies'])}"
    if "range" not in figure:
        ours, low, high = found["median"].median(), found.low.min(), found.high.max()
        answers = set(found.agrees)
        agrees = next(answer for answer in (DIFFERS, OPEN, AGREES) if answer in answers)
        return [Line(figure["name"], of, figure["text"], ours, low, high, agrees)]
    lines = []
    for (word, end), theirs in zip(ENDS.items(), figure["range"], strict=True):
        ours, low, high = (float(found[column].agg(end)) for column in ("median", "low", "high"))
        agrees = meets(low, high, theirs - figure["digit"] / 2, theirs + figure["digit"] / 2)
        lines.append(Line(f"{figure['name']}: {word} median", of, f"{theirs:.2f}", ours, low, high, agrees))
    return lines


def medians(figure: Mapping[str, Any], draws: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """Return of each scenario and strategy the median, its interval, and whether that meets the claim.

    The ends are order statistics, right for any distribution (the number of draws below the median is binomial), at a
    level at which all intervals of a figure hold at once (Bonferroni); infinite where draws are too few.
    """
    own = draws[draws.strategy.isin(figure["strategies"])]
    own = own[own.fraction.isin(figure.get("fractions", own.fraction.unique()))]
    groups = own.groupby(CELL)[figure["figure"]]
    ends = groups.apply(
        lambda values: pd.Series(median_interval(values.to_numpy(), 1 - (1 - confidence) / len(groups)))
    )
    found = groups.median().to_frame("median").join(ends.unstack().set_axis(["low", "high"], axis=1))
    least, most = figure.get("low", -np.inf), figure.get("high", np.inf)
    return found.assign(
        agrees=[within(low, high, least, most) for low, high in zip(found.low, found.high, strict=True)]
    )


def median_interval(values: np.ndarray, confidence: float) -> tuple[float, float]:
    """Return the interval of the median by order statistics.

    >>> median_interval(np.arange(1.0, 7.0), 0.95), median_interval(np.arange(1.0, 6.0), 0.95)
    ((1.0, 6.0), (-inf, inf))
    """
    low, high = quantile_test(values, p=0.5).confidence_interval(confidence)
    return (float(low), float(high)) if np.isfinite([low, high]).all() else (-np.inf, np.inf)


def _separated(draws: pd.DataFrame) -> list[str]:
    """Return which draws are left out, as the authors do, for undersampling leaves classes that are separated."""
    drawn = draws.drop_duplicates([*CELL[:3], "draw"]).groupby(CELL[:3]).separated.agg(["sum", "size"])
    left_out = [
        f"{row['sum']:.0f} of {row['size']:.0f} with {predictors} predictors, {rows} rows and {fraction:.0%} events"
        for (predictors, rows, fraction), row in drawn[drawn["sum"] > 0].iterrows()
    ]
    return [f"draws left out, separated after undersampling: {'; '.join(left_out)}"] if left_out else []


def _outside(figures: list[Mapping[str, Any]], draws: pd.DataFrame, confidence: float) -> list[str]:
    """Return for each claim that is contradicted in which scenarios it is."""
    notes = []
    for figure in figures:
        found = medians(figure, draws, confidence).reset_index()
        against = found[found.agrees == DIFFERS]
        if "range" in figure or against.empty:
            continue
        cells = [
            f"{one.strategy} with {one.predictors} predictors, {one.rows} rows and {one.fraction:.0%} events "
            f"({one.median:+.3f} [{one.low:+.3f}, {one.high:+.3f}])"
            for one in against.itertuples()
        ]
        notes.append(f"{figure['name']}: not {figure['text']} is {'; '.join(cells)}")
    return notes


def _by_fraction(by_cell: pd.DataFrame) -> str:
    """Return the medians of scenarios by event fraction and strategy, as a table."""
    shown = ["auroc", "intercept", "slope", "recalibrated", "sensitivity", "specificity"]
    table = by_cell.groupby(["fraction", "strategy"])[shown].median().map("{:.3f}".format).reset_index()
    return to_markdown(table.set_index("fraction"))
