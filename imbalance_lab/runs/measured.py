"""What a saved model says of how well it does, from the record of its run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def measured_of(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return of what ``record.json`` holds what a saved model says of how well it does."""
    return {
        "by": "the run",
        "test_rows": int(sum(row["support"] for row in record["classes"].values())),
        "folds": len(record["folds"]),
        "metrics": record["metrics"],
        "intervals": record["intervals"],
        "confidence": record["identity"]["config"]["evaluation"]["confidence"],
        "warnings": record["warnings"],
        **({"tuning": record["tuning"]} if record.get("tuning") else {}),
    }
