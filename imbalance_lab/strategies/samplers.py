"""Which training rows? Any imbalanced-learn sampler, run with the run's own seed and its errors put plainly."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from pydantic.dataclasses import dataclass

from imbalance_lab.types import STRICT, DataError, Sampler


@dataclass(frozen=True, config=STRICT)
class KeepAll:
    """The null option: every row once."""

    def fit_resample(self, X: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows as they are."""
        return X, y


def resample(
    sampler: Sampler, X: np.ndarray, y: np.ndarray, class_names: Sequence[str], seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Resample training rows.

    Parameters
    ----------
    sampler : Sampler
    X : ndarray of shape (n, d)
    y : ndarray of shape (n,)
    class_names : sequence of str
    seed : int
        Given to the sampler and to the samplers inside it.

    Returns
    -------
    tuple of ndarray
        Rows (m, d) and their classes (m,).

    Raises
    ------
    DataError
        If the sampler cannot work on these classes, such as a class with fewer rows than it needs neighbours.
    """
    seeded = _seeded(sampler, seed)
    try:
        X_new, y_new = seeded.fit_resample(X, y)
    except (ValueError, RuntimeError) as error:
        raise DataError(_plainly(type(sampler).__name__, str(error), y, class_names)) from error
    return np.asarray(X_new, dtype=X.dtype), np.asarray(y_new)


def _seeded(sampler: Sampler, seed: int) -> Sampler:
    """Return a fresh copy whose every ``random_state`` is `seed`."""
    if not hasattr(sampler, "get_params"):
        return sampler
    from sklearn.base import clone

    copy = clone(sampler)
    states = {key: seed for key in copy.get_params() if key == "random_state" or key.endswith("__random_state")}
    return copy.set_params(**states)


def _plainly(sampler: str, message: str, y: np.ndarray, class_names: Sequence[str]) -> str:
    counts = np.bincount(y, minlength=len(class_names))
    smallest = int(np.where(counts > 0, counts, counts.max()).argmin())
    rows = f"class '{class_names[smallest]}' has {counts[smallest]} training rows"
    if "n_neighbors" in message:
        needed = re.search(r"n_neighbors = (\d+)", message)
        return (
            f"{sampler} needs {needed[1] if needed else 'more'} neighbours (a row itself is one of them), but {rows}; "
            f"set sampler.k_neighbors={max(counts[smallest] - 1, 1)} (n_neighbors for some samplers), use sampler=ros, "
            "or leave small classes out with min_class_rows="
        )
    return f"{sampler} cannot resample these rows ({rows}): {' '.join(message.split())}"
