"""What is compared, against what, and how sure one wants to be."""

from __future__ import annotations

from dataclasses import field
from math import inf
from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from imbalance_lab.fields import STRICT

LOWER_IS_BETTER = ("log_loss", "brier", "ece", "never_predicted", "timing")
NO_SHARE = ("log_loss", "brier", "mcc", "kappa", "never_predicted", "timing")


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
    """

    metric: str = "balanced_accuracy"
    baseline: str = "none"
    control: str = "tuned_threshold"
    by: list[str] = field(default_factory=lambda: ["dataset", "model"])
    rope: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.01
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    power: Annotated[float, Field(gt=0, lt=1)] = 0.8

    @property
    def sign(self) -> int:
        """1 where a larger metric is better, -1 where a smaller one is."""
        return -1 if self._kind in LOWER_IS_BETTER else 1

    @property
    def bounds(self) -> tuple[float, float]:
        """Between what values the metric lies: most are shares."""
        return (-inf, inf) if self._kind in NO_SHARE else (0.0, 1.0)

    @property
    def _kind(self) -> str:
        return self.metric.split("/")[0].removesuffix("_corrected")
