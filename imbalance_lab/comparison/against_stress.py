"""What each strategy stands: a metric at each level of stress, from groups that differ in nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from imbalance_lab.comparison.answer import reference_of
from imbalance_lab.comparison.compared import Compared
from imbalance_lab.comparison.keys import STRESS_LEVELS
from imbalance_lab.comparison.settings import Settings

GROUP = "stress."
NONE = "none"
COLUMNS = ("mean", "low", "high", "difference", "verdict")


@dataclass(frozen=True)
class AgainstStress:
    """A metric against the levels of one stress.

    Parameters
    ----------
    name : str
        What the groups have in common: dataset, model and the like.
    setting : str
        Which setting is the level, as ``stress.ratio``.
    levels : list of str
        The weakest first; ``none`` before all of them, where rows as they are were run too.
    reference : str
        The strategy that differences and verdicts of every level are against; empty where none was run at all of them.
    values : DataFrame
        A row per ``level`` and ``strategy``: ``mean`` with ``low`` and ``high``, ``difference`` and ``verdict``; the
        verdicts are those of the groups, each by itself.
    groups : mapping of str to Compared
        The group of each level.
    """

    name: str
    setting: str
    levels: list[str]
    reference: str
    values: pd.DataFrame
    groups: Mapping[str, Compared] = field(default_factory=dict, repr=False)

    @property
    def means(self) -> pd.DataFrame:
        """The means: a row per strategy, the best at the strongest stress first, a column per level."""
        wide = self.values["mean"].unstack("level")[self.levels]
        return wide.reindex(self.values.index.get_level_values("strategy").unique())

    @property
    def title(self) -> str:
        """What it is of, in one line."""
        return f"{self.name} against {self.setting}"


def against_stress(compared: Sequence[Compared], settings: Settings) -> list[AgainstStress]:
    """Put groups that differ in the level of a stress only next to each other; those without stress go with each.

    Parameters
    ----------
    compared : sequence of Compared
    settings : Settings

    Returns
    -------
    list of AgainstStress
        One for each stress with two levels or more, of each dataset, model and what else groups have in common.
    """
    return [
        _of(name, setting, levels, settings) for (name, setting), levels in _levels(compared).items() if len(levels) > 1
    ]


def _levels(compared: Sequence[Compared]) -> dict[tuple[str, str], dict[str, Compared]]:
    """Return the groups of each level, by what they have in common and the setting that is the level."""
    plain: dict[str, Compared] = {}
    found: dict[tuple[str, str], dict[str, Compared]] = {}
    for one in compared:
        own = {key: value for key, value in one.group.name.items() if key.startswith(GROUP)}
        common = {key: value for key, value in one.group.name.items() if key not in own}
        if not own:
            plain[_title(common)] = one
        for setting in filter(_is_level, own):
            rest = {key: value for key, value in own.items() if key != setting}
            found.setdefault((_title(common | rest), setting), {})[own[setting]] = one
    for (name, setting), levels in found.items():
        without = next(
            (one for title, one in plain.items() if name == title or name.startswith(f"{title}, {GROUP}")), None
        )
        ordered = sorted(levels, key=float, reverse=setting == f"{GROUP}rows")
        found[name, setting] = ({NONE: without} if without else {}) | {level: levels[level] for level in ordered}
    return found


def _is_level(setting: str) -> bool:
    """Whether a setting says how strong a stress is: its rate, or that of one class or column."""
    return setting.removeprefix(GROUP).partition(".")[0] in STRESS_LEVELS


def _title(name: Mapping[str, str]) -> str:
    return ", ".join(value if key in ("dataset", "model") else f"{key}={value}" for key, value in name.items())


def _of(name: str, setting: str, levels: Mapping[str, Compared], settings: Settings) -> AgainstStress:
    roles = {reference_of(one.table, settings) for one in levels.values()}
    role = roles.pop() if len(roles) == 1 else ""
    parts = dict(_parts(levels, role))
    values = pd.concat(parts, names=["level", "strategy"])
    strongest = list(levels)[-1]
    order = [*parts[strongest].index, *values.index.get_level_values("strategy").unique()]
    values = values.reindex(pd.MultiIndex.from_product([parts, dict.fromkeys(order)], names=["level", "strategy"]))
    reference = str(getattr(settings, role)) if role else ""
    return AgainstStress(name, setting, list(parts), reference, values, levels)


def _parts(levels: Mapping[str, Compared], role: str) -> Iterator[tuple[str, pd.DataFrame]]:
    for level, one in levels.items():
        named = {f"{role}_{key}": key for key in ("difference", "verdict")} if role else {}
        yield level, one.table.rename(columns=named).reindex(columns=list(COLUMNS)).rename_axis("strategy")
