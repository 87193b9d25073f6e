"""What a run is in MLflow: its parameters, tags and metrics, whoever sends them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from imbalance_lab.options import leaves
from imbalance_lab.runs.history import KEPT, PREFIX
from imbalance_lab.runs.identity import Identity
from imbalance_lab.runs.reading import tuned_of
from imbalance_lab.tracking.batches import MAX_TAG_LENGTH, Batches
from imbalance_lab.tracking.entities import note, user
from imbalance_lab.tracking.keys import unique_keys
from imbalance_lab.tracking.long import TUNED

KEPT_EPOCH = f"{PREFIX}{KEPT}"
NO_FIGURES = ("val/predicted_count/", KEPT)


def first_tags(identity: Identity, more: Mapping[str, str]) -> dict[str, str]:
    """Return the tags a run is created with."""
    tags = {"mlflow.user": user(), "mlflow.source.name": "imbalance_lab", "mlflow.source.type": "LOCAL", **more}
    tags |= {key: text for key, text in identity.tags.items() if text}
    return {key: text[:MAX_TAG_LENGTH] for key, text in tags.items()}


def add_settings(batches: Batches, identity: Identity, config: Mapping[str, Any]) -> None:
    """Add a run's parameters."""
    named = [("run", identity.name), ("strategy", identity.strategy), ("model", identity.model)]
    batches.params([*named, *leaves(config)])


def add_description(batches: Batches, tags: Mapping[str, str], dataset: Mapping[str, Any], max_classes: int) -> None:
    """Add tags, and fix for which classes metrics are logged: at most so many, the rarest first."""
    rare_first = sorted(dataset["classes"], key=dataset["classes"].get)
    batches.keys = unique_keys(dataset["classes"], kept=rare_first[:max_classes])
    if commit := tags.get("git_commit"):
        tags = {**tags, "mlflow.source.git.commit": commit.removesuffix("-dirty")}
    batches.tags(tags)


def add_epoch(batches: Batches, fold: int | None, epoch: int, metrics: Mapping[str, float]) -> None:
    """Add an epoch's metrics; `fold` is None where there is one."""
    batches.metrics("" if fold is None else f"fold_{fold}/", metrics, epoch)


def add_epochs(batches: Batches, epochs: pd.DataFrame | None, several: bool) -> None:
    """Add all epochs of a record."""
    for row in [] if epochs is None else epochs.to_dict("records"):
        fold, epoch = int(row.pop("fold")), int(row.pop("epoch"))
        shown = {str(key): value for key, value in row.items() if not str(key).startswith(NO_FIGURES)}
        add_epoch(batches, fold if several else None, epoch, shown)


def add_record(batches: Batches, record: Mapping[str, Any]) -> None:
    """Add what a run has come to."""
    folds = record["folds"]
    whole = {key: value for key, value in record["metrics"].items() if key.startswith(("timing/", "rows/"))}
    batches.metrics("", whole)
    batches.metrics("test/", {key: value for key, value in record["metrics"].items() if key not in whole})
    batches.metrics("test_std/", record["deviations"])
    for name, interval in record["intervals"].items():
        batches.metrics("", {f"test_interval/{end}/{name}": value for end, value in interval.items()})
    if len(folds) > 1:
        for fold, result in enumerate(folds):
            batches.metrics("test_fold/", result["metrics"], fold)
    for fold, result in enumerate(folds):
        prefix = f"fold_{fold}/" if len(folds) > 1 else ""
        for epoch in result.get("kept_epochs", ()):
            batches.metrics(prefix, {KEPT_EPOCH: 1.0}, epoch)
    batches.tags({"outcome": "finished", "mlflow.note.content": note(record)})
    batches.tags({"warnings": "\n".join(record["warnings"]), "never_predicted": ", ".join(record["never_predicted"])})
    batches.tags({f"{TUNED}{fold}": text for fold, text in enumerate(tuned_of(record))})
