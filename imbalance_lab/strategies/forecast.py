"""How long will a sampler take? Timed on few of the rows before it starts on all of them."""

from __future__ import annotations

import time
import warnings
from typing import Any

import numpy as np
from sklearn.base import clone

MIN_ROWS = 20_000  # fewer are sampled in seconds
FIRST_ROWS, MIN_ROWS_OF_A_CLASS = 500, 50
MIN_SECONDS_TIMED = 0.5  # shorter times are mostly noise


def forecast(sampler: Any, X: np.ndarray, y: np.ndarray) -> float:
    """Return about how many seconds a sampler takes for rows (n, p) of classes (n,).

    It is timed on twice as many rows each time until that takes a while; the last two times give the power of the rows
    with which the time grows, up to the second for neighbour searches. 0 if the rows are few or the sampler cannot be
    timed on some of them.
    """
    if len(y) < MIN_ROWS or not hasattr(sampler, "get_params"):
        return 0.0
    rows, before, now = FIRST_ROWS, 0.0, 0.0
    order = np.random.default_rng(0).permutation(len(y))
    try:
        while now < MIN_SECONDS_TIMED and rows < len(y) / 4:
            rows, before, now = 2 * rows, now, _seconds(sampler, X, y, _some(order, y, 2 * rows))
    except Exception:  # whatever it is, sampling all rows reports it
        return 0.0
    power = np.clip(np.log2(now / before), 1, 3) if before else 1.0
    return float(now * (len(y) / rows) ** power)


def _seconds(sampler: Any, X: np.ndarray, y: np.ndarray, rows: np.ndarray) -> float:
    started = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        clone(sampler).fit_resample(X[rows], y[rows])
    return time.perf_counter() - started


def _some(order: np.ndarray, y: np.ndarray, wanted: int) -> np.ndarray:
    """Return some of the rows in `order`: the share `wanted` of n of each class, and no fewer than a sampler needs."""
    share = wanted / len(y)
    of_class = [order[y[order] == k] for k in np.unique(y)]
    return np.concatenate([rows[: max(int(share * len(rows)), MIN_ROWS_OF_A_CLASS)] for rows in of_class])
