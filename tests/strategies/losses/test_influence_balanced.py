"""The loss that sees the features: the paper's formula in NumPy, its gradient, extremes."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from scipy.special import softmax

from imbalance_lab.strategies.losses.influence_balanced import InfluenceBalanced


def sample(rows: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.integers(classes, size=rows), rng.normal(scale=3, size=(rows, classes))


def influence_balanced_reference(y, z, f, alpha):
    """Equation 10 of Park et al. (2021) with lambda = alpha, and the authors' 0.001 in the denominator."""
    p = softmax(z, axis=1)
    influence = np.abs(p - np.eye(z.shape[1])[y]).sum(axis=1) * np.abs(f).sum(axis=1)
    return alpha * -np.log(p[np.arange(len(y)), y]) / (influence + 0.001)


@pytest.mark.parametrize("classes", [2, 3, 50])
def test_influence_balanced_is_the_papers_formula(classes: int) -> None:
    y, logits = sample(200, classes)
    f = np.random.default_rng(1).normal(size=(200, 7))
    found = InfluenceBalanced(alpha=10.0)(y, tf.constant(logits), None, tf.constant(f)).numpy()
    np.testing.assert_allclose(found, influence_balanced_reference(y, logits, f, 10.0), rtol=1e-8)


def test_influence_balanced_by_hand_and_its_gradient() -> None:
    even, f = np.zeros((1, 2)), np.array([[3.0, -4.0]])
    # p = 1/2: |p - y|_1 = 1, |f|_1 = 7.
    found = InfluenceBalanced(alpha=7.001)(np.array([1]), even, None, f).numpy()
    np.testing.assert_allclose(found, np.log(2), rtol=1e-12)
    y, logits = sample(6, 3)
    f = np.random.default_rng(1).normal(size=(6, 4))
    both = [tf.constant(logits), tf.constant(f)]
    with tf.GradientTape() as tape:
        tape.watch(both)
        total = tf.reduce_sum(InfluenceBalanced()(y, both[0], None, both[1]))
    for which, slope in enumerate(tape.gradient(total, both)):
        for at in np.ndindex(*slope.shape):
            ends = []
            for step in (1e-6, -1e-6):
                moved = [part.numpy().copy() for part in both]
                moved[which][at] += step
                ends.append(influence_balanced_reference(y, *moved, 10.0).sum())
            np.testing.assert_allclose(slope[at], (ends[0] - ends[1]) / 2e-6, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("scale", [0.0, 1.0, 50.0, 1e4])
def test_influence_balanced_stays_finite(scale: float) -> None:
    rng = np.random.default_rng(0)
    parts = [tf.constant(rng.choice([-scale, 0, scale], size=(20, k)), tf.float32) for k in (4, 6)]
    with tf.GradientTape() as tape:
        tape.watch(parts)
        values = InfluenceBalanced()(rng.integers(4, size=20), parts[0], None, parts[1])
    assert np.isfinite(values).all()
    assert all(np.isfinite(slope).all() for slope in tape.gradient(values, parts))
