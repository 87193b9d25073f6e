"""Tables that need not fit into memory: read in parts, held against the columns that a model was fitted to."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from imbalance_lab.data.conform import conform, outside_of_training, require_columns
from imbalance_lab.data.sources.files import (
    EXCEL,
    MISSING,
    NOT_READ,
    PARQUET,
    TABS,
    detect_separator,
    read_table,
)
from imbalance_lab.errors import DataError, reason_of

CHUNK = 2**16
COMPRESSED = {".gz": "gzip", ".bz2": "bz2", ".xz": "xz", ".zip": "zip", ".zst": "zstd"}


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
    outside : Counter
        Rows of each column outside the range that the model was fitted to, among the parts read so far.
    others : list of str
        Columns of the file that nothing is done with.
    """

    file: Path
    columns: Mapping[str, Mapping[str, Any]]
    keep: Sequence[str] = ()
    reading: Reading = field(default_factory=Reading)
    rows: int = CHUNK
    unknown: dict[str, Counter[str]] = field(default_factory=dict, init=False)
    outside: Counter[str] = field(default_factory=Counter, init=False)
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
                self.outside.update(outside_of_training(X, self.columns))
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
