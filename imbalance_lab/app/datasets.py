"""Print every dataset with its size and imbalance: ``python -m imbalance_lab.data``."""

from __future__ import annotations

from collections.abc import Iterator

from hydra.utils import instantiate
from omegaconf import OmegaConf
from rich import box
from rich.console import Console
from rich.table import Table

from imbalance_lab.data.dataset import Dataset
from imbalance_lab.data.sources.keel import Keel, names
from imbalance_lab.data.sources.online import IMBLEARN_SETS, ImblearnBenchmark
from imbalance_lab.errors import DataError
from imbalance_lab.options import CONF


def main() -> None:
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
    console.print("dataset=csv dataset.path= dataset.target=: a table of your own", highlight=False)
    console.print("dataset=openml dataset.name= (or dataset.id=): downloaded the first time", highlight=False)
    if absent:
        console.print(f"dataset=imblearn_benchmark, not downloaded yet: {', '.join(absent)}", highlight=False)


def datasets() -> Iterator[tuple[str, str, Dataset | None]]:
    """Yield option, name and dataset; None for a set that is not downloaded yet."""
    for file in sorted((CONF / "dataset").glob("*.yaml")):
        config = OmegaConf.load(file)
        if not OmegaConf.missing_keys(config) and file.stem not in ("keel", "openml"):
            yield file.stem, "", instantiate(config, _convert_="all").load()
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


if __name__ == "__main__":
    main()
