"""The recall of each class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure

from imbalance_lab.evaluation.plots.canvas import sheet
from imbalance_lab.evaluation.plots.palette import (
    Style,
    colours_of,
    rarest_first,
    sequential_map,
    shortened,
)
from imbalance_lab.evaluation.predictions import Predictions

MOST_BARS = 25
MOST_WORST = 10


def draw_recall(
    classes: pd.DataFrame,
    test: Predictions,
    tasks: Sequence[Sequence[str]],
    by_name: Mapping[str, Style],
    headline: str,
) -> Figure:
    """Draw the recall of each class with its interval, rarest class first; of many classes sorted, the worst named.

    Where the decision changes any class, a hollow dot shows the recall before it: the largest score wins.
    """
    table = classes.loc[rarest_first(classes)].dropna(subset=["recall"])
    before = _before_the_decision(test, tasks).reindex(table.index)
    many = len(table) > MOST_BARS
    figure = _sorted(table, by_name) if many else _bars(table, by_name, before)
    figure.set_label(f"Recall of each class: {headline}")
    return figure


def _bars(table: pd.DataFrame, by_name: Mapping[str, Style], before: pd.Series) -> Figure:
    labels = _labels(table)
    figure, (axes,) = sheet(0.32 * len(table) + 1.75, left=max(map(len, labels)) - 3, right=5)
    _draw_bars(axes, table, labels, by_name)
    if before.notna().any():
        dots: Any = {"mfc": "white", "mec": "black", "ms": 5, "zorder": 4, "clip_on": False}
        axes.plot(before, np.arange(len(table)), "o", label="before the decision", **dots)
    mean = table.recall.mean()
    axes.axvline(mean, color="black", linestyle="--", linewidth=1, label=f"mean {mean:.3f}")
    figure.legend(loc="lower left", ncols=2, bbox_to_anchor=(0, 0))
    return figure


def _sorted(table: pd.DataFrame, by_name: Mapping[str, Style]) -> Figure:
    """Draw all recalls from the lowest to the highest, and the lowest as bars with their names."""
    # Of equal recalls the one with the most rows is the surest.
    ordered = table.sort_values(["recall", "support"], ascending=[True, False], kind="stable")
    worst = ordered.head(MOST_WORST)
    labels = _labels(worst)
    height = 2.2 + 0.26 * len(worst) + 1.6
    figure, (top, bottom) = sheet(
        height, left=max(map(len, labels)) - 3, right=9, rows=(2.2, 0.26 * len(worst)), gap=0.4, above=0.15
    )
    at = np.arange(1, len(ordered) + 1)
    top.fill_between(at, ordered.low, ordered.high, color="#dddddd", linewidth=0, label="interval")
    top.scatter(at, ordered.recall, c=colours_of(ordered.index, by_name), s=14, zorder=3)
    mean = ordered.recall.mean()
    top.axhline(mean, color="black", linestyle="--", linewidth=1, label=f"mean {mean:.3f}")
    top.set(ylabel="recall", ylim=(0, 1.02), xlim=(0, len(ordered) + 1))
    top.set_xlabel(f"the {len(ordered)} classes, lowest recall first", labelpad=1)
    top.legend(loc="lower right", bbox_to_anchor=(1, 0.98), ncols=2)
    rarity_bar(figure, top)
    _draw_bars(bottom, worst, labels, by_name)
    never = int((ordered.recall == 0).sum())
    others = f"; {never} classes are at 0" if never > len(worst) else ""
    bottom.set_title(f"the {len(worst)} lowest{others}", loc="left", fontsize=9)
    return figure


def rarity_bar(figure: Figure, axes: Axes) -> None:
    """Explain the sequential colours right of the axes."""
    colours, scale = sequential_map()
    place = axes.inset_axes((1.02, 0.0, 0.025, 1.0))
    bar = figure.colorbar(ScalarMappable(scale, colours), cax=place, ticks=[0, 1])
    bar.ax.set_ylim(1, 0)
    bar.ax.set_yticklabels(["rarest", "most\nfrequent"], fontsize=7)
    bar.outline.set_visible(False)


def _draw_bars(axes: Axes, table: pd.DataFrame, labels: Sequence[str], by_name: Mapping[str, Style]) -> None:
    at = np.arange(len(table))
    around = np.clip([table.recall - table.low, table.high - table.recall], 0, None)
    bars = {"elinewidth": 1.2, "capsize": 3, "ecolor": "#222222"}
    axes.barh(
        at, table.recall, 0.7, color=colours_of(table.index, by_name), alpha=0.85, xerr=around, error_kw=bars, zorder=2
    )
    for place, value in enumerate(table.recall):
        axes.text(1.02, place, f"{value:.2f}", va="center", ha="left")
    axes.set(xlabel="recall", xlim=(0, 1), ylim=(len(table) - 0.4, -0.6))
    axes.set_yticks(at, labels)
    axes.grid(axis="x", color="#e4e4e4", linewidth=0.6, zorder=0)
    axes.set_axisbelow(True)


def _labels(table: pd.DataFrame) -> list[str]:
    rows = "row" if (table.support == 1).all() else "rows"
    return [f"{name} ({n:g} {rows})" for name, n in zip(shortened(table.index), table.support, strict=True)]


def _before_the_decision(test: Predictions, tasks: Sequence[Sequence[str]]) -> pd.Series:
    """Return the recall of each class where the largest score wins; missing where that is what is decided."""
    recalls = {}
    for part, names in zip(test.tasks(), tasks, strict=True):
        largest = part.log_proba.argmax(axis=1)
        if (largest == part.predicted).all():
            continue
        for k, name in enumerate(names):
            if (rows := part.y == k).any():
                recalls[name] = float((largest[rows] == k).mean())
    return pd.Series(recalls, dtype=float)
