"""Many datasets at one look: dataset by strategy, shaded by the difference, what is proven marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from imbalance_lab.comparison.compared import Compared
from imbalance_lab.comparison.report.kinds import OPEN, SIGNS, kind_of
from imbalance_lab.comparison.settings import Settings
from imbalance_lab.evaluation.metrics import heading_of

DARKEST = 60  # per cent of the colour of better or worse, in the cell of the largest difference


@dataclass(frozen=True)
class Shade:
    """A cell of the overview; `shade` is per cent of its colour."""

    text: str
    order: str = ""
    kind: str = ""
    sign: str = ""
    direction: str = ""
    shade: int = 0


@dataclass(frozen=True)
class Overview:
    """Differences to one strategy: a row for each group, with its place and name, a column for each other strategy."""

    title: str
    strategies: list[str]
    rows: list[tuple[int, str, list[Shade]]]


def overviews(compared: Sequence[Compared], settings: Settings) -> list[Overview]:
    """Return the differences to the control and to the baseline, for several groups."""
    if len(compared) < 2:
        return []
    roles = {settings.control: "control", settings.baseline: "baseline"}
    found = [_overview(compared, settings, role, name) for name, role in roles.items()]
    return [one for one in found if one.strategies]


def _overview(compared: Sequence[Compared], settings: Settings, role: str, reference: str) -> Overview:
    there = [(at, one) for at, one in enumerate(compared) if f"{role}_difference" in one.table]
    differences = pd.DataFrame({at: one.table[f"{role}_difference"] for at, one in there}).T
    differences = differences.drop(columns=reference, errors="ignore").dropna(axis=1, how="all")
    order = differences.mean().sort_values(ascending=settings.sign < 0, kind="stable").index
    largest = float(np.nanmax(np.abs(differences.to_numpy()), initial=0.0)) or 1.0
    datasets = [one.group.name.get("dataset", "") for one in compared]
    names = datasets if len(set(datasets)) == len(compared) else [one.group.title for one in compared]
    rows = [(at, names[at], [_shade(one, role, name, settings, largest) for name in order]) for at, one in there]
    title = f"{heading_of(settings.metric)}: difference to {reference}"
    return Overview(title, [str(name) for name in order], rows)


def _shade(one: Compared, role: str, name: str, settings: Settings, largest: float) -> Shade:
    difference = float(one.table[f"{role}_difference"].get(name, np.nan))
    if not np.isfinite(difference):
        return Shade("")
    kind = kind_of(one.table[f"{role}_verdict"][name])
    direction = "up" if difference * settings.sign > 0 else "down"
    share = round(DARKEST * abs(difference) / largest)
    sign = SIGNS[kind] if kind != OPEN else ""
    return Shade(f"{difference:+.3f}", repr(difference), kind, sign, direction, share)
