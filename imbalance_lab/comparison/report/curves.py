"""Validation recall by epoch, a panel for each way of training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from imbalance_lab.comparison.report.histories import RECALL
from imbalance_lab.comparison.report.ink import CURVES, DASHES, INK, SOFT, WIDTH, plain_text, shortened
from imbalance_lab.comparison.report.margins import lay_out

MOST_PANELS = 12
MOST_CURVES = 8
MOST_POINTS = 60
PANEL, TITLE, GAP = 1.4, 0.17, 0.15  # inches: heights of a panel and of a line above it, and room between panels


@plain_text
def draw_epochs(
    epochs: pd.DataFrame, alike: Mapping[str, Sequence[str]] | None = None, kept: pd.DataFrame | None = None
) -> Figure | None:
    """Draw validation recall of each class by epoch: the mean over runs, and their range.

    Of long trainings every second, third, ... epoch is drawn.

    Parameters
    ----------
    epochs : DataFrame
        ``strategy``, ``run``, ``key`` (``recall/<class>``), ``epoch``, ``value``; strategies and classes are drawn in
        the order of their first rows.
    alike : mapping, optional
        The strategies that share a panel, by the one that is drawn; by default each has a panel.
    kept : DataFrame, optional
        ``strategy``, ``run``, ``epoch``: the epochs whose weights were kept, which are marked.

    Returns
    -------
    Figure or None
        None without recalls.
    """
    recalls = epochs[epochs.key.str.startswith(RECALL)]
    if recalls.empty:
        return None
    panels = alike or {str(name): [str(name)] for name in recalls.strategy.unique()}
    shown, curves = list(panels)[:MOST_PANELS], list(recalls.key.unique())[:MOST_CURVES]
    columns = min(2, len(shown))
    rows = -(-len(shown) // columns)
    figure = Figure(figsize=(WIDTH, 1.0))
    titles = [_names(panels[strategy]) for strategy in shown]
    above = (max(title.count("\n") for title in titles) + 1) * TITLE
    room = {"wspace": 0.1, "hspace": (above + GAP) / PANEL}
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False, gridspec_kw=room).ravel()
    for axes, strategy, title in zip(grid, shown, titles, strict=False):
        part = recalls[recalls.strategy == strategy]
        for number, key in enumerate(curves):
            _curve(axes, part[part.key == key], number, key.removeprefix(RECALL))
        if kept is not None:
            _mark(axes, kept.epoch[kept.strategy == strategy])
        axes.set_title(title, fontsize=9, fontweight="normal", loc="left")
        axes.set_ylim(0, 1)
        axes.spines[["top", "right"]].set_visible(False)
    for hidden in range(len(shown), len(grid)):
        grid[hidden].set_axis_off()
        grid[hidden - columns].tick_params(labelbottom=True)
    for axes in grid[len(shown) - columns : len(shown)]:
        axes.set_xlabel("epoch")
    figure.supylabel("recall on validation rows", fontsize=10)
    title = f"Recall by epoch: {shortened(curves[0].removeprefix(RECALL))} is the rarest class"
    lay_out(figure, rows * PANEL + (rows - 1) * (above + GAP), title, above=above)
    return figure


def _names(alike: Sequence[str]) -> str:
    """Return the strategies of a panel on two lines at most."""
    if len(alike) == 1:
        return shortened(alike[0], 30)
    others = ", ".join(alike[1:])
    return f"{shortened(alike[0], 14)}, and trained alike:\n{shortened(others, 32)}"


def _curve(axes: Axes, part: pd.DataFrame, number: int, label: str) -> None:
    by_epoch = part.groupby("epoch").value.agg(["mean", "min", "max", "size"])
    by_epoch = by_epoch[by_epoch["size"] >= by_epoch["size"].max() / 2]  # some runs stop early
    by_epoch = by_epoch.iloc[:: max(-(-len(by_epoch) // MOST_POINTS), 1)]
    look: dict[str, Any] = {"color": CURVES[number], "linestyle": DASHES[number % len(DASHES)], "linewidth": 1.4}
    axes.plot(by_epoch.index, by_epoch["mean"], label=shortened(label, 20), **look)
    axes.fill_between(by_epoch.index, by_epoch["min"], by_epoch["max"], color=CURVES[number], alpha=0.12, linewidth=0)


def _mark(axes: Axes, epochs: pd.Series) -> None:
    """Mark the epochs that were kept: a tick for each run, a line at their median."""
    if epochs.empty:
        return
    axes.plot(epochs, [0.02] * len(epochs), "|", color=SOFT, markersize=7, clip_on=False)
    axes.axvline(float(epochs.median()), color=INK, linewidth=0.9, linestyle=(0, (1, 1.5)), label="kept epoch (median)")
