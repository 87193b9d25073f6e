"""What strategies gain against what is known of the datasets: their imbalance, their size, how separable they are."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from imbalance_lab.comparison.compared import Compared

COLUMNS = ("difference", "low", "high", "verdict")


def against_facts(compared: Sequence[Compared], facts: pd.DataFrame, role: str = "control") -> pd.DataFrame:
    """Return each strategy's difference to the control or the baseline on each dataset, with the dataset's facts.

    Parameters
    ----------
    compared : sequence of Compared
        One of each dataset: those of one model, without stress.
    facts : DataFrame
        A row per dataset, a column per fact, as ``imbalance ratio``; datasets that are not there are left out.
    role : str
        ``control`` or ``baseline``.

    Returns
    -------
    DataFrame
        A row per dataset and strategy: ``dataset``, ``strategy``, ``difference`` with ``low`` and ``high``,
        ``verdict``, and the facts.

    Raises
    ------
    ValueError
        If a dataset is there twice: then models, settings or levels of stress would be taken for datasets.
    """
    known = [one for one in compared if one.group.name["dataset"] in facts.index and f"{role}_difference" in one.table]
    names = [one.group.name["dataset"] for one in known]
    if twice := [name for name in names if names.count(name) > 1]:
        raise ValueError(f"{twice[0]} is there {names.count(twice[0])} times; choose one model and setting")
    parts = []
    for name, one in zip(names, known, strict=True):
        own = one.table[[f"{role}_{key}" for key in COLUMNS]].set_axis(list(COLUMNS), axis=1)
        own = own[own.difference.notna()].rename_axis("strategy").reset_index()
        own.insert(0, "dataset", name)
        parts.append(own.assign(**{str(fact): value for fact, value in facts.loc[name].items()}))
    empty = pd.DataFrame(columns=["dataset", "strategy", *COLUMNS, *facts])
    return pd.concat(parts, ignore_index=True) if parts else empty
