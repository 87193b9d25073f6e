"""Probabilities moved to other class shares, given or estimated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
from pydantic import model_validator
from pydantic.dataclasses import dataclass

from imbalance_lab.data.rows import Priors, shares
from imbalance_lab.errors import ConfigError
from imbalance_lab.fields import STRICT, ByName
from imbalance_lab.strategies.calibration import fit_scaling
from imbalance_lab.strategies.costs import shares_by_name
from imbalance_lab.strategies.decisions.base import Decision
from imbalance_lab.strategies.decisions.closed import log_effective
from imbalance_lab.strategies.prior_shift import prediction_shares
from imbalance_lab.strategies.rules import OffsetRule, Rule
from imbalance_lab.strategies.transductive import BlackBoxRule, MostLikelyRule


@dataclass(frozen=True, config=STRICT)
class PriorCorrection(Decision):
    """argmax of ``p_k target_k / prior_k``: probabilities under other class shares (Saerens et al. 2002).

    Parameters
    ----------
    target : {"balanced", "natural", "estimate"} or dict of class name to share
        ``natural`` is the prior of the training data, before sampling and weighting. Shares are scaled to sum to 1.
        ``estimate`` takes those of the rows that are decided together, without their classes.
    estimator : {"em", "bcts_em", "bbse"}, optional
        How they are estimated; by default ``bcts_em``. ``em``: the shares of largest likelihood (Saerens et al. 2002).
        ``bcts_em``: the same, of probabilities that validation rows have calibrated (Alexandari et al. 2020).
        ``bbse``: those under which as many rows are predicted as each class as there are, given how validation rows
        are predicted (Lipton et al. 2018); predicted is the class of the largest ``p_k / prior_k``, as rare classes are
        seldom that of the largest ``p_k``.
    """

    target: Literal["balanced", "natural", "estimate"] | ByName | list[float] = "balanced"
    estimator: Literal["em", "bcts_em", "bbse"] | None = None

    @model_validator(mode="after")
    def _check(self) -> PriorCorrection:
        if self.estimator is not None and self.target != "estimate":
            raise ValueError(f"estimator={self.estimator} is for target=estimate")
        return self

    @property
    def needs_validation(self) -> bool:
        """Whether there must be validation rows: to calibrate, or to see how classes are predicted."""
        return self.target == "estimate" and self.estimator != "em"

    @property
    def needs_prior(self) -> bool:
        """Whether it must know which prior the scores carry: calibrated ones carry that of the validation rows."""
        return self.target != "estimate" or self.estimator in ("em", "bbse")

    @property
    def on_few_rows(self) -> str:
        """What becomes of it where a class has few rows."""
        return "the estimated shares follow their noise"

    def for_classes(self, class_names: Sequence[str]) -> PriorCorrection:
        """Return the decision with its target as a list.

        Raises
        ------
        ConfigError
            If there is not one share for each class.
        """
        if isinstance(self.target, str):
            return self
        if isinstance(self.target, list):
            raise ConfigError("decision.target must be balanced, natural, estimate, or {class: share}")
        return replace(self, target=shares_by_name(self.target, class_names, "decision.target"))

    def fit(self, log_proba: np.ndarray, y: np.ndarray, priors: Priors) -> Rule:
        """Return the rule; only an estimate looks at validation scores `log_proba` (n, C) and classes `y` (n,)."""
        if self.target == "estimate":
            return self._estimated(log_proba, y, priors)
        target = {"balanced": np.ones(len(priors.natural)), "natural": priors.natural}.get(str(self.target))
        target = np.array(self.target) if target is None else target
        return OffsetRule(np.log(shares(target)) - log_effective(priors))

    def _estimated(self, log_proba: np.ndarray, y: np.ndarray, priors: Priors) -> Rule:
        if self.estimator == "em":
            assert priors.effective is not None, "refused by the plan"
            return MostLikelyRule(priors.effective, 1.0, np.zeros(len(priors.natural)))
        if self.estimator == "bbse":
            even = -log_effective(priors)
            found = prediction_shares((log_proba + even).argmax(axis=1), y, len(even))
            return BlackBoxRule(even, found)
        scaling = fit_scaling(log_proba, y)
        return MostLikelyRule(np.exp(scaling(log_proba)).mean(axis=0), scaling.slope, scaling.bias)
