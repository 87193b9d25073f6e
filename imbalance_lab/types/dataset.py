"""Labelled rows."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pandas as pd

from imbalance_lab.types.errors import DataError

Kind = Literal["numeric", "categorical"]


@dataclass(frozen=True)
class Dataset:
    """Labelled rows.

    Parameters
    ----------
    name : str
    X : DataFrame of shape (n, columns)
        Raw columns; preparing them (imputing, scaling, encoding) is fitted on training rows later.
    y : ndarray of shape (n,), int64
        Class indices. In a binary set index 1 is the rarer class.
    class_names : tuple of str
    kinds : mapping of column name to {"numeric", "categorical"}
    """

    name: str
    X: pd.DataFrame
    y: np.ndarray
    class_names: tuple[str, ...]
    kinds: Mapping[str, Kind]

    @classmethod
    def from_labels(cls, name: str, X: pd.DataFrame, labels: Sequence[Any] | pd.Series | np.ndarray) -> Dataset:
        """Build a dataset from raw columns and labels of any type.

        Numbers and booleans are numeric, everything else is categorical. Classes are sorted (numbers by value); of two
        classes the rarer comes last.

        Raises
        ------
        DataError
            If there are no rows or only one class.
        """
        codes, found = pd.factorize(np.asarray([_class_name(label) for label in labels], dtype=object))
        order = sorted(range(len(found)), key=lambda k: _natural(str(found[k])))
        names = tuple(str(found[k]) for k in order)
        if len(names) < 2:
            raise DataError(
                f"dataset '{name}' has {'no rows' if not names else f'one class only ({names[0]})'}; "
                "there is nothing to tell apart: check the target column"
            )
        y = np.argsort(order)[codes].astype(np.int64)
        if len(names) == 2 and y.mean() > 0.5:
            y, names = 1 - y, names[::-1]
        X = X.reset_index(drop=True)
        return cls(name, X, y, names, {str(c): _kind(X[c]) for c in X.columns})

    @property
    def counts(self) -> np.ndarray:
        """Rows of each class, shape (C,)."""
        return np.bincount(self.y, minlength=len(self.class_names))

    @property
    def imbalance_ratio(self) -> float:
        """Rows of the largest class for one of the smallest."""
        return float(self.counts.max() / self.counts.min())

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
        """Return the dataset without classes of fewer than `min_rows` rows.

        Raises
        ------
        DataError
            If fewer than two classes are left.
        """
        if self.counts.min() >= min_rows:
            return self
        kept = self.counts >= min_rows
        if kept.sum() < 2:
            raise DataError(f"min_class_rows={min_rows} leaves {kept.sum()} of {len(kept)} classes; lower it")
        rows = kept[self.y]
        names = tuple(n for n, keep in zip(self.class_names, kept, strict=True) if keep)
        y = (np.cumsum(kept) - 1)[self.y[rows]]
        return Dataset(self.name, self.X[rows].reset_index(drop=True), y, names, self.kinds)


def _class_name(label: Any) -> str:
    return str(int(label)) if isinstance(label, float | np.floating) and float(label).is_integer() else str(label)


def _natural(name: str) -> tuple[bool, float, str]:
    """Sort key: numbers by value, then words."""
    try:
        return False, float(name), name
    except ValueError:
        return True, 0.0, name


def _kind(column: pd.Series) -> Kind:
    return "numeric" if pd.api.types.is_numeric_dtype(column) else "categorical"
