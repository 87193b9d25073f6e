"""What tuning chose and what it bought: drawn, and as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from imbalance_lab.comparison.report.ink import (
    BAND,
    COLOURS,
    INK,
    SOFT,
    blank,
    explain,
    intervals,
    plain_text,
    shortened,
)
from imbalance_lab.comparison.report.kinds import kind_of
from imbalance_lab.comparison.report.margins import lay_out
from imbalance_lab.comparison.report.text import figure as with_ends
from imbalance_lab.comparison.report.text import number, verdict_text
from imbalance_lab.comparison.settings import Settings
from imbalance_lab.comparison.tuned import Tuned
from imbalance_lab.evaluation.metrics import heading_of

MOST_STRATEGIES = 40
OWN = "validation"
SECONDS = "seconds a fold"
GAIN_KEYS = {
    "runs": "runs", "untuned": "untuned", "tuned": "tuned", "tuned - untuned": "difference", OWN: "validation",
    SECONDS: "seconds",
}  # fmt: skip
CHOSEN_KEYS = {
    "best value": "best_value", "as given": "default_value", "finished": "finished", "pruned": "pruned",
    "seconds": "seconds",
}  # fmt: skip


def explained(one: Tuned, settings: Settings) -> str:
    """Return what a table of gains shows, in a sentence or two."""
    metric = "" if one.judged_by == settings.metric else f", in {heading_of(one.judged_by)}"
    own = f"{OWN}: what the best trial gained on the rows that trials are judged by{metric}, which is optimistic"
    if not one.gains.difference.notna().any():
        return f"What tuning chose, {one.name}; {own}. Budget: {one.typed}"
    return (
        f"What tuning bought, {one.name}: {heading_of(settings.metric)} of test rows, tuned less untuned, over the "
        f"seeds and folds that both have, {settings.confidence:.0%} intervals, within {settings.rope:g} the same; "
        f"{own}. Budget: {one.typed}"
    )


def gains_table(one: Tuned) -> pd.DataFrame:
    """Return what tuning bought each strategy, as text."""
    gains = one.gains
    shown = pd.DataFrame({"runs": gains.runs.map("{:.0f}".format)}, index=gains.index.rename("strategy"))
    if gains.difference.notna().any():
        shown = shown.assign(**_bought(one, ends=True))
        shown["verdict"] = [verdict_text(*row) for row in gains[["verdict", "more", "most"]].to_numpy()]
    shown[OWN] = _own_rows(one)
    shown[SECONDS] = gains.seconds.map(lambda value: "" if pd.isna(value) else f"{value:.1f}")
    return shown


def narrow_gains(one: Tuned, verdicts: Mapping[str, str], ends: bool = True) -> pd.DataFrame:
    """Return the same in less room: with verdicts in other words, without times."""
    shown = pd.DataFrame(index=one.gains.index.rename("strategy"))
    if one.gains.difference.notna().any():
        shown = shown.assign(**_bought(one, ends))
        shown["verdict"] = one.gains.verdict.map(verdicts).fillna("")
    return shown.assign(**{OWN: _own_rows(one)})


def _bought(one: Tuned, ends: bool) -> dict[str, list[str]]:
    rows = one.gains[["difference", "low", "high"]].to_numpy(dtype=float, copy=True)
    if not ends:
        rows[:, 1:] = np.nan
    differences = [with_ends(mean, low, high, signed=True) for mean, low, high in rows]
    means = {key: list(one.gains[key].map(number)) for key in ("untuned", "tuned")}
    return means | {"tuned - untuned": differences}


def _own_rows(one: Tuned) -> list[str]:
    return [with_ends(value, np.nan, np.nan, signed=True) for value in one.gains.validation]


def settings_table(one: Tuned) -> pd.DataFrame:
    """Return the best trials' settings of each strategy, over runs and folds, as text."""
    rows = one.settings
    shown = rows[["strategy", "setting", "given"]].assign(setting=rows.setting.map(_plain))
    shown["median"] = [_centre(row) for row in rows.to_dict("records")]
    shown["range"] = [
        f"{_short(low)} to {_short(high)}" if np.isfinite(low) else ""
        for low, high in rows[["low", "high"]].astype(float).to_numpy()
    ]
    return shown.assign(searched=rows.searched, values=rows["values"].astype(str)).set_index("strategy")


def chosen_table(one: Tuned) -> pd.DataFrame:
    """Return the best trial of each run and fold, as text."""
    rows = one.chosen
    shown = rows[["strategy", "seed", "fold"]].astype(str)
    shown["best settings"] = [
        ", ".join(f"{_plain(name)}={_short(value)}" for name, value in (best or {}).items()) for best in rows.best
    ]
    shown["best value"], shown["as given"] = rows.best_value.map(number), rows.default_value.map(number)
    for key in ("finished", "pruned", "seconds"):
        shown[key] = rows[key].map(lambda value: "" if pd.isna(value) else f"{value:.0f}")
    return shown.set_index("strategy")


def _plain(name: str) -> str:
    """Return a setting's name as names of runs show it.

    >>> _plain("model.estimator.C"), _plain("loss.gamma")
    ('model.C', 'loss.gamma')
    """
    return name.replace(".estimator.", ".")


def _centre(row: Mapping[Any, Any]) -> str:
    if isinstance(row["frequent"], str):
        return f"{row['frequent']} ({row['share']:.0%})"
    return _short(row["median"])


def _short(value: Any) -> str:
    """Return a value with three digits.

    >>> _short(0.012345), _short(1500.0), _short("l1"), _short(None)
    ('0.0123', '1500', 'l1', 'None')
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return "" if np.isnan(value) else f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"


@plain_text
def draw_gains(one: Tuned, settings: Settings) -> Figure | None:
    """Draw what tuning bought each strategy on test rows, with intervals, and below it what the best trials gained.

    None where no strategy was run untuned. The gains of trials are left out where they are of another metric.
    """
    rows = one.gains[one.gains.difference.notna()][:MOST_STRATEGIES]
    if not len(rows):
        return None
    figure, axes = blank()
    axes.axvspan(
        -settings.rope, settings.rope, color=BAND, linewidth=0, label=f"too small to matter (±{settings.rope:g})"
    )
    axes.axvline(0, color=INK, linewidth=0.8)
    if one.judged_by == settings.metric:
        axes.plot(rows.validation, np.arange(len(rows)) + 0.27, "d", color=SOFT, markersize=4, label=OWN)
    verdicts = rows.verdict.to_list()
    shown = intervals(axes, verdicts, *rows[["difference", "low", "high"]].to_numpy(dtype=float).T)
    axes.set_yticks(range(len(rows)), [shortened(str(name)) for name in rows.index])
    axes.tick_params(axis="y", length=0)
    axes.set(ylim=(len(rows) - 0.4, -0.5))
    axes.locator_params(axis="x", nbins=5)
    axes.set_xlabel(f"tuned less untuned, {heading_of(settings.metric)}")
    explain(axes, verdicts)
    kinds = [kind_of(verdict) for verdict in verdicts]
    counts = ", ".join(f"{kinds.count(kind)} {kind}" for kind in COLOURS if kind in kinds)
    lay_out(figure, 0.36 * len(rows) + 0.5, f"Tuned against untuned: {counts}", beside=shown)
    return figure
