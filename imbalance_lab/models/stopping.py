"""When training that goes on step by step should stop, by validation rows."""

from __future__ import annotations

import numpy as np

from imbalance_lab.evaluation.metrics import HEADLINE, METRICS, Metric
from imbalance_lab.evaluation.scores import Confusion, Scores
from imbalance_lab.models.estimator import FLOOR


def stopping_score(reached: float, loss: float) -> float:
    """Return what early stopping watches: the metric, and of equal ones the smaller loss is better.

    A rare class keeps balanced accuracy at one half for many steps in which the model learns all the same. Where the
    metric is not defined, the loss alone counts.
    """
    return float(np.nan_to_num(reached, nan=-1e6)) - 1e-6 * min(loss, 1e3)


class Watch:
    """Scores the rounds of boosting on validation rows, and says when there is no more to be gained.

    Parameters
    ----------
    y : ndarray of shape (v,)
        Numbers of the classes, of those that are trained on.
    weight : ndarray of shape (C,)
        Of a row of each class in the loss.
    metric : Metric
    patience : int
        Rounds without a better one before it is `over`.

    Examples
    --------
    >>> from imbalance_lab.evaluation.metrics import METRICS
    >>> watch = Watch(np.array([0, 0, 1]), np.ones(2), METRICS["balanced_accuracy"], patience=2)
    >>> for p in (0.4, 0.6, 0.4, 0.4):
    ...     _ = watch(np.array([[0.9, 0.1], [0.9, 0.1], [1 - p, p]]))
    >>> watch.best, watch.over
    (1, True)
    """

    def __init__(self, y: np.ndarray, weight: np.ndarray, metric: Metric, patience: int) -> None:
        self.scores: list[float] = []
        self.best = 0
        self._y, self._metric, self._patience = y, metric, patience
        self._weight = np.asarray(weight)[y]

    @property
    def over(self) -> bool:
        """Whether the last rounds have all been worse than the best one."""
        return len(self.scores) - 1 - self.best >= self._patience

    def __call__(self, proba: np.ndarray) -> float:
        """Take the probabilities (v, C) of one more round, and return its score; larger is better."""
        proba = np.asarray(proba, dtype=np.float64)
        log_proba = np.maximum(np.log(proba, out=np.full(proba.shape, FLOOR), where=proba > 0), FLOOR)
        loss = float(-(self._weight * log_proba[np.arange(len(self._y)), self._y]).mean())
        value = self._metric(Scores(self._y, proba.argmax(axis=1), log_proba))
        self.scores.append(stopping_score(self._metric.sign * value, loss))
        if self.scores[-1] > self.scores[self.best]:
            self.best = len(self.scores) - 1
        return self.scores[-1]


def epoch_logs(result: np.ndarray, support: np.ndarray) -> dict[str, float]:
    """Return what callbacks see of an epoch.

    Parameters
    ----------
    result : ndarray of shape (2 + 2 T C,)
        Training loss, validation loss, and of each class the hits and the rows it was predicted for.
    support : ndarray of shape (T, C)
        Validation rows of each class.
    """
    logs = {"loss": float(result[0])}
    if support.any():
        hits, predicted = result[2:].reshape(2, *support.shape)
        recall = np.divide(hits, support, out=np.full(support.shape, np.nan), where=support > 0)
        metric = METRICS[HEADLINE]
        assert metric.function is not None
        each = [metric.function(Confusion(*task)) for task in zip(hits, predicted, support, strict=True)]
        reached = float(np.mean(each))
        logs |= {"val_loss": float(result[1]), f"val_{HEADLINE}": reached}
        logs["val_score"] = stopping_score(reached, logs["val_loss"])
        logs |= {f"val_recall_{k}": float(r) for k, r in enumerate(recall.ravel()) if not np.isnan(r)}
        logs |= {f"val_predicted_count_{k}": float(n) for k, n in enumerate(predicted.ravel())}
    return logs
