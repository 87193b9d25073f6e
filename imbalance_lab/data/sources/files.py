"""A table of one's own: CSV, TSV or Parquet."""

from __future__ import annotations

import difflib
import re
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
from pydantic import BeforeValidator, ConfigDict, Field
from pydantic.dataclasses import dataclass

from imbalance_lab.data.dataset import Dataset
from imbalance_lab.errors import DataError
from imbalance_lab.fields import STRICT

MOST_CLASSES_OF_A_NUMBER = 100
MISSING = ("NA", "N/A", "nan", "NaN", "null", "NULL", "?")

# One name or several; a header may be a number.
Names = Annotated[list[str], BeforeValidator(lambda names: [names] if isinstance(names, str | int) else names)]


@dataclass(frozen=True, config=ConfigDict(**STRICT, coerce_numbers_to_str=True))
class Table:
    """Columns of a file, one of them the target.

    Parameters
    ----------
    path : str
        ``.csv``, ``.tsv`` or ``.txt`` (tab-separated), ``.parquet`` or ``.pq``; text may be compressed (``.csv.gz``).
    target : str or list of str
        The column to predict; several columns of 0 and 1 are labels that do not exclude each other.
    drop : str or list of str
        Columns to leave out.
    name : str, optional
        How the set is called; by default the file's name.
    separator : str, optional
        Between the columns of a text file; by default comma or tab, by the file's name.
    encoding : str
        Of a text file.
    missing : list of str
        What stands for a missing value in a text file, besides nothing at all.

    Raises
    ------
    DataError
        If the file is missing, empty or no table; if a column is not there; if the target is missing in some rows, is
        not finite, has one value only or looks like a quantity.
    """

    path: str
    target: Names
    drop: Names = Field(default_factory=list)
    name: str | None = None
    separator: str | None = None
    encoding: str = "utf-8"
    missing: Names = Field(default_factory=lambda: list(MISSING))

    @property
    def title(self) -> str:
        """How the set is called."""
        return (
            self.name
            or re.sub(r"(\.(csv|tsv|txt|parquet|pq|gz|bz2|xz|zip|zst))+$", "", Path(self.path).name)
            or "table"
        )

    def class_sizes(self) -> dict[str, int]:
        """Return the rows of each class of the one target, whatever the other columns hold."""
        file = Path(self.path).expanduser()
        table = read_table(file, self.separator, self.encoding, self.missing)
        (target,) = self.target
        _require(table, [target], file)
        check_target(table[target], target, str(file))
        data = Dataset.from_labels(self.title, table[[]], table[target])
        return dict(zip(data.class_names, data.counts.tolist(), strict=True))

    def load(self) -> Dataset:
        """Read the file."""
        file = Path(self.path).expanduser()
        table = read_table(file, self.separator, self.encoding, self.missing)
        targets = self.target
        _require(table, [*targets, *self.drop], file)
        for target in targets:
            check_target(table[target], target, str(file))
        X = checked_columns(table.drop(columns=[*targets, *self.drop]), self.title)
        if len(targets) == 1:
            return Dataset.from_labels(self.title, X, table[targets[0]])
        return Dataset.from_indicators(self.title, X, table[targets])


def read_table(file: Path, separator: str | None, encoding: str, missing: Sequence[str]) -> pd.DataFrame:
    """Read a table by the ending of its name.

    Raises
    ------
    DataError
        If the file is missing, empty or cannot be parsed, or two columns have one name.
    """
    if not file.is_file():
        raise DataError(f"there is no file {file}")
    endings = {suffix.lower() for suffix in file.suffixes}
    try:
        if endings & {".parquet", ".pq"}:
            table = pd.read_parquet(file)
        else:
            separator = separator or ("\t" if endings & {".tsv", ".txt"} else ",")
            table = _read_text(file, separator, encoding, missing)
    except (ValueError, OSError, LookupError, pd.errors.ParserWarning) as error:
        reason = " ".join(str(error).split())
        raise DataError(
            f"{file} cannot be read as a table: {reason}; dataset.separator= and dataset.encoding= may help"
        ) from error
    if table.empty:
        raise DataError(f"{file} has no rows")
    table.columns = table.columns.astype(str)
    if twice := table.columns[table.columns.duplicated()].tolist():
        raise DataError(f"{file} has two columns called '{twice[0]}'; rename one of them")
    return table


def _read_text(file: Path, separator: str, encoding: str, missing: Sequence[str]) -> pd.DataFrame:
    how: dict[str, Any] = {"sep": separator, "encoding": encoding, "keep_default_na": False}
    header = pd.read_csv(file, header=None, nrows=1, dtype=str, **how).iloc[0]
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)  # a row with more values than there are columns
        table = pd.read_csv(file, index_col=False, na_values=["", *missing], **how)
    if len(header) == table.shape[1]:  # pandas renames a second column of one name
        table.columns = header.fillna("").astype(str)
    return table


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
    distinct = labels.nunique()
    if distinct == len(labels) and distinct > 2 and not numeric:
        raise DataError(f"{where}: every row has its own value of '{target}'; it is no class: choose another target")
    if numeric and distinct > MOST_CLASSES_OF_A_NUMBER:
        raise DataError(
            f"{where}: the target '{target}' has {distinct} different numbers; it looks like a quantity, not a class: "
            "cut it into classes first"
        )


def checked_columns(X: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return raw columns as floats (infinities missing) and text; dates, identifiers and nested values are refused.

    Raises
    ------
    DataError
        If there is no column left, a column counts the rows, or a text column differs in nearly every row.
    """
    if X.shape[1] == 0:
        raise DataError(f"dataset '{name}' has no column besides the target")
    return pd.DataFrame({column: _checked(X[column], str(column), name) for column in X.columns})


def _checked(column: pd.Series, label: str, name: str) -> pd.Series:
    drop = f"dataset.drop=[{label}]"
    if pd.api.types.is_datetime64_any_dtype(column):
        raise DataError(f"dataset '{name}': column '{label}' holds dates; turn them into numbers, or {drop}")
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        values = column.to_numpy(dtype=np.float64, na_value=np.nan)
        if len(values) > 2 and values[0] in (0, 1) and (np.diff(values) == 1).all():
            raise DataError(f"dataset '{name}': column '{label}' counts the rows; it would leak their order: {drop}")
        return pd.Series(np.where(np.isinf(values), np.nan, values), index=column.index)
    if column.map(lambda value: isinstance(value, list | dict | set | np.ndarray)).any():
        raise DataError(f"dataset '{name}': column '{label}' holds lists; spread them over columns, or {drop}")
    text = column.astype(object).where(column.notna(), None).map(str, na_action="ignore")
    distinct = text.nunique()
    if distinct > 50 and distinct > 0.9 * text.notna().sum():
        raise DataError(
            f"dataset '{name}': the text column '{label}' has {distinct} different values in {len(column)} rows; "
            f"it looks like an identifier or free text: {drop}"
        )
    return text


def _require(table: pd.DataFrame, columns: Sequence[str], file: Path) -> None:
    for column in columns:
        if column not in table.columns:
            near = difflib.get_close_matches(column, table.columns, n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"it has {', '.join(map(repr, table.columns[:20]))}"
            raise DataError(f"{file} has no column '{column}'; {hint}")
