"""Tables that need not fit into memory: read in parts, held against the columns that a model was fitted to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from imbalance_lab.data.conform import conform, outside_of_training, require_columns
from imbalance_lab.data.sources.pieces import Reading, pieces
from imbalance_lab.errors import DataError, reason_of

__all__ = ["CHUNK", "Chunk", "Chunks", "Reading"]

CHUNK = 2**16


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
        start = 0
        parts = pieces(self.file, self._wanted, self._as_written, self.reading, self.rows)
        for table, done in parts:
            try:
                X = conform(table, self.columns, str(self.file), self.reading.date_format, start, self.unknown)
            except (ValueError, LookupError) as error:
                raise DataError(f"{self.file} cannot be read as a table: {reason_of(error)}") from error
            self.outside.update(outside_of_training(X, self.columns))
            yield Chunk(X, table[list(self.keep)].reset_index(drop=True), done)
            start += len(table)
        if not start:
            raise DataError(f"{self.file} has no rows")

    def _as_written(self, name: str) -> bool:
        return name in self.keep or self.columns[name]["kind"] != "numeric"

    def _wanted(self, names: Sequence[str]) -> list[str]:
        """Return the columns that are read, once they are all there."""
        where = str(self.file)
        require_columns(names, [*self.columns, *self.keep], where)
        wanted = list(dict.fromkeys([*self.columns, *self.keep]))
        if repeated := [name for name in wanted if names.count(name) > 1]:
            raise DataError(f"{where} has two columns named '{repeated[0]}'; rename one of them")
        self.others = [name for name in names if name not in wanted]
        return wanted
