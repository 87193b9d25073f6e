"""The metrics there are, and how they are found by name."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from imbalance_lab.errors import ConfigError
from imbalance_lab.evaluation.metrics.base import AMOUNT, CORRECTED, CORRELATION, METRICS, SHARE, Metric, Place
from imbalance_lab.evaluation.metrics.of_classes import g_mean, kappa, macro_f1, mcc
from imbalance_lab.evaluation.metrics.of_scores import average_precision, brier, ece, log_loss, mean_over_classes

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


def find(key: str) -> Metric | None:
    """Return the metric behind a logged key, None for one that is not in `METRICS`.

    Parameters
    ----------
    key : str
        ``<name>``, ``<name>_corrected``, ``<name>/<class>`` or ``<name>/<label>``.

    Examples
    --------
    >>> find("recall/rare").name, find("brier_corrected").name, find("nonsense")
    ('recall', 'brier', None)
    """
    return METRICS.get(key) or METRICS.get(key.split("/")[0].removesuffix(CORRECTED))


def heading_of(key: str) -> str:
    """Return what tables and figures show for a logged key.

    >>> heading_of("worst_class_recall"), heading_of("recall/rare")
    ('worst recall', 'recall/rare')
    """
    metric = METRICS.get(key)
    return metric.heading or key if metric else key


def shown_at(place: Place) -> list[str]:
    """Return the metrics that are shown at a place.

    >>> shown_at("report")
    ['worst_class_recall', 'macro_f1', 'ece', 'timing/fit']
    """
    return [metric.name for metric in METRICS.values() if place in metric.shown]


def tunable(name: str, own: Sequence[Metric] = ()) -> Metric:
    """Return a metric that thresholds can be tuned on, by its name: one of `METRICS` or of `own`.

    Raises
    ------
    ConfigError
        If it is none that depends on the predicted classes alone.
    """
    found = {metric.name: metric for metric in (*METRICS.values(), *own) if metric.tunable}
    if name not in found:
        raise ConfigError(f"decision.metric={name} is no metric of the predicted classes; it can be {', '.join(found)}")
    return found[name]
