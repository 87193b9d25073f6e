"""Tables of plain text that fit a width: names are shortened, columns go on in a second table."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size

GAP = 2
FEWEST_NAME = 6
ELLIPSIS = "…"


@dataclass(frozen=True)
class Grid:
    """A table of texts; the first column names the rows.

    Parameters
    ----------
    headers : sequence of str
    rows : sequence of sequence of str
    marks : sequence of str
        Written behind the names, and never shortened.
    styles : sequence of str
        Of each row, for terminals: ``green``, ``red``, or nothing.
    """

    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    marks: Sequence[str] = ()
    styles: Sequence[str] = ()

    @property
    def names(self) -> list[str]:
        """The first cell of each row."""
        return [row[0] for row in self.rows]

    @property
    def widths(self) -> list[int]:
        """Of each column, as wide as its widest cell."""
        marked = [name + mark for name, mark in zip(self.names, self._marks, strict=True)]
        columns = (
            [marked, *zip(*(row[1:] for row in self.rows), strict=True)] if self.rows else [[]] * len(self.headers)
        )
        return [max(map(cell_len, [head, *cells])) for head, cells in zip(self.headers, columns, strict=True)]

    def width(self, names: int | None = None) -> int:
        """Return the characters that it takes, with names of at most as many as given."""
        first, *rest = self.widths
        mark = max(map(cell_len, self._marks), default=0)
        name = first if names is None else min(first, max(names + mark, cell_len(self.headers[0])))
        return name + sum(rest) + GAP * len(rest)

    @property
    def _marks(self) -> Sequence[str]:
        return self.marks or [""] * len(self.rows)

    def lines(self, width: int | None) -> Iterator[str]:
        """Yield the lines of the table; in a terminal's width, of as many tables below each other as it takes."""
        widths = self.widths
        room = width if width is not None else sum(widths) + GAP * len(widths)
        for number, part in enumerate(self._parts(room, widths)):
            if number:
                yield ""
            yield from self._one(room, [0, *part], widths)

    def _parts(self, room: int, widths: Sequence[int]) -> list[list[int]]:
        """Return which columns stand in which table."""
        name = min(widths[0], max(room // 3, FEWEST_NAME))
        parts: list[list[int]] = [[]]
        used = name
        if sum(widths[1:]) + GAP * (len(widths) - 1) + min(widths[0], self._shortest_name) <= room:
            return [list(range(1, len(widths)))]
        for column in range(1, len(widths)):
            if parts[-1] and used + GAP + widths[column] > room:
                parts.append([])
                used = name
            parts[-1].append(column)
            used += GAP + widths[column]
        return parts

    @property
    def _shortest_name(self) -> int:
        return self.width(FEWEST_NAME) - sum(self.widths[1:]) - GAP * (len(self.headers) - 1)

    def _one(self, room: int, columns: Sequence[int], widths: Sequence[int]) -> Iterator[str]:
        rest = [min(widths[column], max(room - FEWEST_NAME - GAP, 1)) for column in columns[1:]]
        name = min(widths[0], max(room - sum(rest) - GAP * len(rest), 1))
        mark = max(map(cell_len, self._marks), default=0)
        short = shortened(self.names, max(name - mark, 1)) if name < widths[0] else {name: name for name in self.names}
        yield _line([self.headers[column] for column in columns], [name, *rest])
        yield "-" * (name + sum(rest) + GAP * len(rest))
        for row, tail in zip(self.rows, self._marks, strict=True):
            yield _line([short[row[0]] + tail, *(row[column] for column in columns[1:])], [name, *rest])


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    """Return a row, the first cell to the left, numbers to the right."""
    first, *rest = (
        cell if cell_len(cell) <= width else cut(cell, width) for cell, width in zip(cells, widths, strict=True)
    )
    padded = [" " * (width - cell_len(cell)) + cell for cell, width in zip(rest, widths[1:], strict=True)]
    return (" " * GAP).join([set_cell_size(first, widths[0]), *padded]).rstrip()


def cut(text: str, width: int) -> str:
    """Return a text of at most `width` characters, with an ellipsis where it is longer.

    >>> cut("tuned_threshold", 8)
    'tuned_t…'
    """
    return text if cell_len(text) <= width else set_cell_size(text, max(width - 1, 0)).rstrip() + ELLIPSIS


def shortened(names: Sequence[str], width: int) -> dict[str, str]:
    """Return names of at most `width` characters, each another one: where their beginnings agree with their ends.

    >>> shortened(["smote(k_neighbors=3)", "smote(k_neighbors=5)", "none"], 10)
    {'smote(k_neighbors=3)': 'smote(k…3)', 'smote(k_neighbors=5)': 'smote(k…5)', 'none': 'none'}
    """
    found = {name: name for name in names}
    long = [name for name in found if cell_len(name) > width]
    taken = set(names) - set(long)
    for tail in range(max(width - 1, 1)):
        tried = {name: cut(name, width - tail) + (name[-tail:] if tail else "") for name in long}
        if len(set(tried.values()) | taken) == len(tried) + len(taken) and all(
            cell_len(text) <= width for text in tried.values()
        ):
            return found | tried
    for number, name in enumerate(long, 1):
        ending = f"{ELLIPSIS}{number}"
        found[name] = set_cell_size(name, max(width - cell_len(ending), 0)).rstrip() + ending
    return found


def wrapped(text: str, width: int | None) -> list[str]:
    """Return a text in lines of at most `width` characters."""
    return [text] if width is None else textwrap.wrap(text, width, break_on_hyphens=False)
