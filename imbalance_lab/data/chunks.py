"""Tables that need not fit into memory: read in parts, held against the columns that a model was fitted to."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from imbalance_lab.data.checks import Remedies, has_decimal_commas, is_text
from imbalance_lab.data.dates import dates_read
from imbalance_lab.data.prepare import as_text
from imbalance_lab.data.sources.files import (
    EXCEL,
    MISSING,
    NOT_READ,
    PARQUET,
    TABS,
    as_codes,
    detect_separator,
    read_table,
)
from imbalance_lab.errors import DataError, reason_of
from imbalance_lab.options import nearest

CHUNK = 2**16
MOST_NAMED = 3
COMPRESSED = {".gz": "gzip", ".bz2": "bz2", ".xz": "xz", ".zip": "zip", ".zst": "zstd"}
REMEDIES = Remedies(
    drop="leave it empty",
    categorical="",
    missing="missing=[{values}]",
    decimal="decimal=,",
    missing_dates="missing=[{values}] reads them as missing",
    date_format="date_format=%d/%m/%Y or date_format=%m/%d/%Y",
)


@dataclass(frozen=True)
class Reading:
    """How a text file is read.

    Parameters
    ----------
    separator, decimal, encoding : str
        By default they are found out, a point, and UTF-8.
    missing : sequence of str
        What stands for a missing value, besides nothing at all.
    date_format : str, optional
        How dates are written, in the codes of `datetime.datetime.strptime`.
    """

    separator: str | None = None
    decimal: str = "."
    encoding: str = "utf-8"
    missing: Sequence[str] = MISSING
    date_format: str | None = None


class Chunk(NamedTuple):
    """Rows of a table: what the model needs, what is handed on, and how much of the table is read by then (0 to 1)."""

    X: pd.DataFrame
    kept: pd.DataFrame
    done: float


@dataclass
class Chunks:
    """The rows of a table, in parts.

    Parameters
    ----------
    file : Path
        Text, Parquet or Excel, by its ending.
    columns : mapping
        What the model knows of its columns: see `imbalance_lab.data.columns.describe_columns`.
    keep : sequence of str
        Columns that are handed on as they are.
    reading : Reading
    rows : int
        Of a part.

    Attributes
    ----------
    unknown : dict of column to Counter
        Rows of each category that the model was not fitted to, among the parts read so far.
    others : list of str
        Columns of the file that nothing is done with.
    """

    file: Path
    columns: Mapping[str, Mapping[str, Any]]
    keep: Sequence[str] = ()
    reading: Reading = field(default_factory=Reading)
    rows: int = CHUNK
    unknown: dict[str, Counter[str]] = field(default_factory=dict, init=False)
    others: list[str] = field(default_factory=list, init=False)

    def __iter__(self) -> Iterator[Chunk]:
        """Yield the parts.

        Raises
        ------
        DataError
            If the file is missing, empty or cannot be read, lacks a column, or a column holds something else than the
            model was fitted to.
        """
        if not self.file.is_file():
            raise DataError(f"there is no file {self.file}")
        endings = {suffix.lower() for suffix in self.file.suffixes}
        if other := endings & NOT_READ:
            raise DataError(f"{self.file}: {other.pop()} files are not read; save it as .csv or .parquet")
        if self.file.stat().st_size == 0:
            raise DataError(f"{self.file} is empty")
        parts = self._parquet() if endings & PARQUET else self._excel() if endings & EXCEL else self._text(endings)
        start = 0
        try:
            for table, done in parts:
                if table.empty:
                    continue
                X = conform(table, self.columns, str(self.file), self.reading.date_format, start, self.unknown)
                yield Chunk(X, table[list(self.keep)].reset_index(drop=True), done)
                start += len(table)
        except UnicodeDecodeError as error:
            raise DataError(f"{self.file} is not {self.reading.encoding}: encoding=latin-1 may read it") from error
        except (ValueError, OSError, LookupError, pd.errors.ParserWarning) as error:
            raise DataError(f"{self.file} cannot be read as a table: {reason_of(error)}") from error
        if not start:
            raise DataError(f"{self.file} has no rows")

    def _parquet(self) -> Iterator[tuple[pd.DataFrame, float]]:
        import pyarrow.parquet

        with pyarrow.parquet.ParquetFile(self.file, pre_buffer=False, buffer_size=2**20) as opened:
            wanted = self._wanted(opened.schema_arrow.names)
            total, read = max(opened.metadata.num_rows, 1), 0
            for batch in opened.iter_batches(self.rows, columns=wanted, use_threads=False):
                read += batch.num_rows
                yield batch.to_pandas(ignore_metadata=True), read / total

    def _excel(self) -> Iterator[tuple[pd.DataFrame, float]]:
        table, *_ = read_table(self.file, None, None, self.reading.missing, (), self.reading.encoding)
        yield table[self._wanted(list(table.columns))], 1.0

    def _text(self, endings: set[str]) -> Iterator[tuple[pd.DataFrame, float]]:
        reading, size = self.reading, self.file.stat().st_size
        usual = "\t" if endings & TABS else ","
        separator = reading.separator or detect_separator(self.file, usual, reading.encoding)
        how: dict[str, Any] = {"sep": separator, "encoding": reading.encoding, "keep_default_na": False}
        header = pd.read_csv(self.file, header=None, nrows=1, dtype=str, **how).iloc[0].fillna("").astype(str)
        wanted = self._wanted(header.tolist())
        names = [name if header.tolist().count(name) == 1 else f"{k}: {name}" for k, name in enumerate(header)]
        as_written = {name: str for name in wanted if name in self.keep or self.columns[name]["kind"] != "numeric"}
        compression: Any = next((kind for ending, kind in COMPRESSED.items() if ending in endings), None)
        with self.file.open("rb") as opened:
            with _strict():
                reader = pd.read_csv(
                    opened, index_col=False, names=names, header=0, usecols=wanted, dtype=as_written,
                    na_values=["", *reading.missing], decimal=reading.decimal, chunksize=self.rows, low_memory=False,
                    compression=compression, **how,
                )  # fmt: skip
            with reader as parts:
                while (table := _next_of(parts)) is not None:
                    yield table, min(opened.tell() / size, 1.0)

    def _wanted(self, names: Sequence[str]) -> list[str]:
        """Return the columns that are read, once they are all there."""
        where = str(self.file)
        require_columns(names, [*self.columns, *self.keep], where)
        wanted = list(dict.fromkeys([*self.columns, *self.keep]))
        if repeated := [name for name in wanted if names.count(name) > 1]:
            raise DataError(f"{where} has two columns named '{repeated[0]}'; rename one of them")
        self.others = [name for name in names if name not in wanted]
        return wanted


@contextmanager
def _strict() -> Iterator[None]:
    """Make an error of a row with more values than there are columns."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)
        yield


def _next_of(parts: Iterator[pd.DataFrame]) -> pd.DataFrame | None:
    with _strict():  # which must not be open while a part is worked on
        return next(parts, None)


def require_columns(names: Sequence[str], wanted: Sequence[str], where: str) -> None:
    """Refuse a table that lacks columns, by their names.

    Raises
    ------
    DataError
    """
    missing = [name for name in wanted if name not in names]
    if not missing:
        return
    shown = ", ".join(f"'{name}'" for name in missing[:MOST_NAMED])
    more = f" and {len(missing) - MOST_NAMED} more" if len(missing) > MOST_NAMED else ""
    has = f"it has {', '.join(map(repr, names[:8]))}{', ...' if len(names) > 8 else ''}"
    raise DataError(
        f"{where} lacks the column{'s' if missing[1:] else ''} {shown}{more}{nearest(missing[0], names) or '; ' + has}"
    )


def conform(
    table: pd.DataFrame,
    columns: Mapping[str, Mapping[str, Any]],
    where: str,
    date_format: str | None = None,
    start: int = 0,
    unknown: dict[str, Counter[str]] | None = None,
) -> pd.DataFrame:
    """Return the columns that a model was fitted to, in their order and of their kinds.

    Parameters
    ----------
    table : DataFrame
    columns : mapping
        What the model knows of its columns.
    where : str
        How messages call the table.
    date_format : str, optional
        How dates are written.
    start : int
        How many rows came before these.
    unknown : dict, optional
        Takes up the rows of each category that the model was not fitted to.

    Raises
    ------
    DataError
        If a column is missing, or holds something else.

    Examples
    --------
    >>> known = {"age": {"kind": "numeric"}, "smokes": {"kind": "categorical", "categories": ["no", "yes"]}}
    >>> found = {}
    >>> table = pd.DataFrame({"smokes": ["no", "often"], "age": [31, 45]})
    >>> conform(table, known, "new.csv", unknown=found).age.tolist()
    [31.0, 45.0]
    >>> found
    {'smokes': Counter({'often': 1})}
    """
    require_columns(list(map(str, table.columns)), list(columns), where)
    made: dict[str, pd.Series] = {}
    for name, about in columns.items():
        values = table[name].reset_index(drop=True)
        made[name] = _READ[about["kind"]](values, about, f"{where}: column '{name}'", start, date_format)
        if about["kind"] == "categorical" and unknown is not None:
            new = made[name][~made[name].isin(about["categories"]) & made[name].notna()]
            if len(new):
                unknown.setdefault(name, Counter()).update(new.tolist())
    return pd.DataFrame(made)


def _numbers(values: pd.Series, about: Mapping[str, Any], where: str, start: int, date_format: str | None) -> pd.Series:
    if pd.api.types.is_bool_dtype(values) or pd.api.types.is_datetime64_any_dtype(values):
        kind = "true and false" if pd.api.types.is_bool_dtype(values) else "dates"
        raise DataError(f"{where} holds {kind}, and the model was trained on numbers")
    if not pd.api.types.is_numeric_dtype(values):
        numbers = pd.to_numeric(values.astype(object), errors="coerce")
        bad = values[numbers.isna() & values.notna()]
        if len(bad):
            first = f"'{bad.iloc[0]}' in row {start + int(bad.index[0]) + 1}"
            hint = (
                "decimal=, reads decimal commas"
                if has_decimal_commas(values.astype(str)[bad.index])
                else f"missing=[{bad.iloc[0]}] reads such cells as missing"
            )
            raise DataError(f"{where} must hold numbers, as in training, and has {first}; {hint}")
        values = numbers
    finite = values.to_numpy(dtype=np.float64, na_value=np.nan)
    return pd.Series(np.where(np.isinf(finite), np.nan, finite))


def _dates(values: pd.Series, about: Mapping[str, Any], where: str, start: int, date_format: str | None) -> pd.Series:
    if values.isna().all():
        return pd.to_datetime(pd.Series([None] * len(values)))
    if pd.api.types.is_numeric_dtype(values) and date_format is None:
        raise DataError(f"{where} holds numbers, and the model was trained on dates; date_format=%Y%m%d reads 20200131")
    name = str(values.name)
    read, _ = dates_read(values.to_frame(name), where.partition(": column")[0], REMEDIES, [name], date_format)
    return read[name]


def _categories(
    values: pd.Series, about: Mapping[str, Any], where: str, start: int, date_format: str | None
) -> pd.Series:
    text = as_text((values if is_text(values) else as_codes(values)).to_frame()).iloc[:, 0]
    if set(about["categories"]) <= {"True", "False"}:  # a text file may write them otherwise
        return text.map(lambda value: {"true": "True", "false": "False"}.get(value.lower(), value), na_action="ignore")
    return text


_READ: Mapping[str, Callable[..., pd.Series]] = {"numeric": _numbers, "date": _dates, "categorical": _categories}
