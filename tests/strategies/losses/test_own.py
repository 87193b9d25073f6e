from __future__ import annotations

from functools import partial

import keras
import numpy as np
import pytest
import tensorflow as tf

from imbalance_lab.errors import ConfigError
from imbalance_lab.strategies.losses import CrossEntropy, Focal, as_loss

keras_losses = keras.losses


def brier(y, logits):
    return tf.reduce_sum((tf.one_hot(y, logits.shape[1]) - tf.nn.softmax(logits)) ** 2, axis=1)


def adjusted(y, logits, counts):
    return keras_losses.sparse_categorical_crossentropy(y, logits + tf.math.log(counts), from_logits=True)


def tempered(y, logits, temperature=1.0):
    return keras_losses.sparse_categorical_crossentropy(y, logits / temperature, from_logits=True)


def sample(classes: int):
    rng = np.random.default_rng(classes)
    logits = rng.normal(size=(12, classes)).astype(np.float32)
    if classes == 2:
        logits[:, 0] = 0
    return tf.constant(rng.integers(classes, size=12), tf.int32), tf.constant(logits), tf.range(1.0, classes + 1.0)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize(
    "given",
    [
        keras_losses.SparseCategoricalCrossentropy(from_logits=True, reduction="sum"),
        keras_losses.CategoricalCrossentropy(from_logits=True),
        partial(keras_losses.CategoricalCrossentropy, from_logits=True),
        partial(keras_losses.sparse_categorical_crossentropy, from_logits=True),
        tempered,
        partial(tempered, temperature=1.0),
        lambda y, logits, counts=None: adjusted(y, logits, tf.ones_like(logits[0])),
    ],
)
def test_cross_entropies_are_ours(given, classes: int) -> None:
    rows = sample(classes)
    np.testing.assert_allclose(as_loss(given, classes)(*rows), CrossEntropy()(*rows), rtol=1e-5)


def test_two_classes_of_a_binary_loss_are_the_label_and_one_logit() -> None:
    y, logits, counts = sample(2)
    loss = as_loss(keras_losses.BinaryFocalCrossentropy(gamma=2.0, from_logits=True), 2)
    np.testing.assert_allclose(loss(y, logits, counts), Focal(2.0)(y, logits, counts), rtol=1e-4)
    hinge = as_loss(keras_losses.Hinge(), 2)  # of labels 0 and 1, which Keras takes for -1 and 1
    sign = 2.0 * y.numpy() - 1
    np.testing.assert_allclose(hinge(y, logits, counts), np.maximum(1 - sign * logits.numpy()[:, 1], 0), rtol=1e-5)


def test_functions_take_class_sizes_if_they_have_a_place_for_them() -> None:
    y, logits, counts = sample(3)
    assert as_loss(adjusted).needs_counts
    assert not as_loss(brier).needs_counts
    assert not as_loss(tempered).needs_counts  # its third argument is a setting
    np.testing.assert_array_equal(as_loss(adjusted, 3)(y, logits, counts), adjusted(y, logits, counts))


def test_what_is_a_loss_already_stays_one() -> None:
    focal = Focal(gamma=3.0)
    assert as_loss(focal) is focal
    assert as_loss(focal.keras()) is focal
    assert as_loss(Focal) == Focal()
    assert as_loss(partial(Focal, gamma=3.0)) == focal


def test_the_prior_of_a_loss_of_ones_own_is_unknown_unless_it_is_given() -> None:
    prior, counts = np.array([0.9, 0.1]), np.array([90.0, 10.0])
    assert as_loss(brier).effective_prior(prior, counts) is None
    np.testing.assert_array_equal(as_loss(brier, calibrated_for="train").effective_prior(prior, counts), prior)


def test_equal_losses_are_equal() -> None:
    """Which is what lets runs of a sweep share a graph."""
    assert as_loss(brier) == as_loss(brier) != as_loss(tempered)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (7, "loss is 7, which is neither"),
        (lambda y, logits: tf.reduce_mean(logits), r"shape \(\) for 6 rows"),
        (lambda y, logits: logits, r"shape \(6, 3\) for 6 rows"),
        (lambda y, logits: logits[:, :1], r"shape \(6, 1\) for 6 rows"),
        (lambda y, logits: np.zeros(6), "nothing of TensorFlow"),
        (lambda y, logits: None, "nothing of TensorFlow"),
        (lambda y, logits: tf.cast(y, tf.float32), "no gradient"),
        (lambda y, logits: logits[:, 5], "fails on 6 rows of 3 classes"),
        (lambda y: y, "takes 1 positional argument"),
        (keras_losses.SparseCategoricalCrossentropy(), "set from_logits=True"),
        (keras_losses.sparse_categorical_crossentropy, "set from_logits=True"),
        (partial(Focal, gama=1), "Focal cannot be made"),
    ],
)
def test_what_is_no_loss_is_refused_in_one_line(given, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as error:
        as_loss(given, 3)
    assert "\n" not in str(error.value)


def test_a_loss_is_tried_when_it_learns_of_the_classes() -> None:
    loss = as_loss(lambda y, logits: logits)
    with pytest.raises(ConfigError, match="one value per row"):
        loss.for_classes(["a", "b"])
    fine = as_loss(brier)
    assert fine.for_classes(["a", "b"]) is fine
