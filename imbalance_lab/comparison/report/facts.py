"""Gains against facts of the datasets, drawn."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.figure import Figure
from scipy import stats

from imbalance_lab.comparison.report.ink import (
    BAND,
    COLOURS,
    INK,
    SHAPES,
    WIDTH,
    around,
    marker,
    plain_text,
    same_look,
    shortened,
)
from imbalance_lab.comparison.report.kinds import kind_of
from imbalance_lab.comparison.report.margins import titled
from imbalance_lab.comparison.settings import Settings
from imbalance_lab.evaluation.metrics import heading_of

WIDE_RANGE = 20  # largest by smallest value from which the axis is logarithmic
MOST_PANELS = 12


@plain_text
def draw_against_fact(
    gains: pd.DataFrame, fact: str, settings: Settings, reference: str, strategies: Sequence[str] = ()
) -> Figure:
    """Draw differences on each dataset, with intervals, against a fact of the datasets: a panel for each strategy.

    Parameters
    ----------
    gains : DataFrame
        As `against_facts` returns it.
    fact : str
        One of its columns.
    settings : Settings
    reference : str
        What the differences are to, as it is called.
    strategies : sequence of str
        Those that are drawn; by default all, at most 12.
    """
    shown = (list(strategies) or list(gains.strategy.unique()))[:MOST_PANELS]
    columns = min(2, len(shown))
    rows = -(-len(shown) // columns)
    figure = Figure(figsize=(WIDTH * 1.3, 1.9 * rows + 1.2), layout="constrained")
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
    values = gains[fact].dropna()
    logarithmic = values.min() > 0 and values.max() / values.min() > WIDE_RANGE
    kinds: set[str] = set()
    for axes, name in zip(grid, shown, strict=False):
        part = gains[(gains.strategy == name) & gains[fact].notna()]
        axes.axhspan(-settings.rope, settings.rope, color=BAND, linewidth=0)
        axes.axhline(0, color=INK, linewidth=0.8)
        x, *y = part[[fact, "difference", "low", "high"]].to_numpy(dtype=float).T
        for look, at in same_look([marker(verdict) | {"markersize": 4} for verdict in part.verdict]):
            ends = around(*(value[at] for value in y))
            axes.errorbar(x[at], y[0][at], yerr=ends, elinewidth=0.7, linestyle="none", **look)
        kinds |= set(map(kind_of, part.verdict))
        axes.set_title(f"{shortened(name, 24)}{_correlated(part, fact)}", fontsize=9, fontweight="normal", loc="left")
        axes.spines[["top", "right"]].set_visible(False)
        if logarithmic:
            axes.set_xscale("log")
    for hidden in range(len(shown), len(grid)):
        grid[hidden].set_axis_off()
        grid[hidden - columns].tick_params(labelbottom=True)
    for axes in grid[len(shown) - columns : len(shown)]:
        axes.set_xlabel(fact)
    figure.supylabel(f"difference to {shortened(reference, 20)}", fontsize=10)
    for kind in (kind for kind in SHAPES if kind in kinds):
        grid[0].plot([], [], linestyle="none", label=kind, **marker(kind) | {"color": COLOURS[kind]})
    figure.legend(loc="outside lower center", ncols=4, fontsize=9, frameon=False)
    titled(figure, f"{heading_of(settings.metric)} on {gains.dataset.nunique()} datasets, by {fact}")
    return figure


def _correlated(part: pd.DataFrame, fact: str) -> str:
    """Return Spearman's rank correlation of difference and fact, where it is defined."""
    if len(part) < 4 or part[fact].nunique() < 2 or part.difference.nunique() < 2:
        return ""
    found = stats.spearmanr(part[fact], part.difference)
    return f": rank correlation {found.statistic:+.2f}, p = {found.pvalue:.2g}"
