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
        # Two classes are ranked by their log-odds, so that both areas under the ROC curve agree.
        binary = self.log_proba.shape[1] == 2
        scores = self.log_proba - self.log_proba[:, ::-1] if binary else self.log_proba
        areas = [_areas_of_one(self.y == k, scores[:, k]) for k in range(scores.shape[1])]
        return np.ascontiguousarray(np.transpose(areas))


def _areas_of_one(positive: np.ndarray, score: np.ndarray) -> tuple[float, float]:
    order = np.argsort(-score, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(score[order])), len(score) - 1)  # the last row of each group of ties
    tp = np.cumsum(positive[order])[ends].astype(float)
    fp = ends + 1 - tp
    if tp[-1] == 0 or fp[-1] == 0:
        return np.nan, np.nan
    recall = np.concatenate([[0.0], tp / tp[-1]])
    roc_auc = np.trapezoid(recall, np.concatenate([[0.0], fp / fp[-1]]))
    return float(roc_auc), float(np.diff(recall) @ (tp / (tp + fp)))
