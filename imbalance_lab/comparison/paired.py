"""Differences of strategies on one dataset, paired by seed and fold, and what may be concluded from them.

Test sets of several seeds or folds overlap in their training rows, so their results are not independent and an ordinary
t-test finds differences that are not there. Its variance is therefore that of Nadeau and Bengio (2003): with ``J``
differences of variance ``s^2``, each of ``n_test`` test rows after ``n_train`` other ones,
``s^2 (1 / J + n_test / n_train)``.

Where every seed has the same rows (a test file, a split in time, a split with a seed of its own), the differences show
how training varies and nothing of how other test rows would: the group says so in a note, and the verdict is one on
these test rows. Folds, of groups or rolling ones too, are other test rows.

Several strategies are tested by Holm's (1979) method, and the interval of a difference is that of the level at which
the method tests it (Serlin 1993; Ludbrook 2000): of ``m`` strategies the one with the ``j``-th smallest p-value at
``alpha / (m - j + 1)``, and all that are not rejected at the level of the first of them. An interval so leaves out 0
exactly where Holm's method rejects: that none wrongly does holds with the confidence asked for of all strategies at
once, that an interval covers its difference of each by itself. Equivalence within the region of practical equivalence
is tested by two one-sided tests at ``alpha`` (Schuirmann 1987), whose interval is that of confidence ``1 - 2 alpha``.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pandas as pd
from scipy.special import chdtri, stdtr, stdtrit

from imbalance_lab.comparison.settings import Settings

BETTER, WORSE, SAME = "better", "worse", "practically the same"
FEW_RUNS, FEW_ROWS = "not enough runs", "not enough rows"
MOST_VALUES = 1000
ENOUGH_PAIRS = 10  # for their deviation to show that no number of runs would do
# In simulated sweeps the number of further pairs that five pairs let one expect settles it in 70 of 100 cases, that of
# two pairs in 40.
FEWEST_PAIRS = 5
DEVIATION_CONFIDENCE = 0.8  # of the interval of the deviation from which the number of further runs is a range


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
        A row per strategy but the reference: ``pairs``, ``difference`` (strategy - reference) with the interval ``low``
        to ``high`` that belongs to its verdict, ``p`` (adjusted by Holm's method over the strategies), ``verdict``, and
        ``more`` to ``most``: how many further pairs would settle it if the difference stays what it is, at the ends of
        the interval of the deviation. An interval without 0 is ``better`` or ``worse``, one inside the region of
        practical equivalence ``practically the same``, and any other is open. ``not enough rows`` where ten pairs or
        more show that no number of them up to 1000 would do. ``more`` is missing where fewer than five pairs or too
        small a difference leave it unknown, ``most`` where it may be any number.
    """
    others = values.drop(index=reference)
    differences = others - values.loc[reference]
    return judged(differences, float(np.nanmax(np.abs(values.to_numpy()), initial=0.0)), ratio, settings)


def judged(differences: pd.DataFrame, largest: float, ratio: float, settings: Settings) -> pd.DataFrame:
    """Return what may be concluded from paired differences.

    Parameters
    ----------
    differences : DataFrame
        A row for each test, a column per seed and fold; NaN where a run of the pair is missing.
    largest : float
        Of the absolute values between which the differences are: what is a billionth of it is rounding.
    ratio : float
        Test rows by other rows.
    settings : Settings

    Returns
    -------
    DataFrame
        The rows of `differences`, the columns of `paired_differences`.
    """
    mean, error, df = corrected_t(differences.to_numpy(), ratio)
    smallest = 1e-9 * max(largest, 1e-300)
    error, mean = (np.where(np.abs(part) < smallest, 0.0, part) for part in (error, mean))
    # The same difference several times is no evidence of a deviation of 0, unless the strategies are one.
    error = np.where((error == 0) & (mean != 0), np.nan, error)
    alpha = 1 - settings.confidence
    p = np.where(error == 0, 1.0, 2 * stdtr(df, -np.abs(mean) / np.where(error > 0, error, np.nan)))
    adjusted = holm(p)
    # Equivalent if both one-sided tests reject: the interval of twice the error rate lies in the region.
    same = (np.abs(mean) + stdtrit(df, 1 - alpha) * error < settings.rope) | (error == 0)
    half = stdtrit(df, 1 - np.where(same, alpha, holm_levels(p, alpha) / 2)) * error
    pairs = np.isfinite(differences.to_numpy()).sum(axis=1)
    deviation = error / np.sqrt(1 / np.maximum(pairs, 1) + ratio)
    tests = max(int(np.isfinite(p).sum()), 1)
    found = pd.DataFrame(
        {"pairs": pairs, "difference": mean, "low": mean - half, "high": mean + half, "p": adjusted},
        index=differences.index,
    )
    further = [
        _open(int(n), float(m), float(d), ratio, tests, settings)
        for n, m, d in zip(pairs, mean, deviation, strict=True)
    ]
    settled = np.where(same, SAME, np.where(mean * settings.sign > 0, BETTER, WORSE))
    is_open = ~same & ~(adjusted < alpha)
    found["verdict"] = np.where(is_open, [verdict for verdict, _, _ in further], settled)
    found["more"], found["most"] = (np.where(is_open, [row[end] for row in further], np.nan) for end in (1, 2))
    return found


def _open(
    pairs: int, mean: float, deviation: float, ratio: float, tests: int, settings: Settings
) -> tuple[str, float, float]:
    """Return what an open comparison lacks, and the range of further pairs it takes, as far as that is known."""
    unknown = FEW_RUNS, np.nan, np.nan
    if pairs < FEWEST_PAIRS or not np.isfinite(deviation):
        return unknown
    if np.isinf(further_values(pairs, mean, deviation, ratio, tests, settings)):
        return unknown if pairs < ENOUGH_PAIRS or ratio == 0 else (FEW_ROWS, np.nan, np.nan)
    tails = (1 - DEVIATION_CONFIDENCE) / 2, (1 + DEVIATION_CONFIDENCE) / 2
    ends = (deviation * np.sqrt((pairs - 1) / chdtri(pairs - 1, tail)) for tail in tails)
    more, most = (further_values(pairs, mean, end, ratio, tests, settings) for end in ends)
    return FEW_RUNS, more, most if np.isfinite(most) else np.nan


def holm(p: np.ndarray) -> np.ndarray:
    """Return p-values adjusted by Holm's (1979) method; missing ones are no tests and stay missing."""
    # statsmodels has it too, but collects garbage at every call, which takes a second for a few groups.
    order = np.argsort(p)[: np.isfinite(p).sum()]
    adjusted = np.full(len(p), np.nan)
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(len(order), 0, -1)), 1)
    return adjusted


def holm_levels(p: np.ndarray, alpha: float) -> np.ndarray:
    """Return the level at which Holm's method tests each p-value; missing ones have none.

    >>> holm_levels(np.array([0.2, 0.001, 0.3]), 0.06).round(3).tolist()
    [0.03, 0.02, 0.03]
    """
    order = np.argsort(p)[: np.isfinite(p).sum()]
    rejected = int((holm(p) < alpha).sum())
    levels = np.full(len(p), np.nan)
    levels[order] = alpha / (len(order) - np.minimum(np.arange(len(order)), rejected))
    return levels


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
