"""What is expected of candidates: limits, and simulated sets with known spreads."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from imbalance_lab.recommendation.evidence import Evidence, Results, expected, learn, results_of
from imbalance_lab.recommendation.panel import simplest

PAIRS = [(strategy, model) for model in ("logreg", "forest") for strategy in ("none", "inv_freq", "ros")]
SPREAD = {"model": 0.05, "strategy": 0.03, "pair": 0.02}


GAIN = {"logreg": {"none": -0.1, "inv_freq": 0.1, "ros": 0.0}, "forest": {"none": 0.0, "inv_freq": 0.0, "ros": 0.0}}
LEVEL = {"logreg": 0.02, "forest": -0.02}


def test_without_noise_the_table_counts_and_with_much_other_sets_do():
    evidence = Evidence(SPREAD, LEVEL, GAIN, 20)
    own = np.array([0.8, 0.6, 0.7, 0.5, 0.9, 0.4])
    exact, _ = expected(Results(PAIRS, own, np.full(6, 1e-9), 0.5), evidence)
    assert exact == pytest.approx(own, abs=1e-5)
    for imbalance in (0.0, 0.5, 1.0):
        vague, _ = expected(Results(PAIRS, own, np.full(6, 1e3), imbalance), evidence)
        prior = np.array([LEVEL[model] + imbalance * GAIN[model][strategy] for strategy, model in PAIRS])
        assert vague - vague.mean() == pytest.approx(prior - prior.mean(), abs=1e-3)


def test_one_strategy_alone_is_shrunk_by_the_share_of_the_noise():
    # Two pairs that share nothing: their difference has twice the variance of each, before and in the noise.
    pairs, own = [("a", "x"), ("b", "y")], np.array([0.7, 0.5])
    between, noise = sum(value**2 for value in SPREAD.values()), 0.004
    found, _ = expected(Results(pairs, own, np.full(2, noise), 0.5), Evidence(SPREAD, {}, {}, 5))
    assert found[0] - found[1] == pytest.approx(0.2 * between / (between + noise), rel=1e-3)


def test_noise_that_a_model_has_by_itself_weighs_on_the_choice_between_models():
    """The contrast of two models with two strategies each is shrunk by its own variance and noise, by hand."""
    pairs, own = [(s, m) for m in "xy" for s in "ab"], np.array([0.70, 0.66, 0.50, 0.46])
    shares, noise = {"model": 0.5, "strategy": 0.2, "pair": 0.3}, 0.004
    found, _ = expected(Results(pairs, own, np.full(4, noise), 0.5), Evidence(SPREAD, {}, {}, 5, shares))
    # Of two models' means the variance is 2 model + pair; that of what is left over is (2 + pair) / 3 of all.
    between = 2 * SPREAD["model"] ** 2 + SPREAD["pair"] ** 2
    within = (2 * 0.5 + 0.3) * noise / ((2 + 0.3) / 3)
    assert found[:2].mean() - found[2:].mean() == pytest.approx(0.2 * between / (between + within), rel=1e-3)
    between = 2 * SPREAD["strategy"] ** 2 + SPREAD["pair"] ** 2
    within = (2 * 0.2 + 0.3) * noise / ((2 + 0.3) / 3)
    assert found[0] - found[1] == pytest.approx(0.04 * between / (between + within), rel=1e-3)


def test_the_shares_of_the_noise_of_simulated_folds_are_found_again():
    rng, shares, sets = np.random.default_rng(0), {"model": 0.5, "strategy": 0.2, "pair": 0.3}, []
    models, strategies = list(LEVEL), ["none", "inv_freq", "ros"]
    for _ in range(200):
        deviation = {part: np.sqrt(share) * 0.05 for part, share in shares.items()}
        by_model = rng.normal(0, deviation["model"], (2, 5))
        by_strategy = rng.normal(0, deviation["strategy"], (3, 5))
        folds = rng.normal(0, 0.1, 5)
        values = [
            folds + by_model[models.index(m)] + by_strategy[strategies.index(s)] + rng.normal(0, deviation["pair"], 5)
            for s, m in PAIRS
        ]
        sets.append(results_of(pd.DataFrame(values), PAIRS, 0.25, 0.5))
    assert learn(sets).noise == pytest.approx(shares, abs=0.05)


def test_the_spreads_and_gains_of_simulated_sets_are_found_again():
    rng, sets = np.random.default_rng(0), []
    for _ in range(300):
        models = {model: rng.normal(0, SPREAD["model"]) for model in LEVEL}
        strategies = {s: rng.normal(0, SPREAD["strategy"]) for s in ("none", "inv_freq", "ros")}
        level, imbalance = rng.uniform(0.5, 0.9), rng.uniform(0, 1)
        prior = [LEVEL[m] + imbalance * GAIN[m][s] for s, m in PAIRS]
        true = [
            level + p + models[m] + strategies[s] + rng.normal(0, SPREAD["pair"])
            for p, (s, m) in zip(prior, PAIRS, strict=True)
        ]
        noise = rng.normal(0, 0.02, 6)
        sets.append(Results(PAIRS, np.array(true) + noise, np.full(6, 0.02**2), imbalance))
    found = learn(sets)
    assert found.spread == pytest.approx(SPREAD, rel=0.2)
    assert found.mean["logreg"] - found.mean["forest"] == pytest.approx(0.04, abs=0.03)
    gap = found.gain["logreg"]["inv_freq"] - found.gain["logreg"]["none"]
    assert gap == pytest.approx(0.2, abs=4 * np.sqrt(2 * (0.03**2 + 0.02**2 + 0.02**2) / 300 * 12))


def test_candidates_of_fewer_folds_are_made_up_for():
    folds = np.array([0.0, 0.1, 0.2, 0.3])
    values = pd.DataFrame([0.5 + folds, 0.6 + folds, [0.4, 0.5, np.nan, np.nan]])
    found = results_of(values, [("a", "x"), ("b", "x"), ("c", "x")], ratio=0.25, imbalance=0.5)
    assert found.mean == pytest.approx([0.65, 0.75, 0.55])
    assert found.noise[2] > found.noise[0]


def test_the_simplest_of_what_is_about_as_good_is_taken():
    assert simplest(np.array([0.80, 0.806, 0.79]), [3, 4, 0], rope=0.01) == 1
    assert simplest(np.array([0.805, 0.806, 0.79]), [3, 4, 0], rope=0.01) == 0
    assert simplest(np.array([0.805, 0.806, 0.79]), [3, 4, 0], rope=0.0) == 1
