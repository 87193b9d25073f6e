"""A table of one's own: CSV, TSV or Parquet."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from pydantic import Field
from pydantic.dataclasses import dataclass

from imbalance_lab.types import STRICT, DataError, Dataset

MOST_CLASSES_OF_A_NUMBER = 100


@dataclass(frozen=True, config=STRICT)
class Table:
    """Columns of a file, one of them the target.

    Parameters
    ----------
    path : str
        ``.csv``, ``.tsv`` or ``.txt`` (tab-separated), ``.parquet`` or ``.pq``; text may be compressed (``.csv.gz``).
    target : str or list of str
        The column to predict; several columns of 0 and 1 are labels that do not exclude each other.
    drop : list of str
        Columns to leave out.
    name : str, optional
        How the set is called; by default the file's name.

    Raises
    ------
    DataError
        If the file is missing, empty or no table; if a column is not there; if the target is missing in some rows, is
        not finite, has one value only or looks like a quantity.
    """

    path: str
    target: str | list[str]
    drop: list[str] = Field(default_factory=list)
    name: str | None = None

    @property
    def title(self) -> str:
        """How the set is called."""
        return self.name or Path(self.path).name.split(".")[0]

    def load(self) -> Dataset:
        """Read the file."""
        file = Path(self.path).expanduser()
        table = read_table(file)
        targets = [self.target] if isinstance(self.target, str) else self.target
        _require(table, [*targets, *self.drop], file)
        for target in targets:
            check_target(table[target], target, str(file))
        X = checked_columns(table.drop(columns=[*targets, *self.drop]), self.title)
        if len(targets) == 1:
            return Dataset.from_labels(self.title, X, table[targets[0]])
        return Dataset.from_indicators(self.title, X, table[targets])


def read_table(file: Path) -> pd.DataFrame:
    """Read a table by the ending of its name.

    Raises
    ------
    DataError
        If the file is missing, empty or cannot be parsed.
    """
    if not file.is_file():
        raise DataError(f"there is no file {file}")
    endings = [suffix.lower() for suffix in file.suffixes]
    try:
        if endings and endings[-1] in (".parquet", ".pq"):
            table = pd.read_parquet(file)
        else:
            table = pd.read_csv(file, sep="\t" if {".tsv", ".txt"} & set(endings) else ",")
    except (ValueError, OSError) as error:
        raise DataError(f"{file} cannot be read as a table: {' '.join(str(error).split())}") from error
    if table.empty:
        raise DataError(f"{file} has no rows")
    table.columns = table.columns.astype(str)
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
    """Return raw columns with infinities as missing values; dates and identifiers are refused.

    Raises
    ------
    DataError
        If there is no column left, or a text column has a different value in nearly every row.
    """
    if X.shape[1] == 0:
        raise DataError(f"dataset '{name}' has no column besides the target")
    for column in X.columns:
        _refuse_identifier(X[column], str(column), name)
    numeric = X.select_dtypes("number").columns
    infinite = [c for c in numeric if pd.api.types.is_float_dtype(X[c]) and np.isinf(X[c].to_numpy()).any()]
    return X.assign(**{c: X[c].replace([np.inf, -np.inf], np.nan) for c in infinite})


def _refuse_identifier(column: pd.Series, label: str, name: str) -> None:
    if pd.api.types.is_datetime64_any_dtype(column):
        raise DataError(f"dataset '{name}': column '{label}' holds dates; turn them into numbers or drop=[{label}]")
    if pd.api.types.is_numeric_dtype(column):
        return
    distinct = column.nunique()
    if distinct > 50 and distinct > 0.9 * column.notna().sum():
        raise DataError(
            f"dataset '{name}': the text column '{label}' has {distinct} different values in {len(column)} rows; "
            f"it looks like an identifier or free text: dataset.drop=[{label}]"
        )


def _require(table: pd.DataFrame, columns: Sequence[str], file: Path) -> None:
    for column in columns:
        if column not in table.columns:
            near = difflib.get_close_matches(column, table.columns, n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"it has {', '.join(map(repr, table.columns[:20]))}"
            raise DataError(f"{file} has no column '{column}'; {hint}")
