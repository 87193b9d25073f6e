"""Thresholds that are best for a metric."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from pydantic import InstanceOf, StrictBool
from pydantic.dataclasses import dataclass

from imbalance_lab.data.rows import Priors
from imbalance_lab.evaluation.metrics import HEADLINE, Metric, tunable
from imbalance_lab.fields import STRICT
from imbalance_lab.strategies.decisions.base import Tuned
from imbalance_lab.strategies.offsets import best_offsets, takes_shares
from imbalance_lab.strategies.rules import OffsetRule, Rule
from imbalance_lab.strategies.shrinkage import expected_labels


@dataclass(frozen=True, config=STRICT)
class TunedThreshold(Tuned):
    """Offsets on the log-probabilities, the best for a metric on validation rows; of two classes, a threshold.

    Parameters
    ----------
    metric : str or Metric
        One of the predicted classes, as ``macro_f1``; of those of one's own by the name that `Evaluation.metrics` has.
    shrink : bool
        Whether what few rows say is weighed against what the model's own probabilities say (`expected_labels`), so
        that thresholds do not follow the accident of where these rows lie: of balanced accuracy they shrink towards
        those of logit adjustment. False tunes on the rows alone, as does a metric of one's own that is no function of
        the confusion matrix.
    cv : int, optional
        Folds of cross-validated scores of the training rows, on which it is fitted as well; see `Tuned`.
    """

    metric: str | InstanceOf[Metric] = HEADLINE
    shrink: StrictBool = True

    @property
    def on_few_rows(self) -> str:
        """What becomes of it where a class has few rows."""
        return "it mostly follows the model's own probabilities" if self.shrink else super().on_few_rows

    def with_metrics(self, metrics: Sequence[Metric]) -> TunedThreshold:
        """Return the decision with its metric looked up.

        Raises
        ------
        ConfigError
            If it is none that depends on the predicted classes alone.
        """
        return replace(self, metric=tunable(self.metric, metrics)) if isinstance(self.metric, str) else self

    def fit(self, log_proba: np.ndarray, y: np.ndarray, priors: Priors) -> Rule:
        """Fit offsets on scores `log_proba` (n, C) and classes `y` (n,) of rows that the model was not trained on."""
        metric = tunable(self.metric) if isinstance(self.metric, str) else self.metric
        if self.shrink and takes_shares(metric):
            return OffsetRule(best_offsets(log_proba, expected_labels(log_proba, y, priors), metric))
        return OffsetRule(best_offsets(log_proba, y, metric))
