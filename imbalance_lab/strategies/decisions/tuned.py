"""Thresholds that are best for a metric."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from pydantic import InstanceOf
from pydantic.dataclasses import dataclass

from imbalance_lab.data.rows import Priors
from imbalance_lab.evaluation.metrics import HEADLINE, Metric, tunable
from imbalance_lab.fields import STRICT
from imbalance_lab.strategies.decisions.base import Decision
from imbalance_lab.strategies.offsets import best_offsets
from imbalance_lab.strategies.rules import OffsetRule, Rule


@dataclass(frozen=True, config=STRICT)
class TunedThreshold(Decision):
    """Offsets on the log-probabilities, the best for a metric on validation rows; of two classes, a threshold.

    Parameters
    ----------
    metric : str or Metric
        One of the predicted classes, as ``macro_f1``; of those of one's own by the name that `Evaluation.metrics` has.
    """

    metric: str | InstanceOf[Metric] = HEADLINE

    needs_validation = True

    def with_metrics(self, metrics: Sequence[Metric]) -> TunedThreshold:
        """Return the decision with its metric looked up.

        Raises
        ------
        ConfigError
            If it is none that depends on the predicted classes alone.
        """
        return replace(self, metric=tunable(self.metric, metrics)) if isinstance(self.metric, str) else self

    def fit(self, log_proba: np.ndarray, y: np.ndarray, priors: Priors) -> Rule:
        """Fit offsets on validation scores `log_proba` (n, C) and classes `y` (n,)."""
        metric = tunable(self.metric) if isinstance(self.metric, str) else self.metric
        return OffsetRule(best_offsets(log_proba, y, metric))
