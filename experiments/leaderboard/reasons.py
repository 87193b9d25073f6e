"""Why cells of the leaderboard did not run: a row per kind of reason, whatever classes and counts a message names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pandas as pd

from imbalance_lab.options import SLOTS
from imbalance_lab.runs.table import RunTable

LEFT = ("skipped", "failed", "killed")
MOST_NAMED = 12


def reasons(table: RunTable) -> pd.DataFrame:
    """Return a row per kind of reason: how it ended, the strategies and models it is about, and on how many sets.

    Parameters
    ----------
    table : RunTable
    """
    left = table.runs[table.runs.outcome.isin(LEFT)]
    if left.empty:
        return pd.DataFrame()
    settings = table.settings.reindex(left.index)
    named = [
        kind_of(str(run.reason or ""), str(run.model), given)
        for run, given in zip(left.itertuples(), settings.to_dict("records"), strict=True)
    ]
    grouped = left.assign(why=named).groupby(["why", "outcome"])
    rows = pd.DataFrame(
        {
            "strategies": grouped.strategy.unique().map(_listed),
            "models": grouped.model.unique().map(_listed),
            "sets": grouped.dataset.nunique(),
            "runs": grouped.size(),
        }
    )
    return rows.sort_values("runs", ascending=False, kind="stable").reset_index("outcome")


def kind_of(reason: str, model: str, settings: Mapping[Any, Any]) -> str:
    """Return a message without its advice, with the names of this run's options, classes and counts taken out.

    Parameters
    ----------
    reason, model : str
    settings : mapping of (group, key) to str
        Of the run.

    Examples
    --------
    >>> text = "loss=focal cannot train model=knn, which has none; use model=mlp"
    >>> kind_of(text, "knn", {("options", "loss"): "focal"})
    'the loss cannot train the model, which has none'
    >>> text = "ADASYN cannot resample these rows (class 'B' has 31 training rows): No samples. Try another."
    >>> kind_of(text, "knn", {("sampler", "_target_"): "imblearn.over_sampling.ADASYN"})
    'the sampler cannot resample these rows (a class has few training rows): No samples'
    """
    text = re.split(r";\s+use |\. (?=[A-Z])", reason)[0]
    text = re.sub(rf"model={re.escape(model)}\b", "the model", text)
    for slot in SLOTS:
        text = re.sub(rf"{slot}={re.escape(str(settings.get(('options', slot))))}\b", f"the {_word(slot)}", text)
        target = str(settings.get((slot, "_target_"))).rpartition(".")[2]
        text = re.sub(rf"\b{re.escape(target)}\b", f"the {_word(slot)}", text)
    text = re.sub(r"class '[^']*' has \d+ training rows", "a class has few training rows", text)
    text = re.sub(r"samples of class [^\s.]+", "samples of a class", text)
    return re.sub(r"'[^']*'", "'...'", re.sub(r"\b\d+(\.\d+)?\b", "n", text))[:160]


def _word(slot: str) -> str:
    return slot.replace("_", " ")


def _listed(names: Any) -> str:
    """Return names in alphabetical order, the first of many."""
    shown = sorted(map(str, names))
    more = f" and {len(shown) - MOST_NAMED} more" if len(shown) > MOST_NAMED else ""
    return ", ".join(shown[:MOST_NAMED]) + more
