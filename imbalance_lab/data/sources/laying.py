"""Laying a table on disk: numbers as floats of 32 bits, text as codes, row after row."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from imbalance_lab.data.checks import (
    IN_A_FILE,
    MAX_CLASSES_OF_A_NUMBER,
    MAX_LEVELS_OF_TEXT,
    check_names,
    check_numbers,
)
from imbalance_lab.data.conform import require_columns
from imbalance_lab.data.dates import dates_read
from imbalance_lab.data.sources.files import PARQUET, as_codes
from imbalance_lab.data.sources.pieces import Reading, pieces
from imbalance_lab.data.stored import STORED
from imbalance_lab.errors import DataError

META, ROWS, TARGET = "table.json", "rows.f32", "target.i32"
PIECE = 2**17
MOST_LEVELS = 2**20  # of a column; codes of 32-bit floats are exact up to 2 ** 24


def lay(
    file: Path,
    folder: Path,
    target: str,
    drop: Sequence[str],
    categorical: Sequence[str],
    reading: Reading,
    name: str,
) -> None:
    """Write the rows of a table, their classes and what their columns mean into a folder.

    Parameters
    ----------
    file, folder : Path
    target : str
    drop, categorical : sequence of str
    reading : Reading
    name : str
        Of the dataset.

    Raises
    ------
    DataError
        See `OnDisk`.
    OSError
        If the disk is full.
    """
    columns: dict[str, _Column] = {}
    classes = _Codes()
    digest = hashlib.blake2b(digest_size=8)
    rows = 0
    beside = [target, *drop, *categorical]

    def wanted(names: Sequence[str]) -> list[str]:
        require_columns(names, beside, str(file))
        check_names(names, str(file))
        kept = [each for each in names if each not in drop]
        _check_space(file, folder, len(kept))
        return kept

    with (folder / ROWS).open("wb") as opened, (folder / TARGET).open("wb") as opened_target:
        for table, _ in pieces(file, wanted, categorical.__contains__, reading, PIECE, "dataset."):
            if not columns:
                columns = _columns_of(table.drop(columns=target), categorical, name, reading)
            codes = _target_codes(table[target], target, file, rows, classes)
            values = np.column_stack([column.numbers(table[key], rows) for key, column in columns.items()])
            for data, into in ((values.astype(STORED), opened), (codes.astype("<i4"), opened_target)):
                digest.update(data.data)
                into.write(data.data)
            rows += len(table)
    if not rows:
        raise DataError(f"{file} has no rows")
    _check_target(classes, target, rows, file)
    for column in columns.values():
        column.check(rows)
    levels = {key: column.levels for key, column in columns.items()}
    digest.update(repr((levels, classes.values)).encode())
    meta = {"columns": levels, "classes": classes.values, "content": digest.hexdigest()}
    (folder / META).write_text(json.dumps(meta), encoding="utf-8")


class _Codes:
    """Numbers of values in the order in which they appear."""

    def __init__(self) -> None:
        self._number: dict[Any, int] = {}

    @property
    def values(self) -> list[Any]:
        return list(self._number)

    def of(self, column: pd.Series) -> np.ndarray:
        """Return the number of each value, shape (n,); -1 where it is missing."""
        codes, found = pd.factorize(column)
        known = [self._number.setdefault(value, len(self._number)) for value in found.tolist()]
        return np.array([*known, -1])[codes]


class _Column:
    """One feature, of which the first part says what it is."""

    def __init__(self, label: str, name: str, is_number: bool) -> None:
        self._where, self._drop = f"dataset '{name}': column '{label}'", IN_A_FILE.drop.format(column=label)
        self._label, self._texts, self._counting = label, None if is_number else _Codes(), is_number

    @property
    def levels(self) -> list[str] | None:
        return None if self._texts is None else self._texts.values

    def numbers(self, values: pd.Series, start: int) -> np.ndarray:
        """Return numbers, infinities missing, or codes of text; both NaN where it is missing."""
        if self._texts is None:
            if not _is_number(values):
                self._refuse(values, start)
            found = values.to_numpy(dtype=np.float64, na_value=np.nan)
            at_first = start > 0 or found[0] in (0, 1)
            self._counting &= bool(at_first and (np.diff(found) == 1).all())
            with np.errstate(over="ignore"):
                found = found.astype(STORED)
            return np.where(np.isinf(found), np.float32(np.nan), found)
        codes = self._texts.of(_texts(values))
        if len(self._texts.values) > MOST_LEVELS:
            self.check(0)
        return np.where(codes < 0, np.nan, codes)

    def _refuse(self, values: pd.Series, start: int) -> None:
        wrong = values[pd.to_numeric(values, errors="coerce").isna() & values.notna()]
        at = int(values.index.get_indexer(wrong.index[:1])[0]) if len(wrong) else 0
        row = f"'{values.iloc[at]}' in row {start + at + 1}"
        raise DataError(
            f"{self._where} holds numbers, and further down {row}; {IN_A_FILE.categorical.format(column=self._label)}, "
            f"or 'dataset.missing=[\"...\"]' names what stands for a missing value"
        )

    def check(self, rows: int) -> None:
        """Refuse what cannot be learnt from, once all rows are seen."""
        if self._counting and rows > 2:
            raise DataError(f"{self._where} counts the rows; it would leak their order: {self._drop}")
        distinct = len(self.levels or ())
        if distinct > MAX_LEVELS_OF_TEXT and distinct > 0.9 * rows:
            raise DataError(
                f"{self._where} has {distinct:,} different texts; it looks like an identifier: {self._drop}"
            )


def _columns_of(X: pd.DataFrame, categorical: Sequence[str], name: str, reading: Reading) -> dict[str, _Column]:
    """Return what the columns are, by the first part."""
    if not X.shape[1]:
        raise DataError(f"dataset '{name}' has no column besides the target")
    others = X.drop(columns=[key for key in categorical if key in X])
    check_numbers(others, name, IN_A_FILE, reading.missing)
    dated, _ = dates_read(others, name, IN_A_FILE)
    for key in dated:
        if pd.api.types.is_datetime64_any_dtype(dated[key]):
            raise DataError(
                f"dataset '{name}': column '{key}' holds dates, which dataset=on_disk does not read; "
                f"{IN_A_FILE.drop.format(column=key)}, or write numbers in its place"
            )
    return {str(key): _Column(str(key), name, key in others and _is_number(X[key])) for key in X}


def _is_number(values: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)


def _texts(values: pd.Series) -> pd.Series:
    """Return categories as text; whole numbers without a decimal point."""
    codes, found = pd.factorize(values)
    levels = as_codes(pd.Series(found.tolist(), dtype=object))
    return pd.Series(np.array([*levels, None], dtype=object)[codes])


def _target_codes(labels: pd.Series, target: str, file: Path, start: int, classes: _Codes) -> np.ndarray:
    codes = classes.of(labels)
    bad = codes < 0
    if pd.api.types.is_float_dtype(labels):
        bad |= np.isinf(labels.to_numpy(dtype=np.float64, na_value=np.nan))
    if bad.any():
        row = start + int(bad.argmax()) + 1
        raise DataError(f"{file}: the target '{target}' is missing or not finite in row {row}; remove such rows")
    if len(classes.values) > MOST_LEVELS:
        raise DataError(f"{file}: the target '{target}' has more than {MOST_LEVELS:,} values; it is no class")
    return codes


def _check_target(classes: _Codes, target: str, rows: int, file: Path) -> None:
    values = classes.values
    if len(values) < 2:
        raise DataError(f"{file}: the target '{target}' is '{values[0]}' in every row; there is nothing to tell apart")
    if len(values) == rows and rows > 2:
        raise DataError(f"{file}: every row has its own value of '{target}'; it is no class: choose another target")
    if any(isinstance(value, float) for value in values) and len(values) > MAX_CLASSES_OF_A_NUMBER:
        raise DataError(
            f"{file}: the target '{target}' has {len(values)} different numbers; it looks like a quantity, not a "
            "class: cut it into classes first"
        )


def _check_space(file: Path, folder: Path, columns: int) -> None:
    """Refuse to start where the rows, counted beforehand, do not fit."""
    if not {suffix.lower() for suffix in file.suffixes} & PARQUET:
        return
    import pyarrow.parquet

    needed, free = pyarrow.parquet.read_metadata(file).num_rows * columns * 4, shutil.disk_usage(folder).free
    if needed > free:
        raise DataError(
            f"the rows of {file} take {needed / 2**20:,.0f} MB on disk and {folder.parent} has {free / 2**20:,.0f} "
            "left; dataset.cache= names another folder"
        )
