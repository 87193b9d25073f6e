"""Bootstrap intervals of recall and balanced accuracy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from imbalance_lab.evaluation.metrics import mean_over_classes
from imbalance_lab.evaluation.predictions import Predictions
from imbalance_lab.evaluation.scores import Confusion, confusion_matrix
from imbalance_lab.evaluation.settings import Evaluation


def bootstrap(
    predictions: Predictions, tasks: Sequence[Sequence[str]], evaluation: Evaluation, seed: int, repeats: float = 1.0
) -> pd.DataFrame:
    """Return percentile bootstrap intervals for every class's recall and for balanced accuracy.

    Parameters
    ----------
    predictions : Predictions
    tasks : sequence of sequence of str
        Class names of each task.
    evaluation : Evaluation
        Its confidence and number of resamples.
    seed : int
    repeats : float
        How often each row was tested: the intervals are those of so many times fewer rows.

    Returns
    -------
    DataFrame
        ``low`` and ``high``, indexed by ``balanced_accuracy`` and ``recall/<class>``; classes without rows left out.
    """
    rng = np.random.default_rng(seed)
    draws = [
        recall_draws(confusion_matrix(part.y, part.predicted, len(names)) / repeats, evaluation.resamples, rng)
        for part, names in zip(predictions.tasks(), tasks, strict=True)
    ]
    if len(tasks) == 1:
        balanced = recentred_mean(draws[0], predictions)
    else:
        balanced = joint_draws(predictions, evaluation.resamples, repeats, rng)
    columns = np.column_stack([balanced, *draws])
    names = ["balanced_accuracy", *(f"recall/{name}" for task in tasks for name in task)]
    tails = (1 - evaluation.confidence) / 2
    low, high = np.quantile(columns, [tails, 1 - tails], axis=0)
    return pd.DataFrame({"low": low, "high": high}, index=names).dropna()


def recall_draws(confusion: np.ndarray, resamples: int, rng: np.random.Generator) -> np.ndarray:
    """Return bootstrap draws of each class's recall, shape (resamples, C); NaN for a class without rows.

    The rows are redrawn class by class. Recall only depends on how many of a class's n rows are hit, so a draw is a
    binomial one, with no need to touch the rows. Its rate is (hits + 1/2) / (n + 1) instead of hits / n: the plain
    bootstrap of a class whose few rows are all hit, or all missed, has no width at all.
    """
    n = np.rint(confusion.sum(axis=1)).astype(int)
    rate = (np.diag(confusion) + 0.5) / (confusion.sum(axis=1) + 1)
    hits = rng.binomial(n, rate, size=(resamples, len(n)))
    return np.divide(hits, n, out=np.full(hits.shape, np.nan), where=n > 0)


def recentred_mean(draws: np.ndarray, predictions: Predictions) -> np.ndarray:
    """Return draws of the mean recall, shape (resamples,), moved to where the mean recall itself is.

    The rates behind the draws lean towards one half, each a little; over many small classes that adds up.
    """
    (part,) = predictions.tasks()
    recall = Confusion.of(confusion_matrix(part.y, part.predicted, draws.shape[1])).recall
    mean = np.nanmean(draws, axis=1)
    return np.asarray(np.clip(mean + mean_over_classes(recall) - mean.mean(), 0, 1))


def joint_draws(predictions: Predictions, resamples: int, repeats: float, rng: np.random.Generator) -> np.ndarray:
    """Return bootstrap draws of the mean balanced accuracy of several labels, shape (resamples,).

    Labels share their rows, so whole rows are redrawn: rows that agree in truth and prediction are one cell of a
    multinomial draw. Each side of each label gets one row more, hit or missed by the toss of a coin, so that a side
    with few rows, all of them hit, still has a width; then the draws are moved to where the estimate is.
    """
    n, labels = predictions.y.shape
    cells, sizes = np.unique(np.hstack([predictions.y, predictions.predicted]), axis=0, return_counts=True)
    truth, hit = cells[:, :labels], cells[:, :labels] == cells[:, labels:]
    drawn = rng.multinomial(round(n / repeats), sizes / n, size=resamples)
    recalls, estimate = [], []
    for side in (0, 1):
        here = truth == side
        tossed = rng.integers(2, size=(resamples, labels))
        recalls.append((drawn @ (here & hit) + tossed) / (drawn @ here + 1))
        support = sizes @ here
        estimate.append(np.divide(sizes @ (here & hit), support, out=np.full(labels, np.nan), where=support > 0))
    mean = np.mean(recalls, axis=(0, 2))
    point = np.mean([np.nanmean(pair) for pair in np.transpose(estimate)])
    return np.asarray(np.clip(mean + point - mean.mean(), 0, 1))
