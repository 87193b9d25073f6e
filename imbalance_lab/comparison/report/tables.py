"""The tables of the HTML report: the text of each cell, and the number behind it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from imbalance_lab.comparison.compared import Compared
from imbalance_lab.comparison.report.text import group_table, number
from imbalance_lab.comparison.settings import Settings
from imbalance_lab.comparison.verdict import Comparison
from imbalance_lab.evaluation.metrics import heading_of, shown_at


@dataclass(frozen=True)
class Cell:
    """The text of a cell, the number by which it sorts, and where it leads."""

    text: str
    value: float | None = None
    link: str = ""

    @property
    def order(self) -> str:
        """The number in full precision; empty for one that is missing."""
        return repr(float(self.value)) if self.value is not None and math.isfinite(self.value) else ""


@dataclass(frozen=True)
class Table:
    """A table of cells; the first column names the row. In `numeric` columns every cell sorts as a number."""

    title: str
    headers: list[str]
    rows: list[list[Cell]]
    search: bool = False

    @cached_property
    def numeric(self) -> list[bool]:
        """Which columns sort as numbers."""
        return [any(cell.value is not None for cell in column) for column in zip(*self.rows, strict=True)]


def keys_of(one: Compared, settings: Settings) -> dict[str, str]:
    """Return the column of numbers behind each column of a group's table."""
    keys = {"runs": "runs", heading_of(settings.metric): "mean"} | {heading_of(key): key for key in shown_at("report")}
    for role, name in (("control", settings.control), ("baseline", settings.baseline)):
        keys[f"difference to {name}"] = f"{role}_difference"
    return keys


def table_of(title: str, shown: pd.DataFrame, keys: Mapping[str, str], numbers: pd.DataFrame) -> Table:
    """Put the numbers behind the texts of a table.

    Parameters
    ----------
    title : str
    shown : DataFrame
        The texts of the cells.
    keys : mapping
        For each column of `shown` that has numbers behind it, their column in `numbers`.
    numbers : DataFrame
        With the rows of `shown`.
    """
    columns = [[Cell(str(name)) for name in shown.index]]
    for name, texts in shown.items():
        key = keys.get(str(name))
        values: Iterable[Any] = numbers[key] if key in numbers else [None] * len(shown)
        columns.append([Cell(str(text), value) for text, value in zip(texts, values, strict=True)])
    headers = [str(shown.index.name or "strategy"), *(str(name).strip() for name in shown)]
    return Table(title, headers, [list(row) for row in zip(*columns, strict=True)])


def runs_of(one: Compared, settings: Settings) -> Table:
    """Return each run's value, a row per strategy and a column per seed."""
    runs, values = one.group.runs, one.group.metrics[settings.metric]
    seeds = list(dict.fromkeys(one.group.values.columns.get_level_values("seed")))
    cells = {
        (strategy, seed): Cell(number(value), value, link)
        for link, strategy, seed, value in zip(
            runs.link.astype(object).fillna(""), runs.strategy, runs.seed, values, strict=True
        )
    }
    missing = Cell("", math.nan)
    rows = [[Cell(str(name)), *(cells.get((name, seed), missing) for seed in seeds)] for name in one.table.index]
    return Table(f"{heading_of(settings.metric)} of each run", ["strategy", *(f"seed {seed}" for seed in seeds)], rows)


def numbers_of(title: str, frame: pd.DataFrame, shown: Callable[[float], str]) -> Table:
    """Show a frame of numbers, each as `shown` writes it."""
    return table_of(title, frame.map(shown), {str(name): str(name) for name in frame}, frame)


def everything(comparison: Comparison) -> Table:
    """Return all strategies of all groups in one table."""
    parts = []
    for one in comparison.compared:
        shown = group_table(one, comparison.settings).rename_axis("strategy")
        table = table_of("", shown, keys_of(one, comparison.settings), one.table)
        name = {key: Cell(value) for key, value in one.group.name.items()}
        names = ["strategy", *map(str, shown)]  # as they are there: two columns may be headed verdict
        parts += [name | dict(zip(names, row, strict=True)) for row in table.rows]
    keys = list(dict.fromkeys(key for one in comparison.compared for key in one.group.name))
    found = list(dict.fromkeys(key for part in parts for key in part))
    order = [*keys, *(key for key in found if key not in keys)]
    rows = [[part.get(key, Cell("")) for key in order] for part in parts]
    return Table("All strategies of all groups", [key.strip() for key in order], rows, search=True)


def unfinished_of(frame: pd.DataFrame) -> Table | None:
    """Show the cells without a finished run; None if there are none."""
    if not len(frame):
        return None
    rows = [
        [Cell(str(value), value if key == "runs" else None) for key, value in row.items()]
        for row in frame.to_dict("records")
    ]
    return Table("Cells without a finished run", list(map(str, frame)), rows, search=len(rows) > 10)
