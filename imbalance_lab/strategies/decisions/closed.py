"""Decisions in closed form: they are fitted on no rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any

import numpy as np
from pydantic import Field
from pydantic.dataclasses import dataclass

from imbalance_lab.data.rows import Priors
from imbalance_lab.fields import STRICT
from imbalance_lab.strategies.costs import balanced_costs, cost_matrix
from imbalance_lab.strategies.decisions.base import Decision
from imbalance_lab.strategies.rules import CostRule, OffsetRule, Rule


@dataclass(frozen=True, config=STRICT)
class Argmax(Decision):
    """The null option: the class with the highest score, of equal ones the first."""

    def fit(self, log_proba: np.ndarray, y: np.ndarray, priors: Priors) -> Rule:
        """Return the rule; nothing is fitted."""
        return OffsetRule(np.zeros(len(priors.natural)))


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
        return OffsetRule(-self.tau * log_effective(priors) if self.tau else np.zeros(len(priors.natural)))


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
        move = np.log(priors.natural) - log_effective(priors)
        return CostRule(move, costs)


def log_effective(priors: Priors) -> np.ndarray:
    """Return the log of the effective prior, infinite for a class without training rows: it is never decided for."""
    assert priors.effective is not None, "refused by the plan"
    return np.log(priors.effective, out=np.full(len(priors.effective), np.inf), where=priors.effective > 0)
