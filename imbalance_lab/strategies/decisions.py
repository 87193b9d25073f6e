"""How do scores become a class?"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass as plain_dataclass
from dataclasses import replace
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import Field, InstanceOf
from pydantic.dataclasses import dataclass

from imbalance_lab.data.rows import Priors, shares
from imbalance_lab.errors import ConfigError
from imbalance_lab.evaluation.metrics import HEADLINE, Metric, tunable
from imbalance_lab.fields import STRICT, ByName
from imbalance_lab.strategies.costs import balanced_costs, cost_matrix, known_classes
from imbalance_lab.strategies.offsets import best_offsets

Rule = Callable[[np.ndarray], np.ndarray]


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
        callable
            Maps scores (m, C) to classes (m,).
        """


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
        known_classes(list(self.target), class_names, "decision.target")
        if missing := [name for name in class_names if name not in self.target]:
            raise ConfigError(f"decision.target has no share for class {', '.join(missing)}")
        return replace(self, target=[self.target[name] for name in class_names])

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


@plain_dataclass(frozen=True)
class OffsetRule:
    """argmax of the log-probabilities (n, C) plus `offsets` (C,)."""

    offsets: np.ndarray

    def __call__(self, log_proba: np.ndarray) -> np.ndarray:
        """Return classes, shape (n,)."""
        return np.asarray((log_proba + self.offsets).argmax(axis=1))


@plain_dataclass(frozen=True)
class CostRule:
    """The class of the smallest cost on average, after the log-probabilities are moved by `offsets` (C,)."""

    offsets: np.ndarray
    costs: np.ndarray

    def __call__(self, log_proba: np.ndarray) -> np.ndarray:
        """Return classes, shape (n,)."""
        return np.asarray((shares(_exp(log_proba + self.offsets)) @ self.costs).argmin(axis=1))


def _log_effective(priors: Priors) -> np.ndarray:
    """Return the log of the effective prior, infinite for a class without training rows: it is never decided for."""
    assert priors.effective is not None, "refused by the plan"
    return np.log(priors.effective, out=np.full(len(priors.effective), np.inf), where=priors.effective > 0)


def _exp(log_mass: np.ndarray) -> np.ndarray:
    """Return exp of each row, scaled to a largest value of 1."""
    return np.exp(log_mass - log_mass.max(axis=1, keepdims=True))
