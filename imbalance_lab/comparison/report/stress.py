"""A metric against stress: drawn, and as text."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from imbalance_lab.comparison.against_stress import NONE, AgainstStress
from imbalance_lab.comparison.paired import BETTER, SAME, WORSE
from imbalance_lab.comparison.report.ink import (
    CURVES,
    DASHES,
    INK,
    SHAPES,
    blank,
    plain_text,
    shortened,
)
from imbalance_lab.comparison.report.kinds import OPEN, SIGNS, kind_of
from imbalance_lab.comparison.report.margins import lay_out
from imbalance_lab.comparison.report.text import figure as with_ends
from imbalance_lab.comparison.settings import Settings
from imbalance_lab.evaluation.metrics import heading_of

MOST_CURVES = len(CURVES)
SPREAD = 0.36  # of the room of a level, over which its intervals stand side by side
AGAINST = {BETTER: "better than ◆", WORSE: "worse than ◆", SAME: "the same as ◆", OPEN: "open"}
MEANINGS = {
    "ratio": "training rows of the largest class for one of the smallest",
    "rate": "share of wrong training labels",
    "cells": "share of missing training cells",
    "deviations": "noise on training cells, in standard deviations",
    "rows": "training rows that are left, as a share or a number",
}


def meaning_of(setting: str) -> str:
    """Return what a level is, in words.

    >>> meaning_of("stress.rate.A")
    'share of wrong training labels, A'
    """
    key, _, of = setting.removeprefix("stress.").partition(".")
    return ", ".join(filter(None, [MEANINGS.get(key, setting), of]))


@plain_text
def draw_stress(one: AgainstStress, settings: Settings) -> Figure:
    """Draw a curve per strategy, with intervals: what it reaches at each level of stress.

    Curves differ in colour and dash, and points say by their shape what the verdict against the reference is.
    """
    shown = curves_of(one, settings)
    canvas, axes = blank()
    kinds = set()
    for number, name in enumerate(shown):
        part = one.values.loc[[(level, name) for level in one.levels]]
        kinds |= _curve(axes, part, number, len(shown), name, one.reference)
    axes.set_xticks(range(len(one.levels)), one.levels)
    axes.set_xlim(-0.5, len(one.levels) - 0.5)
    axes.set_xlabel(meaning_of(one.setting))
    axes.set_ylabel(heading_of(settings.metric))
    axes.grid(axis="y", color="#767676", alpha=0.25, linewidth=0.6)
    for kind in (kind for kind in SHAPES if kind in kinds):
        axes.plot([], [], linestyle="none", label=AGAINST[kind], **_point(kind, INK))
    lay_out(canvas, 2.4, _finding(one, settings))
    return canvas


def curves_of(one: AgainstStress, settings: Settings) -> list[str]:
    """Return the strategies that are drawn: baseline and control, and the best at the strongest stress."""
    names = list(map(str, one.means.index))
    fixed = [name for name in dict.fromkeys((settings.baseline, settings.control)) if name in names]
    others = [name for name in names if name not in fixed]
    kept = {*fixed, *others[: MOST_CURVES - len(fixed)]}
    return [name for name in names if name in kept]


def _curve(axes: Axes, part: pd.DataFrame, number: int, curves: int, name: str, reference: str) -> set[str]:
    """Draw one strategy, and return the kinds of its verdicts."""
    offset = SPREAD * ((number + 0.5) / curves - 0.5)
    x, colour = np.arange(len(part)) + offset, CURVES[number]
    mean, low, high = (part[key].to_numpy(dtype=float) for key in ("mean", "low", "high"))
    look: dict[str, Any] = {"color": colour, "linestyle": DASHES[number % len(DASHES)], "linewidth": 1.3}
    alone = not reference or name == reference
    if alone:
        look |= {"marker": "D" if reference else ".", "markersize": 5}
    axes.plot(x, mean, label=shortened(name, 22), **look)
    axes.vlines(x, low, high, color=colour, linewidth=1.0, alpha=0.8)
    if alone:
        return set()
    kinds = [kind_of(verdict) for verdict in part.verdict]
    for place, kind in enumerate(kinds):
        axes.plot(x[place : place + 1], mean[place : place + 1], linestyle="none", **_point(kind, colour))
    return {kind for kind, value in zip(kinds, mean, strict=True) if np.isfinite(value)}


def _point(kind: str, colour: str) -> dict[str, Any]:
    inside = "none" if kind == OPEN else colour
    return {"marker": SHAPES[kind], "color": colour, "markerfacecolor": inside, "markersize": 5.5}


def _finding(one: AgainstStress, settings: Settings) -> str:
    """Say what is best where the stress is strongest, and what it reaches where it is weakest."""
    first, last = one.levels[0], one.levels[-1]
    means = one.means
    best = str(means[last].idxmax() if settings.sign > 0 else means[last].idxmin())
    setting = one.setting.removeprefix("stress.")
    before = "without stress" if first == NONE else f"at {setting}={first}"
    return (
        f"{one.name}: at {setting}={last} {shortened(best)} has the best mean, {means[last][best]:.3f} "
        f"({means[first][best]:.3f} {before})"
    )


def stress_table(one: AgainstStress, ends: bool = True) -> pd.DataFrame:
    """Return means by strategy and level as text, with the sign of what is proven against the reference."""
    rows: dict[str, dict[str, str]] = {}
    for row in one.values.reset_index().to_dict("records"):
        low, high = (row["low"], row["high"]) if ends else (np.nan, np.nan)
        signed = one.reference and row["strategy"] != one.reference and pd.notna(row["mean"])
        sign = SIGNS[kind_of(row["verdict"])] if signed else ""
        rows.setdefault(str(row["strategy"]), {})[row["level"]] = f"{with_ends(row['mean'], low, high)} {sign}".strip()
    return pd.DataFrame.from_dict(rows, orient="index", columns=one.levels).rename_axis("strategy")


def explained(one: AgainstStress, settings: Settings) -> str:
    """Return what a table of one stress shows, in a sentence."""
    signs = ", ".join(f"{SIGNS[kind]} {kind}" for kind in (BETTER, WORSE, SAME, OPEN))
    against = f"; against {one.reference} at that level: {signs}" if one.reference else ""
    return f"{one.title}: {heading_of(settings.metric)} by {meaning_of(one.setting)}{against}"
