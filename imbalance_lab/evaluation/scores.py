"""What metrics are computed from: each part is computed once and shared by all of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np


def confusion_matrix(y: np.ndarray, predicted: np.ndarray, n_classes: int) -> np.ndarray:
    """Return counts of shape (C, C), truth in rows, prediction in columns.

    >>> confusion_matrix(np.array([0, 0, 1]), np.array([0, 1, 1]), 2).tolist()
    [[1, 1], [0, 1]]
    """
    return np.bincount(y * n_classes + predicted, minlength=n_classes**2).reshape(n_classes, n_classes)


@dataclass(frozen=True)
class Confusion:
    """The counts of one confusion matrix, or of many of the same rows, one for each index of the leading axes.

    Parameters
    ----------
    hits : ndarray of shape (..., C)
        Rows of each class that are predicted as it.
    predicted : ndarray of shape (..., C)
        Rows that are predicted as each class. Rows predicted as none of the C classes are in `support` only.
    support : ndarray of shape (C,)
        Rows of each class.

    Examples
    --------
    >>> one = Confusion.of(np.array([[8, 2], [1, 4]]))
    >>> one.recall.tolist(), one.precision.round(3).tolist()
    ([0.8, 0.8], [0.889, 0.667])
    """

    hits: np.ndarray
    predicted: np.ndarray
    support: np.ndarray

    @classmethod
    def of(cls, matrix: np.ndarray) -> Confusion:
        """Return the counts of a matrix (C, C), truth in rows."""
        return cls(np.diag(matrix).astype(float), matrix.sum(axis=0).astype(float), matrix.sum(axis=1).astype(float))

    @property
    def rows(self) -> float:
        """Number of rows."""
        return float(self.support.sum())

    @cached_property
    def present(self) -> np.ndarray:
        """Whether a class has rows, shape (C,)."""
        return self.support > 0

    @cached_property
    def recall(self) -> np.ndarray:
        """Recall, shape (..., C); NaN for a class without rows."""
        return np.where(self.present, self.hits / np.maximum(self.support, 1), np.nan)

    @cached_property
    def present_recall(self) -> np.ndarray:
        """Recall of the classes that have rows, shape (..., present classes)."""
        # np.compress keeps the last axis contiguous, which a mask does not: sums are then the same to the bit.
        return self.recall if self.present.all() else np.compress(self.present, self.recall, axis=-1)

    @property
    def precision(self) -> np.ndarray:
        """Precision, shape (..., C); 0 for a class that is never predicted."""
        return self.hits / np.maximum(self.predicted, 1)

    @cached_property
    def f1(self) -> np.ndarray:
        """Harmonic mean of precision and recall, shape (..., C); NaN for a class without rows."""
        return np.where(self.present, 2 * self.hits / np.maximum(self.support + self.predicted, 1), np.nan)

    @cached_property
    def agreement(self) -> np.ndarray:
        """Right predictions that chance would give, times the number of rows, shape (...)."""
        return np.asarray(self.predicted @ self.support)


@dataclass(frozen=True)
class Scores:
    """The predictions for the n rows of one task, with C classes.

    Parameters
    ----------
    y, predicted : ndarray of shape (n,)
        Class indices.
    log_proba : ndarray of shape (n, C)
        Log-probabilities, or scores that are none.
    bins : int
        Bins of the calibration error.
    """

    y: np.ndarray
    predicted: np.ndarray
    log_proba: np.ndarray
    bins: int = 15

    @cached_property
    def confusion(self) -> Confusion:
        """Counts of the confusion matrix."""
        return Confusion.of(confusion_matrix(self.y, self.predicted, self.log_proba.shape[1]))

    @cached_property
    def proba(self) -> np.ndarray:
        """Probabilities, shape (n, C)."""
        return np.exp(self.log_proba)

    @property
    def roc_auc(self) -> np.ndarray:
        """Area under the ROC curve of each class against the rest, shape (C,); NaN where a class has no row or all."""
        return self._areas[0]

    @property
    def average_precision(self) -> np.ndarray:
        """Average precision of each class against the rest, shape (C,); NaN where a class has no row or all."""
        return self._areas[1]

    @cached_property
    def _areas(self) -> np.ndarray:
        return np.ascontiguousarray(np.transpose([_areas_of_one(curve) for curve in self.curves]))

    @cached_property
    def support(self) -> np.ndarray:
        """Rows of each class, shape (C,)."""
        return np.bincount(self.y, minlength=self.log_proba.shape[1])

    @cached_property
    def curves(self) -> list[Curve]:
        """Of each class against the rest, what is found above each threshold."""
        # Two classes are ranked by their log-odds, so that both areas under the ROC curve agree.
        binary = self.log_proba.shape[1] == 2
        scores = self.log_proba - self.log_proba[:, ::-1] if binary else self.log_proba
        return [Curve.of(self.y == k, scores[:, k]) for k in range(scores.shape[1])]


@dataclass(frozen=True)
class Curve:
    """How many rows have at least a score, for each value of the score that there is, from the highest down.

    Parameters
    ----------
    score : ndarray of shape (m,)
    tp, fp : ndarray of shape (m,)
        Rows of the class, and others.

    Examples
    --------
    >>> curve = Curve.of(np.array([True, False, True]), np.array([3.0, 2.0, 2.0]))
    >>> curve.score.tolist(), curve.recall.tolist(), curve.precision.round(2).tolist()
    ([3.0, 2.0], [0.5, 1.0], [1.0, 0.67])
    """

    score: np.ndarray
    tp: np.ndarray
    fp: np.ndarray

    @classmethod
    def of(cls, positive: np.ndarray, score: np.ndarray) -> Curve:
        """Return the curve of rows with these scores (n,), of the class or not (n,)."""
        order = np.argsort(-score, kind="stable")
        ends = np.append(np.flatnonzero(np.diff(score[order])), len(score) - 1)  # the last row of each group of ties
        tp = np.cumsum(positive[order])[ends].astype(float)
        return cls(score[order][ends], tp, ends + 1 - tp)

    @property
    def defined(self) -> bool:
        """Whether there are rows of the class and others."""
        return bool(self.tp[-1] > 0 and self.fp[-1] > 0)

    @property
    def rows(self) -> np.ndarray:
        """Rows with at least each score, shape (m,)."""
        return self.tp + self.fp

    @property
    def recall(self) -> np.ndarray:
        """Share of the class's rows that are found, shape (m,)."""
        return self.tp / self.tp[-1]

    @property
    def precision(self) -> np.ndarray:
        """Share of the class among what is found, shape (m,)."""
        return self.tp / self.rows


def _areas_of_one(curve: Curve) -> tuple[float, float]:
    if not curve.defined:
        return np.nan, np.nan
    recall = np.concatenate([[0.0], curve.recall])
    roc_auc = np.trapezoid(recall, np.concatenate([[0.0], curve.fp / curve.fp[-1]]))
    return float(roc_auc), float(np.diff(recall) @ curve.precision)
