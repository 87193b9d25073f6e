"""What every split must keep to, whoever made it."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from imbalance_lab.data.base import Splitter
from imbalance_lab.data.rows import Split
from imbalance_lab.data.split.grouped import group_numbers
from imbalance_lab.errors import DataError, LabWarning

if TYPE_CHECKING:
    from imbalance_lab.data.dataset import Dataset

KINDS = ("training", "validation", "test")
PAIRS = ((0, 2), (1, 2), (0, 1))  # of the parts, the worst first
MOST_SHOWN = 5


def checked_splits(splitter: Splitter, data: Dataset) -> list[Split]:
    """Return the splits of a splitter, which may be somebody's own.

    Classes that a validation or test part lacks are warned of.

    Parameters
    ----------
    splitter : Splitter
    data : Dataset

    Raises
    ------
    DataError
        If there are none; if rows train and are tested as well, or any other two parts share rows or groups; if a part
        names a row twice or one that is not there; if no row trains or is tested; if a class has no training rows.

    Examples
    --------
    >>> from imbalance_lab.data.dataset import Dataset
    >>> from imbalance_lab.data.split.stratified import Holdout
    >>> data = Dataset.from_arrays(np.arange(20.0)[:, None] ** 2, [0, 1] * 10)
    >>> (split,) = checked_splits(Holdout(validation=0.2, test=0.2), data)
    >>> [len(part) for part in split]
    [12, 4, 4]
    """
    name = splitter.title
    splits = [_checked(split, len(data), name) for split in splitter.split(data)]
    if not splits:
        raise DataError(f"{name} gives no split")
    if splitter.groups is not None:
        _check_groups(splits, data, splitter.groups, name)
    _check_classes(splits, data, name, splitter.advice)
    return splits


def _checked(split: Sequence[object], rows: int, name: str) -> Split:
    if len(split) != len(Split._fields):
        raise DataError(f"{name} gives {len(split)} parts; training, validation and test rows are needed")
    parts = Split(*(np.asarray(part) for part in split))
    for kind, part in zip(KINDS, parts, strict=True):
        if part.ndim != 1 or not (len(part) == 0 or np.issubdtype(part.dtype, np.integer)):
            raise DataError(f"{name}: the {kind} rows are no list of row numbers (shape {part.shape}, {part.dtype})")
        if outside := int(((part < 0) | (part >= rows)).sum()):
            raise DataError(f"{name} gives {outside} {kind} rows outside the data, which has rows 0 to {rows - 1}")
    _check_apart(parts, rows, name)
    for kind, part in ((KINDS[0], parts.train), (KINDS[2], parts.test)):
        if not len(part):
            raise DataError(f"{name} gives no {kind} rows")
    return Split(*(part.astype(np.int64, copy=False) for part in parts))


def _check_apart(parts: Split, rows: int, name: str) -> None:
    """Refuse parts that name a row twice, or share one."""
    # Marks take a byte a row, and no sorting: of 50 million rows a set takes minutes.
    marks = [np.zeros(rows, dtype=bool) for _ in parts]
    for kind, part, mark in zip(KINDS, parts, marks, strict=True):
        mark[part.astype(np.int64, copy=False)] = True
        if twice := len(part) - int(np.count_nonzero(mark)):
            raise DataError(f"{name} gives {twice} of its {len(part)} {kind} rows twice")
    for one, other in PAIRS:
        if both := int(np.count_nonzero(marks[one] & marks[other])):
            raise DataError(
                f"{name} is refused: {both} of its {len(parts[other])} {KINDS[other]} rows are {KINDS[one]} rows as "
                "well; the parts of a split must not overlap"
            )


def _check_groups(splits: Sequence[Split], data: Dataset, column: str, name: str) -> None:
    """Refuse a split of which two parts hold rows of one group."""
    groups = group_numbers(data, column)
    for split in splits:
        parts = [np.unique(groups[part]) for part in split]
        for one, other in PAIRS:
            crossing = np.intersect1d(parts[one], parts[other], assume_unique=True)
            if len(crossing):
                first = data.aside[column].iloc[int((groups == crossing[0]).argmax())]
                of_all = f"{len(crossing)} of {groups.max() + 1} groups"
                raise DataError(
                    f"{name} is refused: {of_all} of split.groups={column}, such as "
                    f"'{first}', have {KINDS[one]} and {KINDS[other]} rows; rows of one group stay together in "
                    "split=group and split=group_cv"
                )


def _check_classes(splits: Sequence[Split], data: Dataset, name: str, advice: str) -> None:
    """Refuse training rows that lack a class; say which classes the validation and test rows lack."""
    counts = np.stack([[data.count(data.targets[part]).ravel() for part in split] for split in splits])
    for at, kind in enumerate(KINDS):
        lacking = (counts[:, at] == 0) & counts[:, at].any(axis=1, keepdims=True)
        if not lacking.any():
            continue
        which = np.flatnonzero(lacking.any(axis=0))
        shown = ", ".join(f"'{data.class_names[k]}' ({data.counts[k]} rows)" for k in which[:MOST_SHOWN])
        more = f" and {len(which) - MOST_SHOWN} more" if len(which) > MOST_SHOWN else ""
        where = f" in {lacking.any(axis=1).sum()} of {len(splits)} folds" if len(splits) > 1 else ""
        text = f"{name} gives no {kind} rows{where} to the class {shown}{more}; try {advice}"
        if kind == KINDS[0]:
            raise DataError(text)
        warnings.warn(text, LabWarning, stacklevel=3)
