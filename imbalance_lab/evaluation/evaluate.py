"""All metrics of one set of predictions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import log_softmax

from imbalance_lab.data.rows import Priors
from imbalance_lab.evaluation.metrics import CORRECTED, METRICS, Metric
from imbalance_lab.evaluation.predictions import Predictions
from imbalance_lab.evaluation.scores import Scores


def evaluate(
    predictions: Predictions,
    priors: Sequence[Priors],
    tasks: Sequence[Sequence[str]],
    labels: Sequence[str],
    calibration_bins: int | None,
    own: Sequence[Metric] = (),
) -> dict[str, float]:
    """Return all metrics of the predictions of all tasks by name.

    Of one task those of `evaluate_task`. Of several labels those of each, as ``balanced_accuracy/<label>``, their mean,
    as ``balanced_accuracy``, and the metrics of all labels together, as ``exact_match``.

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
    own : sequence of Metric
        Metrics beside those of `METRICS`.

    Raises
    ------
    ConfigError
        If one of `own` raises an error, or returns no number.
    """
    each = [
        evaluate_task(part, names, prior, calibration_bins, own)
        for part, names, prior in zip(predictions.tasks(), tasks, priors, strict=True)
    ]
    if not labels:
        return each[0]
    overall_names = {key for metrics in each for key in metrics if "/" not in key}
    means = {key: float(np.mean([metrics[key] for metrics in each if key in metrics])) for key in sorted(overall_names)}
    of_all_labels = [metric for metric in (*METRICS.values(), *own) if metric.needs == "labels"]
    means |= {metric.name: metric(predictions) for metric in of_all_labels}
    for label, metrics in zip(labels, each, strict=True):
        # The label is also the name of its positive class, whose own average precision is the label's.
        means |= {f"{key}/{label}" if "/" not in key else key: value for key, value in metrics.items()}
    return means


def evaluate_task(
    predictions: Predictions,
    class_names: Sequence[str],
    priors: Priors,
    calibration_bins: int | None,
    own: Sequence[Metric] = (),
) -> dict[str, float]:
    """Return all metrics of one task by name; those of each class as ``recall/<class>``.

    Metrics of probabilities are those of the probabilities as they are, and, as ``brier_corrected``, of the
    probabilities moved from the prior they carry to that of the data.

    Returns
    -------
    dict
        What is undefined is left out: the recall of a class without rows, the ROC-AUC where a class has all of them,
        corrected probabilities of scores that are none.
    """
    scores = Scores(predictions.y, predictions.predicted, predictions.log_proba, calibration_bins or 1)
    all_metrics = [*METRICS.values(), *own]
    left_out = {"labels", "run"} | ({"probabilities"} if calibration_bins is None else set())
    overall = [metric for metric in all_metrics if metric.function is not None and metric.needs not in left_out]
    values = {metric.name: metric(scores) for metric in overall}
    if calibration_bins is not None and priors.effective is not None:
        corrected = Scores(scores.y, scores.predicted, _corrected(scores.log_proba, priors), calibration_bins)
        values |= {f"{m.name}{CORRECTED}": m(corrected) for m in overall if m.needs == "probabilities"}
    for metric in all_metrics:
        if metric.by_class is not None and metric.needs not in left_out:
            of_classes = zip(class_names, metric.values_by_class(scores), strict=True)
            values |= {f"{metric.name}/{name}": float(value) for name, value in of_classes}
    return {name: value for name, value in values.items() if np.isfinite(value)}


def _corrected(log_proba: np.ndarray, priors: Priors) -> np.ndarray:
    """Move log-probabilities from the prior they carry to that of the data."""
    assert priors.effective is not None
    # A class whose training rows sampling removed carries no prior to move: its scores stay as they are.
    trained = priors.effective > 0
    ratio = np.divide(priors.natural, priors.effective, out=np.ones(len(trained)), where=trained)
    return np.asarray(log_softmax(log_proba + np.log(ratio), axis=1))
