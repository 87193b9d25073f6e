"""Run tables made by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from imbalance_lab.types import RunTable

Cells = Mapping[tuple[str, str, str], Sequence[float]]


def made(cells: Cells, classes: Sequence[str] = ("rare", "common"), skipped: Sequence[str] = ()) -> RunTable:
    """Return runs with the given balanced accuracies: of each dataset, model and strategy one for each seed."""
    rows = [
        (dataset, model, strategy, str(seed), float(value), "finished", None)
        for (dataset, model, strategy), values in cells.items()
        for seed, value in enumerate(values)
    ]
    rows += [("a", "mlp", name, "0", np.nan, "skipped", "<b>cannot</b> be trained") for name in skipped]
    runs = pd.DataFrame(rows, columns=["dataset", "model", "strategy", "seed", "value", "outcome", "reason"])
    runs.index = pd.Index([f"run{k}" for k in range(len(runs))], name="run")
    columns = {"balanced_accuracy": runs.value, "ece": (1 - runs.value) / 3}
    for k, name in enumerate(classes):
        columns |= {f"recall/{name}": runs.value - 0.01 * k, f"support/{name}": 5.0 + k}
    columns |= {"rows/test": 20, "rows/train": 70, "rows/validation": 10}
    metrics = pd.DataFrame(columns, index=runs.index).where(runs.outcome == "finished")
    params = pd.DataFrame({"seed": runs.seed, "model": runs.model, "strategy": runs.strategy}, index=runs.index)
    names = runs.strategy + " " + runs.model + " seed=" + runs.seed
    same = {"experiment": "e", "experiment_id": "7", "sweep": None, "version": "1"}
    table = runs.drop(columns=["seed", "value"]).assign(
        **same, name=names, start=range(len(runs)), data_hash=runs.dataset, config_hash=None
    )
    return RunTable(table, params, metrics, pd.DataFrame(index=pd.Index([], name="run")))


def made_epochs(runs: Sequence[str], classes: Sequence[str], epochs: int = 5) -> pd.DataFrame:
    """Return recalls that rise by epoch."""
    rows = [
        (run, f"recall/{name}", epoch, (epoch + k) / (epochs + len(classes)))
        for run in runs
        for k, name in enumerate(classes)
        for epoch in range(1, epochs + 1)
    ]
    return pd.DataFrame(rows, columns=["run", "key", "epoch", "value"])
