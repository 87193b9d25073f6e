"""What a sweep has come to, as descriptions in MLflow show it: Markdown whose first line says the most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imbalance_lab.comparison import Compared, Comparison
    from imbalance_lab.comparison.overall import Overall

MAX_LENGTH = 5000
MAX_ROWS, MAX_RECALLS, MAX_NAMED = 20, 6, 3


@dataclass(frozen=True)
class Row:
    """The means of one strategy.

    Parameters
    ----------
    strategy, model, dataset : str
    runs : int
    mean : float
        Balanced accuracy.
    recalls : mapping of class to float
        The rarest class first.
    verb : str
        ``Use``, ``Stay with``, ... where this is the strategy that the comparison's answer names.
    where : str
        For which of several groups the answer holds.
    """

    strategy: str
    model: str
    dataset: str
    runs: int
    mean: float
    recalls: Mapping[str, float] = field(default_factory=dict)
    verb: str = ""
    where: str = ""


@dataclass(frozen=True)
class Parent:
    """The parent run of a sweep.

    Parameters
    ----------
    uri : str
        Of the store. It may hold a password, so that it is kept in memory only.
    run_id : str
    experiment_id : str
    sweep : str
        Its name.
    """

    uri: str = field(repr=False)
    run_id: str
    experiment_id: str
    sweep: str


@dataclass(frozen=True)
class Result:
    """What a sweep has come to.

    Parameters
    ----------
    counts : mapping
        How many runs ended how.
    failures : mapping
        The reasons of those that failed, by name.
    verdict : str
        A line per dataset and model.
    rows : sequence of Row
        The means of each strategy.
    files : sequence of Path
        What is attached, the report first.
    resumed : bool
        Whether runs of earlier sweeps are among those of `rows`.
    """

    counts: Mapping[str, int]
    failures: Mapping[str, str] = field(default_factory=dict)
    verdict: str = ""
    rows: Sequence[Row] = ()
    files: Sequence[Path] = ()
    resumed: bool = False


def rows_of(comparison: Comparison) -> list[Row]:
    """Return the means of each strategy of each group of a comparison, with the answer on each dataset.

    It stands with the rows of the groups for which it holds.
    """
    datasets: dict[str, list[Compared]] = {}
    for one in comparison.compared:
        datasets.setdefault(one.group.name.get("dataset", ""), []).append(one)
    return [row for compared in datasets.values() for row in _rows(compared, comparison.only(compared).overall)]


def _rows(compared: Sequence[Compared], overall: Overall) -> list[Row]:
    """Return the rows of the groups of one dataset."""
    held = [id(one) for _, one in overall.groups]
    answer = overall.answer
    return [
        Row(
            str(strategy),
            _model(one.group.name),
            one.group.name.get("dataset", ""),
            int(row["runs"]),
            float(row["mean"]),
            {str(name): value for name, value in recalls.items() if not isnan(value)},
            *((answer.verb, overall.where) if answer.use == strategy and id(one) in held else ()),
        )
        for one in compared
        for (strategy, row), recalls in zip(one.table.iterrows(), one.recalls.to_dict("records"), strict=True)
    ]


def _model(name: Mapping[str, str]) -> str:
    """Return the model of a group, with what else tells the group from others, as a level of stress."""
    more = (f"{key}={value}" for key, value in name.items() if key not in ("dataset", "model", "data"))
    return ", ".join(filter(None, [name.get("model", ""), *more]))


def headline(rows: Sequence[Row], link: str = "") -> str:
    """Return what to use, and the best strategies with their means: one line, as MLflow shows no second one at first.

    Lists of experiments show its beginning as it is, so that a link follows what to use.

    >>> headline([Row("smote", "mlp", "d", 3, 0.7, verb="Use")], "[all](#/all)")
    'Use **smote**. [all](#/all) balanced accuracy: **smote 0.700**'
    >>> headline([Row("smote", "mlp", "d", 3, 0.7, {"a": 0.5}), Row("none", "mlp", "d", 3, 0.6, {"a": 0.1})])
    'balanced accuracy (recall of a): **smote 0.700 (0.50)**, none 0.600 (0.10)'
    """
    ordered = sorted(rows, key=lambda row: -row.mean)
    named = next((_answer(row, rows) for row in ordered if row.verb), "") + (f"{link} " if link else "")
    rarest = next(iter(ordered[0].recalls), None)
    shown = []
    for row in ordered[:MAX_NAMED]:
        recall = f" ({row.recalls[rarest]:.2f})" if rarest is not None and rarest in row.recalls else ""
        shown.append(f"{_name(row, rows)} {row.mean:.3f}{recall}")
    shown[0] = f"**{shown[0]}**"
    more = ", ..." if len(ordered) > MAX_NAMED else ""
    return f"{named}balanced accuracy{f' (recall of {rarest})' if rarest else ''}: {', '.join(shown)}{more}"


def _answer(row: Row, rows: Sequence[Row]) -> str:
    if row.where:
        return f"{row.verb} **{row.strategy}** {row.where}. "
    return f"{row.verb} **{_name(row, rows)}**. "


def _name(row: Row, rows: Sequence[Row]) -> str:
    """Return a strategy, with its model where there are several."""
    return f"{row.strategy} {row.model}" if len({(one.model, one.dataset) for one in rows}) > 1 else row.strategy


def table(rows: Sequence[Row]) -> str:
    """Return a row for each strategy, with the recalls of the rarest classes."""
    ordered = sorted(rows, key=lambda row: -row.mean)[:MAX_ROWS]
    classes = list(dict.fromkeys(name for row in ordered for name in row.recalls))[:MAX_RECALLS]
    heads = ["strategy", "model", "dataset", "runs", "balanced accuracy", *(f"recall {name}" for name in classes)]
    lines = [_line(heads), _line(["---"] * len(heads))]
    for row in ordered:
        recalls = [f"{row.recalls[name]:.3f}" if name in row.recalls else "-" for name in classes]
        lines.append(_line([row.strategy, row.model, row.dataset, str(row.runs), f"{row.mean:.3f}", *recalls]))
    return "\n".join(lines)


def paragraphs(*parts: str) -> str:
    """Return the parts under each other, as much as MLflow takes."""
    return "\n\n".join(part for part in parts if part)[:MAX_LENGTH]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"
