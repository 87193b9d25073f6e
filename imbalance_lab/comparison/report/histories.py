"""The epochs of a group's runs: in which order they are drawn, which were trained alike, and which epoch was kept."""

from __future__ import annotations

import numpy as np
import pandas as pd

from imbalance_lab.comparison.compared import Compared
from imbalance_lab.runs.history import KEPT

RECALL = "recall/"


def own_epochs(one: Compared, epochs: pd.DataFrame) -> pd.DataFrame:
    """Return the epochs of a group: best strategy first, and of its classes the rarest.

    Returns
    -------
    DataFrame
        ``strategy``, ``run``, ``seed``, ``fold``, ``key``, ``epoch``, ``value``.
    """
    runs = one.group.runs
    own = epochs[epochs.run.isin(runs.index)]
    places = {name: place for place, name in enumerate(one.table.index)}
    rarity = {f"{RECALL}{name}": place for place, name in enumerate(one.recalls)}
    own = own.assign(strategy=own.run.map(runs.strategy), seed=own.run.map(runs.seed), fold=_folds(own))
    own = own.assign(first=own.strategy.map(places), second=own.key.map(rarity).fillna(len(rarity)))
    own = own.sort_values(["first", "second", "run", "fold", "epoch"], kind="stable")
    return own[["strategy", "run", "seed", "fold", "key", "epoch", "value"]].reset_index(drop=True)


def _folds(epochs: pd.DataFrame) -> pd.Series:
    """Return the fold of each row: a run's folds follow each other, each from its first epoch on."""
    keys = [epochs.run, epochs.key]
    starts = epochs.groupby(keys, sort=False).epoch.diff() <= 0
    return starts.groupby(keys, sort=False).cumsum()


def trained_alike(own: pd.DataFrame) -> dict[str, list[str]]:
    """Return strategies whose runs have the same histories, as they only decide differently, by the first of them.

    Parameters
    ----------
    own : DataFrame
        As `own_epochs` returns it.
    """
    if own.empty:
        return {}
    cells = ["seed", "fold", "key", "epoch"]
    wide = own.drop_duplicates(["strategy", *cells]).pivot(index="strategy", columns=cells, values="value")
    rows = {str(name): row for name, row in wide.iterrows()}
    alike: dict[str, list[str]] = {}
    for name in own.strategy.unique():
        same = (first for first in alike if _same(rows[first], rows[name]))
        alike.setdefault(next(same, str(name)), []).append(str(name))
    return alike


def _same(a: pd.Series, b: pd.Series) -> bool:
    """Whether two strategies have the same figures in every epoch of the seeds that both have."""
    seeds = [row.dropna().index.get_level_values("seed") for row in (a, b)]
    shared = seeds[0].intersection(seeds[1])
    within = a.index.get_level_values("seed").isin(shared)
    return bool(len(shared)) and np.array_equal(a[within].to_numpy(), b[within].to_numpy(), equal_nan=True)


def kept_epochs(own: pd.DataFrame) -> pd.DataFrame:
    """Return the epochs whose weights the runs kept, which their learners marked: ``strategy``, ``run``, ``epoch``."""
    return own[own.key == KEPT][["strategy", "run", "epoch"]]
