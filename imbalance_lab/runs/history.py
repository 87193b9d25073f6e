"""The epochs of runs as one long table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

EPOCHS = "epochs.csv"
COLUMNS = ["run", "key", "epoch", "value"]
PREFIX = "val/"
KEPT = "kept"  # marks the epochs whose weights were kept, where the learner marked them
COUNTS = ("called/", "predicted_count/")  # numbers of rows, not figures of a class


def no_epochs(ids: Sequence[str]) -> pd.DataFrame:
    """Return no epochs: runs whose histories are not kept."""
    return pd.DataFrame(columns=COLUMNS)


def read_histories(folders: Mapping[str, Path]) -> pd.DataFrame:
    """Read the epochs of the runs in `folders`, by their ids.

    Returns
    -------
    DataFrame
        ``run``, ``key`` (``recall/<class>``, ``balanced_accuracy``, ``loss``), ``epoch``, ``value``: the figures of the
        validation rows, of all folds; ``kept`` of the epochs whose weights were kept.
    """
    files = {run: folder / EPOCHS for run, folder in folders.items()}
    return stacked({run: pd.read_csv(file) for run, file in files.items() if file.is_file()})


def stacked(histories: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Put histories, a row per epoch and a column per figure each, under each other (see `read_histories`)."""
    parts = [_long(run, history) for run, history in histories.items()]
    parts = [part for part in parts if len(part)]
    return pd.concat(parts, ignore_index=True) if parts else no_epochs([])


def _long(run: str, history: pd.DataFrame) -> pd.DataFrame:
    keys = {name: str(name).removeprefix(PREFIX) for name in history if str(name).startswith(PREFIX)}
    keys = {name: key for name, key in keys.items() if not key.startswith(COUNTS)}
    long = history.melt(id_vars="epoch", value_vars=list(keys), var_name="key", value_name="value")
    long = long.assign(key=long.key.map(keys)).dropna(subset="value")
    kept = history[history[KEPT] > 0] if KEPT in history else history.iloc[:0]
    return pd.concat([long, kept[["epoch"]].assign(key=KEPT, value=1.0)]).assign(run=run)[COLUMNS]
