"""Figures of a comparison, drawn without pyplot's global state."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from imbalance_lab.comparison.across import Across
from imbalance_lab.comparison.paired import BETTER, SAME, WORSE, interval
from imbalance_lab.comparison.settings import Settings
from imbalance_lab.comparison.verdict import Compared
from imbalance_lab.evaluation.metrics import heading_of

MOST_STRATEGIES = 40
MOST_CLASSES = 50
MOST_NUMBERS = 300
MOST_PANELS = 12
MOST_CURVES = 8
MOST_POINTS = 60
LONGEST_NAME = 40
WIDTH = 6.0
COLOURS = {BETTER: "#2a7f4f", WORSE: "#b3402e", SAME: "#4878a8"}
UNDECIDED = "#666666"

P = ParamSpec("P")
T = TypeVar("T")


def _plain_text(function: Callable[P, T]) -> Callable[P, T]:
    """Take names as they are: the class $10_$20 is no formula."""
    return rc_context({"text.parse_math": False, "font.size": 9})(function)


@_plain_text
def draw_recalls(one: Compared) -> Figure | None:
    """Draw the mean recall of each class (rarest first) under each strategy; None where no recalls were logged."""
    recalls = one.recalls.iloc[:MOST_STRATEGIES, :MOST_CLASSES]
    if recalls.empty:
        return None
    strategies, classes = recalls.shape
    figure, axes = _blank(0.3 * strategies + 1.2)
    image = axes.imshow(recalls, vmin=0, vmax=1, cmap="Blues", aspect="auto")
    names = [shortened(str(name)) for name in recalls]
    axes.set_xticks(range(classes), names, rotation=90 if max(map(len, names)) * classes > 70 else 0)
    axes.set_yticks(range(strategies), [shortened(str(name)) for name in recalls.index])
    if recalls.size <= MOST_NUMBERS and classes <= 20:
        for (row, column), value in np.ndenumerate(recalls.to_numpy()):
            shown = "" if np.isnan(value) else f"{value:.2f}"
            axes.text(column, row, shown, ha="center", va="center", color="white" if value > 0.6 else "black")
    else:
        figure.colorbar(image, label="recall")
    all_of_them = one.recalls.shape[1]
    axes.set_xlabel(
        "class, rarest first" if all_of_them == classes else f"the {classes} rarest of {all_of_them} classes"
    )
    axes.set_title(_title("recall of each class", one), loc="left")
    return figure


@_plain_text
def draw_differences(one: Compared, settings: Settings) -> Figure | None:
    """Draw each strategy's differences to the baseline: every seed and fold, their mean, its interval.

    Returns
    -------
    Figure or None
        None where the baseline was not run, or nothing else.
    """
    if "baseline_difference" not in one.table or len(one.table) < 2:
        return None
    rows = one.table.drop(index=settings.baseline)[:MOST_STRATEGIES]
    values = one.group.values
    differences = values.loc[rows.index].to_numpy() - values.loc[[settings.baseline]].to_numpy()
    figure, axes = _blank(0.34 * len(rows) + 1.2)
    axes.axvspan(-settings.rope, settings.rope, color="#e8e8e8", label=f"equivalent within {settings.rope:g}")
    axes.axvline(0, color="black", linewidth=0.8)
    for at, (each, (_, row)) in enumerate(zip(differences, rows.iterrows(), strict=True)):
        each = each[np.isfinite(each)]
        axes.plot(each, at + 0.26 + _spread(len(each)), ".", color="#888888", markersize=4, alpha=0.8)
        _bar(axes, row.baseline_difference, (row.baseline_low, row.baseline_high), at, row.baseline_verdict)
    axes.set_yticks(range(len(rows)), [shortened(str(name)) for name in rows.index])
    metric = heading_of(settings.metric)
    axes.set(ylim=(len(rows) - 0.4, -0.5), xlabel=f"difference to {shortened(settings.baseline)} in {metric}")
    axes.set_title(_title("paired differences", one), loc="left")
    shown = [verdict for verdict in COLOURS if verdict in set(rows.baseline_verdict)]
    for verdict in shown:
        axes.plot([], [], "o", color=COLOURS[verdict], label=verdict)
    if len(shown) < rows.baseline_verdict.nunique():
        axes.plot([], [], "o", color=UNDECIDED, label="open")
    axes.plot([], [], ".", color="#999999", label="one seed or fold")
    figure.legend(loc="outside lower center", ncols=5, fontsize=8, frameon=False)
    return figure


@_plain_text
def draw_ranks(across: Across, alpha: float = 0.05) -> Figure:
    """Draw the critical-difference diagram (Demsar 2006): bars join strategies that Nemenyi's test cannot tell apart.

    Parameters
    ----------
    across : Across
    alpha : float
        Error rate of the test.
    """
    from scikit_posthocs import critical_difference_diagram

    short = {name: shortened(str(name)) for name in across.ranks.index}
    if len(set(short.values())) < len(short):
        short = {name: str(name) for name in short}
    ranks = across.ranks.rename(index=short)
    p = across.nemenyi.fillna(1.0).rename(index=short, columns=short)
    figure, axes = _blank(3.0)
    critical_difference_diagram(
        ranks,
        p,
        alpha=alpha,
        ax=axes,
        label_fmt_left="{label} ({rank:.2f})  ",
        label_fmt_right="  ({rank:.2f}) {label}",
        elbow_props={"color": "#333333", "linewidth": 0.8},
        marker_props={"s": 14},
    )
    first, difference = float(ranks.min()), across.critical_difference
    axes.errorbar(first + difference / 2, 2.2, xerr=difference / 2, color="black", capsize=3)
    axes.text(first + difference / 2, 2.4, f"CD = {difference:.2f}", ha="center", va="bottom")
    axes.set_ylim(top=3.4)
    axes.set_title(f"average rank over {len(across.means)} datasets, 1 is best", loc="left")
    figure.set_figheight(0.2 * (3.4 - axes.get_ylim()[0]) + 0.5)
    return figure


@_plain_text
def draw_trade_off(one: Compared, settings: Settings) -> Figure | None:
    """Draw the metric against calibration error (lower is better); None where no calibration error was logged."""
    if "ece" not in one.table or settings.metric == "ece":
        return None
    rows = one.table.dropna(subset=["ece", "mean"])[:MOST_STRATEGIES]
    if len(rows) < 2:
        return None
    ece = interval(_wide(one, "ece").reindex(rows.index).to_numpy(), one.group.ratio, settings.confidence)
    figure, axes = _blank(max(3.2, 0.2 * len(rows) + 1.2))
    colours = [f"C{k % 10}" for k in range(len(rows))]
    for (_, row), x, low, high, colour in zip(rows.iterrows(), *ece, colours, strict=True):
        y, around = row["mean"], _around(row["mean"], row.low, row.high)
        axes.errorbar(x, y, around, _around(x, low, high), fmt="o", markersize=5, color=colour, elinewidth=0.8)
    axes.margins(0.06)
    _label(axes, rows.index, ece[0], rows["mean"].to_numpy(), colours)
    axes.set(xlabel="calibration error (ECE), lower is better", ylabel=heading_of(settings.metric))
    axes.set_title(_title("balance against calibration", one), loc="left")
    return figure


@_plain_text
def draw_epochs(epochs: pd.DataFrame) -> Figure | None:
    """Draw validation recall of each class by epoch, a panel per strategy: the mean over runs, and their range.

    Of long trainings every second, third, ... epoch is drawn.

    Parameters
    ----------
    epochs : DataFrame
        ``strategy``, ``run``, ``key`` (``recall/<class>``), ``epoch``, ``value``; strategies and classes are drawn in
        the order of their first rows.

    Returns
    -------
    Figure or None
        None without recalls.
    """
    recalls = epochs[epochs.key.str.startswith("recall/")]
    if recalls.empty:
        return None
    strategies = list(recalls.strategy.unique())
    classes = list(recalls.key.unique())
    shown, curves = strategies[:MOST_PANELS], classes[:MOST_CURVES]
    columns = min(3, len(shown))
    rows = -(-len(shown) // columns)
    figure = Figure(figsize=(WIDTH, 1.7 * rows + 0.9), layout="constrained")
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
    for axes, strategy in zip(panels, shown, strict=False):
        part = recalls[recalls.strategy == strategy]
        for number, key in enumerate(curves):
            _curve(axes, part[part.key == key], f"C{number}", key.removeprefix("recall/"))
        axes.set_title(shortened(str(strategy), 26), fontsize=8)
        axes.set_ylim(0, 1)
    for axes in panels[len(shown) :]:
        axes.set_axis_off()
    figure.supxlabel("epoch")
    figure.supylabel("validation recall")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=6, fontsize=8, frameon=False)
    return figure


def shortened(name: str, most: int = LONGEST_NAME) -> str:
    """Return a name of at most `most` characters.

    >>> shortened("smote(k_neighbors=3)", 10)
    'smote(k_n…'
    """
    return name if len(name) <= most else name[: most - 1] + "…"


def _curve(axes: Axes, part: pd.DataFrame, colour: str, label: str) -> None:
    by_epoch = part.groupby("epoch").value.agg(["mean", "min", "max", "size"])
    by_epoch = by_epoch[by_epoch["size"] >= by_epoch["size"].max() / 2]  # some runs stop early
    by_epoch = by_epoch.iloc[:: -(-len(by_epoch) // MOST_POINTS)]
    axes.plot(by_epoch.index, by_epoch["mean"], color=colour, linewidth=1, label=shortened(label, 20))
    axes.fill_between(by_epoch.index, by_epoch["min"], by_epoch["max"], color=colour, alpha=0.15, linewidth=0)


def _bar(axes: Axes, mean: float, ends: tuple[float, float], at: float, verdict: str) -> None:
    colour = COLOURS.get(verdict, UNDECIDED)
    axes.errorbar(mean, at, xerr=_around(mean, *ends), fmt="o", markersize=5, color=colour, elinewidth=2, capsize=3)


def _around(mean: float, low: float, high: float) -> np.ndarray | None:
    """Return the ends of an interval as matplotlib wants them."""
    return np.clip([[mean - low], [high - mean]], 0, None) if np.isfinite([low, high]).all() else None


def _spread(n: int) -> np.ndarray:
    """Return small steps up and down, the same ones every time, that keep dots of equal values apart."""
    return 0.16 * ((np.arange(n) * 0.618) % 1 - 0.5) if n > 1 else np.zeros(n)


def _label(axes: Axes, names: pd.Index, x: np.ndarray, y: np.ndarray, colours: list[str]) -> None:
    """Write the names beside the axes, in the order of the points' heights, each with a line to its point."""
    low, high = axes.get_ylim()
    heights = (y - low) / (high - low)
    order = np.argsort(heights, kind="stable")
    for k, place in zip(order, _apart(heights[order], min(0.07, 1 / max(len(y) - 1, 1))), strict=True):
        line = {"arrowstyle": "-", "color": colours[k], "linewidth": 0.6, "linestyle": ":"}
        at = {"textcoords": "axes fraction", "va": "center", "annotation_clip": False, "color": colours[k]}
        axes.annotate(shortened(str(names[k]), 30), (x[k], y[k]), (1.03, place), arrowprops=line, **at)


def _apart(heights: np.ndarray, gap: float) -> np.ndarray:
    """Return sorted `heights` moved so that neighbours are `gap` apart, within 0 and 1."""
    places = heights.copy()
    for k in range(1, len(places)):
        places[k] = max(places[k], places[k - 1] + gap)
    places[-1] = min(places[-1], 1.0)
    for k in range(len(places) - 2, -1, -1):
        places[k] = min(places[k], places[k + 1] - gap)
    return places


def _wide(one: Compared, metric: str) -> pd.DataFrame:
    """Return a metric with a row per strategy and a column per seed."""
    long = one.group.runs[["strategy", "seed"]].assign(value=one.group.metrics[metric])
    return long.pivot(index="strategy", columns="seed", values="value")


def _title(what: str, one: Compared) -> str:
    left_out = len(one.table) - MOST_STRATEGIES
    return f"{what}, {shortened(one.group.title, 60)}" + (f"; {left_out} strategies left out" if left_out > 0 else "")


def _blank(height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    return figure, figure.subplots()
