"""Losses against TensorFlow's own, the formulas of the papers in NumPy, and finite differences."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import log_softmax

from imbalance_lab.losses.cross_entropy import CrossEntropy
from imbalance_lab.losses.focal import Focal

COUNTS = np.array([198, 436, 710, 272], np.float32)


# A loss near 0 is the difference of numbers near 1: its absolute error is the type's precision.
PRECISION = {np.float32: {"rtol": 1e-6, "atol": 2e-6}, np.float64: {"rtol": 1e-12, "atol": 1e-13}}


def sample(rows: int = 50, classes: int = 4, seed: int = 0, dtype: type = np.float32):
    rng = np.random.default_rng(seed)
    logits = rng.normal(scale=3, size=(rows, classes)).astype(dtype)
    return rng.integers(classes, size=rows), logits, rng.uniform(0.2, 5, classes).astype(dtype)


def weighted(loss, y, logits, weights) -> np.ndarray:
    """The value of each row as the trainer computes it."""
    return (tf.gather(weights, y) * loss(y, tf.constant(logits), tf.constant(COUNTS))).numpy()


@pytest.mark.parametrize("dtype", PRECISION)
def test_weighted_equals_the_one_hot_form(dtype: type) -> None:
    y, logits, weights = sample(dtype=dtype)
    onehot = tf.one_hot(y, 4, dtype=dtype)
    row_weight = tf.reduce_sum(weights * onehot, axis=1)
    expected = row_weight * tf.nn.softmax_cross_entropy_with_logits(onehot, logits)
    np.testing.assert_allclose(weighted(CrossEntropy(), y, logits, weights), expected, **PRECISION[dtype])


@pytest.mark.parametrize("dtype", PRECISION)
def test_weighted_equals_the_sparse_form(dtype: type) -> None:
    y, logits, weights = sample(dtype=dtype)
    expected = tf.gather(weights, y) * tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits)
    np.testing.assert_allclose(weighted(CrossEntropy(), y, logits, weights), expected, **PRECISION[dtype])


@pytest.mark.parametrize("dtype", PRECISION)
@given(st.floats(0.1, 50), st.integers(0, 100))
@settings(max_examples=25, deadline=None)
def test_one_channel_equals_weighted_cross_entropy_with_logits(dtype: type, pos_weight: float, seed: int) -> None:
    y, logits, _ = sample(classes=2, seed=seed, dtype=dtype)
    z = logits[:, 1]
    two = np.column_stack([np.zeros_like(z), z])
    expected = tf.nn.weighted_cross_entropy_with_logits(y.astype(dtype), z, dtype(pos_weight))
    found = weighted(CrossEntropy(), y, two, np.array([1, pos_weight], dtype))
    precision = PRECISION[dtype] | {"atol": PRECISION[dtype]["atol"] * max(1, pos_weight)}
    np.testing.assert_allclose(found, expected, **precision)


def focal_reference(y: np.ndarray, logits: np.ndarray, gamma: float) -> np.ndarray:
    """FL(p_t) = -(1 - p_t)^gamma log(p_t), equation 4 of Lin et al. (2017)."""
    log_p = log_softmax(logits.astype(np.float64), axis=1)[np.arange(len(y)), y]
    return -((1 - np.exp(log_p)) ** gamma) * log_p


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0, 5.0])
def test_focal_is_the_papers_formula(gamma: float) -> None:
    y, logits, _ = sample(500)
    found = Focal(gamma)(y, tf.constant(logits), None).numpy()
    np.testing.assert_allclose(found, focal_reference(y, logits, gamma), rtol=2e-4, atol=1e-6)


def test_focal_by_hand() -> None:
    # p_y = 1/2: (1/2)^2 log 2
    found = Focal(2.0)(np.array([0]), np.zeros((1, 2), np.float32), None).numpy()
    np.testing.assert_allclose(found, [0.25 * np.log(2)], rtol=1e-6)


def test_focal_without_gamma_is_cross_entropy() -> None:
    y, logits, _ = sample()
    np.testing.assert_array_equal(Focal(0.0)(y, logits, None), CrossEntropy()(y, logits, None))


@pytest.mark.parametrize("loss", [CrossEntropy(), Focal(0.5), Focal(2.0)], ids=str)
def test_gradients_are_those_of_finite_differences(loss) -> None:
    y, logits, _ = sample(6)
    z = tf.constant(logits, tf.float64)
    with tf.GradientTape() as tape:
        tape.watch(z)
        total = tf.reduce_sum(loss(y, z, None))
    step, numeric = 1e-6, np.zeros(logits.shape)
    for at in np.ndindex(*logits.shape):
        shift = np.zeros(logits.shape)
        shift[at] = step
        up, down = (tf.reduce_sum(loss(y, z + sign * shift, None)) for sign in (1, -1))
        numeric[at] = (up - down) / (2 * step)
    np.testing.assert_allclose(tape.gradient(total, z), numeric, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("loss", [CrossEntropy(), Focal(0.5), Focal(2.0)], ids=str)
def test_extreme_logits_stay_finite(loss) -> None:
    logits = tf.constant([[1e4, -1e4], [-1e4, 1e4], [0.0, 0.0], [1e4, 1e4]], tf.float32)
    for y in (0, 1):
        with tf.GradientTape() as tape:
            tape.watch(logits)
            values = loss(np.full(4, y), logits, None)
        assert np.isfinite(values).all()
        assert np.isfinite(tape.gradient(values, logits)).all()


@pytest.mark.parametrize("loss", [CrossEntropy(), Focal(2.0)], ids=str)
def test_renaming_the_classes_changes_nothing(loss) -> None:
    y, logits, _ = sample(dtype=np.float64)
    order = np.array([2, 0, 3, 1])
    renamed = np.argsort(order)[y]
    np.testing.assert_allclose(loss(renamed, logits[:, order], None), loss(y, logits, None), rtol=1e-10)
