"""Labelled rows."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pandas as pd

from imbalance_lab.errors import DataError

Kind = Literal["numeric", "categorical"]


@dataclass(frozen=True)
class Dataset:
    """Labelled rows.

    A row has one class of several, or, if `labels` is not empty, any number of labels that do not exclude each other
    (multilabel). Each label is a task of two classes, ``not <label>`` and ``<label>``; otherwise there is one task of C
    classes. T is the number of tasks, and either T or C - 2 is what a dataset has more than one of.

    Parameters
    ----------
    name : str
    X : DataFrame of shape (n, columns)
        Raw columns; preparing them (imputing, scaling, encoding) is fitted on training rows later.
    y : ndarray of shape (n,) or (n, T), int64
        Class indices; of labels 0 or 1. In a binary set index 1 is the rarer class.
    class_names : tuple of str
        Of all tasks, one after the other.
    kinds : mapping of column name to {"numeric", "categorical"}
    labels : tuple of str
    """

    name: str
    X: pd.DataFrame
    y: np.ndarray
    class_names: tuple[str, ...]
    kinds: Mapping[str, Kind]
    labels: tuple[str, ...] = ()

    @classmethod
    def from_labels(cls, name: str, X: pd.DataFrame, labels: Sequence[Any] | pd.Series | np.ndarray) -> Dataset:
        """Build a dataset of one task from raw columns and labels of any type.

        Numbers are numeric, everything else is categorical. Classes are sorted (numbers by value); of two classes the
        rarer comes last.

        Raises
        ------
        DataError
            If there are no rows or only one class.
        """
        raw, values = pd.factorize(np.asarray(labels))
        merged, found = pd.factorize(np.asarray([_class_name(value) for value in values], dtype=object))
        order = sorted(range(len(found)), key=lambda k: _natural(str(found[k])))
        names = tuple(str(found[k]) for k in order)
        if len(names) < 2:
            raise DataError(
                f"dataset '{name}' has {'no rows' if not names else f'one class only ({names[0]})'}; "
                "there is nothing to tell apart: check the target column"
            )
        y = np.argsort(order)[merged[raw]].astype(np.int64)
        if len(names) == 2 and y.mean() > 0.5:
            y, names = 1 - y, names[::-1]
        X = X.reset_index(drop=True)
        return cls(name, X, y, names, column_kinds(X))

    @classmethod
    def from_indicators(cls, name: str, X: pd.DataFrame, indicators: pd.DataFrame) -> Dataset:
        """Build a multilabel dataset from raw columns and one 0/1 column per label.

        Raises
        ------
        DataError
            If a column holds anything else, or the same value everywhere.
        """
        for label in indicators:
            found = set(indicators[label].unique())
            if not found <= {0, 1}:
                raise DataError(f"dataset '{name}': the label '{label}' must be 0 or 1 (or false or true) in every row")
            if len(found) < 2:
                raise DataError(f"dataset '{name}': the label '{label}' is {found.pop()} in every row; leave it out")
        labels = tuple(str(label) for label in indicators)
        names = tuple(side for label in labels for side in (f"not {label}", label))
        if len(set(names)) < len(names):
            raise DataError(f"dataset '{name}': a label is called as another's absence ('not ...'); rename it")
        X = X.reset_index(drop=True)
        return cls(name, X, indicators.to_numpy().astype(np.int64), names, column_kinds(X), labels)

    @property
    def targets(self) -> np.ndarray:
        """Class indices of every task, shape (n, T)."""
        return self.y.reshape(len(self.y), -1)

    @property
    def tasks(self) -> list[tuple[str, ...]]:
        """Class names of each task."""
        size = 2 if self.labels else len(self.class_names)
        return [self.class_names[start : start + size] for start in range(0, len(self.class_names), size)]

    def count(self, targets: np.ndarray) -> np.ndarray:
        """Return the rows of each class among `targets` (m, T), shape (T, C)."""
        classes = len(self.tasks[0])
        return np.stack([np.bincount(column, minlength=classes) for column in targets.T])

    @cached_property
    def counts(self) -> np.ndarray:
        """Rows of each class, in the order of `class_names`."""
        return self.count(self.targets).ravel()

    @property
    def imbalance_ratio(self) -> float:
        """Rows of the largest class for one of the smallest, in the most imbalanced task."""
        counts = self.count(self.targets)
        return float((counts.max(axis=1) / counts.min(axis=1)).max())

    @cached_property
    def content_hash(self) -> str:
        """16 hex digits of the names, columns and labels: equal data, equal hash."""
        digest = hashlib.blake2b(repr((self.class_names, dict(self.kinds))).encode(), digest_size=8)
        digest.update(self.y.tobytes())
        for column in self.X:
            values, levels = self.X[column].to_numpy(), None
            if self.kinds[str(column)] == "categorical":
                values, levels = pd.factorize(self.X[column], sort=False)
            digest.update(np.ascontiguousarray(values, dtype=np.float64).tobytes())
            digest.update(repr(None if levels is None else [str(level) for level in levels]).encode())
        return digest.hexdigest()

    def summary(self) -> dict[str, Any]:
        """Return name, hash, class sizes and kinds of features, as they stand in a run's record."""
        return {
            "name": self.name,
            "hash": self.content_hash,
            "classes": dict(zip(self.class_names, self.counts.tolist(), strict=True)),
            "features": dict(self.kinds),
        }

    def without_rare_classes(self, min_rows: int) -> Dataset:
        """Return the dataset without classes of fewer than `min_rows` rows; labels are left alone.

        Raises
        ------
        DataError
            If fewer than two classes are left.
        """
        if self.labels or self.counts.min() >= min_rows:
            return self
        kept = self.counts >= min_rows
        if kept.sum() < 2:
            raise DataError(f"min_class_rows={min_rows} leaves {kept.sum()} of {len(kept)} classes; lower it")
        rows = kept[self.y]
        names = tuple(n for n, keep in zip(self.class_names, kept, strict=True) if keep)
        y = (np.cumsum(kept) - 1)[self.y[rows]]
        if len(names) == 2 and y.mean() > 0.5:
            y, names = 1 - y, names[::-1]
        return Dataset(self.name, self.X[rows].reset_index(drop=True), y, names, self.kinds)


def column_kinds(X: pd.DataFrame) -> dict[str, Kind]:
    """Return the kind of each column: numbers are numeric, everything else is categorical."""
    return {str(column): _kind(X[column]) for column in X.columns}


def _class_name(label: Any) -> str:
    return str(int(label)) if isinstance(label, float | np.floating) and float(label).is_integer() else str(label)


def _natural(name: str) -> tuple[bool, float, str]:
    """Sort key: numbers by value, then words."""
    try:
        value = float(name)
    except ValueError:
        value = math.nan
    return (True, 0.0, name) if math.isnan(value) else (False, value, name)


def _kind(column: pd.Series) -> Kind:
    is_number = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
    return "numeric" if is_number else "categorical"
