"""The answer at the top of a report, with the numbers that say by how much, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from imbalance_lab.comparison.across import Across
from imbalance_lab.comparison.compared import Compared
from imbalance_lab.comparison.overall import Overall
from imbalance_lab.comparison.report.kinds import OPEN, SIGNS, kind_of
from imbalance_lab.comparison.report.text import verdict_text
from imbalance_lab.comparison.settings import Settings
from imbalance_lab.evaluation.metrics import heading_of


@dataclass(frozen=True)
class Tile:
    """One number of the answer: what it is, its value, what belongs to it, and the kind of the verdict on it."""

    name: str
    value: str
    beside: str = ""
    kind: str = ""

    @property
    def sign(self) -> str:
        """The shape of the verdict, as pictures have it."""
        return SIGNS.get(self.kind, "")


def tiles_of(one: Compared, settings: Settings) -> list[Tile]:
    """Return the numbers of the strategy to use on one dataset."""
    return _tiles(one, settings, one.answer.use)


def tiles_over(one: Overall, settings: Settings) -> list[Tile]:
    """Return the numbers of the one answer; of several groups those of the first and of the last."""
    if one.across is not None:
        return tiles_across(one.across, settings)
    if len(one.groups) == 1:
        return _tiles(one.groups[0][1], settings, one.answer.use)
    found = []
    for label, group in (one.groups[0], one.groups[-1]):
        tiles = _tiles(group, settings, one.answer.use)
        found += [replace(tile, name=f"{label}: {tile.name}") for tile in tiles if tile.kind or tile is tiles[0]]
    return found


def tiles_across(one: Across, settings: Settings) -> list[Tile]:
    """Return the numbers of the best average rank."""
    best = str(one.ranks.index[0])
    tiles = [Tile(f"average rank of {best}", f"{one.ranks.iloc[0]:.2f}", f"of {len(one.ranks)} strategies; 1 is best")]
    if settings.baseline in one.means and best != settings.baseline:
        gained = (one.means[best] - one.means[settings.baseline]).mean()
        tiles.append(Tile(f"against {settings.baseline}", f"{gained:+.3f}", f"mean over {len(one.means)} datasets"))
    if best in one.signed_rank.index:
        share = one.signed_rank.better[best]
        words = f"by more than {settings.rope:g}, on another dataset"
        tiles.append(Tile(f"probability that it is better than {settings.baseline}", f"{share:.2f}", words))
    return tiles


def _tiles(one: Compared, settings: Settings, use: str) -> list[Tile]:
    row: pd.Series = one.table.loc[use]  # type: ignore[assignment]
    runs = f"{row.runs:.0f} run" + ("s" if row.runs > 1 else "")
    ends = f"{settings.confidence:.0%} interval {row.low:.3f} to {row.high:.3f}, " if np.isfinite(row.low) else ""
    tiles = [Tile(f"{heading_of(settings.metric)} of {use}", f"{row['mean']:.3f}", f"{ends}{runs}")]
    roles = {settings.control: "control", settings.baseline: "baseline"}
    tiles += [_against(row, role, name) for name, role in roles.items() if _known(row, role)]
    if one.recalls.shape[1] and np.isfinite(one.recalls.loc[use].iloc[0]):
        base = one.recalls.iloc[:, 0].get(settings.baseline, np.nan)
        beside = f"{base:.3f} under {settings.baseline}" if use != settings.baseline and np.isfinite(base) else ""
        name = f"recall of {one.recalls.columns[0]}, the rarest class"
        tiles.append(Tile(name, f"{one.recalls.loc[use].iloc[0]:.3f}", beside))
    return tiles


def _known(row: pd.Series, role: str) -> bool:
    return np.isfinite(row.get(f"{role}_difference", np.nan))


def _against(row: pd.Series, role: str, name: str) -> Tile:
    low, high, verdict = row[f"{role}_low"], row[f"{role}_high"], row[f"{role}_verdict"]
    kind = kind_of(verdict)
    words = [f"{low:+.3f} to {high:+.3f}"] if np.isfinite(low) else []
    words += [verdict_text(verdict, row[f"{role}_more"], row[f"{role}_most"])] if kind == OPEN else []
    return Tile(f"against {name}", f"{row[f'{role}_difference']:+.3f}", "; ".join(words), kind)
