"""The answer at the top of a report, with the numbers that say by how much, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from imbalance_lab.comparison.across import Across
from imbalance_lab.comparison.answer import Answer
from imbalance_lab.comparison.compared import Compared, leading_of
from imbalance_lab.comparison.report.kinds import OPEN, SIGNS, kind_of
from imbalance_lab.comparison.report.text import verdict_text
from imbalance_lab.comparison.settings import Settings
from imbalance_lab.comparison.side_by_side import alike_in_rank, summary
from imbalance_lab.evaluation.metrics import heading_of

START, TIED = "Start with", "No clear winner; in the lead:"


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


@dataclass(frozen=True)
class Leading:
    """The answer of several groups of one dataset: that of the group that leads, and what it differs in from others."""

    title: str
    answer: Answer
    tiles: list[Tile]
    beside: str

    @property
    def text(self) -> str:
        """All of it in a line."""
        return f"{self.answer.verb} {self.answer.use} with {self.beside}. {self.answer.why}"


def recommend_leading(compared: Sequence[Compared], settings: Settings) -> Leading | None:
    """Return what to use where only models or settings differ; None where datasets do."""
    one = leading_of(compared, settings)
    if one is None:
        return None
    names = [each.group.name for each in compared]
    own = {key: value for key, value in one.group.name.items() if any(name.get(key) != value for name in names)}
    beside = ", ".join(value if key == "model" else f"{key}={value}" for key, value in own.items())
    why = f"{one.answer.why} Its mean is the best of {len(compared)} groups, which are not tested against each other."
    answer = replace(one.answer, why=why)
    return Leading(one.group.title, answer, tiles_of(one, settings), beside)


def recommend_across(one: Across, settings: Settings) -> tuple[Answer, list[Tile]]:
    """Return what to use where nothing is known of a dataset: the best average rank, with its numbers.

    It is recommended where ranks differ, and its rank from the baseline's.
    """
    best = str(one.ranks.index[0])
    found = summary(one, settings)
    tiles = [Tile(f"average rank of {best}", f"{one.ranks.iloc[0]:.2f}", f"of {len(one.ranks)} strategies; 1 is best")]
    if settings.baseline in one.means and best != settings.baseline:
        gained = (one.means[best] - one.means[settings.baseline]).mean()
        tiles.append(Tile(f"against {settings.baseline}", f"{gained:+.3f}", f"mean over {len(one.means)} datasets"))
    if best in one.signed_rank.index:
        share = one.signed_rank.better[best]
        words = f"by more than {settings.rope:g}, on another dataset"
        tiles.append(Tile(f"probability that it is better than {settings.baseline}", f"{share:.2f}", words))
    differ = one.friedman["p_F"] < 1 - settings.confidence
    tied = settings.baseline != best and settings.baseline in alike_in_rank(one)
    why = found[0].upper() + found[1:] if not differ else found
    return Answer(START if differ and not tied else TIED, best, f"{why}."), tiles


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
