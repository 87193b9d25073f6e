"""What there is to know of a metric."""

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
        Under which it is logged, as ``test/<name>``; letters, digits, ``_`` and ``.``.
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
    best : float, optional
        The best value of a metric of which neither the largest nor the smallest is.
    bounds : tuple of float
        The smallest and largest value there can be.
    heading : str
        What tables and figures show; by default the name.
    by_class : callable, optional
        Value of each class, shape (C,), logged as ``test/<name>/<class>``; takes what `function` takes.
    per_hit : callable, optional
        Of a metric that is a sum over rows that are right: what such a row of each class adds, shape (C,), from
        `support` (C,). Thresholds are then tuned in a time that does not depend on the number of classes.
    per_row : callable, optional
        Of a metric that is a sum over rows: what a row of each class adds where it is predicted as each class, shape
        (C, C), truth in rows, from `support` (C,). It makes tuning as fast.
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
    best: float | None = None
    bounds: tuple[float, float] = (-inf, inf)
    heading: str = ""
    by_class: Callable[[Any], np.ndarray] | None = None
    per_hit: Callable[[np.ndarray], np.ndarray] | None = None
    per_row: Callable[[np.ndarray], np.ndarray] | None = None
    objective: Callable[[Confusion], Any] | None = None
    shown: Sequence[Place] = ()

    def __post_init__(self) -> None:
        if not re.fullmatch(r"\w[\w.]*(/\w+)?", self.name, re.ASCII):
            raise ConfigError(f"a metric's name has letters, digits, _ and . only, not '{self.name}'")
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
    def built_in(self) -> bool:
        """Whether its function is one of this package."""
        return str(getattr(self.function or self.by_class, "__module__", "")).startswith("imbalance_lab.evaluation.")

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


# Every metric by its name, in the order in which they are logged and shown; `registry` fills it.
METRICS: dict[str, Metric] = {}
