"""The rows that both sides of a comparison are given: ``python -m experiments.benchmarks.data FOLDER NAME...``."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from experiments.benchmarks.comparisons import KEEL_SETS
from imbalance_lab.app.border import job_of
from imbalance_lab.app.config import compose
from imbalance_lab.data.dataset import Dataset
from imbalance_lab.data.split import Holdout

SEEDS = 10


def load(*overrides: str) -> Dataset:
    """Return the set that a run with these overrides would see."""
    return job_of(compose(overrides)).identity.options["dataset"].build().load()


def table_with_parts(dataset: Dataset, seeds: int) -> pd.DataFrame:
    """Return features, `label`, and for each seed the part of each row: train, validation or test."""
    columns = {"label": np.array(dataset.class_names)[dataset.y]}
    for seed in range(seeds):
        (split,) = Holdout(0.2, 0.2, seed).split(dataset)
        columns[f"part_{seed}"] = part = np.empty(len(dataset.y), dtype=object)
        for name, rows in split._asdict().items():
            part[rows] = name
    return pd.concat([dataset.X, pd.DataFrame(columns)], axis=1)


def arrays(dataset: Dataset) -> dict[str, np.ndarray]:
    """Return standardised rows of the split of seed 0."""
    (split,) = Holdout(0.2, 0.2).split(dataset)
    X, train = dataset.X.to_numpy(), split.train
    X = ((X - X[train].mean(axis=0)) / X[train].std(axis=0)).astype(np.float32)
    rows = split._asdict().items()
    return {f"X_{part}": X[i] for part, i in rows} | {f"y_{part}": dataset.y[i] for part, i in rows}


def like_four_classes(rows: int) -> Dataset:
    """Return `rows` rows whose class shares are those of four_classes."""
    priors = "{A: 198, B: 436, C: 710, D: 272}"
    return load("dataset=synthetic", f"dataset.rows={rows}", f"dataset.priors={priors}")


def write(folder: Path, name: str) -> None:
    """Write what `name` asks for: ``four_classes``, ``keel``, ``store``, ``rows_<n>``, ``table_<n>``, ``file_<n>``."""
    kind, _, size = name.rpartition("_")
    if kind == "rows":
        np.savez(folder / f"{name}.npz", **arrays(like_four_classes(int(size))))
    elif kind == "file":
        dataset = like_four_classes(int(size))
        text = np.array(["north", "east", "south", "west"])[np.arange(len(dataset.y)) % 4]
        table = dataset.X.assign(place=text, label=np.array(dataset.class_names)[dataset.y])
        table.to_csv(folder / f"{name}.csv", index=False)
        table.to_parquet(folder / f"{name}.parquet")
    elif kind == "table":
        table_with_parts(like_four_classes(int(size)), 5).to_csv(folder / f"{name}.csv", index=False)
    elif name == "four_classes":
        table_with_parts(load(), SEEDS).to_csv(folder / f"{name}.csv", index=False)
    elif name == "keel":
        for each in KEEL_SETS.split():
            dataset = load("dataset=keel", f"dataset.name={each}")
            labelled = dataset.X.assign(label=np.array(dataset.class_names)[dataset.y])
            labelled.to_csv(folder / f"{each}.csv", index=False)
    else:
        from imbalance_lab.tracking import open_store

        open_store(f"sqlite:///{folder / 'mlflow.db'}")


if __name__ == "__main__":
    for asked in sys.argv[2:]:
        write(Path(sys.argv[1]), asked)
