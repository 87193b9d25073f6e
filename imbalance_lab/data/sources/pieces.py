"""Files that need not fit into memory, read in pieces: text and Parquet; Excel files as one piece."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from imbalance_lab.data.sources.files import EXCEL, MISSING, NOT_READ, PARQUET, TABS, detect_separator, read_table
from imbalance_lab.errors import DataError, reason_of

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


def pieces(
    file: Path,
    wanted: Callable[[Sequence[str]], list[str]],
    as_written: Callable[[str], bool],
    reading: Reading,
    rows: int,
    prefix: str = "",
) -> Iterator[tuple[pd.DataFrame, float]]:
    """Yield parts of a table that have rows, and how much of the file is read by then (0 to 1).

    Parameters
    ----------
    file : Path
        Text, Parquet or Excel, by its ending.
    wanted : callable
        From the names of the file's columns to those that are read.
    as_written : callable
        Whether a column of a text file stays text, whatever it looks like.
    reading : Reading
    rows : int
        Of a part, at the most.
    prefix : str
        Of the settings that messages name: ``dataset.encoding=``.

    Raises
    ------
    DataError
        If the file is missing, empty or cannot be read.
    """
    if not file.is_file():
        raise DataError(f"there is no file {file}")
    endings = {suffix.lower() for suffix in file.suffixes}
    if other := endings & NOT_READ:
        raise DataError(f"{file}: {other.pop()} files are not read; save it as .csv or .parquet")
    if file.stat().st_size == 0:
        raise DataError(f"{file} is empty")
    if endings & PARQUET:
        parts = _parquet(file, wanted, rows)
    elif endings & EXCEL:
        parts = _excel(file, wanted, reading)
    else:
        parts = _text(file, wanted, as_written, reading, rows, endings)
    try:
        yield from (part for part in parts if len(part[0]))
    except UnicodeDecodeError as error:
        raise DataError(f"{file} is not {reading.encoding}: {prefix}encoding=latin-1 may read it") from error
    except (ValueError, OSError, LookupError, pd.errors.ParserWarning) as error:
        raise DataError(f"{file} cannot be read as a table: {reason_of(error)}") from error


def _parquet(file: Path, wanted: Callable[[Sequence[str]], list[str]], rows: int) -> Iterator[tuple[Any, float]]:
    import pyarrow.parquet

    with pyarrow.parquet.ParquetFile(file, pre_buffer=False, buffer_size=2**20) as opened:
        columns = wanted(opened.schema_arrow.names)
        total, read = max(opened.metadata.num_rows, 1), 0
        for batch in opened.iter_batches(rows, columns=columns, use_threads=False):
            read += batch.num_rows
            yield batch.to_pandas(ignore_metadata=True), read / total


def _excel(file: Path, wanted: Callable[[Sequence[str]], list[str]], reading: Reading) -> Iterator[tuple[Any, float]]:
    table, *_ = read_table(file, None, None, reading.missing, (), reading.encoding)
    yield table[wanted(list(table.columns))], 1.0


def _text(
    file: Path,
    wanted: Callable[[Sequence[str]], list[str]],
    as_written: Callable[[str], bool],
    reading: Reading,
    rows: int,
    endings: set[str],
) -> Iterator[tuple[Any, float]]:
    size, usual = file.stat().st_size, "\t" if endings & TABS else ","
    separator = reading.separator or detect_separator(file, usual, reading.encoding)
    how: dict[str, Any] = {"sep": separator, "encoding": reading.encoding, "keep_default_na": False}
    header = pd.read_csv(file, header=None, nrows=1, dtype=str, **how).iloc[0].fillna("").astype(str)
    columns = wanted(header.tolist())
    names = [name if header.tolist().count(name) == 1 else f"{k}: {name}" for k, name in enumerate(header)]
    compression: Any = next((kind for ending, kind in COMPRESSED.items() if ending in endings), None)
    with file.open("rb") as opened:
        with _strict():
            reader = pd.read_csv(
                opened, index_col=False, names=names, header=0, usecols=columns,
                dtype={name: str for name in columns if as_written(name)}, na_values=["", *reading.missing],
                decimal=reading.decimal, chunksize=rows, low_memory=False, compression=compression, **how,
            )  # fmt: skip
        with reader as parts:
            while (table := _next_of(parts)) is not None:
                yield table, min(opened.tell() / size, 1.0)


@contextmanager
def _strict() -> Iterator[None]:
    """Make an error of a row with more values than there are columns."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)
        yield


def _next_of(parts: Iterator[pd.DataFrame]) -> pd.DataFrame | None:
    with _strict():  # which must not be open while a part is worked on
        return next(parts, None)
