"""The strategies of one group, compared with the baseline and with the control."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from imbalance_lab.comparison.answer import Answer, answer_of
from imbalance_lab.comparison.contenders import families
from imbalance_lab.comparison.groups import Group
from imbalance_lab.comparison.paired import FEW_ROWS, interval, paired_differences
from imbalance_lab.comparison.sentences import sentence_of
from imbalance_lab.comparison.settings import Settings
from imbalance_lab.evaluation.metrics import HEADLINE, shown_at


@dataclass(frozen=True)
class Compared:
    """The strategies of one group, compared.

    Parameters
    ----------
    group : Group
    table : DataFrame
        A row per strategy, best mean first: ``runs``, ``values`` (seeds times folds), ``mean`` with ``low`` and
        ``high``, the standard ``deviation`` of the values, the metrics beside it, and ``baseline_*`` and
        ``control_*``: ``difference``, ``low``, ``high``, ``p``, ``verdict``, ``more`` and ``most`` (runs), as
        `paired_differences` gives them.
    recalls : DataFrame
        Mean recall: a row per strategy, a column per class, the rarest class first.
    answer : Answer
        What to use.
    verdict : str
        The evidence in a sentence or two.
    notes : list of str
    """

    group: Group
    table: pd.DataFrame
    recalls: pd.DataFrame
    answer: Answer
    verdict: str
    notes: list[str]


def compare_group(group: Group, settings: Settings) -> Compared:
    """Compare the strategies of one group with the baseline and with the control."""
    mean, low, high = interval(group.values.to_numpy(), group.ratio, settings.confidence)
    low, high = (np.clip(ends, *settings.bounds) for ends in (low, high))
    strategies = group.values.index
    runs = group.runs.strategy.value_counts().reindex(strategies)
    table = pd.DataFrame(
        {"runs": runs, "values": group.values.notna().sum(axis=1), "mean": mean, "low": low, "high": high},
        index=strategies,
    )
    table["deviation"] = group.values.std(axis=1)
    _fill_single_runs(table, group, settings)
    beside = group.metrics.reindex(columns=[key for key in shown_at("comparison") if key != settings.metric])
    table = table.join(beside.groupby(group.runs.strategy).mean().dropna(axis=1, how="all"))
    notes = list(group.notes)
    for role, name in (("baseline", settings.baseline), ("control", settings.control)):
        if name in strategies:
            found = paired_differences(group.values, name, group.ratio, settings)
            found[["more", "most"]] = np.ceil(found[["more", "most"]] / values_a_run(group))
            table = table.join(found.add_prefix(f"{role}_"))
        elif near := group.of_strategy(name):
            notes.append(f"which '{name}' is the {role}? {role}= can be {', '.join(near)}")
    if any(FEW_ROWS in set(table.get(f"{role}_verdict", ())) for role in ("baseline", "control")):
        notes.append(f"{FEW_ROWS}: seeds share their rows, so that no number of further seeds would settle it")
    if labels := sum(str(key).startswith(f"{HEADLINE}/") for key in group.metrics.dropna(axis=1, how="all")):
        notes.append(f"metrics are means over {labels} labels: worst recall is that of the worse class of each label")
    notes += [_optimism(name, own) for name, own in families(group.runs).items()]
    table = table.sort_values("mean", ascending=settings.sign < 0, kind="stable")
    verdict = sentence_of(table, group, settings)
    if table["values"].nunique() > 1:
        verdict += " Means are over different seeds, differences over those that both have."
    return Compared(group, table, _recalls(group, table.index), answer_of(table, settings), verdict, notes)


def leading_of(compared: Sequence[Compared], settings: Settings) -> Compared | None:
    """Return of the groups of one dataset that whose strategy to use has the best mean; None of several datasets.

    Groups are not tested against each other.
    """
    if len({one.group.name.get("dataset") for one in compared}) != 1:
        return None
    return max(compared, key=lambda one: settings.sign * float(one.table["mean"][one.answer.use]))


def _optimism(name: str, contenders: Sequence[str]) -> str:
    """Return why the best of several settings of one option is not as good as it looks."""
    return (
        f"{name} ran with {len(contenders)} settings: the best of them on these test rows is chosen by them, so its "
        "result is optimistic; choose settings by validation rows, or test the best on rows that had no part in it"
    )


def values_a_run(group: Group) -> int:
    """Return how many values a run of a group has: one of each fold."""
    return max(group.values.columns.get_level_values("fold").nunique(), 1)


def _fill_single_runs(table: pd.DataFrame, group: Group, settings: Settings) -> None:
    """Take the bootstrap interval of a strategy's only run, where it logged one."""
    ends = {end: group.metrics.get(f"interval/{end}/{settings.metric}") for end in ("low", "high")}
    for end, values in ends.items():
        if values is not None:
            table[end] = table[end].fillna(values.groupby(group.runs.strategy).mean())


def _recalls(group: Group, strategies: pd.Index) -> pd.DataFrame:
    recalls = group.metrics[[key for key in group.metrics if str(key).startswith("recall/")]].dropna(axis=1, how="all")
    support = group.metrics[[key for key in group.metrics if str(key).startswith("support/")]].mean()
    rarest_first = sorted(map(str, recalls), key=lambda key: support.get(f"support/{key.removeprefix('recall/')}", 0.0))
    means = recalls[rarest_first].groupby(group.runs.strategy).mean().reindex(strategies)
    return means.rename(columns=lambda key: key.removeprefix("recall/"))
