"""Print every dataset with its size and imbalance: ``python -m imbalance_lab datasets``."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic.dataclasses import dataclass
from rich import box
from rich.console import Console
from rich.table import Table

from imbalance_lab import options
from imbalance_lab.app.commands import Command, Typed
from imbalance_lab.data.dataset import Dataset
from imbalance_lab.data.sources.keel import Keel, names
from imbalance_lab.data.sources.online import IMBLEARN_SETS, ImblearnBenchmark
from imbalance_lab.errors import DataError
from imbalance_lab.fields import STRICT


@dataclass(frozen=True, config=STRICT)
class Settings:
    """There are none."""


def run(typed: Typed[Settings]) -> None:
    """Print the table."""
    console = Console()
    console = console if console.is_terminal else Console(width=140)
    table = Table(box=box.SIMPLE_HEAD if console.is_terminal else box.ASCII2, pad_edge=False)
    table.add_column("dataset=")
    table.add_column("dataset.name=", overflow="fold")
    for header in ("rows", "features", "classes", "smallest class", "imbalance ratio"):
        table.add_column(header, justify="right")
    absent = []
    for option, name, dataset in datasets():
        if dataset is None:
            absent.append(name)
        else:
            table.add_row(option, name, *_cells(dataset))
    console.print(table)
    console.print("my.csv target=label: a table of your own", highlight=False)
    console.print("dataset=openml dataset.name= (or dataset.id=): downloaded the first time", highlight=False)
    if absent:
        console.print(f"dataset=imblearn_benchmark, not downloaded yet: {', '.join(absent)}", highlight=False)


main = Command("datasets", "every dataset with its class sizes", Settings, run)


def datasets() -> Iterator[tuple[str, str, Dataset | None]]:
    """Yield option, name and dataset; None for a set that is not downloaded yet."""
    for name in options.names("dataset"):
        option = options.option("dataset", name)
        needs_a_setting = "???" in dict(options.leaves(option.settings)).values()
        if not needs_a_setting and name not in ("keel", "openml"):
            yield name, "", option.build().load()
    for name in names():
        yield "keel", name, Keel(name=name).load()
    for name in IMBLEARN_SETS:
        yield "imblearn_benchmark", name, _cached(name)


def _cached(name: str) -> Dataset | None:
    try:
        return ImblearnBenchmark(name=name).load(download=False)
    except DataError:
        return None


def _cells(dataset: Dataset) -> list[str]:
    rows, features = dataset.X.shape
    smallest = int(dataset.counts.argmin())
    return [
        str(rows),
        str(features),
        str(len(dataset.class_names)),
        f"{dataset.class_names[smallest]} ({dataset.counts[smallest]})",
        f"{dataset.imbalance_ratio:.1f}",
    ]
