"""Metrics of one set of predictions, from one confusion matrix and one sort per class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.special import log_softmax

from imbalance_lab.evaluation.predictions import Predictions
from imbalance_lab.strategies.base import Priors

PER_CLASS = ("recall", "precision", "f1", "support", "roc_auc", "average_precision")


def confusion_matrix(y: np.ndarray, predicted: np.ndarray, n_classes: int) -> np.ndarray:
    """Return counts of shape (C, C), truth in rows, prediction in columns.

    >>> confusion_matrix(np.array([0, 0, 1]), np.array([0, 1, 1]), 2).tolist()
    [[1, 1], [0, 1]]
    """
    return np.bincount(y * n_classes + predicted, minlength=n_classes**2).reshape(n_classes, n_classes)


def evaluate(
    predictions: Predictions,
    priors: Sequence[Priors],
    tasks: Sequence[Sequence[str]],
    labels: Sequence[str],
    calibration_bins: int | None,
) -> dict[str, float]:
    """Return all metrics of the predictions of all tasks by name.

    Of one task those of `evaluate_task`. Of several labels those of each, as ``balanced_accuracy/<label>``, their mean,
    as ``balanced_accuracy``, and the share of rows all of whose labels are right, ``exact_match``.

    Parameters
    ----------
    predictions : Predictions
    priors : sequence of Priors
        Of each task.
    tasks : sequence of sequence of str
        Class names of each task.
    labels : sequence of str
        Empty if there is one task only.
    calibration_bins : int or None
        Bins of the expected calibration error; None if the scores are not meant as probabilities.
    """
    each = [
        evaluate_task(part, names, prior, calibration_bins)
        for part, names, prior in zip(predictions.tasks(), tasks, priors, strict=True)
    ]
    if not labels:
        return each[0]
    overall_names = {key for metrics in each for key in metrics if "/" not in key}
    means = {key: float(np.mean([metrics[key] for metrics in each if key in metrics])) for key in sorted(overall_names)}
    means["exact_match"] = float((predictions.y == predictions.predicted).all(axis=1).mean())
    for label, metrics in zip(labels, each, strict=True):
        # The label is also the name of its positive class, whose own average precision is the label's.
        means |= {f"{key}/{label}" if "/" not in key else key: value for key, value in metrics.items()}
    return means


def evaluate_task(
    predictions: Predictions, class_names: Sequence[str], priors: Priors, calibration_bins: int | None
) -> dict[str, float]:
    """Return all metrics of one task by name; per-class ones as ``recall/<class>``.

    Log loss, Brier score and calibration error are those of the probabilities as they are, and, as
    ``brier_corrected``, of the probabilities moved from the prior they carry to that of the data.

    Returns
    -------
    dict
        What is undefined is left out: the recall of a class without rows, the ROC-AUC where a class has all of them,
        corrected probabilities of scores that are none.
    """
    confusion = confusion_matrix(predictions.y, predictions.predicted, len(class_names))
    table = per_class(confusion).assign(**ranking(predictions.y, predictions.log_proba))
    positive_only = len(class_names) == 2
    metrics = {
        **overall(confusion),
        "roc_auc": table.roc_auc.mean(),
        "average_precision": table.average_precision[1] if positive_only else table.average_precision.mean(),
    }
    if calibration_bins is not None:
        metrics |= probabilistic(predictions.y, predictions.log_proba, calibration_bins)
    if calibration_bins is not None and priors.effective is not None:
        # A class whose training rows sampling removed carries no prior to move: its scores stay as they are.
        trained = priors.effective > 0
        ratio = np.divide(priors.natural, priors.effective, out=np.ones(len(trained)), where=trained)
        moved = predictions.log_proba + np.log(ratio)
        corrected = probabilistic(predictions.y, log_softmax(moved, axis=1), calibration_bins)
        metrics |= {f"{key}_corrected": value for key, value in corrected.items()}
    for name in PER_CLASS:
        metrics |= {f"{name}/{c}": value for c, value in zip(class_names, table[name], strict=True)}
    return {name: float(value) for name, value in metrics.items() if np.isfinite(value)}


def per_class(confusion: np.ndarray) -> pd.DataFrame:
    """Return support, recall, precision and F1 of each class (rows) of a confusion matrix.

    Precision of a class that is never predicted is 0; recall and F1 of a class without rows are missing.
    """
    support, called, hits = confusion.sum(axis=1), confusion.sum(axis=0), np.diag(confusion).astype(float)
    present = np.where(support > 0, 1.0, np.nan)
    return pd.DataFrame(
        {
            "support": support,
            "recall": hits / np.maximum(support, 1) * present,
            "precision": hits / np.maximum(called, 1),
            "f1": 2 * hits / np.maximum(support + called, 1) * present,
        }
    )


def overall(confusion: np.ndarray) -> dict[str, float]:
    """Return the metrics that a confusion matrix gives, classes without rows left out.

    ``mcc`` is Gorodkin's (2004) for several classes, ``kappa`` Cohen's (1960), ``g_mean`` the geometric mean of the
    recalls (Kubat and Matwin 1997).
    """
    table = per_class(confusion)
    recall = table.recall.dropna()
    n, hits = confusion.sum(), np.trace(confusion)
    truth, called = confusion.sum(axis=1).astype(float), confusion.sum(axis=0).astype(float)
    agreement = truth @ called
    spread = np.sqrt((float(n) ** 2 - called @ called) * (float(n) ** 2 - truth @ truth))
    return {
        "balanced_accuracy": recall.mean(),
        "worst_class_recall": recall.min(),
        "macro_f1": table.f1.mean(),
        "g_mean": float(np.exp(np.log(recall).mean())) if recall.min() > 0 else 0.0,
        "accuracy": hits / n,
        "mcc": (hits * n - agreement) / spread if spread > 0 else 0.0,
        "kappa": (hits * n - agreement) / (float(n) ** 2 - agreement) if float(n) ** 2 > agreement else np.nan,
    }


def ranking(y: np.ndarray, log_proba: np.ndarray) -> pd.DataFrame:
    """Return one-vs-rest ROC-AUC and average precision of each class.

    Two classes are ranked by their log-odds, so that both areas under the ROC curve agree.
    """
    scores = log_proba - log_proba[:, ::-1] if log_proba.shape[1] == 2 else log_proba
    rows = [_ranking_of_one(y == k, scores[:, k]) for k in range(log_proba.shape[1])]
    return pd.DataFrame(rows, columns=["roc_auc", "average_precision"])


def _ranking_of_one(positive: np.ndarray, score: np.ndarray) -> tuple[float, float]:
    order = np.argsort(-score, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(score[order])), len(score) - 1)  # the last row of each group of ties
    tp = np.cumsum(positive[order])[ends].astype(float)
    fp = ends + 1 - tp
    if tp[-1] == 0 or fp[-1] == 0:
        return np.nan, np.nan
    recall = np.concatenate([[0.0], tp / tp[-1]])
    roc_auc = np.trapezoid(recall, np.concatenate([[0.0], fp / fp[-1]]))
    return float(roc_auc), float(np.diff(recall) @ (tp / (tp + fp)))


def probabilistic(y: np.ndarray, log_proba: np.ndarray, bins: int) -> dict[str, float]:
    """Return log loss, Brier score and expected calibration error.

    The Brier score of two classes is that of the positive one, of more classes the sum over classes (as scikit-learn
    has it). The calibration error is that of the top label, in `bins` bins of equal width (Guo et al. 2017).
    """
    p = np.exp(log_proba)
    truth = np.eye(log_proba.shape[1])[y] if log_proba.shape[1] <= 2 else None
    if truth is not None:
        brier = np.square(p - truth)[:, 1].mean()
    else:
        own = p[np.arange(len(y)), y]
        brier = (np.square(p).sum(axis=1) - 2 * own + 1).mean()
    confidence, right = p.max(axis=1), p.argmax(axis=1) == y
    bin_of = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    gap = np.bincount(bin_of, weights=right, minlength=bins) - np.bincount(bin_of, weights=confidence, minlength=bins)
    return {
        "log_loss": -log_proba[np.arange(len(y)), y].mean(),
        "brier": brier,
        "ece": np.abs(gap).sum() / len(y),
    }
