"""What is computed of the test predictions."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, InstanceOf, StrictBool
from pydantic.dataclasses import dataclass

from imbalance_lab.errors import ConfigError
from imbalance_lab.evaluation.metrics import CORRECTED, Metric, find, named
from imbalance_lab.fields import STRICT, ByName, Positive


def _check_metrics(given: Any) -> tuple[Metric, ...]:
    """Look up metrics by name; refuse those of one's own that are none, or that share a name."""
    if not isinstance(given, list | tuple):
        raise ValueError("must be a list, as in [h_measure, recall_at_precision_0.9, {_target_: mymodule.my_metric}]")
    found = tuple(_by_name(metric) if isinstance(metric, str) else _own(metric) for metric in given)
    if repeated := [name for name, count in Counter(metric.name for metric in found).items() if count > 1]:
        raise ValueError(f"two metrics have the name '{repeated[0]}'")
    return found


def _by_name(name: str) -> Metric:
    try:
        return named(name)
    except ConfigError as error:
        raise ValueError(str(error)) from error


def _own(metric: Any) -> Metric:
    if not isinstance(metric, Metric):
        raise ValueError(f"each _target_ must return a Metric, and one returned {type(metric).__name__}")
    if metric.function is None and metric.by_class is None:
        raise ValueError(f"'{metric.name}' has neither a function nor values by class")
    if metric.built_in:
        return metric
    if find(metric.name) is not None or metric.name.endswith(CORRECTED) or "/" in metric.name:
        raise ValueError(f"'{metric.name}' is the name of a built-in metric, or looks like one; choose another")
    return metric


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
    metrics : sequence of str or Metric
        Metrics beside those that every run has: by name, or of one's own.
    costs : mapping, optional
        ``{truth: {predicted: cost}}``, other errors costing 1: what the metric ``expected_cost`` goes by, which is
        computed only with them.
    test_prior : dict of class name to share, optional
        Test rows are drawn without replacement so that the classes have these shares, as many as there can be.
    figures : bool
        Whether figures are drawn.
    """

    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.95
    resamples: Positive = 2000
    calibration_bins: Positive = 15
    metrics: Annotated[tuple[InstanceOf[Metric], ...], BeforeValidator(_check_metrics)] = ()
    costs: dict[Any, dict[Any, float]] | None = None
    test_prior: ByName | None = None
    figures: StrictBool = True
