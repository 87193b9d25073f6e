"""What tuning chose, and what it bought: tuned runs against runs of the same strategies as they are given."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from imbalance_lab.comparison.budgets import UNTUNED, is_budget
from imbalance_lab.comparison.compared import Compared, values_a_run
from imbalance_lab.comparison.groups import Group
from imbalance_lab.comparison.paired import judged
from imbalance_lab.comparison.settings import Settings
from imbalance_lab.options import SLOTS

FOLD = ("best", "best_value", "default_value", "finished", "pruned", "seconds")
GAINS = ("pairs", "untuned", "tuned", "difference", "low", "high", "p", "verdict", "more", "most")


@dataclass(frozen=True)
class Tuned:
    """What tuning chose and bought, of the strategies of one group of runs that were tuned alike.

    Parameters
    ----------
    name : str
        The group's title, with the budget.
    typed : str
        The budget, as it is typed.
    judged_by : str
        The metric of trials.
    gains : DataFrame
        A row per strategy, in the order of the group's table: ``runs``; ``validation``, the mean over runs and folds of
        the best trial's value less that of the settings as given, on the rows that trials are judged by (the largest
        of many values on the same rows: it is optimistic); ``seconds`` of a fold's trials; and of test rows, over the
        seeds and folds that were run untuned too, the means ``untuned`` and ``tuned``, and the ``difference`` of
        tuned less untuned with what `judged` concludes from it, adjusted over the strategies of the group. Those are
        missing where a strategy was not run untuned.
    settings : DataFrame
        A row per strategy and setting: the value as ``given``, the range that was ``searched``, and of the best
        trials' values, one of each run and fold, their number ``values`` and their ``median``, ``low`` and ``high``;
        of choices the most ``frequent`` and its ``share`` instead.
    chosen : DataFrame
        A row per strategy, seed and fold: ``best`` (its settings), ``best_value``, ``default_value``, ``finished`` and
        ``pruned`` trials, ``seconds``.
    notes : list of str
    """

    name: str
    typed: str
    judged_by: str
    gains: pd.DataFrame
    settings: pd.DataFrame
    chosen: pd.DataFrame
    notes: list[str]


def what_tuning_bought(compared: Sequence[Compared], settings: Settings) -> list[Tuned]:
    """Return what tuning chose and bought in each group of tuned runs.

    Parameters
    ----------
    compared : sequence of Compared
    settings : Settings

    Returns
    -------
    list of Tuned
        In the order of the groups; empty if no run was tuned.
    """
    untuned = [one.group for one in compared if one.group.budget == UNTUNED]
    return [_of(one, untuned, settings) for one in compared if one.group.budget != UNTUNED]


def _of(one: Compared, untuned: Sequence[Group], settings: Settings) -> Tuned:
    group, order = one.group, one.table.index
    chosen = _chosen(group, list(map(str, order)))
    gains = pd.DataFrame({"runs": one.table.runs})
    own = chosen.groupby("strategy")
    gains["validation"] = (chosen.best_value - chosen.default_value).groupby(chosen.strategy).mean()
    gains["seconds"] = own.seconds.mean()
    twins = [other for other in untuned if _rest(other.name) == _rest(group.name)]
    parts = [found for twin in twins if len(found := _bought(group, twin, settings))]
    bought = parts[0] if parts else pd.DataFrame(columns=list(GAINS))
    gains = gains.join(bought)
    notes = []
    if lacking := [str(name) for name in order if name not in bought.index]:
        which = "none of these strategies" if len(lacking) == len(order) else f"not {', '.join(lacking)}"
        notes.append(f"what tuning buys shows beside runs of tuning=none with the same seeds: {which} has them")
    return Tuned(
        group.title,
        group.typed_budget,
        str(group.runs.judged_by.iloc[0]),
        gains,
        _settings(group, chosen),
        chosen,
        notes,
    )


def _rest(name: Mapping[str, str]) -> dict[str, str]:
    """Return what a group has in common, but for its budget; its data are looked at run by run."""
    return {key: value for key, value in name.items() if key != "data" and not is_budget(key)}


def _bought(tuned: Group, untuned: Group, settings: Settings) -> pd.DataFrame:
    """Return the differences of tuned less untuned runs, of the same strategies and rows; empty where none are."""
    names = _counterparts(tuned, untuned)
    shared = tuned.values.columns.intersection(untuned.values.columns)
    data = [group.runs.groupby("seed").data_hash.first() for group in (tuned, untuned)]
    seeds = shared.get_level_values("seed")
    shared = shared[(data[0].reindex(seeds).to_numpy() == data[1].reindex(seeds).to_numpy())]
    after = tuned.values.loc[list(names), shared]
    before = untuned.values.loc[list(names.values()), shared].set_axis(after.index)
    both = after.notna() & before.notna()
    kept = both.any(axis=1)
    after, before = (values.where(both)[kept] for values in (after, before))
    if not len(after):
        return pd.DataFrame(columns=list(GAINS))
    largest = float(np.nanmax(np.abs(np.stack([after.to_numpy(), before.to_numpy()]))))
    found = judged(after - before, largest, tuned.ratio, settings)
    found[["more", "most"]] = np.ceil(found[["more", "most"]] / values_a_run(tuned))
    return found.assign(untuned=before.mean(axis=1), tuned=after.mean(axis=1))[list(GAINS)]


def _counterparts(tuned: Group, untuned: Group) -> dict[str, str]:
    """Return for each contender the one of the same name that was not tuned.

    Runs are of one name where they are of one strategy and model, whatever settings a table shows beside that to tell
    contenders apart.
    """
    named = [group.runs.groupby("strategy", sort=False)[["recorded", "model"]].first() for group in (tuned, untuned)]
    others = {tuple(row): str(name) for name, row in zip(named[1].index, named[1].to_numpy(), strict=True)}
    own = {str(name): tuple(row) for name, row in zip(named[0].index, named[0].to_numpy(), strict=True)}
    return {name: others[key] for name, key in own.items() if key in others}


def _chosen(group: Group, order: Sequence[str]) -> pd.DataFrame:
    """Return what the trials of each run and fold came to."""
    rows = [
        {"strategy": strategy, "seed": seed, "fold": fold, **{key: one.get(key) for key in FOLD}}
        for strategy, seed, text in zip(group.runs.strategy, group.runs.seed, group.runs.tuned, strict=True)
        for fold, one in enumerate(json.loads(text) if isinstance(text, str) else [])
    ]
    frame = pd.DataFrame(rows, columns=["strategy", "seed", "fold", *FOLD])
    numbers = list(FOLD[1:])
    frame[numbers] = frame[numbers].astype(float)
    place = {name: at for at, name in enumerate(order)}
    return frame.sort_values("strategy", key=lambda names: names.map(place), kind="stable", ignore_index=True)


def _settings(group: Group, chosen: pd.DataFrame) -> pd.DataFrame:
    """Return of each strategy and setting the values that were best, put together."""
    searched = dict(zip(group.runs.strategy, group.runs.searched, strict=True))
    rows = []
    for strategy, part in chosen.groupby("strategy", sort=False):
        ranges = searched[strategy]
        found: dict[str, list[Any]] = {name: [] for name in ranges}
        for best in part.best:
            for name, value in (best or {}).items():
                found.setdefault(name, []).append(value)
        for name in sorted(found, key=lambda name: name.partition(".")[0] not in SLOTS):
            given, texts = ranges.get(name, ("", ""))
            about = {"strategy": strategy, "setting": name, "given": given, "searched": texts}
            rows.append(about | _together(found[name]))
    columns = "strategy", "setting", "given", "searched", "values", "median", "low", "high", "frequent", "share"
    return pd.DataFrame(rows, columns=list(columns))


def _together(values: Sequence[Any]) -> dict[str, Any]:
    """Return several values of one setting put together.

    >>> _together([1.0, 4.0, 2.0])
    {'values': 3, 'median': 2.0, 'low': 1.0, 'high': 4.0}
    >>> _together(["l1", "l2", "l1", "l1"])
    {'values': 4, 'frequent': 'l1', 'share': 0.75}
    """
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        numbers = np.array(values, dtype=float)
        if not len(numbers):
            return {"values": 0}
        ends = {"low": float(numbers.min()), "high": float(numbers.max())}
        return {"values": len(values), "median": float(np.median(numbers)), **ends}
    texts = pd.Series([str(value) for value in values]).value_counts()
    return {"values": len(values), "frequent": str(texts.index[0]), "share": float(texts.iloc[0] / len(values))}
