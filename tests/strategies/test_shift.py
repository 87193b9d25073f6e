from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from imbalance_lab.strategies.shift import estimate_prior


def scores(rng: np.random.Generator, sizes: list[int], prior: np.ndarray) -> np.ndarray:
    """Return the true log-probabilities under `prior` of rows of normal distributions two deviations apart."""
    x = np.concatenate([rng.normal(2 * k, 1, size) for k, size in enumerate(sizes)])
    joint = norm.logpdf(x[:, None], 2 * np.arange(len(sizes))) + np.log(prior)
    return joint - np.logaddexp.reduce(joint, axis=1, keepdims=True)


@pytest.mark.parametrize("sizes", [[9000, 1000], [500, 9500], [2000, 5000, 3000]])
def test_the_shares_of_other_rows_are_found(sizes: list[int]) -> None:
    prior = np.full(len(sizes), 1 / len(sizes))
    found = estimate_prior(scores(np.random.default_rng(0), sizes, prior), prior)
    np.testing.assert_allclose(found, np.array(sizes) / sum(sizes), atol=0.015)
    assert found.sum() == pytest.approx(1)


def test_it_is_where_the_likelihood_is_largest() -> None:
    prior = np.array([0.7, 0.3])
    log_proba = scores(np.random.default_rng(1), [400, 60], prior)
    ratio = np.exp(log_proba) / prior
    grid = np.linspace(0.001, 0.999, 999)
    likelihood = [np.log(ratio @ np.array([1 - share, share])).sum() for share in grid]
    assert estimate_prior(log_proba, prior)[1] == pytest.approx(grid[np.argmax(likelihood)], abs=0.001)


def test_a_class_without_training_rows_gets_none() -> None:
    log_proba = np.log(np.array([[0.5, 0.5 - 1e-9, 1e-9]] * 4))
    found = estimate_prior(log_proba, np.array([0.5, 0.5, 0.0]))
    assert found[2] == 0
    assert np.isfinite(found).all()
