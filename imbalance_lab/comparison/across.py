"""Strategies compared across datasets: ranks and the tests on them (Demsar 2006), and the Bayesian signed-rank test."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from math import factorial

import numpy as np
import pandas as pd
from scipy import stats

from imbalance_lab.comparison.paired import holm
from imbalance_lab.comparison.settings import Settings

FEWEST_DATASETS = 5
DRAWS, FEWEST_DRAWS, MOST_NUMBERS = 5000, 500, 20_000_000


@dataclass(frozen=True)
class Across:
    """Strategies across datasets, for one model and setting.

    Parameters
    ----------
    name : str
    means : DataFrame
        The metric: a row per dataset, a column per strategy, best average rank first.
    ranks : Series
        Average rank of each strategy; 1 is best.
    friedman : dict
        ``chi2`` and ``p`` of Friedman's test, ``F`` and ``p_F`` of Iman and Davenport's (1980) form.
    critical_difference : float
        Average ranks further apart than this differ, by Nemenyi's test.
    nemenyi, wilcoxon : DataFrame
        p-values of all pairs, Wilcoxon's adjusted by Holm's method.
    signed_rank : DataFrame
        For each strategy the posterior probabilities that it is ``worse`` than the baseline, practically the ``same``,
        or ``better`` (Benavoli et al. 2014); empty without the baseline.
    notes : list of str
    """

    name: str
    means: pd.DataFrame
    ranks: pd.Series
    friedman: dict[str, float]
    critical_difference: float
    nemenyi: pd.DataFrame
    wilcoxon: pd.DataFrame
    signed_rank: pd.DataFrame
    notes: list[str]


def across_datasets(name: str, means: pd.DataFrame, settings: Settings) -> Across | None:
    """Compare strategies across datasets.

    Parameters
    ----------
    name : str
    means : DataFrame
        A row per dataset, a column per strategy; NaN where one was not run on the other.
    settings : Settings

    Returns
    -------
    Across or None
        None if fewer than two strategies share two datasets.
    """
    complete = complete_part(means)
    if min(complete.shape) < 2:
        return None
    notes = _left_out(means, complete)
    if len(complete) < FEWEST_DATASETS:
        notes.append(f"{len(complete)} datasets are too few for tests across datasets to find much")
    ranks = average_ranks(complete, settings.sign).sort_values(kind="stable")
    complete = complete[ranks.index]
    return Across(
        name=name,
        means=complete,
        ranks=ranks,
        friedman=friedman(complete, settings.sign),
        critical_difference=critical_difference(len(ranks), len(complete), 1 - settings.confidence),
        nemenyi=nemenyi(complete, settings.sign),
        wilcoxon=wilcoxon(complete),
        signed_rank=signed_rank(complete, settings),
        notes=notes,
    )


def complete_part(means: pd.DataFrame) -> pd.DataFrame:
    """Return the datasets and strategies that are left when, time after time, what misses most is left out."""
    while means.isna().any(axis=None):
        rows, columns = means.isna().mean(axis=1), means.isna().mean(axis=0)
        means = means.drop(columns=columns.idxmax()) if columns.max() >= rows.max() else means.drop(index=rows.idxmax())
    return means


def average_ranks(means: pd.DataFrame, sign: int = 1) -> pd.Series:
    """Return the average rank of each strategy (column) over datasets (rows); 1 is best, ties share their ranks."""
    return (sign * means).rank(axis=1, ascending=False).mean()


def friedman(means: pd.DataFrame, sign: int = 1) -> dict[str, float]:
    """Return Friedman's chi-squared as Demsar (2006) gives it, Iman and Davenport's F, and their p-values.

    Without the correction for ties that SciPy makes, so that both agree with Nemenyi's critical difference.
    """
    n, k = means.shape
    ranks = average_ranks(means, sign)
    chi2 = 12 * n / (k * (k + 1)) * (float(np.square(ranks).sum()) - k * (k + 1) ** 2 / 4)
    f = (n - 1) * chi2 / (n * (k - 1) - chi2) if chi2 < n * (k - 1) else np.inf
    return {
        "chi2": chi2,
        "p": float(stats.chi2.sf(chi2, k - 1)),
        "F": float(f),
        # That all datasets agree by chance has a probability that F, then infinite, knows nothing of.
        "p_F": max(float(stats.f.sf(f, k - 1, (k - 1) * (n - 1))), factorial(k) ** -(n - 1.0)),
    }


def critical_difference(strategies: int, datasets: int, alpha: float) -> float:
    """Return Nemenyi's critical difference of average ranks: ``q sqrt(k (k + 1) / (6 N))``."""
    q = stats.studentized_range.ppf(1 - alpha, strategies, np.inf) / np.sqrt(2)
    return float(q * np.sqrt(strategies * (strategies + 1) / (6 * datasets)))


def nemenyi(means: pd.DataFrame, sign: int = 1) -> pd.DataFrame:
    """Return p-values of Nemenyi's test for all pairs of strategies."""
    from scikit_posthocs import posthoc_nemenyi_friedman

    found = posthoc_nemenyi_friedman(sign * means.to_numpy())
    return pd.DataFrame(found.to_numpy(), index=means.columns, columns=means.columns)


def wilcoxon(means: pd.DataFrame) -> pd.DataFrame:
    """Return p-values of Wilcoxon's signed-rank test for all pairs of strategies, adjusted by Holm's method."""
    pairs = list(combinations(means.columns, 2))
    p = [1.0 if (means[a] == means[b]).all() else _wilcoxon(means[a], means[b]) for a, b in pairs]
    table = pd.DataFrame(1.0, index=means.columns, columns=means.columns)
    for (a, b), adjusted in zip(pairs, holm(np.array(p)), strict=True):
        table.loc[a, b] = table.loc[b, a] = adjusted
    return table


def _wilcoxon(a: pd.Series, b: pd.Series) -> float:
    return float(stats.wilcoxon(a, b, zero_method="zsplit").pvalue)


def signed_rank(means: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """Return the Bayesian signed-rank test of every strategy against the baseline."""
    from baycomp import SignedRankTest

    if settings.baseline not in means:
        return pd.DataFrame(columns=["worse", "same", "better"], dtype=float)
    base = settings.sign * means[settings.baseline].to_numpy()
    rows = {}
    for name in means.columns.drop(settings.baseline):
        other = settings.sign * means[name].to_numpy()
        draws = int(np.clip(MOST_NUMBERS / len(means) ** 2, FEWEST_DRAWS, DRAWS))
        found = SignedRankTest(base, other, settings.rope, nsamples=draws, random_state=0)
        rows[name] = found.probs(with_rope=True)
    return pd.DataFrame.from_dict(rows, orient="index", columns=["worse", "same", "better"])


def _left_out(means: pd.DataFrame, complete: pd.DataFrame) -> list[str]:
    strategies = means.columns.difference(complete.columns, sort=False)
    datasets = means.index.difference(complete.index, sort=False)
    return [
        f"{what} left out, for results that are missing: {', '.join(map(str, names))}"
        for what, names in (("strategies", strategies), ("datasets", datasets))
        if len(names)
    ]
