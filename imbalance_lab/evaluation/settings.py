"""What is computed of the test predictions."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, InstanceOf, StrictBool
from pydantic.dataclasses import dataclass

from imbalance_lab.evaluation.metrics import CORRECTED, Metric, find
from imbalance_lab.fields import STRICT, Positive


def _check_metrics(given: Any) -> tuple[Metric, ...]:
    """Refuse metrics of one's own that are none, or that share a name."""
    if not isinstance(given, list | tuple):
        raise ValueError("must be a list, as in [{_target_: mymodule.my_metric}]")
    for metric in given:
        if not isinstance(metric, Metric):
            raise ValueError(f"each _target_ must return a Metric, and one returned {type(metric).__name__}")
        if metric.function is None and metric.by_class is None:
            raise ValueError(f"'{metric.name}' has neither a function nor values by class")
        if find(metric.name) is not None or metric.name.endswith(CORRECTED) or "/" in metric.name:
            raise ValueError(f"'{metric.name}' is the name of a built-in metric, or looks like one; choose another")
    if repeated := [name for name, count in Counter(metric.name for metric in given).items() if count > 1]:
        raise ValueError(f"two metrics have the name '{repeated[0]}'")
    return tuple(given)


@dataclass(frozen=True, config=STRICT)
class Evaluation:
    """What is computed of the test predictions.

    Parameters
    ----------
    confidence : float
        Level of the bootstrap intervals, between 0 and 1.
    resamples : int
        Bootstrap resamples.
    calibration_bins : int
        Bins of the expected calibration error.
    metrics : sequence of Metric
        Metrics beside the built-in ones.
    figures : bool
        Whether figures are drawn.
    """

    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.95
    resamples: Positive = 2000
    calibration_bins: Positive = 15
    metrics: Annotated[tuple[InstanceOf[Metric], ...], BeforeValidator(_check_metrics)] = ()
    figures: StrictBool = True
