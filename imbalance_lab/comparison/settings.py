"""What is compared, against what, and how sure one wants to be."""

from __future__ import annotations

from dataclasses import field
from math import inf
from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from imbalance_lab.errors import ConfigError
from imbalance_lab.evaluation.metrics import HEADLINE, find
from imbalance_lab.fields import STRICT


@dataclass(frozen=True, config=STRICT)
class Settings:
    """Settings of a comparison.

    Parameters
    ----------
    metric : str
        Any metric of the test rows that runs log, as ``macro_f1`` or ``recall/<class>``.
    baseline : str
        The strategy that the others are held against.
    control : str
        The strategy that every other must beat to be worth its trouble: thresholds tuned on validation rows.
    by : list of str
        What is never put together: each combination gets a table of its own. Without ``model`` the models of a dataset
        compete with each other, as ``<strategy> <model>``.
    rope : float
        Half the width of the region of practical equivalence: smaller differences do not matter.
    confidence : float
        Of intervals and verdicts.
    power : float
        Probability with which the number of further runs would settle a difference as large as the one seen.
    larger_is_better : bool, optional
        Of a metric of one's own; the direction of a built-in one is known.
    """

    metric: str = HEADLINE
    baseline: str = "none"
    control: str = "tuned_threshold"
    by: list[str] = field(default_factory=lambda: ["dataset", "model"])
    rope: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.01
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    power: Annotated[float, Field(gt=0, lt=1)] = 0.8
    larger_is_better: bool | None = None

    @property
    def sign(self) -> int:
        """1 where a larger metric is better, -1 where a smaller one is.

        Raises
        ------
        ConfigError
            If that is not known, or not as the metric has it.
        """
        metric = find(self.metric)
        if metric is None and self.larger_is_better is None:
            raise ConfigError(
                f"{self.metric} is not a built-in metric; larger_is_better=true or larger_is_better=false gives its "
                "direction"
            )
        if metric is not None and self.larger_is_better not in (None, metric.larger_is_better):
            better = "larger" if metric.larger_is_better else "smaller"
            raise ConfigError(f"of {self.metric} the {better} value is better; leave out larger_is_better=")
        if metric is not None and metric.best is not None:
            raise ConfigError(
                f"{self.metric} is best at {metric.best:g}: neither the larger nor the smaller value is better; "
                "compare by metric=log_loss, brier or ece"
            )
        return 1 if (self.larger_is_better if metric is None else metric.larger_is_better) else -1

    @property
    def bounds(self) -> tuple[float, float]:
        """The smallest and largest value that the metric can have."""
        metric = find(self.metric)
        return (-inf, inf) if metric is None else metric.bounds
