"""What is read of runs in MLflow, whichever way: long tables, and the keys that are wanted."""

from __future__ import annotations

from dataclasses import dataclass, field

TAGS = ("strategy", "model", "dataset", "data_hash", "outcome", "reason", "sweep", "config_hash")
TUNED = "tuned/"  # and the number of a fold: what tuning chose there
PARENT = "mlflow.parentRunId"
PREFIXES = ("test/", "timing/", "rows/")


@dataclass(frozen=True)
class LongTables:
    """What MLflow keeps of runs: a row per run, and rows of (run, key, value) and (run, step, value)."""

    runs: list[tuple[str, str, str, int, str]] = field(default_factory=list)
    tags: list[tuple[str, str, str]] = field(default_factory=list)
    params: list[tuple[str, str, str]] = field(default_factory=list)
    metrics: list[tuple[str, str, float]] = field(default_factory=list)
    folds: list[tuple[str, int, float]] = field(default_factory=list)


def is_wanted(key: str, metric: str) -> bool:
    """Whether a metric of a run is read where `metric` is compared."""
    return key.startswith(PREFIXES) or key in interval_keys(metric)


def interval_keys(metric: str) -> tuple[str, str]:
    """Return the keys of the interval of a metric."""
    return f"test_interval/low/{metric}", f"test_interval/high/{metric}"


def validation_figure(key: str) -> str | None:
    """Return the figure of a metric of validation rows, by epoch; None for another metric.

    >>> validation_figure("fold_2/val/recall/a"), validation_figure("val/loss"), validation_figure("train/loss")
    ('recall/a', 'loss', None)
    """
    first, _, rest = key.partition("/")
    if first.startswith("fold_") and first.removeprefix("fold_").isdecimal():
        first, _, rest = rest.partition("/")
    return rest if first == "val" and rest else None
