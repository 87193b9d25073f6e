"""Dataset by strategy: means with their deviations, and what cannot be told from the best."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from imbalance_lab.comparison.across import Across
from imbalance_lab.comparison.compared import Compared
from imbalance_lab.comparison.paired import paired_differences
from imbalance_lab.comparison.settings import Settings
from imbalance_lab.comparison.side_by_side import kinds_of
from imbalance_lab.comparison.verdict import Comparison


@dataclass(frozen=True)
class Matrix:
    """The groups that differ in their dataset only.

    Parameters
    ----------
    name : str
        What they have in common, as the model.
    mean, deviation : DataFrame
        A row per dataset, a column per strategy, best average rank first; NaN where one was not run on the other.
        Deviations are those of seeds and folds.
    best, alike : DataFrame of bool
        The best of each dataset, and what the corrected t-test, adjusted by Holm's method, cannot tell from it.
    ranks : Series or None
        Average ranks of the strategies that all datasets have; None of a single dataset.
    alike_ranks : list of str
        Which strategies Wilcoxon's test, adjusted by Holm's method, cannot tell from the best average rank.
    """

    name: str
    mean: pd.DataFrame
    deviation: pd.DataFrame
    best: pd.DataFrame
    alike: pd.DataFrame
    ranks: pd.Series | None
    alike_ranks: list[str]


def matrices(comparison: Comparison) -> list[Matrix]:
    """Return a matrix for each model and setting."""
    across = {one.name: one for one in comparison.across}
    kinds = kinds_of(comparison.compared)
    return [_matrix(name, groups, across.get(name), comparison.settings) for name, groups in kinds.items()]


def wide(comparison: Comparison) -> pd.DataFrame:
    """Return the matrices as one table: ``of``, ``dataset``, of each strategy its mean and its ``<name> deviation``."""
    parts = []
    for one in matrices(comparison):
        both = one.mean.join(one.deviation.add_suffix(" deviation"))
        order = [column for name in one.mean for column in (name, f"{name} deviation")]
        parts.append(both[order].rename_axis("dataset").reset_index().assign(of=one.name))
    whole = pd.concat(parts, ignore_index=True)
    return whole[["of", *(column for column in whole if column != "of")]]


def _matrix(name: str, groups: dict[str, Compared], across: Across | None, settings: Settings) -> Matrix:
    mean, deviation = (
        pd.DataFrame({dataset: one.table[key] for dataset, one in groups.items()}).T for key in ("mean", "deviation")
    )
    ranks = None if across is None else across.ranks
    first = list(ranks.index) if ranks is not None else list(next(iter(groups.values())).table.index)
    order = [*first, *(strategy for strategy in mean if strategy not in first)]
    mean, deviation = mean[order], deviation[order]
    best = (settings.sign * mean).eq((settings.sign * mean).max(axis=1), axis=0)
    alike = pd.DataFrame(False, index=mean.index, columns=order)
    for dataset, one in groups.items():
        top = str(one.table.index[0])
        found = paired_differences(one.group.values, top, one.group.ratio, settings)
        alike.loc[dataset, found.index[~(found.p < 1 - settings.confidence)]] = True
    alike_ranks = []
    if across is not None:
        p = across.wilcoxon.loc[across.ranks.index[0]]
        alike_ranks = [str(other) for other in p.index[1:] if p[other] >= 1 - settings.confidence]
    return Matrix(name, mean, deviation, best, alike & ~best, ranks, alike_ranks)
