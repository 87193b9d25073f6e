"""What a decision is fitted to: a rule that maps scores to classes, and can be written into a record."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import logsumexp

from imbalance_lab.data.rows import shares


class Rule(ABC):
    """Maps scores of one task, shape (m, C), to classes, shape (m,)."""

    @abstractmethod
    def __call__(self, log_proba: np.ndarray) -> np.ndarray:
        """Return classes, shape (m,)."""

    def on(self, log_proba: np.ndarray) -> Rule:
        """Return the rule for rows (m, C) that are decided together: this one, unless it depends on them all."""
        return self

    def equivalent_offsets(self) -> np.ndarray | None:
        """Return offsets (C,) on the log-probabilities whose largest sum gives the same classes; None without such."""
        return None

    def relative_offsets(self, classes: int, reference: int) -> np.ndarray:
        """Return the offsets (C,) such that that of class `reference` is 0; missing where there are none."""
        offsets = self.equivalent_offsets()
        if offsets is None:
            return np.full(classes, np.nan)
        return offsets - offsets[reference] if np.isfinite(offsets[reference]) else offsets

    def describe(self, names: Sequence[str]) -> dict[str, Any]:
        """Return the rule for the record, its classes by name, numbers that are not finite as None.

        Of two classes ``threshold`` is the probability above which the second one is decided for.
        """
        offsets = self.equivalent_offsets()
        if offsets is None:
            return {}
        described: dict[str, Any] = {"offsets": dict(zip(names, map(_finite, offsets), strict=True))}
        if len(names) == 2:
            described["threshold"] = float(1 / (1 + np.exp(offsets[1] - offsets[0])))
        return described


@dataclass(frozen=True)
class OffsetRule(Rule):
    """argmax of the log-probabilities (n, C) plus `offsets` (C,)."""

    offsets: np.ndarray

    def __call__(self, log_proba: np.ndarray) -> np.ndarray:
        """Return classes, shape (n,)."""
        return np.asarray((log_proba + self.offsets).argmax(axis=1))

    def equivalent_offsets(self) -> np.ndarray:
        """Return the offsets.

        >>> OffsetRule(np.array([0.0, np.log(3)])).describe(["no", "yes"])["threshold"]
        0.25
        """
        return self.offsets

    def describe(self, names: Sequence[str]) -> dict[str, Any]:
        """Return the offsets by class."""
        return {"rule": "the largest log-probability plus offset"} | super().describe(names)


@dataclass(frozen=True)
class CostRule(Rule):
    """The class of the smallest cost on average, after the log-probabilities are moved by `shift` (C,)."""

    shift: np.ndarray
    costs: np.ndarray

    def __call__(self, log_proba: np.ndarray) -> np.ndarray:
        """Return classes, shape (n,)."""
        return np.asarray((shares(_exp(log_proba + self.shift)) @ self.costs).argmin(axis=1))

    def equivalent_offsets(self) -> np.ndarray | None:
        """Return the shift plus the log of what missing each class costs; None unless all ways to miss it cost alike.

        >>> rule = CostRule(np.zeros(2), np.array([[0.0, 1.0], [9.0, 0.0]]))
        >>> round(rule.describe(["well", "ill"])["threshold"], 3)
        0.1
        """
        errors = self.costs[~np.eye(len(self.costs), dtype=bool)].reshape(len(self.costs), -1)
        return self.shift + np.log(errors[:, 0]) if (errors == errors[:, :1]).all() else None

    def describe(self, names: Sequence[str]) -> dict[str, Any]:
        """Return the costs, truth in rows, and the shift of the log-probabilities by class."""
        shift = dict(zip(names, map(_finite, self.shift), strict=True))
        own = {"rule": "the smallest expected cost", "costs": self.costs.tolist(), "shift": shift}
        return own | super().describe(names)


@dataclass(frozen=True)
class ThresholdRule(Rule):
    """Class `positive` where its log-odds against all others are at least `cut`, elsewhere the likeliest other one."""

    positive: int
    cut: float

    def __call__(self, log_proba: np.ndarray) -> np.ndarray:
        """Return classes, shape (n,)."""
        others = log_proba.copy()
        others[:, self.positive] = -np.inf
        flagged = log_odds(log_proba, self.positive) >= self.cut
        return np.asarray(np.where(flagged, self.positive, others.argmax(axis=1)))

    def relative_offsets(self, classes: int, reference: int) -> np.ndarray:
        """Return the offsets (C,) that give the same classes, equal scores aside; missing for more than two."""
        if classes > 2:
            return np.full(classes, np.nan)
        offsets = np.where(np.arange(2) == self.positive, -self.cut, 0.0)
        return np.asarray(offsets - offsets[reference])

    def describe(self, names: Sequence[str]) -> dict[str, Any]:
        """Return the class and the probability from which it is flagged.

        >>> ThresholdRule(1, 0.0).describe(["no", "yes"])["from_probability"]
        0.5
        """
        own = {"rule": "flagged from a probability on", "class": names[self.positive]}
        return own | {"from_probability": float(1 / (1 + np.exp(-self.cut)))}


def log_odds(log_proba: np.ndarray, k: int) -> np.ndarray:
    """Return the log-odds of class k against all others, shape (n,)."""
    if log_proba.shape[1] == 2:
        return np.asarray(log_proba[:, k] - log_proba[:, 1 - k])
    return np.asarray(log_proba[:, k] - logsumexp(np.delete(log_proba, k, axis=1), axis=1))


@dataclass(frozen=True)
class OwnRule(Rule):
    """A function of one's own."""

    function: Callable[[np.ndarray], np.ndarray]

    def __call__(self, log_proba: np.ndarray) -> np.ndarray:
        """Return classes, shape (n,)."""
        return np.asarray(self.function(log_proba))

    def describe(self, names: Sequence[str]) -> dict[str, Any]:
        """Return the name of the function."""
        return {"rule": getattr(self.function, "__qualname__", type(self.function).__name__)}


def as_rule(fitted: Callable[[np.ndarray], np.ndarray]) -> Rule:
    """Return what a decision was fitted to as a rule."""
    return fitted if isinstance(fitted, Rule) else OwnRule(fitted)


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _exp(log_mass: np.ndarray) -> np.ndarray:
    """Return exp of each row, scaled to a largest value of 1."""
    return np.exp(log_mass - log_mass.max(axis=1, keepdims=True))
