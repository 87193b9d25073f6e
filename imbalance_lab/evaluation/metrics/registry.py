"""The metrics there are, and how they are found by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType

import numpy as np

from imbalance_lab.errors import ConfigError
from imbalance_lab.evaluation.metrics.aliases import did_you_mean
from imbalance_lab.evaluation.metrics.base import (
    AMOUNT,
    CORRECTED,
    CORRELATION,
    HEADLINE,
    METRICS,
    SHARE,
    Metric,
    Place,
)
from imbalance_lab.evaluation.metrics.curves import calibration_intercept, calibration_slope, h_measure
from imbalance_lab.evaluation.metrics.of_classes import g_mean, kappa, macro_f1, mcc
from imbalance_lab.evaluation.metrics.of_scores import (
    average_precision,
    brier,
    ece,
    log_loss,
    mean_over_classes,
    of_the_second_or_mean,
)
from imbalance_lab.evaluation.metrics.operating import (
    expected_cost,
    net_benefit,
    precision_at_recall,
    precision_at_top,
    recall_at_precision,
    recall_at_top,
)

# In the order in which they are logged and shown.
_ENTRIES = (
    Metric("recall", needs="confusion", bounds=SHARE, by_class=lambda c: c.recall),
    Metric("precision", needs="confusion", bounds=SHARE, by_class=lambda c: c.precision),
    Metric("f1", needs="confusion", bounds=SHARE, heading="F1", by_class=lambda c: c.f1),
    Metric("support", needs="confusion", bounds=AMOUNT, by_class=lambda c: c.support),
    Metric(
        "balanced_accuracy",
        lambda c: c.present_recall.mean(axis=-1),
        "confusion",
        bounds=SHARE,
        heading="balanced accuracy",
        per_hit=lambda support: np.where(support > 0, 1 / (np.count_nonzero(support) * np.maximum(support, 1)), 0),
        shown=("comparison",),
    ),
    Metric(
        "worst_class_recall",
        lambda c: c.present_recall.min(axis=-1),
        "confusion",
        bounds=SHARE,
        heading="worst recall",
        shown=("screen", "comparison", "report"),
    ),
    Metric(
        "macro_f1", macro_f1, "confusion", bounds=SHARE, heading="macro-F1", shown=("screen", "comparison", "report")
    ),
    Metric(
        "g_mean",
        g_mean,
        "confusion",
        bounds=SHARE,
        heading="G-mean",
        # Of rules that all miss some class, the one that misses fewer is nearer to a rule that misses none.
        objective=lambda c: g_mean(c, smallest=1e-300),
        shown=("screen",),
    ),
    Metric(
        "accuracy",
        lambda c: c.hits.sum(axis=-1) / c.rows,
        "confusion",
        bounds=SHARE,
        per_hit=lambda support: np.full(len(support), 1 / support.sum()),
    ),
    Metric("mcc", mcc, "confusion", bounds=CORRELATION, heading="MCC", shown=("screen",)),
    Metric("kappa", kappa, "confusion", bounds=CORRELATION),
    Metric(
        "roc_auc",
        lambda s: mean_over_classes(s.roc_auc),
        "scores",
        bounds=SHARE,
        heading="ROC-AUC",
        by_class=lambda s: s.roc_auc,
        shown=("screen",),
    ),
    Metric(
        "average_precision",
        average_precision,
        "scores",
        bounds=SHARE,
        heading="average precision",
        by_class=lambda s: s.average_precision,
    ),
    Metric(
        "log_loss",
        log_loss,
        "probabilities",
        larger_is_better=False,
        bounds=AMOUNT,
        heading="log loss",
        shown=("screen", "comparison"),
    ),
    Metric(
        "brier",
        brier,
        "probabilities",
        larger_is_better=False,
        bounds=(0.0, 2.0),
        heading="Brier score",
        shown=("comparison",),
    ),
    Metric(
        "ece",
        ece,
        "probabilities",
        larger_is_better=False,
        bounds=SHARE,
        heading="ECE",
        shown=("screen", "comparison", "report"),
    ),
    Metric(
        "exact_match",
        lambda p: (p.y == p.predicted).all(axis=1).mean(),
        "labels",
        bounds=SHARE,
        heading="exact match",
    ),
    Metric("never_predicted", needs="run", larger_is_better=False, bounds=AMOUNT, heading="classes never predicted"),
    Metric("rows", needs="run", bounds=AMOUNT),
    Metric("timing", needs="run", larger_is_better=False, bounds=AMOUNT),
    Metric(
        "timing/fit",
        needs="run",
        larger_is_better=False,
        bounds=AMOUNT,
        heading="fit (s)",
        shown=("comparison", "report"),
    ),
)
METRICS.update({metric.name: metric for metric in _ENTRIES})


# Computed only where they are asked for (`Evaluation.metrics`, `Evaluation.costs`), as they take longer than others.
_ON_REQUEST = (
    Metric(
        "h_measure",
        lambda s: of_the_second_or_mean(h_measure(s)),
        "scores",
        bounds=SHARE,
        heading="H-measure",
        by_class=h_measure,
        shown=("screen",),
    ),
    Metric(
        "calibration_slope",
        lambda s: of_the_second_or_mean(calibration_slope(s)),
        "probabilities",
        best=1.0,
        heading="calibration slope",
        by_class=calibration_slope,
        shown=("screen",),
    ),
    Metric(
        "calibration_intercept",
        lambda s: of_the_second_or_mean(calibration_intercept(s)),
        "probabilities",
        best=0.0,
        heading="calibration intercept",
        by_class=calibration_intercept,
        shown=("screen",),
    ),
    expected_cost(1 - np.eye(2)),  # what is known of it whatever the costs
)
ON_REQUEST: Mapping[str, Metric] = MappingProxyType({metric.name: metric for metric in _ON_REQUEST})
# Made for the setting that follows in the name, as in ``recall_at_precision_0.9``.
FAMILIES: Mapping[str, Callable[[str], Metric]] = MappingProxyType(
    {
        "recall_at_precision": recall_at_precision,
        "precision_at_recall": precision_at_recall,
        "precision_at_top": precision_at_top,
        "recall_at_top": recall_at_top,
        "net_benefit": net_benefit,
    }
)

# What sets a threshold by a metric that no threshold changes.
DECIDED_BY: Mapping[str | None, str] = MappingProxyType(
    {
        "recall_at_precision": "max_recall_at_precision",
        "precision_at_recall": "max_precision_at_recall",
        "precision_at_top": "budget",
        "recall_at_top": "budget",
        "net_benefit": "fixed_threshold",
    }
)


def named(name: str) -> Metric:
    """Return a metric that is computed on request, by its name.

    Raises
    ------
    ConfigError
        If there is none, it is computed in any case, or its setting makes no sense.

    Examples
    --------
    >>> named("recall_at_precision_0.9"), named("precision_at_top_5pct")
    (Metric('recall_at_precision_0.9'), Metric('precision_at_top_5pct'))
    """
    if name in METRICS:
        raise ConfigError(f"{name} is computed in any case; leave it out")
    if name == "expected_cost":
        raise ConfigError("expected_cost needs the costs: evaluation.costs={truth: {predicted: cost}} computes it")
    if name in ON_REQUEST:
        return ON_REQUEST[name]
    family = _family(name)
    if family is None:
        known = [*(f"{head}_..." for head in FAMILIES), *(key for key in ON_REQUEST if key != "expected_cost")]
        near = did_you_mean(name, [*known, *METRICS])
        raise ConfigError(f"there is no metric {name}{near}; on request there are {', '.join(known)}")
    return FAMILIES[family](name.removeprefix(family).removeprefix("_"))


def find(key: str) -> Metric | None:
    """Return the metric behind a logged key, None for one that is not in the registry.

    Parameters
    ----------
    key : str
        ``<name>``, ``<name>_corrected``, ``<name>/<class>`` or ``<name>/<label>``.

    Examples
    --------
    >>> find("recall/rare").name, find("brier_corrected").name, find("nonsense")
    ('recall', 'brier', None)
    >>> find("net_benefit_0.1_corrected").name, find("recall_at_precision_0.9/rare").name
    ('net_benefit_0.1', 'recall_at_precision_0.9')
    """
    head = key.split("/")[0].removesuffix(CORRECTED)
    found = METRICS.get(key) or METRICS.get(head) or ON_REQUEST.get(head)
    if found is None and _family(head) is not None:
        try:
            return named(head)
        except ConfigError:
            return None
    return found


def _family(name: str) -> str | None:
    return next((family for family in FAMILIES if name == family or name.startswith(f"{family}_")), None)


def heading_of(key: str) -> str:
    """Return what tables and figures show for a logged key.

    >>> heading_of("worst_class_recall"), heading_of("recall/rare")
    ('worst recall', 'recall/rare')
    """
    metric = None if ("/" in key and key not in METRICS) or key.endswith(CORRECTED) else find(key)
    return metric.heading or key if metric else key


def shown_at(place: Place, logged: Iterable[str] = ()) -> list[str]:
    """Return the metrics that are shown at a place, those on request if they are among the `logged` ones.

    >>> shown_at("report")
    ['worst_class_recall', 'macro_f1', 'ece', 'timing/fit']
    >>> shown_at("report", ["net_benefit_0.1", "h_measure"]) == shown_at("report")
    True
    """
    on_request = {key: find(key) for key in logged if key not in METRICS and "/" not in key}
    asked_for = [metric for key, metric in on_request.items() if metric is not None and metric.name == key]
    return [metric.name for metric in (*METRICS.values(), *asked_for) if place in metric.shown]


def watchable(name: str, own: Sequence[Metric] = (), setting: str = "training.metric") -> Metric:
    """Return a metric that early stopping can watch, or tuning go by: one of this registry or of `own`, by its name.

    Raises
    ------
    ConfigError
        If there is none, or it has no value for one task of which the larger or the smaller is better.
    """
    metric = {**METRICS, **{metric.name: metric for metric in own}}.get(name) or named(name)
    if metric.function is None or metric.needs in ("labels", "run") or metric.best is not None:
        raise ConfigError(
            f"{setting}={name} has no value for the predictions of one task of which the larger or smaller is "
            f"better; use {HEADLINE}, macro_f1, average_precision, log_loss, ..."
        )
    return metric


def tunable(name: str, own: Sequence[Metric] = ()) -> Metric:
    """Return a metric that thresholds can be tuned on, by its name: one of `METRICS` or of `own`.

    Raises
    ------
    ConfigError
        If it is none that depends on the predicted classes alone.
    """
    found = {metric.name: metric for metric in (*METRICS.values(), *own) if metric.tunable}
    if name in found:
        return found[name]
    if name == "expected_cost":
        raise ConfigError("decision.metric=expected_cost needs the costs: evaluation.costs={truth: {predicted: cost}}")
    if find(name) is not None and _family(name) in DECIDED_BY:
        raise ConfigError(
            f"decision.metric={name} is the same whatever is decided; decision={DECIDED_BY[str(_family(name))]} sets "
            "the threshold by it"
        )
    wrong = f"decision.metric={name} is no metric of the predicted classes"
    raise ConfigError(f"{wrong}{did_you_mean(name, found)}; it can be {', '.join(found)}")
