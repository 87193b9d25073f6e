"""A table of one's own: CSV, TSV, Excel or Parquet."""

from __future__ import annotations

import difflib
import re
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, NamedTuple, Self
from zipfile import BadZipFile

import numpy as np
import pandas as pd
from pydantic import BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator, model_validator
from pydantic.dataclasses import dataclass

from imbalance_lab.data.base import TEST_FILE, DatasetSource, Needs
from imbalance_lab.data.checks import (
    IN_A_FILE,
    check_names,
    check_numbers,
    check_target,
    checked_columns,
    has_decimal_commas,
    is_text,
)
from imbalance_lab.data.dataset import Dataset
from imbalance_lab.data.dates import dates_read
from imbalance_lab.data.sources.test_rows import with_test_rows
from imbalance_lab.errors import DataError, MissingColumn
from imbalance_lab.fields import MAX_TITLE, STRICT

SEPARATORS = (",", "\t", ";", "|")
SPOKEN = {",": "a comma", "\t": "a tab", ";": "a semicolon", "|": "a vertical bar"}
ROWS_TO_DETECT_FROM = 100
TABS, EXCEL, PARQUET = {".tsv", ".txt"}, {".xlsx", ".xlsm"}, {".parquet", ".pq"}
NOT_READ = {".json", ".jsonl", ".ndjson", ".xls", ".ods", ".feather", ".arff", ".mat", ".npz", ".pkl"}
ENDINGS = r"(\.(csv|tsv|txt|xlsx|xlsm|parquet|pq|gz|bz2|xz|zip|zst))+$"
MISSING = ("NA", "N/A", "nan", "NaN", "null", "NULL", "?")


class Marks(NamedTuple):
    """What separates the columns of a text file, and the decimal mark of its numbers; None where they are to be found.

    Parameters
    ----------
    separator, decimal : str or None
    """

    separator: str | None
    decimal: str | None


# One name or several; a header may be a number.
Names = Annotated[list[str], BeforeValidator(lambda names: [names] if isinstance(names, str | int) else names)]


@dataclass(frozen=True, config=ConfigDict(**STRICT, coerce_numbers_to_str=True))
class Table(DatasetSource):
    """Columns of a file, one of them the target.

    Parameters
    ----------
    path : str
        ``.csv``, ``.tsv``, ``.txt`` or any other text, which may be compressed (``.csv.gz``), ``.parquet`` or ``.pq``,
        or ``.xlsx`` (its first sheet, with openpyxl installed).
    target : str or list of str
        The column to predict; several columns of 0 and 1 are labels that do not exclude each other. A mapping from
        files' names, with or without their endings, gives each file of a sweep its own.
    drop : str or list of str
        Columns to leave out.
    categorical : str or list of str
        Columns that are categories although they look like numbers.
    dates : str or list of str
        Columns that are dates whatever they look like, such as 20200131.
    date_format : str, optional
        How dates are written, in the codes of `datetime.datetime.strptime`; by default ISO dates, days and months by
        number with the year last where they can be told apart, and months by name.
    separator : str, optional
        Between the columns of a text file; by default whichever of comma, tab, semicolon and ``|`` fits.
    decimal : str, optional
        The decimal mark of a text file; by default a point, or a comma if that makes numbers of every column of text
        that looks like numbers.
    encoding : str
        Of a text file.
    missing : list of str
        What stands for a missing value in a text file, besides nothing at all.
    title : str, optional
        The dataset's name; by default the file's.

    Raises
    ------
    DataError
        If the file is missing, empty or no table; if a column is not there; if a few cells keep a column from being
        numeric; if the target is missing in some rows, is not finite, has one value only or looks like a quantity.
    """

    path: str
    target: Annotated[Names, Field(min_length=1)]
    drop: Names = Field(default_factory=list)
    categorical: Names = Field(default_factory=list)
    dates: Names = Field(default_factory=list)
    date_format: str | None = None
    separator: str | None = None
    decimal: str | None = Field(default=None, min_length=1, max_length=1)
    encoding: str = "utf-8"
    missing: Names = Field(default_factory=lambda: list(MISSING))
    title: str = Field(default="", validate_default=True, max_length=MAX_TITLE)

    @model_validator(mode="after")
    def _columns_apart(self) -> Self:
        for column, count in Counter(self.target).items():
            if count > 1 or column in self.drop:
                raise ValueError(f"the column '{column}' of target= is named twice, in target= or drop=")
        return self

    @field_validator("target", mode="before")
    @classmethod
    def _target(cls, target: Any, info: ValidationInfo) -> Any:
        if not isinstance(target, Mapping):
            return target
        name = Path(info.data.get("path", "")).name
        for key in (name, re.sub(ENDINGS, "", name)):
            if key in target:
                return target[key]
        raise ValueError(f"names no target for {name}, only for {', '.join(map(str, target))}")

    @field_validator("title", mode="before")
    @classmethod
    def _title(cls, title: str | None, info: ValidationInfo) -> str:
        return title or re.sub(ENDINGS, "", Path(info.data.get("path", "")).name) or "table"

    def class_sizes(self) -> dict[str, int]:
        """Return the rows of each class of the one target, whatever the other columns hold."""
        file = Path(self.path).expanduser()
        table, _, _ = self._read(file)
        (target,) = self.target
        _require(table, [target], file)
        check_target(table[target], target, str(file))
        data = Dataset.from_labels(self.title, table[[]], table[target])
        return dict(zip(data.class_names, data.counts.tolist(), strict=True))

    def load(self) -> Dataset:
        """Read the file."""
        return self.load_for(Needs())

    def load_for(self, needs: Needs) -> Dataset:
        """Read the file, and the one of the test rows, with the columns of a split set aside."""
        file, targets = Path(self.path).expanduser(), self.target
        table, notes, marks = self._read(file)
        _require(table, [*targets, *self.drop, *self.categorical, *self.dates, *needs.columns], file)
        for target in targets:
            check_target(table[target], target, str(file))
            if target in needs.columns:
                raise DataError(f"{file}: the column '{target}' is the target; rows are split by another column")
        aside = {}
        if needs.test_path is not None:
            test_file = Path(needs.test_path).expanduser()
            if test_file.is_file() and test_file.samefile(file):
                raise DataError(f"split.test_path={test_file} is the file that is trained on; the test rows are others")
            test, _, _ = self._read(test_file, marks)
            rows = len(table)
            unused = [column for column in self.drop if column not in needs.columns]
            table, of_test = with_test_rows(table, test, targets, unused, file, test_file)
            aside[TEST_FILE] = pd.Series(np.where(np.arange(len(table)) < rows, "train", "test"))
            notes = [*notes, *of_test]
        beside, of_times = dates_read(table[list(needs.columns)], self.title, IN_A_FILE, self.dates, self.date_format)
        aside |= {column: beside[column] for column in needs.columns}
        X = table.drop(columns=[*targets, *self.drop, *needs.columns], errors="ignore")
        codes = X.columns.intersection(self.categorical)
        X = X.assign(**{column: as_codes(X[column]) for column in codes})
        others, of_dates = dates_read(X.drop(columns=codes), self.title, IN_A_FILE, self.dates, self.date_format)
        check_numbers(others, self.title, IN_A_FILE, self.missing)
        X = checked_columns(X.assign(**others), self.title)
        if len(targets) == 1:
            made = Dataset.from_labels(self.title, X, table[targets[0]])
        else:
            made = Dataset.from_indicators(self.title, X, table[targets])
        made = replace(made, aside=aside, split_by=tuple(aside))
        return made.noted([*notes, *(note.partition(";")[0] for note in of_times), *of_dates])

    def _read(self, file: Path, marks: Marks | None = None) -> tuple[pd.DataFrame, list[str], Marks]:
        """Read a file as the settings say, or with the marks of another where they say nothing."""
        separator, decimal = marks or Marks(self.separator, self.decimal)
        return read_table(file, separator, decimal, self.missing, self.categorical, self.encoding)


def columns_of(path: str) -> list[str]:
    """Return the names of a table's columns.

    Raises
    ------
    DataError
        If it cannot be read.
    """
    file = Path(path).expanduser()
    return list(read_table(file, None, None, MISSING, [], "utf-8")[0].columns)


def as_codes(column: pd.Series) -> pd.Series:
    """Return categories as text; whole numbers without a decimal point, though missing cells made them floats.

    >>> as_codes(pd.Series([1.0, None, 20.0])).tolist()
    ['1', nan, '20']
    """
    return column.astype(object).map(
        lambda code: str(int(code)) if isinstance(code, float) and code.is_integer() else str(code), na_action="ignore"
    )


def read_table(
    file: Path,
    separator: str | None,
    decimal: str | None,
    missing: Sequence[str],
    categorical: Sequence[str],
    encoding: str,
) -> tuple[pd.DataFrame, list[str], Marks]:
    """Read a table by the ending of its name; note what had to be found out about it, and the marks that were found.

    Raises
    ------
    DataError
        If the file is missing, empty or cannot be parsed, two columns have one name, or what its kind needs is not
        installed.
    """
    if not file.is_file():
        raise DataError(f"there is no file {file}")
    endings = {suffix.lower() for suffix in file.suffixes}
    if other := endings & NOT_READ:
        raise DataError(f"{file}: {other.pop()} files are not read; save it as .csv or .parquet")
    notes: list[str] = []
    try:
        if endings & PARQUET:
            table = pd.read_parquet(file)
        elif endings & EXCEL:
            table = _read_excel(file, missing)
        else:
            usual = "\t" if endings & TABS else ","
            if not separator:
                separator = detect_separator(file, usual, encoding)
                notes += [f"{SPOKEN[separator]} was found between the columns"] if separator != usual else []
            table, decimal, of_marks = _read_numbers(
                file, decimal, missing, categorical, sep=separator, encoding=encoding
            )
            notes += of_marks
    except UnicodeDecodeError as error:
        raise DataError(_other_encoding(file, encoding, error)) from error
    except (ValueError, OSError, LookupError, pd.errors.ParserWarning) as error:
        reason = " ".join(str(error).split())
        raise DataError(
            f"{file} cannot be read as a table: {reason}; dataset.separator= and dataset.encoding= may help"
        ) from error
    if table.empty:
        raise DataError(f"{file} has no rows")
    table.columns = table.columns.astype(str)
    check_names(list(table.columns), str(file))
    return table, notes, Marks(separator, decimal)


def _other_encoding(file: Path, encoding: str, error: UnicodeDecodeError) -> str:
    """Say that a file is of another encoding, and which reads it."""
    culprit = error.object[error.start : error.start + 1].hex()
    other = "utf-16" if error.object[:2] in (b"\xff\xfe", b"\xfe\xff") else "latin-1"
    if encoding.lower().replace("_", "-") == other:
        return f"{file} is not {encoding} (byte {culprit}): name its encoding by dataset.encoding="
    return f"{file} is not {encoding} (byte {culprit}): dataset.encoding={other} reads it"


def _read_numbers(
    file: Path, decimal: str | None, missing: Sequence[str], categorical: Sequence[str], **how: Any
) -> tuple[pd.DataFrame, str, list[str]]:
    """Read a text file; with decimal commas where those make numbers of text, and no text of numbers."""
    table = _read_text(file, missing, categorical, decimal=decimal or ".", **how)
    if decimal is not None or not table.columns.is_unique:
        return table, decimal or ".", []
    text = [column for column in table if is_text(table[column]) and str(column) not in categorical]
    commas = [column for column in text if has_decimal_commas(table[column])]
    if not commas:
        return table, ".", []
    other = _read_text(file, missing, categorical, decimal=",", **how)
    lost = [c for c in table if is_text(other[c]) and not is_text(table[c])]
    if lost or any(is_text(other[column]) for column in commas):
        return table, ".", []
    return other, ",", [f"the decimal mark is a comma, as in column '{commas[0]}'"]


def detect_separator(file: Path, usual: str, encoding: str) -> str:
    """Return what separates the columns of a text file.

    The usual one of the file's ending if its first rows fit it: several columns, of which the last is filled in most
    rows. Otherwise the one that fits with the most columns; the usual one if none does.

    Parameters
    ----------
    file : Path
    usual : str
    encoding : str
    """
    if _columns(file, usual, encoding) > 1:
        return usual
    columns = {separator: _columns(file, separator, encoding) for separator in SEPARATORS}
    best = max(columns, key=lambda separator: columns[separator])
    return best if columns[best] > 1 else usual


def _columns(file: Path, separator: str, encoding: str) -> int:
    """Return how many columns a separator makes of the first rows; 0 if it does not fit them."""
    try:
        rows = pd.read_csv(
            file,
            sep=separator,
            header=None,
            nrows=ROWS_TO_DETECT_FROM,
            dtype=str,
            encoding=encoding,
            keep_default_na=False,
            na_values=[],
        )
    except (ValueError, OSError, LookupError):
        return 0
    filled = rows.iloc[:, -1].notna()
    return rows.shape[1] if filled.iloc[0] and filled.mean() > 0.5 else 0


def _read_excel(file: Path, missing: Sequence[str]) -> pd.DataFrame:
    try:
        return pd.read_excel(file, engine="openpyxl", na_values=["", *missing], keep_default_na=False)
    except ImportError as error:
        raise DataError(
            f"{file}: reading .xlsx needs openpyxl, which is not installed; pip install openpyxl, or save it as .csv"
        ) from error
    except BadZipFile as error:
        raise DataError(f"{file} is no Excel file, whatever its name says; save it as .csv") from error


def _read_text(file: Path, missing: Sequence[str], categorical: Sequence[str], **how: Any) -> pd.DataFrame:
    header = pd.read_csv(file, header=None, nrows=1, dtype=str, keep_default_na=False, **how).iloc[0]
    as_text = dict.fromkeys(categorical, str)  # 007 stays 007
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)  # a row with more values than there are columns
        table = pd.read_csv(
            file, index_col=False, na_values=["", *missing], keep_default_na=False, dtype=as_text, **how
        )
    if len(header) == table.shape[1]:  # pandas renames a second column of one name
        table.columns = header.fillna("").astype(str)
    return table


def _require(table: pd.DataFrame, columns: Sequence[str], file: Path) -> None:
    for column in columns:
        if column not in table.columns:
            if table.shape[1] == 1 and set(file.suffixes) & EXCEL:
                raise DataError(
                    f"{file} has no column '{column}': its first sheet holds '{table.columns[0]}' alone; "
                    "save the sheet of the data as .csv"
                )
            if table.shape[1] == 1:
                raise DataError(
                    f"{file} has no column '{column}': it was read as the one column '{table.columns[0]}'; "
                    "dataset.separator= names what stands between its columns"
                )
            near = difflib.get_close_matches(column, table.columns, n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"it has {', '.join(map(repr, table.columns[:20]))}"
            raise MissingColumn(f"{file} has no column '{column}'; {hint}", column)
