"""Figures of a comparison, drawn without pyplot's global state."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from imbalance_lab.comparison.across import Across
from imbalance_lab.comparison.answer import PLAIN
from imbalance_lab.comparison.compared import Compared
from imbalance_lab.comparison.paired import interval
from imbalance_lab.comparison.report.ink import (
    BAND,
    COLOURS,
    INK,
    LONGEST_NAME,
    SOFT,
    WIDTH,
    around,
    blank,
    legend,
    marker,
    plain_text,
    shortened,
    titled,
)
from imbalance_lab.comparison.report.kinds import kind_of
from imbalance_lab.comparison.settings import Settings
from imbalance_lab.evaluation.metrics import heading_of

MOST_STRATEGIES = 40
MOST_CLASSES = 50
MOST_NUMBERS = 300
MOST_DOTS = 1500
DARK = "#1a1a1a"  # on a light cell, whatever the page's colours


@plain_text
def draw_recalls(one: Compared) -> Figure | None:
    """Draw the mean recall of each class (rarest first) under each strategy; None where no recalls were logged."""
    recalls = one.recalls.iloc[:MOST_STRATEGIES, :MOST_CLASSES]
    if recalls.empty:
        return None
    strategies, classes = recalls.shape
    figure, axes = blank(0.3 * strategies + 1.5)
    image = axes.pcolormesh(recalls.to_numpy(), vmin=0, vmax=1, cmap="Blues", linewidth=0)
    names = [shortened(str(name), 16) for name in recalls]
    turned = max(map(len, names)) * classes > 38
    axes.set_xticks(np.arange(classes) + 0.5, names, rotation=90 if turned else 0)
    axes.set_yticks(np.arange(strategies) + 0.5, [shortened(str(name)) for name in recalls.index])
    axes.tick_params(length=0)
    axes.invert_yaxis()
    axes.spines[:].set_visible(False)
    if recalls.size <= MOST_NUMBERS and classes <= 12:
        for (row, column), value in np.ndenumerate(recalls.to_numpy()):
            shown = "" if np.isnan(value) else f"{value:.2f}"
            colour = "#ffffff" if value > 0.6 else DARK
            axes.text(column + 0.5, row + 0.5, shown, ha="center", va="center", color=colour)
    else:
        figure.colorbar(image, label="recall").outline.set_visible(False)
    known = one.recalls.shape[1]
    axes.set_xlabel("class, rarest first" if known == classes else f"the {classes} rarest of {known} classes")
    titled(figure, _recall_title(one) + _left_out(one))
    return figure


def _recall_title(one: Compared) -> str:
    """Say under which strategy the rarest class is found most often."""
    rarest = one.recalls.iloc[:, 0].dropna()
    name = shortened(str(one.recalls.columns[0]), 16)
    if rarest.empty:
        return "Recall of each class"
    return (
        f"{name}, the rarest class, is found most often under {shortened(str(rarest.idxmax()))}: "
        f"recall {rarest.max():.2f}, at least {rarest.min():.2f}"
    )


@plain_text
def draw_differences(one: Compared, settings: Settings, role: str = "baseline") -> Figure | None:
    """Draw each strategy's differences to the baseline or control: every seed and fold, their mean, its interval.

    Parameters
    ----------
    one : Compared
    settings : Settings
    role : str
        ``baseline`` or ``control``.

    Returns
    -------
    Figure or None
        None where that one was not run, or nothing else.
    """
    if f"{role}_difference" not in one.table or len(one.table) < 2:
        return None
    reference = getattr(settings, role)
    rows = one.table.drop(index=reference)[:MOST_STRATEGIES]
    values = one.group.values
    differences = values.loc[rows.index].to_numpy() - values.loc[[reference]].to_numpy()
    figure, axes = blank(0.36 * len(rows) + 1.7)
    axes.axvspan(
        -settings.rope, settings.rope, color=BAND, linewidth=0, label=f"too small to matter (±{settings.rope:g})"
    )
    axes.axvline(0, color=INK, linewidth=0.8)
    thinned = max(1, -(-differences.size // MOST_DOTS))
    for at, (each, (_, row)) in enumerate(zip(differences, rows.iterrows(), strict=True)):
        each = each[np.isfinite(each)][::thinned]
        axes.plot(each, at + 0.27 + _spread(len(each)), ".", color=SOFT, markersize=4, markeredgewidth=0)
        verdict, difference = row[f"{role}_verdict"], row[f"{role}_difference"]
        look = marker(verdict)
        ends = around(difference, row[f"{role}_low"], row[f"{role}_high"])
        axes.errorbar(difference, at, xerr=ends, elinewidth=1.8, capsize=3, linestyle="none", **look)
        shown = f"{difference:+.3f}" if np.isfinite(difference) else ""
        axes.annotate(shown, (1.01, at), xycoords=("axes fraction", "data"), va="center", color=look["color"])
    axes.set_yticks(range(len(rows)), [shortened(str(name)) for name in rows.index])
    axes.tick_params(axis="y", length=0)
    axes.set(ylim=(len(rows) - 0.4, -0.5))
    axes.locator_params(axis="x", nbins=5)
    axes.set_xlabel(f"difference to {shortened(reference)} in {heading_of(settings.metric)}")
    axes.plot([], [], ".", color=SOFT, label="one seed or fold")
    legend(figure, axes, rows[f"{role}_verdict"])
    titled(figure, _difference_title(rows, role, reference) + _left_out(one))
    return figure


def _difference_title(rows: pd.DataFrame, role: str, reference: str) -> str:
    kinds = [kind_of(verdict) for verdict in rows[f"{role}_verdict"]]
    counts = ", ".join(f"{kinds.count(kind)} {kind}" for kind in COLOURS if kind in kinds)
    what = "plain training" if reference == PLAIN else f"the {role}"
    return f"Against {what}, {shortened(reference)}: {counts}"


@plain_text
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
    figure, axes = blank(3.0)
    figure.set_figwidth(WIDTH + 0.18 * max(0, max(map(len, short.values())) - LONGEST_NAME))
    critical_difference_diagram(
        ranks,
        p,
        alpha=alpha,
        ax=axes,
        label_fmt_left="{label} ({rank:.2f})  ",
        label_fmt_right="  ({rank:.2f}) {label}",
        color_palette=[INK] * len(ranks),
        elbow_props={"linewidth": 0.8},
        crossbar_props={"color": INK, "linewidth": 3},
        marker_props={"s": 14},
    )
    first, difference = float(ranks.min()), across.critical_difference
    axes.errorbar(first + difference / 2, 2.2, xerr=difference / 2, color=INK, capsize=3)
    axes.text(first + difference / 2, 2.4, f"CD = {difference:.2f}", ha="center", va="bottom")
    axes.set_ylim(top=3.4)
    titled(
        figure,
        f"{shortened(str(across.ranks.index[0]))} ranks best on average over {len(across.means)} datasets; "
        "thick bars join what cannot be told apart",
    )
    figure.set_figheight(0.22 * (3.4 - axes.get_ylim()[0]) + 0.9)
    return figure


@plain_text
def draw_trade_off(one: Compared, settings: Settings) -> Figure | None:
    """Draw the metric against calibration error (lower is better); None where no calibration error was logged."""
    if "ece" not in one.table or settings.metric == "ece":
        return None
    rows = one.table.dropna(subset=["ece", "mean"])[:MOST_STRATEGIES]
    if len(rows) < 2:
        return None
    ece = interval(_wide(one, "ece").reindex(rows.index).to_numpy(), one.group.ratio, settings.confidence)
    ece = (ece[0], np.maximum(ece[1], 0), ece[2])
    figure, axes = blank(max(3.4, 0.24 * len(rows) + 1.7))
    verdicts = rows.get("baseline_verdict", pd.Series(np.nan, index=rows.index))
    plain: dict[str, Any] = {"marker": "D", "color": INK, "markersize": 6}
    looks = [plain if name == settings.baseline else marker(verdicts[name]) for name in rows.index]
    for (_, row), x, low, high, look in zip(rows.iterrows(), *ece, looks, strict=True):
        y, ends = row["mean"], around(row["mean"], row.low, row.high)
        bars = axes.errorbar(x, y, ends, around(x, low, high), elinewidth=0.8, linestyle="none", **look)
        for bar in bars[2]:
            bar.set_alpha(0.5)
    axes.margins(0.06)
    axes.locator_params(axis="x", nbins=6)
    axes.set_xlim(left=max(axes.get_xlim()[0], 0.0))
    _label(axes, rows.index, ece[0], rows["mean"].to_numpy(), [look["color"] for look in looks])
    axes.set(xlabel="calibration error (ECE), lower is better", ylabel=heading_of(settings.metric))
    if "baseline_verdict" in rows:
        axes.plot([], [], "D", color=INK, markersize=6, label=shortened(settings.baseline))
        legend(figure, axes, [verdicts[name] for name in rows.index if name != settings.baseline])
    calibrated = shortened(str(rows.ece.idxmin()))
    titled(
        figure, f"Best {heading_of(settings.metric)}: {shortened(str(rows.index[0]))}; best calibrated: {calibrated}"
    )
    return figure


def _spread(n: int) -> np.ndarray:
    """Return small steps up and down, the same ones every time, that keep dots of equal values apart."""
    return 0.16 * ((np.arange(n) * 0.618) % 1 - 0.5) if n > 1 else np.zeros(n)


def _label(axes: Axes, names: pd.Index, x: np.ndarray, y: np.ndarray, colours: list[str]) -> None:
    """Write the names beside the axes, in the order of the points' heights, each with a line to its point."""
    low, high = axes.get_ylim()
    heights = (y - low) / (high - low)
    order = np.argsort(heights, kind="stable")
    for k, place in zip(order, _apart(heights[order], min(0.08, 1 / max(len(y) - 1, 1))), strict=True):
        line = {"arrowstyle": "-", "color": colours[k], "linewidth": 0.6, "linestyle": ":"}
        at = {"textcoords": "axes fraction", "va": "center", "annotation_clip": False, "color": colours[k]}
        axes.annotate(shortened(str(names[k]), 22), (x[k], y[k]), (1.03, place), arrowprops=line, **at)


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


def _left_out(one: Compared) -> str:
    left_out = len(one.table) - MOST_STRATEGIES
    return f"; {left_out} strategies left out" if left_out > 0 else ""
