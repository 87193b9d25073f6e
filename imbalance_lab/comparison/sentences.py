"""The verdict on the strategies of one group, in words."""

from __future__ import annotations

import numpy as np
import pandas as pd

from imbalance_lab.comparison.groups import Group
from imbalance_lab.comparison.paired import BETTER, FEW_ROWS, FEW_RUNS, SAME, WORSE
from imbalance_lab.comparison.settings import Settings


def sentence_of(table: pd.DataFrame, group: Group, settings: Settings) -> str:
    """Return which strategies are better and worse than the baseline, and whether they beat the control."""
    sentence = f"{table.index[0]} has the best mean, {_figure(table.iloc[0])}"
    for role, name in (("baseline", settings.baseline), ("control", settings.control)):
        if f"{role}_verdict" in table:
            sentence += f". {_against(table, role, name)}"
        else:
            as_such = " as such" if group.of_strategy(name) else ""
            sentence += f". Not compared with {name}, of which there is no run{as_such}"
    return sentence + "."


def _figure(row: pd.Series) -> str:
    around = f" [{row.low:.3f}, {row.high:.3f}]" if np.isfinite(row.low) else ""
    return f"{row['mean']:.3f}{around} over {row.runs:g} run{'s' if row.runs > 1 else ''}"


def _against(table: pd.DataFrame, role: str, name: str) -> str:
    rows = [
        row
        for row in zip(table.index, table[f"{role}_verdict"], table[f"{role}_difference"], strict=True)
        if row[0] != name
    ]
    found = {}
    for verdict in (BETTER, WORSE, SAME, FEW_RUNS, FEW_ROWS):
        shown = [f"{strategy} {difference:+.3f}" for strategy, own, difference in rows if own == verdict]
        if shown:
            found[verdict] = ", ".join(shown[:6]) + (f" and {len(shown) - 6} more" if len(shown) > 6 else "")
    parts = [f"{verdict}: {names}" for verdict, names in found.items()]
    return f"Against {name}: {'; '.join(parts)}" if parts else f"Nothing was run against {name}"
