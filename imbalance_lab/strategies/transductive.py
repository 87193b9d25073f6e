"""Rules that look at all rows that are decided together, to estimate their class shares."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import log_softmax

from imbalance_lab.strategies.prior_shift import black_box_prior, most_likely_prior
from imbalance_lab.strategies.rules import OffsetRule, Rule


@dataclass(frozen=True)
class EstimatedRule(OffsetRule):
    """Offsets that move log-probabilities to an estimated prior (C,)."""

    prior: np.ndarray

    def describe(self, names: Sequence[str]) -> dict[str, Any]:
        """Return the prior and the offsets by class."""
        return super().describe(names) | {"estimated_prior": dict(zip(names, self.prior.tolist(), strict=True))}


class TransductiveRule(Rule):
    """Estimates the class shares of the rows it is given, then decides under them.

    One row has no shares; rows that belong together are decided together: `on` gives the rule for them, which then
    decides any part of them.
    """

    def __call__(self, log_proba: np.ndarray) -> np.ndarray:
        """Return classes, shape (m,), of all the rows."""
        return self.on(log_proba)(log_proba)

    @abstractmethod
    def on(self, log_proba: np.ndarray) -> Rule:
        """Return the rule for rows (m, C)."""

    def describe(self, names: Sequence[str]) -> dict[str, Any]:
        """Return that it waits for rows."""
        return {"rule": "the largest log-probability under the class shares of the rows that are decided together"}


@dataclass(frozen=True)
class MostLikelyRule(TransductiveRule):
    """The prior of largest likelihood, of probabilities ``softmax(slope * log p + bias)`` under the prior `source`."""

    source: np.ndarray
    slope: float
    bias: np.ndarray

    def on(self, log_proba: np.ndarray) -> Rule:
        """Return the rule for rows (m, C)."""
        prior = self.source
        if len(log_proba):
            prior = most_likely_prior(log_softmax(self.slope * log_proba + self.bias, axis=1), self.source)
        # The largest of slope * log p + bias + move is that of log p + (bias + move) / slope.
        return EstimatedRule((self.bias + _move(self.source, prior)) / self.slope, prior)


@dataclass(frozen=True)
class BlackBoxRule(TransductiveRule):
    """The prior that explains how many rows are predicted as each class by argmax of the log-probabilities plus `even`.

    Parameters
    ----------
    even : ndarray of shape (C,)
        What takes the prior out of the scores.
    prediction_shares : ndarray of shape (C, C)
        Share of rows of each class (columns) that are predicted as each class (rows).
    """

    even: np.ndarray
    prediction_shares: np.ndarray

    def on(self, log_proba: np.ndarray) -> Rule:
        """Return the rule for rows (m, C)."""
        if not len(log_proba):
            return OffsetRule(self.even)
        prior = black_box_prior(self.prediction_shares, (log_proba + self.even).argmax(axis=1))
        return EstimatedRule(self.even + _log(prior), prior)


def _move(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return what moves log-probabilities from one prior to another; a class without either is never decided for."""
    return np.where(source > 0, _log(target) - _log(np.where(source > 0, source, 1)), -np.inf)


def _log(share: np.ndarray) -> np.ndarray:
    return np.log(share, out=np.full(len(share), -np.inf), where=share > 0)
