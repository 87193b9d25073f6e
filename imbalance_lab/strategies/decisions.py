"""How do scores become a class?"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import Field, InstanceOf
from pydantic.dataclasses import dataclass

from imbalance_lab.data.rows import Priors, shares
from imbalance_lab.errors import ConfigError
from imbalance_lab.evaluation.metrics import HEADLINE, Metric, tunable
from imbalance_lab.fields import STRICT, ByName
from imbalance_lab.strategies.costs import balanced_costs, cost_matrix, shares_by_name
from imbalance_lab.strategies.offsets import best_offsets
from imbalance_lab.strategies.rules import CostRule, OffsetRule, Rule

# Validation rows of a class. Tuned on fewer, a threshold fits their noise: of two normal distributions two deviations
# apart, tuning on 2, 5, 10 and 20 rows of the rare one costs .066, .032, .018 and .011 of balanced accuracy on average
# (.165, .090, .048 and .029 in one sample of ten), and the validation rows promise .157, .094, .065 and .043 too much.
MIN_TUNING_ROWS = 10
MOST_NAMED = 3


class Decision(ABC):
    """Decides how the scores of one task become a class.

    Attributes
    ----------
    needs_validation : bool
        Whether it is fitted on validation rows.
    needs_prior : bool
        Whether it must know which prior the scores carry.
    """

    needs_validation: bool = False
    needs_prior: bool = False

    def for_classes(self, class_names: Sequence[str]) -> Self:
        """Return the decision for these classes, settings given by name looked up."""
        return self

    def with_metrics(self, metrics: Sequence[Metric]) -> Self:
        """Return the decision with its metric looked up by name, among `metrics` too."""
        return self

    @abstractmethod
    def fit(self, log_proba: np.ndarray, y: np.ndarray, priors: Priors) -> Rule:
        """Fit on validation rows, scores `log_proba` (n, C) and classes `y` (n,).

        Returns
        -------
        Rule
            Maps scores (m, C) to classes (m,); any function that does so is one.
        """

    def doubts(self, y: Sequence[np.ndarray], names: Sequence[Sequence[str]]) -> str | None:
        """Return a warning if it is tuned on too few validation rows, classes `y` (n,) of each task; else None."""
        if not self.needs_validation:
            return None
        found = [
            (int(count), name)
            for part, classes in zip(y, names, strict=True)
            for count, name in zip(np.bincount(part, minlength=len(classes)), classes, strict=True)
        ]
        few = sorted((count, name) for count, name in found if count < MIN_TUNING_ROWS)
        if not few:
            return None
        shown = ", ".join(f"'{name}' ({count})" for count, name in few[:MOST_NAMED])
        more = f" and {len(few) - MOST_NAMED} more" if len(few) > MOST_NAMED else ""
        return (
            f"the decision is tuned on few validation rows of {shown}{more}: below {MIN_TUNING_ROWS} it fits noise and "
            "promises too much; try decision=logit_adjust, a larger split.validation, or split=cv"
        )


@dataclass(frozen=True, config=STRICT)
class Argmax(Decision):
    """The null option: the class with the highest score, of equal ones the first."""

    def fit(self, log_proba: np.ndarray, y: np.ndarray, priors: Priors) -> Rule:
        """Return the rule; nothing is fitted."""
        return OffsetRule(np.zeros(len(priors.natural)))


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


@dataclass(frozen=True, config=STRICT)
class LogitAdjust(Decision):
    """argmax of ``log p - tau log prior`` with the prior that the scores carry (Menon et al. 2021, post hoc).

    Parameters
    ----------
    tau : float
        0 is argmax; 1 is right for balanced accuracy if the probabilities are.
    """

    tau: Annotated[float, Field(ge=0)] = 1.0

    needs_prior = True

    def fit(self, log_proba: np.ndarray, y: np.ndarray, priors: Priors) -> Rule:
        """Return the rule; nothing is fitted."""
        return OffsetRule(-self.tau * _log_effective(priors) if self.tau else np.zeros(len(priors.natural)))


@dataclass(frozen=True, config=STRICT)
class PriorCorrection(Decision):
    """argmax of ``p_k target_k / prior_k``: probabilities under other class shares (Saerens et al. 2002).

    Parameters
    ----------
    target : {"balanced", "natural"} or dict of class name to share
        ``natural`` is the prior of the training data, before sampling and weighting. Shares are scaled to sum to 1.
    """

    target: Literal["balanced", "natural"] | ByName | list[float] = "balanced"

    needs_prior = True

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
            raise ConfigError("decision.target must be balanced, natural, or {class: share}")
        return replace(self, target=shares_by_name(self.target, class_names, "decision.target"))

    def fit(self, log_proba: np.ndarray, y: np.ndarray, priors: Priors) -> Rule:
        """Return the rule; nothing is fitted."""
        target = {"balanced": np.ones(len(priors.natural)), "natural": priors.natural}.get(str(self.target))
        target = np.array(self.target) if target is None else target
        return OffsetRule(np.log(shares(target)) - _log_effective(priors))


@dataclass(frozen=True, config=STRICT)
class MinCost(Decision):
    """The class of the smallest expected cost, ``argmin_j sum_k p_k cost[k, j]`` (Elkan 2001).

    The probabilities are first moved from the prior they carry to that of the data.

    Parameters
    ----------
    costs : mapping or matrix, optional
        ``{truth: {predicted: cost}}``, other errors costing 1, or C x C numbers with the truth in rows. By default
        missing a class costs the inverse of its frequency, which makes it the rule for balanced accuracy.
    """

    costs: Any = None

    needs_prior = True

    def for_classes(self, class_names: Sequence[str]) -> MinCost:
        """Return the decision with its costs as a matrix.

        Raises
        ------
        ConfigError
            If shape, sign or diagonal of the costs are wrong.
        """
        return self if self.costs is None else replace(self, costs=cost_matrix(self.costs, class_names).tolist())

    def fit(self, log_proba: np.ndarray, y: np.ndarray, priors: Priors) -> Rule:
        """Return the rule; nothing is fitted."""
        costs = balanced_costs(priors.natural) if self.costs is None else np.array(self.costs)
        move = np.log(priors.natural) - _log_effective(priors)
        return CostRule(move, costs)


def _log_effective(priors: Priors) -> np.ndarray:
    """Return the log of the effective prior, infinite for a class without training rows: it is never decided for."""
    assert priors.effective is not None, "refused by the plan"
    return np.log(priors.effective, out=np.full(len(priors.effective), np.inf), where=priors.effective > 0)
