"""Groups that differ in their dataset only, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pandas as pd

from imbalance_lab.comparison.across import Across, across_datasets
from imbalance_lab.comparison.compared import Compared
from imbalance_lab.comparison.settings import Settings


def kinds_of(compared: Sequence[Compared]) -> dict[str, dict[str, Compared]]:
    """Return the groups that differ in their dataset only, by what they share and their dataset; the latest of each."""
    kinds: dict[str, dict[str, Compared]] = {}
    for one in compared:
        rest = {key: value for key, value in one.group.name.items() if key not in ("dataset", "data")}
        kind = ", ".join(value if key == "model" else f"{key}={value}" for key, value in rest.items())
        known = kinds.setdefault(kind, {}).get(one.group.name["dataset"])
        if known is None or known.group.runs.start.max() < one.group.runs.start.max():
            kinds[kind][one.group.name["dataset"]] = one
    return kinds


def side_by_side(compared: Sequence[Compared], settings: Settings) -> list[Across]:
    """Put groups that differ in their dataset only side by side."""
    kinds = kinds_of(compared)
    found = [_one_kind(kind, groups, settings) for kind, groups in kinds.items() if len(groups) > 1]
    return [one for one in found if one is not None]


def _one_kind(kind: str, groups: Mapping[str, Compared], settings: Settings) -> Across | None:
    """Compare one group of each dataset; the means are those of the seeds that all its strategies have."""
    shared = {name: one.group.values.dropna(axis=1) for name, one in groups.items()}
    means = {
        name: values.mean(axis=1) if len(values.columns) else groups[name].table["mean"]
        for name, values in shared.items()
    }
    across = across_datasets(kind, pd.DataFrame(means).T, settings)
    if across is None:
        return None
    notes = []
    if unpaired := [name for name, values in shared.items() if not len(values.columns)]:
        notes.append(f"strategies share no seed, so means are over different ones, on {', '.join(unpaired)}")
    if cut := [name for name, v in shared.items() if 0 < len(v.columns) < len(groups[name].group.values.columns)]:
        notes.append(f"means are over the seeds that all strategies have, on {', '.join(cut)}")
    if draws := [name for name, one in groups.items() if "data" in one.group.name]:
        notes.append(f"of several data of one name the latest count, on {', '.join(draws)}")
    return replace(across, notes=[*across.notes, *notes])


def summary(across: Across, settings: Settings) -> str:
    """Return what the tests across datasets found."""
    best = across.ranks.index[0]
    tied = alike_in_rank(across)
    alpha = 1 - settings.confidence
    if across.friedman["p_F"] >= alpha:
        return f"average ranks do not differ more than chance allows (Friedman, p = {across.friedman['p_F']:.2g})"
    return (
        f"{best} has the best average rank, {across.ranks.iloc[0]:.2f}; Nemenyi's test "
        f"{'tells it from all others' if len(tied) == 1 else 'cannot tell it from ' + ', '.join(tied[1:])} "
        f"(Friedman, p = {across.friedman['p_F']:.2g})"
    )


def alike_in_rank(across: Across) -> list[str]:
    """Return what Nemenyi's test cannot tell from the best average rank, that one first."""
    return [str(name) for name in across.ranks.index[across.ranks <= across.ranks.iloc[0] + across.critical_difference]]
