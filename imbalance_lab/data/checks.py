"""What a table must be like to be learnt from, whether it comes from a file or from memory."""

from __future__ import annotations

import re
import warnings
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from imbalance_lab import process
from imbalance_lab.data.rows import Split
from imbalance_lab.data.stored import StoredRows
from imbalance_lab.errors import DataError, LabWarning

MAX_CLASSES_OF_A_NUMBER = 100
MAX_LEVELS_OF_TEXT = 50  # a text column with more, in nearly every row another, is an identifier
# A text column is taken for a spoiled numeric one if nearly all of its values are numbers, or most and of many values:
# codes such as 1, 2, 3 and X stay categories unless a letter is the exception, and a column of measurements is
# recognised even if a third of its cells say "unknown".
SHARE_OF_CODES, SHARE_OF_MEASUREMENTS, MAX_CODES = 0.9, 0.5, 20
MAX_CELLS_SHOWN = 3
MAX_VALUES_HASHED = 20_000_000  # which takes seconds
CACHED_HASHES = 8  # of data of a session

# 007 is a code and no number.
NUMBER = re.compile(r"\s*[+-]?((0|[1-9]\d*)(\.\d*)?|\.\d+)([eE][+-]?\d+)?\s*")
DECIMAL_COMMA = re.compile(r"\s*[+-]?\d*,\d+([eE][+-]?\d+)?\s*")
THOUSANDS = re.compile(r"\s*[+-]?[1-9]\d{0,2}(,\d{3})+\s*")
WHOLE = re.compile(r"\s*[+-]?(0|[1-9]\d*)\s*")


@dataclass(frozen=True)
class Remedies:
    """What to write to put a column right, in the words of where the table comes from.

    Parameters
    ----------
    drop, categorical, missing, decimal, missing_dates, date_format : str
        Templates of ``{column}`` and ``{values}``.
    """

    drop: str
    categorical: str
    missing: str
    decimal: str
    missing_dates: str
    date_format: str


IN_A_FILE = Remedies(
    drop="dataset.drop=[{column}]",
    categorical="dataset.categorical=[{column}]",
    missing="'dataset.missing=[{values}]'",
    decimal="'dataset.decimal=\",\"' reads decimal commas",
    missing_dates="'dataset.missing=[{values}]' to read them as missing",
    date_format="'dataset.date_format=\"%d/%m/%Y\"' (day first) or 'dataset.date_format=\"%m/%d/%Y\"' (month first)",
)
IN_A_FRAME = Remedies(
    drop="drop=[{column!r}]",
    categorical="frame[{column!r}].astype('category')",
    missing="pd.to_numeric(frame[{column!r}], errors='coerce')",
    decimal="pd.to_numeric(frame[{column!r}].str.replace(',', '.')) reads decimal commas",
    missing_dates="pd.to_datetime(frame[{column!r}], errors='coerce') to make them missing",
    date_format="pd.to_datetime(frame[{column!r}], format='%d/%m/%Y') (day first) or format='%m/%d/%Y' (month first)",
)


def check_target(labels: pd.Series, target: str, where: str) -> None:
    """Refuse a target column that names no class in some row, or is a quantity rather than a class.

    Raises
    ------
    DataError
    """
    numeric = pd.api.types.is_float_dtype(labels)
    if numeric and (infinite := int(np.isinf(labels).sum())):
        raise DataError(f"{where}: the target '{target}' is infinite in {infinite} rows; correct or remove them")
    if missing := int(labels.isna().sum()):
        first = int(np.flatnonzero(labels.isna())[0]) + 1
        raise DataError(
            f"{where}: the target '{target}' is missing (or not a number) in {missing} of {len(labels)} rows, "
            f"first in row {first}; remove those rows"
        )
    if labels.map(lambda value: isinstance(value, list | dict | np.ndarray)).any():
        raise DataError(f"{where}: the target '{target}' holds lists or mappings; a class is a word or a number")
    distinct = labels.nunique()
    if distinct == len(labels) and distinct > 2 and not numeric:
        raise DataError(f"{where}: every row has its own value of '{target}'; it is no class: choose another target")
    if numeric and distinct > MAX_CLASSES_OF_A_NUMBER:
        raise DataError(
            f"{where}: the target '{target}' has {distinct} different numbers; it looks like a quantity, not a class: "
            "cut it into classes first"
        )


def check_numbers(X: pd.DataFrame, name: str, remedies: Remedies, missing: Sequence[str] = ()) -> None:
    """Refuse text columns that a few cells keep from being numeric; columns of type ``category`` are left alone.

    Parameters
    ----------
    X : DataFrame
    name : str
        Of the dataset.
    remedies : Remedies
    missing : sequence of str
        What stands for a missing value already.

    Raises
    ------
    DataError
        Naming the column, how many cells are no numbers, and the first of them with their rows (from 1).
    """
    for column in X.columns:
        values = X[column]
        if pd.api.types.is_numeric_dtype(values) or not is_text(values):
            continue
        present = values[values.notna()].astype(str)
        is_number, with_comma = matches(NUMBER, present), matches(DECIMAL_COMMA, present)
        where = f"dataset '{name}': column '{column}'"
        keep = f"or {remedies.categorical.format(column=column)}"
        if with_comma.any() and _looks_numeric(present, is_number | with_comma):
            raise DataError(
                f"{where} holds decimal commas in {with_comma.sum()} of {len(present)} cells, first "
                f"{cells(values, present[with_comma])}; {remedies.decimal.format(column=column)}, {keep}"
            )
        if _looks_numeric(present, is_number):
            if is_number.all():
                raise DataError(f"{where} holds numbers as text; turn them into numbers, {keep}")
            others = present[~is_number]
            marks = [f'"{mark}"' for mark in dict.fromkeys([*missing, *others.unique()[:MAX_CELLS_SHOWN]])]
            read = remedies.missing.format(column=column, values=",".join(marks))
            raise DataError(
                f"{where} holds numbers, but {len(others)} of {len(present)} cells are none: "
                f"{cells(values, others)}; {read} {keep}"
            )


def has_decimal_commas(values: pd.Series) -> bool:
    """Whether every cell of a text column is a number, some with decimal commas; ``1,234`` may be a thousand.

    >>> has_decimal_commas(pd.Series(["1,5", "2", None])), has_decimal_commas(pd.Series(["1,234", "2,345"]))
    (True, False)
    """
    present = values[values.notna()].astype(str)
    with_comma = matches(DECIMAL_COMMA, present)
    certain = with_comma & ~matches(THOUSANDS, present)
    return bool(certain.any()) and bool((with_comma | matches(WHOLE, present)).all())


def checked_columns(X: pd.DataFrame, name: str, remedies: Remedies = IN_A_FILE) -> pd.DataFrame:
    """Return raw columns as floats (infinities missing), dates and text; identifiers and nested values are refused.

    Raises
    ------
    DataError
        If there is no column left, a column counts the rows, or a text column differs in nearly every row.
    """
    if X.shape[1] == 0:
        raise DataError(f"dataset '{name}' has no column besides the target")
    return pd.DataFrame({column: _checked(X[column], str(column), name, remedies) for column in X.columns})


def check_names(columns: Collection[str], where: str) -> None:
    """Refuse two columns of one name.

    Raises
    ------
    DataError
    """
    names = pd.Index(columns)
    if repeated := names[names.duplicated()].tolist():
        raise DataError(f"{where} has two columns named '{repeated[0]}'; rename one of them")


def _checked(column: pd.Series, label: str, name: str, remedies: Remedies) -> pd.Series:
    drop = remedies.drop.format(column=label)
    if pd.api.types.is_datetime64_any_dtype(column):
        return column
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        values = column.to_numpy(dtype=np.float64, na_value=np.nan)
        if len(values) > 2 and values[0] in (0, 1) and (np.diff(values) == 1).all():
            raise DataError(f"dataset '{name}': column '{label}' counts the rows; it would leak their order: {drop}")
        return pd.Series(np.where(np.isinf(values), np.nan, values), index=column.index)
    if column.map(lambda value: isinstance(value, list | dict | set | np.ndarray)).any():
        raise DataError(f"dataset '{name}': column '{label}' holds lists; spread them over columns, or {drop}")
    text = column.astype(object).where(column.notna(), None).map(str, na_action="ignore")
    distinct = text.nunique()
    if distinct > MAX_LEVELS_OF_TEXT and distinct > 0.9 * text.notna().sum():
        raise DataError(
            f"dataset '{name}': the text column '{label}' has {distinct} different values in {len(column)} rows; "
            f"it looks like an identifier or free text: {drop}"
        )
    return text


def is_text(values: pd.Series) -> bool:
    """Whether a column holds text that is of no type of its own."""
    if isinstance(values.dtype, pd.CategoricalDtype) or pd.api.types.is_datetime64_any_dtype(values):
        return False
    if pd.api.types.is_string_dtype(values):
        return True
    return values.dtype == object and bool(values.map(lambda value: isinstance(value, str)).any())


def matches(pattern: re.Pattern[str], present: pd.Series) -> pd.Series:
    """Return which of the texts a pattern fits from end to end."""
    codes, levels = pd.factorize(present)  # each different value is matched once
    matching = np.array([pattern.fullmatch(level) is not None for level in levels], dtype=bool)
    return pd.Series(matching[codes], index=present.index)


def _looks_numeric(present: pd.Series, is_number: pd.Series) -> bool:
    share = SHARE_OF_MEASUREMENTS if present[is_number].nunique() > MAX_CODES else SHARE_OF_CODES
    return len(present) > 0 and bool(is_number.mean() >= share)


def cells(values: pd.Series, chosen: pd.Series) -> str:
    """Return the first of the chosen cells with their rows: ``'abc' in row 7, 'x' in row 9``."""
    first = chosen.iloc[:MAX_CELLS_SHOWN]
    rows = values.index.get_indexer(first.index) + 1
    shown = [f"'{text}' in row {row}" for text, row in zip(first, rows, strict=True)]
    return ", ".join(shown) + (", ..." if len(chosen) > len(first) else "")


def row_codes(X: Any, y: np.ndarray) -> np.ndarray:
    """Return a 64-bit number of each row, shape (n,), equal for rows that are equal in every column and in their class.

    Parameters
    ----------
    X : DataFrame of shape (n, columns), or ndarray of shape (n, ...)
    y : ndarray of shape (n,) or (n, T)

    Examples
    --------
    >>> codes = row_codes(pd.DataFrame({"x": [1.0, 2.0, 1.0, 1.0], "k": ["a", "a", "a", None]}), np.array([0, 0, 0, 0]))
    >>> len(set(codes.tolist())), bool(codes[0] == codes[2])
    (3, True)
    """
    table = X if isinstance(X, pd.DataFrame) else pd.DataFrame(np.asarray(X).reshape(len(X), -1))
    classes = pd.DataFrame(y.reshape(len(y), -1)).add_prefix("class ")
    whole = pd.concat([table.set_axis(classes.index, axis=0), classes], axis=1)
    return pd.util.hash_pandas_object(whole, index=False).to_numpy()


def warn_of_copies(X: Any, y: np.ndarray, splits: Sequence[Split], key: str) -> None:
    """Warn of test rows that are exact copies of training rows, so that a result on them shows memory too.

    Very large data are not looked at.

    Parameters
    ----------
    X, y
        See `row_codes`.
    splits : sequence of Split
    key : str
        Of the data; their rows are numbered once in a session.
    """
    if X.size > MAX_VALUES_HASHED or isinstance(X, StoredRows):
        return
    codes = process.cached("row codes", CACHED_HASHES, key, lambda: row_codes(X, y))
    copies = sum(int(np.isin(codes[split.test], codes[split.train]).sum()) for split in splits)
    if copies:
        tested = sum(len(split.test) for split in splits)
        warnings.warn(
            f"{copies} of {tested} test rows are exact copies of training rows, which a model may know by heart; where "
            "copies are no rows of their own, remove them before splitting",
            LabWarning,
            stacklevel=2,
        )
