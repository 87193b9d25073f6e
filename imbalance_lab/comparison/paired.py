"""Differences of strategies on one dataset, paired by seed and fold, and what may be concluded from them.

Test sets of several seeds or folds overlap in their training rows, so their results are not independent and an ordinary
t-test finds differences that are not there. Its variance is therefore that of Nadeau and Bengio (2003): with ``J``
differences of variance ``s^2``, each of ``n_test`` test rows after ``n_train`` other ones,
``s^2 (1 / J + n_test / n_train)``.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pandas as pd
from scipy.special import stdtr, stdtrit

from imbalance_lab.comparison.settings import Settings

BETTER, WORSE, SAME = "better", "worse", "practically the same"
FEW_RUNS, FEW_ROWS = "not enough runs", "not enough rows"
MOST_VALUES = 1000
ENOUGH_PAIRS = 10  # for their deviation to show that no number of runs would do


def corrected_t(values: np.ndarray, ratio: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return means, their standard errors and degrees of freedom, of the values in each row.

    Parameters
    ----------
    values : ndarray of shape (k, J)
        NaN where a value is missing.
    ratio : float
        Test rows by other rows, ``n_test / n_train``; 0 for independent values.

    Returns
    -------
    mean, error, df : ndarray of shape (k,)
        NaN for the error of fewer than two values.
    """
    n = np.isfinite(values).sum(axis=1)
    mean = np.nansum(values, axis=1) / np.where(n > 0, n, np.nan)
    squares = np.nansum(np.square(values - mean[:, None]), axis=1)
    df = np.where(n > 1, n - 1, np.nan)
    return mean, np.sqrt(squares / df * (1 / np.maximum(n, 1) + ratio)), df


def interval(values: np.ndarray, ratio: float, confidence: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return mean, and lower and upper end of its interval, of the values in each row (see `corrected_t`)."""
    mean, error, df = corrected_t(values, ratio)
    half = stdtrit(df, 0.5 + confidence / 2) * error
    return mean, mean - half, mean + half


def paired_differences(values: pd.DataFrame, reference: str, ratio: float, settings: Settings) -> pd.DataFrame:
    """Hold every strategy against `reference`.

    Parameters
    ----------
    values : DataFrame
        A row per strategy, a column per seed and fold; NaN where a run is missing.
    reference : str
    ratio : float
        Test rows by other rows.
    settings : Settings

    Returns
    -------
    DataFrame
        A row per strategy but the reference: ``pairs``, ``difference`` (strategy - reference) with ``low`` and
        ``high``, ``p`` (adjusted by Holm's method over the strategies), ``verdict``, and ``more``: how many further
        pairs would settle it. The verdict is ``not enough rows`` where ten pairs or more show that no number up to
        1000 would; of fewer pairs, ``more`` is what ten take. Of independent pairs 1000 stands for that many or more.
    """
    others = values.drop(index=reference)
    differences = others.to_numpy() - values.loc[reference].to_numpy()
    mean, error, df = corrected_t(differences, ratio)
    smallest = 1e-9 * np.nanmax(np.abs(values.to_numpy()), initial=1e-300)  # below it there is rounding only
    error, mean = (np.where(np.abs(part) < smallest, 0.0, part) for part in (error, mean))
    # The same difference several times is no evidence of a deviation of 0, unless the strategies are one.
    error = np.where((error == 0) & (mean != 0), np.nan, error)
    tail = (1 - settings.confidence) / 2
    p = holm(np.where(error == 0, 1.0, 2 * stdtr(df, -np.abs(mean) / np.where(error > 0, error, np.nan))))
    # Equivalent if both one-sided tests reject: the interval of twice the error rate lies in the region.
    within = np.abs(mean) + stdtrit(df, 1 - 2 * tail) * error < settings.rope
    pairs = np.isfinite(differences).sum(axis=1)
    tests = max(int(np.isfinite(p).sum()), 1)
    deviation = error / np.sqrt(1 / np.maximum(pairs, 1) + ratio)
    found = [
        _verdict(bool(same), float(q), int(n), float(m), float(d), ratio, tests, settings)
        for same, q, n, m, d in zip(within | (error == 0), p, pairs, mean, deviation, strict=True)
    ]
    half = stdtrit(df, 1 - tail) * error
    columns = {"pairs": pairs, "difference": mean, "low": mean - half, "high": mean + half, "p": p}
    return pd.DataFrame(columns, index=others.index).assign(
        verdict=[verdict for verdict, _ in found], more=np.array([more for _, more in found], float)
    )


def _verdict(
    same: bool, p: float, pairs: int, mean: float, deviation: float, ratio: float, tests: int, settings: Settings
) -> tuple[str, float]:
    """Return the verdict, and the further pairs it takes where there is none."""
    if same:
        return SAME, np.nan
    if p < 1 - settings.confidence:
        return (BETTER if mean * settings.sign > 0 else WORSE), np.nan
    more = further_values(pairs, mean, deviation, ratio, tests, settings)
    if np.isinf(more) and ratio == 0:
        return FEW_RUNS, float(MOST_VALUES)
    if np.isinf(more):
        return (FEW_RUNS, ENOUGH_PAIRS - pairs) if pairs < ENOUGH_PAIRS else (FEW_ROWS, np.nan)
    return FEW_RUNS, more


def holm(p: np.ndarray) -> np.ndarray:
    """Return p-values adjusted by Holm's (1979) method; missing ones are no tests and stay missing."""
    # statsmodels has it too, but collects garbage at every call, which takes a second for a few groups.
    order = np.argsort(p)[: np.isfinite(p).sum()]
    adjusted = np.full(len(p), np.nan)
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(len(order), 0, -1)), 1)
    return adjusted


def further_values(n: int, mean: float, deviation: float, ratio: float, tests: int, settings: Settings) -> float:
    """Return how many more pairs it would take for a verdict, if mean and deviation stay what they are.

    The smallest number with which the corrected t-test, at the error rate divided by the number of `tests`, or the
    test of equivalence comes out with probability `settings.power`. Infinite if no number up to 1000 would do: what
    shared test rows have in common does not shrink with the number of seeds. NaN if the deviation is unknown.
    """
    if not np.isfinite(deviation):
        return np.nan
    sizes = np.arange(max(n + 1, 2), MOST_VALUES + 1)
    error = deviation * np.sqrt(1 / sizes + ratio)
    alpha = 1 - settings.confidence
    differs, equal, power = (_quantiles(q)[sizes - 2] for q in (1 - alpha / 2 / tests, 1 - alpha, settings.power))
    settled = (abs(mean) >= (differs + power) * error) | (settings.rope - abs(mean) >= (equal + power) * error)
    return float(sizes[settled.argmax()] - n) if settled.any() else np.inf


@lru_cache(maxsize=64)
def _quantiles(probability: float) -> np.ndarray:
    """Return quantiles of t for 2, 3, ... values."""
    return np.asarray(stdtrit(np.arange(1, MOST_VALUES), probability))
