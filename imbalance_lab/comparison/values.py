"""The values of a group's runs by seed and fold, and what is missing among them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd


def repeated_cells(runs: pd.DataFrame, latest: pd.DataFrame, last: pd.Series, every: pd.Series) -> str | None:
    """Return what is left out because its cell ran again later; None where it had the same result."""
    if len(runs) == len(latest):
        return None
    cells = ["strategy", "seed"]
    counted = latest[cells].assign(last=last).set_index(cells)["last"]
    earlier = runs.drop(index=latest.index)
    differ = every[earlier.index].to_numpy() != counted.reindex(pd.MultiIndex.from_frame(earlier[cells])).to_numpy()
    if not differ.any():
        return None
    cells_of = earlier[differ].drop_duplicates(cells)
    return f"{len(cells_of)} of {len(latest)} cells ran again later with another result: the last counts"


def values_of(runs: pd.DataFrame, means: pd.Series, folds: pd.DataFrame) -> pd.DataFrame:
    """Return the metric with a row per strategy and a column per (seed, fold)."""
    each = folds.reindex(runs.index).dropna(axis=1, how="all").astype(float)
    if 0 not in each:
        each[0] = np.nan
    each[0] = each[0].where(each.notna().any(axis=1), means)  # a run of one fold has its mean only
    cells = {
        (strategy, (seed, fold)): value
        for strategy, seed, row in zip(runs.strategy, runs.seed, each.to_numpy(), strict=True)
        for fold, value in zip(each, row, strict=True)
        if not np.isnan(value)
    }
    columns = sorted(sorted({column for _, column in cells}), key=lambda column: (natural(column[0]), column[1]))
    strategies = pd.Index(list(dict.fromkeys(runs.strategy)), name="strategy")
    values = [[cells.get((strategy, column), np.nan) for column in columns] for strategy in strategies]
    return pd.DataFrame(values, strategies, pd.MultiIndex.from_tuples(columns, names=["seed", "fold"]), dtype=float)


def in_order(values: Sequence[Any]) -> list[tuple[int, float, str]]:
    """Return the sort key of several values: nothing first, then numbers, then words."""
    return [natural(str(value)) if value else (0, -np.inf, "") for value in values]


def natural(text: str) -> tuple[int, float, str]:
    """Return the sort key of a text: numbers by their size before words."""
    try:
        number = float(text)
    except ValueError:
        number = np.nan
    return (0, number, "") if np.isfinite(number) else (1, 0.0, text)


def ratio_of(metrics: pd.DataFrame) -> float:
    """Return test rows by other rows, from what the runs recorded."""
    rows = metrics.reindex(columns=["rows/test", "rows/train", "rows/validation", "rows/before_stress"]).mean()
    # What is thinned on purpose is drawn from all other rows: how far training rows overlap goes by those.
    others = rows["rows/train"] + rows["rows/validation"]
    return float(rows["rows/test"] / (others if np.isnan(rows["rows/before_stress"]) else rows["rows/before_stress"]))


def unpaired_seeds(values: pd.DataFrame) -> str | None:
    """Return which strategies lack seeds that others have, None if none does."""
    seeds = values.columns.get_level_values("seed")
    missing = {
        str(name): sorted(set(seeds[row.isna()]), key=natural) for name, row in values.iterrows() if row.isna().any()
    }
    if not missing:
        return None
    shown = [f"{name} lacks {', '.join(s[:5])}{', ...' if len(s) > 5 else ''}" for name, s in missing.items()]
    more = f" and {len(shown) - 8} others lack some" if len(shown) > 8 else ""
    which = f"{'; '.join(shown[:8])}{more}"
    return f"means are over different seeds: {which}; differences are taken over the seeds that both have"
