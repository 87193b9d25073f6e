"""The answer at the top of a report: which strategy to use, by how much, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from imbalance_lab.comparison.across import Across
from imbalance_lab.comparison.paired import BETTER
from imbalance_lab.comparison.report.kinds import OPEN, SIGNS, kind_of
from imbalance_lab.comparison.report.text import verdict_text
from imbalance_lab.comparison.settings import Settings
from imbalance_lab.comparison.verdict import Compared, summary
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


@dataclass(frozen=True)
class Answer:
    """What to use, in a few words, why, and the numbers that say by how much."""

    verb: str
    use: str
    why: str
    tiles: list[Tile]


def recommend(one: Compared, settings: Settings) -> Answer:
    """Return what to use: the best of what beats the control, else the control, else what beats the baseline.

    What is not shown to be better than the baseline is not recommended, but named where it leads.
    """
    verb, use, why = _choice(one.table, settings)
    return Answer(verb, use, why, _tiles(one, settings, use))


def recommend_across(one: Across, settings: Settings) -> Answer:
    """Return what to use where nothing is known of a dataset: the best average rank, if ranks differ."""
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
    why = found[0].upper() + found[1:] if not differ else found
    return Answer("Start with" if differ else "No clear winner; in the lead:", best, f"{why}.", tiles)


def _choice(table: pd.DataFrame, settings: Settings) -> tuple[str, str, str]:
    baseline, control, best = settings.baseline, settings.control, str(table.index[0])
    if "baseline_verdict" not in table or len(table) == 1:
        gain = f"what it gains is unknown, as {baseline} was not run" if best != baseline else "nothing else was run"
        return "Best mean:", best, f"Of {len(table)} strategies it has the best mean; {gain}."
    gains = _better(table, "baseline")
    if not gains:
        return _without_gain(table, baseline, best)
    if "control_verdict" not in table or control == baseline:
        return "Use", gains[0], f"It is better than {baseline}, plain training."
    beating = [name for name in _better(table, "control") if name in gains]
    if beating:
        return "Use", beating[0], f"It is better than {baseline} and than the control {control}."
    if control in gains:
        return "Use", control, f"It is better than {baseline}, and nothing is shown to be better than it."
    return "Use", gains[0], f"It is better than {baseline}; whether it is better than the control {control} is open."


def _without_gain(table: pd.DataFrame, baseline: str, best: str) -> tuple[str, str, str]:
    if best != baseline and kind_of(table.loc[best, "baseline_verdict"]) == OPEN:
        return "Not settled:", best, f"It has the best mean, but nothing is shown to be better than {baseline}."
    return "Stay with", baseline, "Nothing is shown to be better than it."


def _better(table: pd.DataFrame, role: str) -> list[str]:
    """Return what is shown to be better, best mean first."""
    verdicts = table.get(f"{role}_verdict", pd.Series(index=table.index, dtype=object))
    return [str(name) for name in table.index[verdicts == BETTER]]


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
