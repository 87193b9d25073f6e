"""Run tables made by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pandas as pd

from imbalance_lab.runs.table import RunTable
from tests.comparison.tables import run, table

Cells = Mapping[tuple[str, str, str], Sequence[float]]


def made(
    cells: Cells, classes: Sequence[str] = ("rare", "common"), skipped: Sequence[str] = (), links: bool = False
) -> RunTable:
    """Return runs with the given balanced accuracies: of each dataset, model and strategy one for each seed."""
    rows = [
        run(
            strategy,
            seed,
            float(value),
            dataset=dataset,
            data_hash=dataset,
            model=model,
            metrics=logged(value, classes),
        )
        for (dataset, model, strategy), values in cells.items()
        for seed, value in enumerate(values)
    ]
    rows += [run(name, 0, outcome="skipped", reason="<b>cannot</b> be trained", dataset="a") for name in skipped]
    found = table(rows)
    if not links:
        return found
    address = "http://localhost:5000/#/experiments/1/runs/"
    return replace(found, runs=found.runs.assign(link=[address + run for run in found.runs.index]))


def logged(value: float, classes: Sequence[str]) -> dict[str, float]:
    """Return what a run of this balanced accuracy logs beside it."""
    recalls = {f"recall/{name}": value - 0.01 * k for k, name in enumerate(classes)}
    return {"ece": (1 - value) / 3} | recalls | {f"support/{name}": 5.0 + k for k, name in enumerate(classes)}


def made_epochs(runs: Sequence[str], classes: Sequence[str], epochs: int = 5) -> pd.DataFrame:
    """Return recalls that rise by epoch."""
    rows = [
        (run, f"recall/{name}", epoch, (epoch + k) / (epochs + len(classes)))
        for run in runs
        for k, name in enumerate(classes)
        for epoch in range(1, epochs + 1)
    ]
    return pd.DataFrame(rows, columns=["run", "key", "epoch", "value"])
