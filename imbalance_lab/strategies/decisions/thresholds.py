"""Decisions that flag one class from a threshold on."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Self

import numpy as np
from pydantic import Field
from pydantic.dataclasses import dataclass
from scipy.special import logit

from imbalance_lab.data.dataset import class_name
from imbalance_lab.data.rows import Priors
from imbalance_lab.errors import DataError, Incompatible
from imbalance_lab.evaluation.scores import Curve
from imbalance_lab.fields import STRICT
from imbalance_lab.strategies.costs import known_classes
from imbalance_lab.strategies.decisions.base import Decision, Tuned
from imbalance_lab.strategies.rules import Rule, ThresholdRule, log_odds

Part = Annotated[float, Field(gt=0, le=1)]


@dataclass(frozen=True, config=STRICT, kw_only=True)
class Flagging(Decision):
    """Flags a class where its probability reaches a threshold; elsewhere the likeliest of the others.

    Parameters
    ----------
    positive : str, optional
        The class, by default the second of two; of several labels ``yes`` or ``no``.
    """

    positive: str | int | None = None

    option = ""

    def for_classes(self, class_names: Sequence[str]) -> Self:
        """Return the decision with the number of its class.

        Raises
        ------
        ConfigError
            If there is no such class.
        Incompatible
            If none is named and there are more than two.
        """
        if self.positive is not None:
            name = class_name(self.positive)
            known_classes([name], class_names, "decision.positive")
            return replace(self, positive=list(class_names).index(name))
        if len(class_names) > 2:
            raise Incompatible(
                f"decision={self.option} flags one class and there are {len(class_names)}; name it, as in "
                f"decision.positive={class_names[-1]}, or use decision=tuned_threshold"
            )
        return replace(self, positive=1)

    def fit(self, log_proba: np.ndarray, y: np.ndarray, priors: Priors) -> Rule:
        """Return the rule of scores `log_proba` (n, C) and classes `y` (n,) of rows that were not trained on."""
        k = self.positive if isinstance(self.positive, int) else 1
        return ThresholdRule(k, self.cut(log_odds(log_proba, k), y == k))

    @abstractmethod
    def cut(self, odds: np.ndarray, positive: np.ndarray) -> float:
        """Return the log-odds from which a row is flagged, fitted on rows of log-odds (n,), of the class or not (n,).

        Raises
        ------
        DataError
            If no threshold does what is asked for.
        """


@dataclass(frozen=True, config=STRICT)
class FixedThreshold(Flagging):
    """Flags a class where its probability, as the model gives it, is at least a threshold.

    Parameters
    ----------
    threshold : float
        Between 0 and 1.
    positive : str, optional
        The class, by default the second of two.
    """

    threshold: Annotated[float, Field(gt=0, lt=1)]

    option = "fixed_threshold"

    def cut(self, odds: np.ndarray, positive: np.ndarray) -> float:
        """Return the log-odds of the threshold."""
        cut = float(logit(self.threshold))
        if len(odds) and odds.max() < cut:
            highest = 1 / (1 + np.exp(-odds.max()))
            raise DataError(
                f"no score reaches decision.threshold={self.threshold}: the highest probability of the class on "
                f"{len(odds)} validation rows is {highest:.3g}; lower it"
            )
        return cut


@dataclass(frozen=True, config=STRICT)
class MaxRecallAtPrecision(Flagging, Tuned):
    """The threshold with the largest recall of a class among those with at least a precision, on validation rows.

    Parameters
    ----------
    precision : float
    positive : str, optional
        The class, by default the second of two.
    cv : int, optional
        Folds of cross-validated scores of the training rows, on which it is fitted as well; see `Tuned`.
    """

    precision: Part

    option = "max_recall_at_precision"

    def cut(self, odds: np.ndarray, positive: np.ndarray) -> float:
        """Return the middle between the last score that is flagged and the next."""
        curve = _curve(odds, positive)
        enough = curve.precision >= self.precision
        if not enough.any():
            best = int(np.lexsort((curve.recall, curve.precision))[-1])
            raise DataError(
                f"no threshold reaches decision.precision={self.precision} on {len(odds)} rows that were not trained "
                f"on: the highest is {curve.precision[best]:.3f}, at a recall of {curve.recall[best]:.3f}; lower it"
            )
        return _below(curve, np.lexsort((curve.precision, curve.recall, enough))[-1])


@dataclass(frozen=True, config=STRICT)
class MaxPrecisionAtRecall(Flagging, Tuned):
    """The threshold with the largest precision of a class among those with at least a recall, on validation rows.

    Parameters
    ----------
    recall : float
    positive : str, optional
        The class, by default the second of two.
    cv : int, optional
        Folds of cross-validated scores of the training rows, on which it is fitted as well; see `Tuned`.
    """

    recall: Part

    option = "max_precision_at_recall"

    def cut(self, odds: np.ndarray, positive: np.ndarray) -> float:
        """Return the middle between the last score that is flagged and the next."""
        curve = _curve(odds, positive)
        return _below(curve, np.lexsort((curve.recall, curve.precision, curve.recall >= self.recall))[-1])


@dataclass(frozen=True, config=STRICT)
class Budget(Flagging, Tuned):
    """Flags the rows with the highest scores, as many as a share of all rows: those that a person can look at.

    The threshold is the one that flags so many validation rows, so that new rows are decided one by one; of those the
    share differs by chance.

    Parameters
    ----------
    share : float
        Between 0 and 1, of the rows. Rows of equal score are flagged together or not at all: never more than the share.
    positive : str, optional
        The class, by default the second of two.
    cv : int, optional
        Folds of cross-validated scores of the training rows, on which it is fitted as well; see `Tuned`.
    """

    share: Part

    option = "budget"

    def cut(self, odds: np.ndarray, positive: np.ndarray) -> float:
        """Return the middle between the last score that is flagged and the next."""
        curve, rows = Curve.of(positive, odds), int(np.floor(self.share * len(odds) + 1e-9))
        last = int(np.searchsorted(curve.rows, rows, side="right")) - 1
        if last < 0:
            found = "not one row" if rows == 0 else f"{rows} rows, and {curve.rows[0]:.0f} share the highest score"
            raise DataError(
                f"decision.share={self.share} of {len(odds)} rows that were not trained on is {found}; raise it"
            )
        return _below(curve, last)


def _curve(odds: np.ndarray, positive: np.ndarray) -> Curve:
    if not positive.any():
        raise DataError("the decision is fitted on no row of the class that it flags; use a larger split.validation")
    return Curve.of(positive, odds)


def _below(curve: Curve, at: int) -> float:
    """Return the middle between a score and the next lower one."""
    score = curve.score
    return float((score[at] + score[at + 1]) / 2 if at + 1 < len(score) else score[at] - 1)
