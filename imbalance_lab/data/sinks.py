"""Tables written part by part, which are in place only when they are whole."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from imbalance_lab.data.sources.files import PARQUET
from imbalance_lab.errors import ConfigError, DataError, reason_of

TEXT = (".csv", ".txt", ".tsv")


@contextmanager
def open_sink(file: Path) -> Iterator[Callable[[pd.DataFrame], None]]:
    """Give a function that adds rows to a table; the file is there once the block has ended well, and else is not.

    Parameters
    ----------
    file : Path
        ``.csv``, ``.tsv``, ``.txt`` or ``.parquet``.

    Raises
    ------
    ConfigError
        If its ending is another.
    DataError
        If it cannot be written.
    """
    ending = file.suffix.lower()
    if ending not in (*TEXT, *PARQUET):
        raise ConfigError(f"out={file} ends in neither .csv nor .parquet")
    if file.is_dir():
        raise ConfigError(f"out={file} is a folder; name a file in it")
    draft = file.absolute().with_name(f".{file.name}.{secrets.token_hex(4)}")
    sink = _Sink(draft, ending)
    try:
        try:
            draft.parent.mkdir(parents=True, exist_ok=True)
            yield sink.write
            sink.close()
            os.replace(draft, file)
        except OSError as error:
            raise DataError(f"{file} cannot be written: {reason_of(error)}") from error
    finally:
        sink.close()
        draft.unlink(missing_ok=True)


class _Sink:
    """Writes frames of equal columns with Arrow, which keeps every digit of a number."""

    def __init__(self, file: Path, ending: str) -> None:
        self._file, self._ending = file, ending
        self._writer: Any = None
        self._schema: Any = None

    def write(self, rows: pd.DataFrame) -> None:
        import pyarrow as pa

        try:
            if self._schema is None:
                self._schema = pa.Schema.from_pandas(rows, preserve_index=False).remove_metadata()
                self._writer = self._opened()
            self._writer.write_table(pa.Table.from_pandas(rows, schema=self._schema, preserve_index=False))
        except pa.ArrowInvalid as error:
            raise DataError(f"a column that is kept changes its type on the way: {reason_of(error)}") from error

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _opened(self) -> Any:
        if self._ending in PARQUET:
            from pyarrow.parquet import ParquetWriter

            return ParquetWriter(self._file, self._schema)
        from pyarrow.csv import CSVWriter, WriteOptions

        delimiter = "\t" if self._ending == ".tsv" else ","
        return CSVWriter(
            self._file, self._schema, write_options=WriteOptions(delimiter=delimiter, quoting_style="needed")
        )
