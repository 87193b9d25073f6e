"""Run tables whose truth is known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from imbalance_lab.runs.reading import RUN_COLUMNS, setting_key
from imbalance_lab.runs.table import RunTable, folds_frame, settings_frame

RUN = {
    "experiment": "data", "experiment_id": "1", "outcome": "finished", "reason": None, "sweep": "s", "model": "mlp",
    "dataset": "data", "data_hash": "d0", "config_hash": None, "version": "1", "link": None,
    "tuned": None,
}  # fmt: skip
ROWS = {"rows/train": 60.0, "rows/validation": 20.0, "rows/test": 20.0}


def run(strategy: str, seed: int, value: float | None = None, **about: Any) -> dict[str, Any]:
    """Return a row of a table; `about` may hold columns of the run table, ``folds``, ``settings`` (by dotted
    names) and ``metrics``."""
    return {"strategy": strategy, "seed": seed, "value": value, **about}


def table(rows: Iterable[Mapping[str, Any]], metric: str = "balanced_accuracy") -> RunTable:
    """Return the rows as a table of runs, the later ones started later."""
    runs, settings, metrics, folds = {}, [], {}, []
    for number, row in enumerate(rows):
        key = f"run{number}"
        own = {k: v for k, v in row.items() if k in (*RUN, "strategy")}
        runs[key] = RUN | {"start": number} | own
        runs[key]["name"] = f"{row['strategy']} {runs[key]['model']} seed={row['seed']}"
        runs[key]["seed"] = int(row["seed"])
        own = {"seed": str(row["seed"]), "split.seed": str(row["seed"])} | dict(row.get("settings", {}))
        settings.append({setting_key(name): value for name, value in own.items()})
        folds.append({(metric, fold): value for fold, value in enumerate(row.get("folds", []))})
        value = row["value"] if "folds" not in row else float(np.mean(row["folds"]))
        if value is not None:
            metrics[key] = {metric: value} | ROWS | dict(row.get("metrics", {}))
    index = pd.Index(runs, name="run")
    return RunTable(
        pd.DataFrame.from_dict(runs, orient="index").reindex(index, columns=[*RUN_COLUMNS]),
        settings_frame(settings, index),
        pd.DataFrame.from_dict(metrics, orient="index").reindex(index),
        folds_frame(folds, index),
    )


def grid(values: np.ndarray, strategies: list[str], **about: Any) -> list[dict[str, Any]]:
    """Return rows for values of shape (strategies, seeds)."""
    return [
        run(strategy, seed, float(value), **about)
        for strategy, line in zip(strategies, values, strict=True)
        for seed, value in enumerate(line)
    ]


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
