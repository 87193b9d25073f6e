from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy.special import softmax
from scipy.stats import norm

from imbalance_lab.app.config import compose
from imbalance_lab.data.sources.synthetic import GaussianClusters, LongTail, largest_remainder, tail
from tests.conftest import built


def load(*overrides: str):
    return built(compose(list(overrides)), "dataset").load()


def test_four_classes_has_the_sizes_of_the_question() -> None:
    data = load()
    assert dict(zip(data.class_names, data.counts.tolist(), strict=True)) == {"A": 198, "B": 436, "C": 710, "D": 272}
    assert len(data.y) == 1616
    assert set(data.kinds.values()) == {"numeric"}


def test_rare_binary_has_exactly_3_4_percent_positives() -> None:
    data = load("dataset=rare_binary")
    assert data.class_names == ("negative", "positive")
    assert data.y.mean() == 0.034


def test_long_tail_falls_as_asked() -> None:
    steady = load("dataset=long_tail", "dataset.classes=5", "dataset.largest=400", "dataset.imbalance_ratio=16")
    assert steady.counts.tolist() == [400, 200, 100, 50, 25]
    step = load("dataset=long_tail", "dataset.classes=4", "dataset.largest=400", "dataset.profile=step")
    assert step.counts.tolist() == [400, 400, 8, 8]


def test_synthetic_takes_counts_or_priors() -> None:
    assert load("dataset=synthetic", "dataset.counts={a: 30, b: 7}").counts.tolist() == [30, 7]
    shares = load("dataset=synthetic", "dataset.priors={a: 0.5, b: 0.3, c: 0.2}", "dataset.rows=1000")
    assert shares.counts.tolist() == [500, 300, 200]


@given(st.lists(st.floats(0.001, 1), min_size=2, max_size=20), st.integers(40, 5000))
@settings(max_examples=50, deadline=None)
def test_largest_remainder_gives_every_row_away(shares: list[float], total: int) -> None:
    p = np.array(shares)
    counts = np.array(largest_remainder(p, total))
    assert counts.min() >= 1
    exact = p / p.sum() * total
    if exact.min() >= 1:
        assert counts.sum() == total
        assert np.all(np.abs(counts - exact) < 1)


def test_tail_ratio_is_the_ratio_asked_for() -> None:
    sizes = tail(10, 1000, 50, "exponential")
    assert sizes[0] / sizes[-1] == 50
    assert np.all(np.diff(sizes) < 0)


def test_same_seed_same_data_another_seed_other_data() -> None:
    hashes = [load(f"dataset.seed={seed}").content_hash for seed in (0, 0, 1)]
    assert hashes[0] == hashes[1] != hashes[2]


def test_label_noise_keeps_the_class_sizes_and_lowers_the_best_accuracy() -> None:
    def best_accuracy(noise: float) -> float:
        source = GaussianClusters(name="n", counts={"a": 3000, "b": 1000}, label_noise=noise)
        data = source.load()
        assert data.counts.tolist() == [3000, 1000]
        return float(np.mean(source.log_posterior(data.X.to_numpy(), np.array([0.75, 0.25])).argmax(1) == data.y))

    assert best_accuracy(0.5) < best_accuracy(0.0) - 0.1


def test_posterior_is_bayes_rule_on_the_mixture_densities() -> None:
    source = GaussianClusters(name="p", counts={"a": 5, "b": 5, "c": 5}, features=3, informative=2, clusters=2)
    X, prior = np.random.default_rng(0).normal(size=(7, 3)), np.array([0.6, 0.3, 0.1])
    density = np.array(
        [[np.mean([np.prod(norm.pdf(x[:2], centre)) for centre in source.centres[k]]) for k in range(3)] for x in X]
    )
    expected = density * prior
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(softmax(source.log_posterior(X, prior), axis=1), expected, rtol=1e-9)


def test_posterior_is_calibrated_on_its_own_draws() -> None:
    source = GaussianClusters(name="c", counts={"a": 40000, "b": 10000}, separation=1.0, features=4)
    data = source.load()
    p = np.exp(source.log_posterior(data.X.to_numpy(), np.array([0.8, 0.2])))[:, 1]
    for low, high in [(0, 0.1), (0.1, 0.2), (0.2, 0.4), (0.4, 0.7)]:
        inside = (p > low) & (p <= high)
        spread = 4 * np.sqrt(p[inside].mean() * (1 - p[inside].mean()) / inside.sum())
        assert abs(p[inside].mean() - data.y[inside].mean()) < spread


@pytest.mark.parametrize(
    "wrong",
    [
        {"counts": {"a": 5}},
        {"counts": {"a": 5, "b": 0}},
        {"counts": None},
        {"counts": {"a": 5, "b": 5}, "priors": {"a": 0.5, "b": 0.5}},
        {"counts": {"a": 5, "b": 5}, "features": 2, "informative": 3},
        {"counts": {"a": 5, "b": 5}, "label_noise": 1.0},
    ],
)
def test_impossible_settings_are_refused(wrong: dict) -> None:
    with pytest.raises(ValidationError):
        GaussianClusters(name="w", **wrong)


def test_a_tail_needs_two_classes() -> None:
    with pytest.raises(ValidationError):
        LongTail(name="t", classes=1)
