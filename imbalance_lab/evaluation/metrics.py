"""Every metric is one entry of `METRICS`: name, function, direction, bounds, heading.

Evaluation, threshold tuning, comparison, reports and the terminal read the entries. **To add a metric, add an entry.**
One that belongs to a single study needs no entry: a function that returns a `Metric` is enough, named by ``_target_``::

    # mymodule.py
    from sklearn.metrics import fbeta_score
    from imbalance_lab.evaluation.metrics import Metric

    def f2():
        return Metric("f2", lambda scores: fbeta_score(scores.y, scores.predicted, beta=2, average="macro"))

    python -m imbalance_lab 'evaluation.metrics=[{_target_: mymodule.f2}]' decision=tuned_threshold decision.metric=f2
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any, Literal, get_args

import numpy as np

from imbalance_lab.errors import ConfigError
from imbalance_lab.evaluation.predictions import Predictions
from imbalance_lab.evaluation.scores import Confusion, Scores

# What a run is summed up by, and the default of tuning, early stopping and comparing.
HEADLINE = "balanced_accuracy"
CORRECTED = "_corrected"

Needs = Literal["confusion", "classes", "scores", "probabilities", "labels", "run"]
Place = Literal["screen", "comparison", "report"]

SHARE = (0.0, 1.0)
CORRELATION = (-1.0, 1.0)
AMOUNT = (0.0, inf)


@dataclass(frozen=True, repr=False)
class Metric:
    """What there is to know of a metric.

    Parameters
    ----------
    name : str
        Under which it is logged, as ``test/<name>``; letters, digits and ``_``.
    function : callable or None
        Its value for one task; what it takes depends on `needs`. None if it has values by class only, or is not
        computed from predictions.
    needs : str
        ``classes``: the predicted classes; `function` takes `Scores`, of which it uses ``y`` and ``predicted``.
        ``confusion``: the same, but `function` takes `Confusion` and keeps its leading axes; thresholds are tuned on it
        much faster. ``scores``: also what classes are ranked by. ``probabilities``: `Scores` whose ``log_proba`` are
        log-probabilities; left out for models that give none. ``labels``: `Predictions` of several labels. ``run``:
        logged with a run, but not computed from predictions.
    larger_is_better : bool
    bounds : tuple of float
        The smallest and largest value there can be.
    heading : str
        What tables and figures show; by default the name.
    by_class : callable, optional
        Value of each class, shape (C,), logged as ``test/<name>/<class>``; takes what `function` takes.
    per_hit : callable, optional
        Of a metric that is a sum over rows that are right: what such a row of each class adds, shape (C,), from
        `support` (C,). Thresholds are then tuned in a time that does not depend on the number of classes.
    objective : callable, optional
        What tuning thresholds maximises in place of `function`.
    shown : sequence of str
        ``screen``: in the line below a run's result. ``comparison``: beside the metric that is compared. ``report``:
        as a column of its tables, too.

    Raises
    ------
    ConfigError
        If the name has other characters, or `needs` is none of these.

    Examples
    --------
    >>> metric = Metric("errors", lambda scores: (scores.y != scores.predicted).sum(), larger_is_better=False)
    >>> metric(Scores(np.array([0, 1]), np.array([0, 0]), np.log([[0.9, 0.1], [0.6, 0.4]])))
    1.0
    """

    name: str
    function: Callable[[Any], Any] | None = None
    needs: Needs = "classes"
    larger_is_better: bool = True
    bounds: tuple[float, float] = (-inf, inf)
    heading: str = ""
    by_class: Callable[[Any], np.ndarray] | None = None
    per_hit: Callable[[np.ndarray], np.ndarray] | None = None
    objective: Callable[[Confusion], Any] | None = None
    shown: Sequence[Place] = ()

    def __post_init__(self) -> None:
        if not re.fullmatch(r"\w+(/\w+)?", self.name, re.ASCII):
            raise ConfigError(f"a metric's name has letters, digits and _ only, not '{self.name}'")
        if self.needs not in get_args(Needs):
            raise ConfigError(f"the metric {self.name} needs one of {', '.join(get_args(Needs))}, not '{self.needs}'")

    def __repr__(self) -> str:
        return f"Metric({self.name!r})"

    def __str__(self) -> str:
        return self.name  # stands for it in names and hashes of runs

    @property
    def sign(self) -> int:
        """1 where a larger value is better, -1 where a smaller one is."""
        return 1 if self.larger_is_better else -1

    @property
    def tunable(self) -> bool:
        """Whether thresholds can be tuned on it: it depends on the predicted classes alone."""
        return self.function is not None and self.needs in ("confusion", "classes")

    def __call__(self, scores: Scores | Predictions) -> float:
        """Return the value for one task (of several labels, if it needs them); NaN where it is not defined."""
        return float(self._apply(self.function, self._input(scores), ()))

    def values_by_class(self, scores: Scores) -> np.ndarray:
        """Return the value of each class, shape (C,); NaN where it is not defined."""
        return self._apply(self.by_class, self._input(scores), (scores.log_proba.shape[1],))

    def objective_values(self, confusion: Confusion) -> np.ndarray:
        """Return what tuning maximises, but for its sign, for each of many matrices, shape (...)."""
        return self._apply(self.objective or self.function, confusion, confusion.hits.shape[:-1])

    def _input(self, scores: Scores | Predictions) -> Any:
        return scores.confusion if self.needs == "confusion" and isinstance(scores, Scores) else scores

    def _apply(self, function: Callable[[Any], Any] | None, given: Any, shape: tuple[int, ...]) -> np.ndarray:
        assert function is not None, f"{self.name} has no such values"
        try:
            values = np.asarray(function(given), dtype=float)
            if values.shape != shape:
                raise ValueError(f"its values have shape {values.shape}, not {shape}")
        except Exception as error:
            if METRICS.get(self.name) is self:
                raise
            reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
            raise ConfigError(f"the metric {self.name} cannot be computed: {reason}") from error
        return values


def mean_over_classes(values: np.ndarray) -> float:
    """Return the mean of the values that are not NaN; NaN if there are none."""
    defined = ~np.isnan(values)
    return float(np.where(defined, values, 0).sum() / defined.sum()) if defined.any() else np.nan


def macro_f1(confusion: Confusion) -> np.ndarray:
    """Return the mean F1 of the classes that have rows."""
    # A sum over all classes, absent ones as zeros, and not `mean`: the order of the additions decides the last bit.
    return np.asarray(np.where(confusion.present, confusion.f1, 0).sum(axis=-1) / confusion.present.sum())


def g_mean(confusion: Confusion, smallest: float = 0.0) -> np.ndarray:
    """Return the geometric mean of the recalls, each at least `smallest` (Kubat and Matwin 1997)."""
    with np.errstate(divide="ignore"):  # the logarithm of 0 is what makes the mean 0
        return np.asarray(np.exp(np.log(np.maximum(confusion.present_recall, smallest)).mean(axis=-1)))


def mcc(confusion: Confusion) -> np.ndarray:
    """Return Matthews' correlation coefficient, of several classes Gorodkin's (2004); 0 where it is not defined."""
    n, support, predicted = confusion.rows, confusion.support, confusion.predicted
    others = n - predicted.sum(axis=-1)  # rows predicted as other classes count as one class more
    spread = np.sqrt((n**2 - np.square(predicted).sum(axis=-1) - others**2) * (n**2 - np.square(support).sum()))
    return (confusion.hits.sum(axis=-1) * n - confusion.agreement) / np.where(spread > 0, spread, inf)


def kappa(confusion: Confusion) -> np.ndarray:
    """Return Cohen's kappa (1960); NaN where all rows are, and are predicted as, one class."""
    n, agreement = confusion.rows, confusion.agreement
    possible = n**2 - agreement
    return (confusion.hits.sum(axis=-1) * n - agreement) / np.where(possible > 0, possible, np.nan)


def average_precision(scores: Scores) -> float:
    """Return the average precision of the positive one of two classes, of more classes the mean."""
    values = scores.average_precision
    return float(values[1]) if len(values) == 2 else mean_over_classes(values)


def log_loss(scores: Scores) -> float:
    """Return the mean negative log-probability of the true class."""
    return float(-scores.log_proba[np.arange(len(scores.y)), scores.y].mean())


def brier(scores: Scores) -> float:
    """Return the mean squared error of the positive class's probability, of more classes the sum over classes.

    That is how scikit-learn's `brier_score_loss` scales it.
    """
    p, y = scores.proba, scores.y
    if p.shape[1] == 2:
        return float(np.square(p - np.eye(2)[y])[:, 1].mean())
    return float((np.square(p).sum(axis=1) - 2 * p[np.arange(len(y)), y] + 1).mean())


def ece(scores: Scores) -> float:
    """Return the expected calibration error of the largest probability, in bins of equal width (Guo et al. 2017)."""
    p, y, bins = scores.proba, scores.y, scores.bins
    confidence, right = p.max(axis=1), p.argmax(axis=1) == y
    bin_of = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    gap = np.bincount(bin_of, weights=right, minlength=bins) - np.bincount(bin_of, weights=confidence, minlength=bins)
    return float(np.abs(gap).sum() / len(y))


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
METRICS = {metric.name: metric for metric in _ENTRIES}


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
