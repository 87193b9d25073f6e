"""Rows that lie in a file: read a piece at a time, changed as they are read, never all in memory."""

from __future__ import annotations

import hashlib
import mmap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from imbalance_lab.errors import DataError

PIECE = 2**16  # rows that are worked on at once
GATHERED = 2**8  # scattered rows that are read before their pages are let go: each can bring 2 MB with it
MOST_SKIPPED = 4  # times the rows that are wanted: so many are read where they lie close to each other
DRAWN = 2**17  # rows of a sample
STORED = np.dtype("<f4")


@dataclass(frozen=True, eq=False)
class StoredArray:
    """Numbers of 32 bits in a file, row after row; what was read is let go, so that memory does not fill with it.

    Parameters
    ----------
    file : Path
    shape : tuple of int
        Rows and columns.
    content : str
        Hash of what it holds, and of what its columns mean.
    in_memory : int
        MB that rows may take where something needs them in memory.
    """

    file: Path
    shape: tuple[int, int]
    content: str
    in_memory: int

    def read(self, rows: slice | np.ndarray) -> np.ndarray:
        """Return a copy of the rows of a slice without a step, or of these numbers, shape (m, columns)."""
        if isinstance(rows, slice):
            return self._span(*rows.indices(self.shape[0])[:2])
        if not len(rows):
            return np.empty((0, self.shape[1]), STORED)
        first, last = int(rows.min()), int(rows.max()) + 1
        if last - first <= MOST_SKIPPED * len(rows):
            return self._span(first, last)[rows - first]
        view, pages = self._mapped
        found = np.empty((len(rows), self.shape[1]), STORED)
        for start in range(0, len(rows), GATHERED):
            np.take(view, rows[start : start + GATHERED], axis=0, out=found[start : start + GATHERED], mode="clip")
            if hasattr(mmap, "MADV_DONTNEED"):
                pages.madvise(mmap.MADV_DONTNEED)  # they stay in the system's cache, and count there
        return found

    def _span(self, start: int, stop: int) -> np.ndarray:
        """Return rows that lie one after the other."""
        width = self.shape[1]
        with self._opened() as opened:
            opened.seek(start * width * STORED.itemsize)
            found = np.fromfile(opened, STORED, max(stop - start, 0) * width)
        return found.reshape(-1, width)

    @cached_property
    def _mapped(self) -> tuple[np.ndarray, mmap.mmap]:
        with self._opened() as opened:
            pages = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
        return np.frombuffer(pages, STORED).reshape(self.shape), pages

    def _opened(self) -> Any:
        try:
            return self.file.open("rb")
        except OSError as error:
            raise DataError(f"{self.file} cannot be read ({error}); delete its folder, and it is made anew") from error

    def __getstate__(self) -> dict[str, Any]:
        """Return what it takes to open the file elsewhere."""
        return {key: value for key, value in self.__dict__.items() if key != "_mapped"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)


@dataclass(frozen=True, eq=False)
class StoredRows:
    """Some rows of a stored array, in an order of their own, each piece of them changed as it is read.

    A piece is what NumPy would give: ``rows[start:stop]``, or ``rows[numbers]``.

    Parameters
    ----------
    array : StoredArray
    rows : ndarray of shape (n,), optional
        Their numbers in the array; by default all, in order.
    changes : tuple of callable
        From a piece to a piece of as many rows, one after the other.
    """

    array: StoredArray
    rows: np.ndarray | None = None
    changes: tuple[Callable[[Any], Any], ...] = ()

    def __len__(self) -> int:
        """Return the number of rows."""
        return self.array.shape[0] if self.rows is None else len(self.rows)

    def __getitem__(self, key: slice | np.ndarray) -> Any:
        """Return a piece, in memory."""
        return self._changed(self.array.read(key if self.rows is None else self.rows[key]))

    def _changed(self, piece: Any) -> Any:
        for change in self.changes:
            piece = change(piece)
        return piece

    def take(self, rows: np.ndarray) -> StoredRows:
        """Return the rows of these numbers, unread."""
        return replace(self, rows=rows if self.rows is None else self.rows[rows])

    def only(self, columns: Sequence[str]) -> StoredRows:
        """Return rows of tables with these columns alone, the others not made."""
        *before, table = self.changes
        assert isinstance(table, AsTable)
        return replace(self, changes=(*before, replace(table, wanted=tuple(columns))))

    def map(self, change: Callable[[Any], Any]) -> StoredRows:
        """Return the rows with one more change."""
        return replace(self, changes=(*self.changes, change))

    @cached_property
    def _one(self) -> Any:
        return self._changed(self.array.read(slice(0, 1)))

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows, and the shape of one."""
        return len(self), *self._one.shape[1:]

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values, where pieces are arrays."""
        return np.dtype(self._one.dtype)

    @property
    def size(self) -> int:
        """Number of values."""
        return int(np.prod(self.shape))

    def pieces(self, rows: int = PIECE) -> Iterator[Any]:
        """Yield all rows, in their order."""
        for start in range(0, len(self), rows):
            yield self[start : start + rows]

    def drawn(self, most: int = DRAWN) -> Any:
        """Return rows drawn with equal chances, in their order: all of them, if there are no more."""
        if len(self) <= most:
            return self[:]
        return self[np.sort(np.random.default_rng(0).choice(len(self), most, replace=False))]

    def loaded(self, by: str) -> np.ndarray:
        """Return all rows, whose pieces are arrays, in memory.

        Parameters
        ----------
        by : str
            What needs them there.

        Raises
        ------
        DataError
            If they would take more than is allowed.
        """
        wanted = self.size * self.dtype.itemsize / 2**20
        if wanted > self.array.in_memory:
            raise DataError(
                f"{by} needs {len(self):,} rows in memory, {wanted:,.0f} MB of the {self.array.in_memory:,} that "
                "dataset.in_memory allows; sampler=keep_rare trains on fewer, of which the rare classes' are all, and "
                "model=linear and model=mlp without a sampler read them from disk"
            )
        found = np.empty(self.shape, self.dtype)
        for start in range(0, len(self), PIECE):
            found[start : start + PIECE] = self[start : start + PIECE]
        return found

    def digest(self) -> str:
        """Return a hash of what the rows hold before they are changed."""
        if self.rows is None:
            return self.array.content
        chosen = hashlib.blake2b(np.ascontiguousarray(self.rows).data, digest_size=8).hexdigest()
        return f"{self.array.content} {chosen}"


@dataclass(frozen=True)
class AsTable:
    """From numbers to the columns they stand for.

    Parameters
    ----------
    levels : mapping
        Of each column, in order, the text of each code; None of a column of numbers.
    wanted : sequence of str, optional
        The columns of the table; by default all.
    """

    levels: Mapping[str, tuple[str, ...] | None]
    wanted: Sequence[str] | None = None

    def __call__(self, rows: np.ndarray) -> pd.DataFrame:
        """Return a table of rows (m, columns): numbers of 64 bits, and text or NaN where a category is missing."""
        return pd.DataFrame(
            {
                name: values.astype(np.float64) if levels is None else _as_text(values, levels)
                for (name, levels), values in zip(self.levels.items(), rows.T, strict=True)
                if self.wanted is None or name in self.wanted
            }
        )


def _as_text(codes: np.ndarray, levels: tuple[str, ...]) -> np.ndarray:
    missing = np.isnan(codes)
    return np.array([*levels, np.nan], dtype=object)[np.where(missing, len(levels), codes).astype(np.int64)]


def applied(function: Callable[[Any], np.ndarray], X: Any) -> np.ndarray:
    """Return what a function gives the rows `X`; of stored ones piece by piece."""
    if not isinstance(X, StoredRows):
        return function(X)
    if not len(X):
        return function(np.empty(X.shape, X.dtype))
    found = np.empty(0)
    for start in range(0, len(X), PIECE):
        part = function(X[start : start + PIECE])
        if not start:
            found = np.empty((len(X), *part.shape[1:]), part.dtype)
        found[start : start + PIECE] = part
    return found
