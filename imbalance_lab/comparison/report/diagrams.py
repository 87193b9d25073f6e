"""Figures of a comparison, drawn without pyplot's global state."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from imbalance_lab.comparison.across import Across
from imbalance_lab.comparison.answer import PLAIN
from imbalance_lab.comparison.compared import Compared
from imbalance_lab.comparison.paired import interval
from imbalance_lab.comparison.report.ink import (
    BAND,
    COLOURS,
    INK,
    SOFT,
    WIDTH,
    around,
    blank,
    explain,
    intervals,
    marker,
    plain_text,
    same_look,
    shortened,
)
from imbalance_lab.comparison.report.kinds import kind_of
from imbalance_lab.comparison.report.margins import lay_out, titled, widest
from imbalance_lab.comparison.settings import Settings
from imbalance_lab.evaluation.metrics import heading_of

MOST_STRATEGIES = 40
MOST_CLASSES = 50
MOST_NUMBERS = 300
MOST_DOTS = 1500
LINES = 0.15  # inches, in which they lead to the names
SCALE = 1.8  # inches, of the ranks between the names
UPRIGHT = 0.16  # inches, of a name that stands upright
COLOUR_BAR = 0.5  # inches, for its labels
DARK = "#1a1a1a"  # on a light cell, whatever the page's colours


@plain_text
def draw_recalls(one: Compared) -> Figure | None:
    """Draw the mean recall of each class (rarest first) under each strategy; None where no recalls were logged."""
    recalls = one.recalls.iloc[:MOST_STRATEGIES, :MOST_CLASSES]
    if recalls.empty:
        return None
    strategies, classes = recalls.shape
    figure, axes = blank()
    image = axes.pcolormesh(recalls.to_numpy(), vmin=0, vmax=1, cmap="Blues", linewidth=0)
    names = [shortened(str(name), 16) for name in recalls]
    turned = max(map(len, names)) * classes > 38
    rows = [shortened(str(name)) for name in recalls.index]
    step = max(1, int(np.ceil(classes * UPRIGHT / (WIDTH - widest(rows) - 2 * COLOUR_BAR)))) if turned else 1
    axes.set_xticks(np.arange(0, classes, step) + 0.5, names[::step], rotation=90 if turned else 0)
    axes.set_yticks(np.arange(strategies) + 0.5, rows)
    axes.tick_params(length=0)
    axes.invert_yaxis()
    axes.spines[:].set_visible(False)
    numbered = recalls.size <= MOST_NUMBERS and classes <= 12
    if numbered:
        size = 10 if classes <= 6 else 7.5
        for (row, column), value in np.ndenumerate(recalls.to_numpy()):
            shown = "" if np.isnan(value) else f"{value:.2f}"
            colour = "#ffffff" if value > 0.6 else DARK
            axes.text(column + 0.5, row + 0.5, shown, ha="center", va="center", color=colour, fontsize=size)
    else:
        figure.colorbar(image, label="recall", fraction=0.05, pad=0.03).outline.set_visible(False)
    known = one.recalls.shape[1]
    axes.set_xlabel("class, rarest first" if known == classes else f"the {classes} rarest of {known} classes")
    title = _recall_title(one) + _left_out(one)
    lay_out(figure, 0.3 * strategies + 0.3, title, right=0.0 if numbered else COLOUR_BAR, turned=turned)
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
    figure, axes = blank()
    axes.axvspan(
        -settings.rope, settings.rope, color=BAND, linewidth=0, label=f"too small to matter (±{settings.rope:g})"
    )
    axes.axvline(0, color=INK, linewidth=0.8)
    thinned = max(1, -(-differences.size // MOST_DOTS))
    dots = [each[np.isfinite(each)][::thinned] for each in differences]
    heights = [at + 0.27 + _spread(len(each)) for at, each in enumerate(dots)]
    look: dict[str, Any] = {"color": SOFT, "markersize": 5, "markeredgewidth": 0, "label": "one seed or fold"}
    axes.plot(np.concatenate(dots), np.concatenate(heights), ".", **look)
    verdicts = rows[f"{role}_verdict"].to_list()
    shown = intervals(axes, verdicts, *rows[[f"{role}_{key}" for key in ("difference", "low", "high")]].to_numpy().T)
    axes.set_yticks(range(len(rows)), [shortened(str(name)) for name in rows.index])
    axes.tick_params(axis="y", length=0)
    axes.set(ylim=(len(rows) - 0.4, -0.5))
    axes.locator_params(axis="x", nbins=5)
    axes.set_xlabel(f"difference to {shortened(reference)} in {heading_of(settings.metric)}")
    explain(axes, verdicts)
    title = _difference_title(rows, role, reference) + _left_out(one)
    lay_out(figure, 0.36 * len(rows) + 0.5, title, beside=shown)
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
    figure, axes = blank(3.0, layout="constrained")  # the library writes the names where it likes
    figure.set_figwidth(max(WIDTH, 2 * widest(f"{name} (00.00)  " for name in short.values()) + SCALE))
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
    x, y = (ece[0], np.maximum(ece[1], 0), ece[2]), tuple(rows[["mean", "low", "high"]].to_numpy().T)
    figure, axes = blank()
    verdicts = rows.get("baseline_verdict", pd.Series(np.nan, index=rows.index))
    plain: dict[str, Any] = {"marker": "D", "color": INK, "markersize": 6}
    looks = [plain if name == settings.baseline else marker(verdicts[name]) for name in rows.index]
    for look, at in same_look(looks):
        up, along = (around(*(part[at] for part in values)) for values in (y, x))
        bars = axes.errorbar(x[0][at], y[0][at], up, along, elinewidth=0.8, linestyle="none", **look)
        for bar in bars[2]:
            bar.set_alpha(0.5)
    axes.margins(0.06)
    axes.locator_params(nbins=5)
    axes.set_xlim(left=max(axes.get_xlim()[0], 0.0))
    names = [shortened(str(name), 22) for name in rows.index]
    _label(axes, names, x[0], y[0], [look["color"] for look in looks])
    axes.set(xlabel="calibration error (ECE), lower is better", ylabel=heading_of(settings.metric))
    if "baseline_verdict" in rows:
        axes.plot([], [], "D", color=INK, markersize=6, label=shortened(settings.baseline))
        explain(axes, [verdicts[name] for name in rows.index if name != settings.baseline])
    best, calibrated = shortened(str(rows.index[0])), shortened(str(rows.ece.idxmin()))
    title = f"Best {heading_of(settings.metric)}: {best}; best calibrated: {calibrated}"
    lay_out(figure, max(2.3, 0.2 * len(rows)), title, beside=names, right=LINES)
    return figure


def _spread(n: int) -> np.ndarray:
    """Return small steps up and down, the same ones every time, that keep dots of equal values apart."""
    return 0.16 * ((np.arange(n) * 0.618) % 1 - 0.5) if n > 1 else np.zeros(n)


def _label(axes: Axes, names: Sequence[str], x: np.ndarray, y: np.ndarray, colours: Sequence[str]) -> None:
    """Write the names beside the axes, in the order of the points' heights, each with a line to its point."""
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    heights = (y - low) / (high - low)
    order = np.argsort(heights, kind="stable")
    places = np.empty(len(y))
    places[order] = _apart(heights[order], min(0.08, 1 / max(len(y) - 1, 1)))
    ends = np.column_stack([np.full(len(y), left + 1.05 * (right - left)), low + places * (high - low)])
    segments = np.stack([np.column_stack([x, y]), ends], axis=1)
    lines = LineCollection(list(segments), colors=list(colours), linewidths=0.6, linestyles=":", clip_on=False)
    axes.add_collection(lines, autolim=False)
    for name, place, colour in zip(names, places, colours, strict=True):
        axes.text(1.06, place, name, transform=axes.transAxes, va="center", color=colour)


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
