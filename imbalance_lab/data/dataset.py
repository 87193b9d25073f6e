"""Labelled rows."""

from __future__ import annotations

import hashlib
import math
import warnings
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pandas as pd

from imbalance_lab.data.base import Needs
from imbalance_lab.data.checks import IN_A_FRAME, check_names, check_numbers, check_target, checked_columns
from imbalance_lab.data.dates import dates_read, days
from imbalance_lab.data.stored import StoredRows
from imbalance_lab.errors import ConfigError, DataError, LabWarning

Kind = Literal["numeric", "categorical", "date"]


@dataclass(frozen=True)
class Dataset:
    """Labelled rows.

    A row has one class of several, or, if `labels` is not empty, any number of labels that do not exclude each other
    (multilabel). Each label is a task of two classes, ``not <label>`` and ``<label>``; otherwise there is one task of C
    classes. T is the number of tasks, and either T or C - 2 is what a dataset has more than one of.

    Parameters
    ----------
    name : str
    X : DataFrame of shape (n, columns), StoredRows whose pieces are such, or ndarray of shape (n, ...)
        Raw columns, or rows of any fixed shape; preparing them (imputing, scaling, encoding) is fitted on training rows
        later.
    y : ndarray of shape (n,) or (n, T), of integers
        Class indices; of labels 0 or 1. In a binary set index 1 is the rarer class.
    class_names : tuple of str
        Of all tasks, one after the other.
    kinds : mapping of column name to {"numeric", "categorical", "date"}
        Empty if `X` is no table.
    labels : tuple of str
    notes : tuple of str
        How the data were read, where there was a choice.
    aside : mapping of column name to Series of length n
        Columns that are no features but may be split by.
    split_by : tuple of str
        Those of them by which the rows are split.

    Examples
    --------
    >>> frame = pd.DataFrame({"age": [31, 45, 28, 60], "smokes": ["no", "yes", "no", "no"], "ill": [0, 1, 0, 0]})
    >>> data = Dataset.from_frame(frame, target="ill")
    >>> data.class_names, data.counts.tolist(), data.kinds
    (('0', '1'), [3, 1], {'age': 'numeric', 'smokes': 'categorical'})
    """

    name: str
    X: Any
    y: np.ndarray
    class_names: tuple[str, ...]
    kinds: Mapping[str, Kind]
    labels: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    aside: Mapping[str, pd.Series] = field(default_factory=dict)
    split_by: tuple[str, ...] = ()

    @classmethod
    def from_frame(
        cls,
        frame: pd.DataFrame,
        target: Hashable | Sequence[Hashable],
        drop: Hashable | Sequence[Hashable] = (),
        name: str = "frame",
    ) -> Dataset:
        """Build a dataset from a DataFrame.

        Numbers are numeric; text, booleans and columns of type ``category`` are categorical; dates become numbers.

        Parameters
        ----------
        frame : DataFrame of shape (n, columns)
            Not changed.
        target : column, or list of columns
            The column to predict, of any type; several columns of 0 and 1 are labels that do not exclude each other.
        drop : column, or list of columns
            To leave out of the features: identifiers, leaks. A split may go by them all the same.
        name : str
            Of the dataset.

        Raises
        ------
        DataError
            If a column is not there; if the target is missing in some rows, has one value only or looks like a
            quantity; if a column cannot be learnt from, or a few cells keep it from being numeric.

        Examples
        --------
        >>> frame = pd.DataFrame({"x": [0.5, 1.5, 2.5, 4.0], "hat": [0, 1, 0, 0], "bag": [1, 1, 0, 1]})
        >>> Dataset.from_frame(frame, target="hat", drop="bag").counts.tolist()
        [3, 1]
        >>> Dataset.from_frame(frame, target=["hat", "bag"]).labels
        ('hat', 'bag')
        """
        targets, dropped = _columns(frame, target, name), _columns(frame, drop, name)
        check_names([str(column) for column in frame.columns], f"dataset '{name}'")
        X = frame.drop(columns=[*targets, *dropped])
        made = cls._checked(X, frame[targets], name, single=not isinstance(target, list))
        aside = {str(column): frame[column].reset_index(drop=True) for column in dropped if column not in targets}
        return replace(made, aside=aside) if aside else made

    @classmethod
    def from_arrays(cls, X: Any, y: Any, name: str = "arrays", *, groups: Any = None, order: Any = None) -> Dataset:
        """Build a dataset from features and labels.

        Parameters
        ----------
        X : DataFrame, or array-like of shape (n, columns) or (n, ...)
            Columns of an array are named ``x0``, ``x1``, ...; rows of more dimensions, such as images, stay as is.
        y : array-like of shape (n,), or of shape (n, T)
            Classes of any type, or 0 and 1 for each of T labels that do not exclude each other (a DataFrame names them;
            those of an array are ``y0``, ``y1``, ...).
        name : str
            Of the dataset.
        groups, order : array-like of shape (n,), optional
            By which rows are split, as the columns ``groups`` and ``order``: for
            ``option("split", "group", groups="groups")``.

        Raises
        ------
        DataError
            As for `from_frame`, or if the arrays have not the same number of rows.

        Examples
        --------
        >>> data = Dataset.from_arrays(np.array([[0.1], [0.7], [0.3], [0.9]]), ["a", "b", "a", "a"])
        >>> data.class_names, data.y.tolist()
        (('a', 'b'), [0, 1, 0, 0])
        """
        table = X if np.ndim(X) > 2 else _as_frame(X, "x", name)
        labels = _as_frame(y, "y", name)
        if len(table) != len(labels):
            raise DataError(f"dataset '{name}': X has {len(table)} rows and y has {len(labels)}")
        if isinstance(table, pd.DataFrame):
            check_names([str(column) for column in table.columns], f"dataset '{name}'")
        given = {"groups": groups, "order": order}
        aside = {key: _aside(values, key, len(labels), name) for key, values in given.items() if values is not None}
        made = cls._checked(table, labels, name, single=np.ndim(y) == 1)
        return replace(made, aside=aside) if aside else made

    @classmethod
    def _checked(cls, X: Any, labels: pd.DataFrame, name: str, single: bool) -> Dataset:
        for column in labels:
            check_target(labels[column], str(column), f"dataset '{name}'")
        notes: list[str] = []
        if isinstance(X, pd.DataFrame):
            X = X.set_axis(X.columns.astype(str), axis=1).reset_index(drop=True)
            X, notes = dates_read(X, name, IN_A_FRAME)
            check_numbers(X, name, IN_A_FRAME)
            X = checked_columns(X, name, IN_A_FRAME)
        made = cls.from_labels(name, X, labels.iloc[:, 0]) if single else cls.from_indicators(name, X, labels)
        return made.noted(notes)

    def noted(self, notes: Sequence[str]) -> Dataset:
        """Return the dataset with notes on how it was read, which are warned of."""
        for note in notes:
            warnings.warn(f"dataset '{self.name}': {note}", LabWarning, stacklevel=4)
        return replace(self, notes=(*self.notes, *notes)) if notes else self

    @classmethod
    def from_labels(cls, name: str, X: Any, labels: Sequence[Any] | pd.Series | np.ndarray) -> Dataset:
        """Build a dataset of one task from raw columns and labels of any type.

        Numbers are numeric, everything else is categorical. Classes are sorted (numbers by value); of two classes the
        rarer comes last.

        Raises
        ------
        DataError
            If there are no rows or only one class.
        """
        raw, values = pd.factorize(np.asarray(labels))
        X = _renumbered(X)
        return cls.from_codes(name, X, raw, list(values), column_kinds(X))

    @classmethod
    def from_codes(
        cls, name: str, X: Any, codes: np.ndarray, values: Sequence[Any], kinds: Mapping[str, Kind]
    ) -> Dataset:
        """Build a dataset of one task from rows, and codes (n,) of the labels that `values` lists.

        Raises
        ------
        DataError
            As for `from_labels`.
        """
        merged, found = pd.factorize(np.asarray([class_name(value) for value in values], dtype=object))
        order = sorted(range(len(found)), key=lambda k: _natural(str(found[k])))
        names = tuple(str(found[k]) for k in order)
        if len(names) < 2:
            raise DataError(
                f"dataset '{name}' has {'no rows' if not names else f'one class only ({names[0]})'}; "
                "there is nothing to tell apart: check the target column"
            )
        y = np.argsort(order)[merged].astype(codes.dtype)[codes]
        if len(names) == 2 and y.mean() > 0.5:
            y, names = 1 - y, names[::-1]
        return cls(name, X, y, names, kinds)

    @classmethod
    def from_indicators(cls, name: str, X: Any, indicators: pd.DataFrame) -> Dataset:
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
            raise DataError(f"dataset '{name}': a label has the name of another's absence ('not ...'); rename it")
        X = _renumbered(X)
        return cls(name, X, indicators.to_numpy().astype(np.int64), names, column_kinds(X), labels)

    def for_split(self, needs: Needs) -> Dataset:
        """Return the dataset with the columns that a split goes by in `aside`: they are no features then.

        Raises
        ------
        DataError
            If there is no such column, or no feature is left.
        ConfigError
            If the split reads its test rows from a file.

        Examples
        --------
        >>> frame = pd.DataFrame({"age": [31, 45, 28], "patient": ["p", "q", "p"], "ill": [0, 1, 0]})
        >>> data = Dataset.from_frame(frame, target="ill").for_split(Needs(("patient",)))
        >>> list(data.kinds), list(data.aside)
        (['age'], ['patient'])
        """
        if needs.test_path is not None:
            raise ConfigError(
                f"split.test_path= goes with a table (my.csv target=label), and '{self.name}' is none; "
                "a column can say which rows are for what: split.part="
            )
        columns = tuple(dict.fromkeys(needs.columns))
        if columns == self.split_by:
            return self
        known = [*self.kinds, *self.aside]
        for column in columns:
            if column not in known:
                near = get_close_matches(column, known, n=1)
                found = f"did you mean '{near[0]}'?" if near else f"it has {', '.join(map(repr, known[:20]))}"
                raise DataError(f"dataset '{self.name}' has no column '{column}' to split by; {found}")
        moved = {column: self.X[column] for column in columns if column not in self.aside}
        X = self.X.drop(columns=list(moved)) if moved else self.X
        if not X.shape[1]:
            raise DataError(f"dataset '{self.name}' has no column besides the target and those it is split by")
        kinds = {column: kind for column, kind in self.kinds.items() if column not in moved}
        return replace(self, X=X, kinds=kinds, aside={**self.aside, **moved}, split_by=columns)

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.y)

    def take(self, rows: np.ndarray) -> Any:
        """Return the raw rows of these numbers, in their order: as `X` is, those that are stored unread."""
        if isinstance(self.X, pd.DataFrame):
            return self.X.iloc[rows]
        return self.X.take(rows) if isinstance(self.X, StoredRows) else self.X[rows]

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

    @cached_property
    def class_index(self) -> pd.Index:
        """The class names as the index of tables with a row for each class."""
        return pd.Index(self.class_names, name="class")

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
        for name in self.split_by:
            digest.update(name.encode())
            digest.update(_content(self.aside[name], _kind(self.aside[name])))
        if isinstance(self.X, StoredRows):
            digest.update(self.X.digest().encode())
            return digest.hexdigest()
        if not isinstance(self.X, pd.DataFrame):
            digest.update(repr((self.X.dtype.str, self.X.shape)).encode())
            digest.update(np.ascontiguousarray(self.X).data)
            return digest.hexdigest()
        for column in self.X:
            digest.update(_content(self.X[column], self.kinds[str(column)]))
        return digest.hexdigest()

    def summary(self) -> dict[str, Any]:
        """Return name, hash, class sizes, kinds of features and notes, as a run's record holds them."""
        return {
            "name": self.name,
            "hash": self.content_hash,
            "classes": dict(zip(self.class_names, self.counts.tolist(), strict=True)),
            "features": dict(self.kinds),
            **({"split_by": list(self.split_by)} if self.split_by else {}),
            **({"notes": list(self.notes)} if self.notes else {}),
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
        aside = {name: values[rows].reset_index(drop=True) for name, values in self.aside.items()}
        return replace(self, X=_renumbered(self.take(np.flatnonzero(rows))), y=y, class_names=names, aside=aside)

    def __repr__(self) -> str:
        """Return name, rows, columns and classes in one line."""
        from imbalance_lab.data.display import dataset_line

        return f"<Dataset {dataset_line(self)}>"

    def _repr_html_(self) -> str:
        from imbalance_lab.data.display import dataset_html

        return dataset_html(self)


def column_kinds(X: Any) -> dict[str, Kind]:
    """Return the kind of each column: numbers, dates, else categories; none if `X` is no table."""
    if not isinstance(X, pd.DataFrame):
        return {}
    return {str(column): _kind(X[column]) for column in X.columns}


def _columns(frame: pd.DataFrame, wanted: Hashable | Sequence[Hashable], name: str) -> list[Hashable]:
    """Return the columns asked for, by one name or several."""
    several = isinstance(wanted, list | pd.Index | np.ndarray) or wanted == ()
    columns = [*wanted] if several else [wanted]  # type: ignore[misc]
    for column in columns:
        if column not in frame.columns:
            near = get_close_matches(str(column), [str(each) for each in frame.columns], n=1)
            found = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(map(repr, frame.columns[:20]))}"
            raise DataError(f"dataset '{name}' has no column {column!r}; {found}")
    return columns


def _aside(values: Any, column: str, rows: int, name: str) -> pd.Series:
    """Return one value per row as a column."""
    found = pd.Series(values).reset_index(drop=True)
    if len(found) != rows:
        raise DataError(f"dataset '{name}': {column} has {len(found)} values and y has {rows}")
    return found


def _content(column: pd.Series, kind: Kind) -> bytes:
    """Return the bytes of a column's values."""
    levels = None
    if kind == "categorical":
        values, levels = pd.factorize(column, sort=False)
    elif kind == "date":
        values = days(column).to_numpy()
    else:
        values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    names = None if levels is None else [str(level) for level in levels]
    return np.ascontiguousarray(values, dtype=np.float64).tobytes() + repr(names).encode()


def _renumbered(X: Any) -> Any:
    return X.reset_index(drop=True) if isinstance(X, pd.DataFrame) else X


def _as_frame(values: Any, prefix: str, name: str) -> pd.DataFrame:
    if isinstance(values, pd.DataFrame):
        return values.reset_index(drop=True)
    if isinstance(values, pd.Series):
        return pd.DataFrame({f"{prefix}0": values.reset_index(drop=True)})
    array = np.asarray(values)
    if array.ndim not in (1, 2):
        raise DataError(f"dataset '{name}': {prefix} has the shape {array.shape}; rows and columns are needed")
    table = pd.DataFrame(array.reshape(len(array), -1))
    return table.set_axis([f"{prefix}{k}" for k in range(table.shape[1])], axis=1)


def class_name(label: Any) -> str:
    """Return how a class with this label is called: 1.0 is 1."""
    return str(int(label)) if isinstance(label, float | np.floating) and float(label).is_integer() else str(label)


def _natural(name: str) -> tuple[bool, float, str]:
    """Sort key: numbers by value, then words."""
    try:
        value = float(name)
    except ValueError:
        value = math.nan
    return (True, 0.0, name) if math.isnan(value) else (False, value, name)


def _kind(column: pd.Series) -> Kind:
    if pd.api.types.is_datetime64_any_dtype(column):
        return "date"
    is_number = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
    return "numeric" if is_number else "categorical"
