"""Every metric is one entry of `METRICS`: name, function, direction, bounds, heading.

Evaluation, threshold tuning, comparison, reports and the terminal read the entries. **To add a metric, add an entry.**
Those that are not computed in every run are asked for by name, their setting at its end::

    python -m imbalance_lab 'evaluation.metrics=[recall_at_precision_0.9, h_measure]'

One that belongs to a single study needs no entry: a function that returns a `Metric` is enough, named by ``_target_``::

    # mymodule.py
    from sklearn.metrics import fbeta_score
    from imbalance_lab.evaluation.metrics import Metric

    def f2():
        return Metric("f2", lambda scores: fbeta_score(scores.y, scores.predicted, beta=2, average="macro"))

    python -m imbalance_lab 'evaluation.metrics=[{_target_: mymodule.f2}]' decision=tuned_threshold decision.metric=f2
"""

from imbalance_lab.evaluation.metrics.base import CORRECTED, HEADLINE, METRICS, Metric
from imbalance_lab.evaluation.metrics.of_scores import mean_over_classes
from imbalance_lab.evaluation.metrics.operating import expected_cost
from imbalance_lab.evaluation.metrics.registry import find, heading_of, named, shown_at, tunable, watchable

__all__ = [
    "CORRECTED",
    "HEADLINE",
    "METRICS",
    "Metric",
    "expected_cost",
    "find",
    "heading_of",
    "mean_over_classes",
    "named",
    "shown_at",
    "tunable",
    "watchable",
]
