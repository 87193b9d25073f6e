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


def reference_of(table: pd.DataFrame, settings: Settings) -> str:
    """Return the role of what the strategies are held against first: the control, else the baseline, else nothing."""
    return next((role for role in ("control", "baseline") if f"{role}_verdict" in table), "")


def answer_of(table: pd.DataFrame, settings: Settings) -> str:
    """Return in a few words which strategy is best, and what is proven.

    Parameters
    ----------
    table : DataFrame
        That of a `Compared`.
    settings : Settings
    """
    best, role = table.iloc[0], reference_of(table, settings)
    if not role:
        return f"Best mean: {best.name}. Neither {settings.control} nor {settings.baseline} was run to hold it against."
    name = getattr(settings, role)
    parts = [f"Best mean: {best.name}{_proof(best, role, name)}."]
    others = table.drop(index=name)
    proven = [str(other) for other in others.index[others[f"{role}_verdict"] == BETTER] if other != best.name]
    if proven:
        shown = ", ".join(proven[:5]) + (f" and {len(proven) - 5} more" if len(proven) > 5 else "")
        parts.append(f"{shown} {'is' if len(proven) == 1 else 'are'} better than {name}, too.")
    elif not (others[f"{role}_verdict"] == BETTER).any() and best.name == name:
        parts.append(f"Nothing is proven better than it, the {role}.")
    return " ".join(parts)


def _proof(best: pd.Series, role: str, name: str) -> str:
    """Return how sure one can be that the best is better than what it is held against."""
    if best.name == name:
        return ""
    difference, verdict = best[f"{role}_difference"], best[f"{role}_verdict"]
    if verdict == BETTER:
        return f", better than the {role} {name} by {abs(difference):.3f}"
    if verdict == SAME:
        return f", practically the same as the {role} {name}"
    return f", but whether it is better than the {role} {name} is open: {verdict}"


def _figure(row: pd.Series) -> str:
    around = f" [{row.low:.3f}, {row.high:.3f}]" if np.isfinite(row.low) else ""
    return f"{row['mean']:.3f}{around} over {row.runs:g} run{'s' if row.runs > 1 else ''}"


def _against(table: pd.DataFrame, role: str, name: str) -> str:
    rows = table.drop(index=name)
    found = {}
    for verdict in (BETTER, WORSE, SAME, FEW_RUNS, FEW_ROWS):
        these = rows[rows[f"{role}_verdict"] == verdict]
        shown = [f"{strategy} {row[f'{role}_difference']:+.3f}" for strategy, row in these.iterrows()]
        if shown:
            found[verdict] = ", ".join(shown[:6]) + (f" and {len(shown) - 6} more" if len(shown) > 6 else "")
    parts = [f"{verdict}: {names}" for verdict, names in found.items()]
    return f"Against {name}: {'; '.join(parts)}" if parts else f"Nothing was run against {name}"
