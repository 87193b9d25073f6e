"""A run in MLflow's own terms: its description, its dataset, who made it."""

from __future__ import annotations

import getpass
import json
from collections.abc import Iterator, Mapping
from typing import Any

from mlflow.entities import Dataset as MlflowDataset
from mlflow.entities import DatasetInput, InputTag


def note(record: Mapping[str, Any]) -> str:
    """Return the run's description in the UI: its result in Markdown."""
    interval = record["intervals"]["balanced_accuracy"]
    lines = [
        f"**balanced accuracy {record['metrics']['balanced_accuracy']:.3f}** "
        f"({interval['low']:.3f} to {interval['high']:.3f}), {len(record['folds'])} fold(s)",
        "",
        "| class | training rows | after sampling | weight | offset | recall | interval | test rows |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, row in list(record["classes"].items())[:50]:
        recall = "- | -" if row["recall"] is None else f"{row['recall']:.3f} | {row['low']:.3f} to {row['high']:.3f}"
        offset = "-" if row.get("offset") is None else f"{row['offset']:.3f}"
        sizes = f"{row['train_rows']:g} | {row['sampled_rows']:g} | {row['weight']:.3g} | {offset}"
        lines.append(f"| {name} | {sizes} | {recall} | {row['support']:g} |")
    return "\n".join([*lines, "", *_thresholds(record), *(f"Note: {text}" for text in record["warnings"])])


def _thresholds(record: Mapping[str, Any]) -> Iterator[str]:
    """Yield from which probability the second class of two is decided for, of each label and fold."""
    for fold, result in enumerate(record["folds"]):
        for rule in result.get("decision", ()):
            if "threshold" in rule:
                where = f", fold {fold}" if len(record["folds"]) > 1 else ""
                yield f"Decision{where}: {list(rule['offsets'])[-1]} from a probability of {rule['threshold']:.3f}"


def user() -> str:
    """Return the name of who makes the run."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"


def dataset_input(dataset: Mapping[str, Any]) -> DatasetInput:
    """Return the dataset as an input of the run."""
    entity = MlflowDataset(
        name=dataset["name"],
        digest=dataset["hash"],
        source_type="imbalance_lab",
        source=dataset["name"],
        profile=json.dumps(
            {"rows": sum(dataset["classes"].values()), "classes": dict(list(dataset["classes"].items())[:50])}
        ),
    )
    return DatasetInput(entity, [InputTag("mlflow.data.context", "training")])
