"""Bootstrap intervals of recall and balanced accuracy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from imbalance_lab.types import Evaluation


def bootstrap(confusion: np.ndarray, class_names: Sequence[str], evaluation: Evaluation, seed: int) -> pd.DataFrame:
    """Return percentile bootstrap intervals for every class's recall and for balanced accuracy.

    The test rows are redrawn class by class. Recall only depends on how many of a class's n_k rows are hit, so a draw
    is a binomial one, with no need to touch the rows. Its rate is (hits + 1/2) / (n_k + 1) instead of hits / n_k: the
    plain bootstrap of a class whose few rows are all hit, or all missed, has no width at all.

    Parameters
    ----------
    confusion : ndarray of shape (C, C)
        Truth in rows.
    class_names : sequence of str
    evaluation : Evaluation
        Its confidence and number of resamples.
    seed : int

    Returns
    -------
    DataFrame
        ``low`` and ``high``, indexed by ``balanced_accuracy`` and ``recall/<class>``; classes without rows left out.
    """
    support = np.rint(confusion.sum(axis=1)).astype(int)
    present = np.flatnonzero(support).tolist()
    n, hits = support[present], np.diag(confusion)[present]
    draws = np.random.default_rng(seed).binomial(n, (hits + 0.5) / (n + 1), size=(evaluation.resamples, len(n))) / n
    names = ["balanced_accuracy", *(f"recall/{class_names[k]}" for k in present)]
    columns = np.column_stack([draws.mean(axis=1), draws])
    tails = (1 - evaluation.confidence) / 2
    low, high = np.quantile(columns, [tails, 1 - tails], axis=0)
    return pd.DataFrame({"low": low, "high": high}, index=names)
