"""Bounds of repeated looks: against published ones, and against simulated cross-validation without any difference."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.special import ndtri

from imbalance_lab.comparison.paired import BETTER, WORSE, paired_differences
from imbalance_lab.comparison.settings import Settings
from imbalance_lab.errors import ConfigError
from imbalance_lab.recommendation.budget import seconds_of
from imbalance_lab.recommendation.looks import information, nominal_levels, planned_looks
from imbalance_lab.recommendation.stopping import Reference, settings_of_look


def test_bounds_are_those_of_the_spending_function_alpha_t():
    # Five equally spaced looks; Lan and DeMets (1983), table 1, alpha* = alpha t, one-sided .025.
    bounds = -ndtri(nominal_levels([0.2, 0.4, 0.6, 0.8, 1.0], 0.05) / 2)
    assert bounds == pytest.approx([2.576, 2.490, 2.412, 2.344, 2.286], abs=0.02)


@pytest.mark.parametrize("alpha", [0.05, 0.05 / 16])
def test_all_looks_together_have_the_error_rate(alpha):
    shares, draws = [0.77, 0.9, 1.0], 1_000_000
    steps = np.sqrt(np.diff(shares, prepend=0.0))
    paths = np.cumsum(np.random.default_rng(0).normal(size=(draws, 3)) * steps, axis=1) / np.sqrt(shares)
    crossed = (np.abs(paths) > -ndtri(nominal_levels(shares, alpha) / 2)).any(axis=1).mean()
    assert crossed == pytest.approx(alpha, abs=4 * np.sqrt(alpha / draws))


def test_information_is_that_of_the_corrected_variance():
    ratio, several = 0.25, np.array([5, 10, 50])
    variance = 1 / several + ratio
    assert [information(int(n), 50, ratio) for n in several] == pytest.approx((variance[-1] / variance).tolist())
    assert planned_looks(10)[-1] == 10 and planned_looks(2) == [2]


@pytest.mark.slow
def test_under_no_difference_hardly_ever_anything_is_found():
    """Optional stopping, eight candidates, two in a hundred draws a false verdict at most five times."""
    rounds, folds, candidates, ratio = 10, 5, 8, 0.25
    wanted, held, looks = Settings(), Reference("0", "0"), planned_looks(10)
    levels = [settings_of_look(wanted, held, looks[: k + 1], rounds, folds, candidates - 1) for k in range(len(looks))]
    rng, draws, found, naive, among = np.random.default_rng(1), 1000, 0, 0, 300
    for draw in range(draws):
        # Folds share their rows: equally correlated by n_test / n, which the corrected test assumes.
        shared = rng.normal(size=(candidates, 1)) * np.sqrt(0.2)
        values = pd.DataFrame(shared + rng.normal(size=(candidates, rounds * folds)) * np.sqrt(0.8))
        values.index = values.index.astype(str)
        found += any(_false(values.iloc[:, : n * folds], s, ratio) for n, s in zip(looks, levels, strict=True))
        if draw < among:
            naive += any(_false(values.iloc[:, : n * folds], wanted, ratio) for n in range(1, rounds + 1))
    assert found / draws <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / draws)
    assert naive / among > 1.3 * found / draws  # what looking after every round at the whole level would find


def _false(values, settings, ratio):
    verdicts = paired_differences(values * 0.01, "0", ratio, settings).verdict
    return verdicts.isin([BETTER, WORSE]).any()


@pytest.mark.parametrize("budget", ["abc", "", "-3m", "0", "10 years", "1e3s"])
def test_what_is_no_time_is_refused(budget):
    with pytest.raises(ConfigError, match="is no time; 90s, 10m and 2h are"):
        seconds_of(budget)
