"""Objects that are no class of this package, named by ``_target_``."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import imbalance_lab as lab
from imbalance_lab.data.prepare import Prepare, Prepared
from imbalance_lab.errors import ConfigError, DataError, Incompatible

FUNCTION = ("loss._target_=tests.strategies.losses.test_own.brier", "+loss._partial_=true")
OF_KERAS = ("loss._target_=keras.losses.CategoricalFocalCrossentropy", "+loss.from_logits=true")


@pytest.mark.parametrize("loss", [FUNCTION, OF_KERAS], ids=["function", "keras"])
def test_a_loss_of_ones_own_is_trained_by(loss, tiny, run) -> None:
    record, plain = run(tiny(*loss, "training.epochs=3")), run(tiny("training.epochs=3"))
    assert not np.array_equal(record.test.log_proba, plain.test.log_proba)
    assert record.classes.effective_prior.isna().all()


def test_a_decision_that_needs_a_prior_refuses_a_loss_of_ones_own(tiny, run) -> None:
    with pytest.raises(Incompatible, match="decision=prior_correction works on probabilities"):
        run(tiny(*FUNCTION, "decision=prior_correction"))


def test_a_loss_that_returns_something_else_stops_the_run_in_one_line(tiny, run) -> None:
    mean = ("loss._target_=tensorflow.reduce_mean", "+loss._partial_=true")
    with pytest.raises(ConfigError, match="loss reduce_mean") as error:
        run(tiny(*mean))
    assert "\n" not in str(error.value)


def test_a_model_of_ones_own_that_gives_no_probabilities_stops_the_run(tiny, run) -> None:
    with pytest.raises(DataError, match="model Sevens: its predict_proba gives 7"):
        run(tiny("model=custom", "model.estimator._target_=tests.models.test_own.Sevens"))


class Brightness(Prepared):
    def columns(self, X):
        return (X / 255).astype(self.dtype)


class Images(Prepare):
    def fit(self, X, kinds, dtype, native=False):
        return Brightness([], X[0].size, (), dtype)


@pytest.fixture
def images() -> lab.Dataset:
    """200 images of 8 x 8 pixels: a bright square in the left half, or, of the rare class, in the right one."""
    rng = np.random.default_rng(0)
    y = np.arange(200) % 5 == 0
    X = rng.integers(0, 120, size=(200, 8, 8, 1))
    for image, right in zip(X, y, strict=True):
        top, left = rng.integers(0, 4), rng.integers(0, 2) + 4 * right
        image[top : top + 3, left : left + 3] = 255
    return lab.Dataset.from_arrays(X, np.where(y, "right", "left"))


def test_images_are_learnt_from_with_a_preparation_and_layers_of_ones_own(images) -> None:
    layers = [keras.layers.Conv2D(4, 3, activation="relu"), keras.layers.Flatten(), keras.layers.Dense(8, "relu")]
    training = {"epochs": 15, "batch_size": 20, "optimizer": {"learning_rate": 0.02}}
    settings = {"model": layers, "prepare": Images(), "training": training, "evaluation": {"resamples": 50}}
    record = lab.run(images, "inv_freq", **settings)
    assert record.metrics["balanced_accuracy"] > 0.9  # a model that sees no pixels has 0.5
    assert record.classes.effective_prior.to_list() == pytest.approx([0.5, 0.5])
    again = lab.run(images, "inv_freq", **settings)
    np.testing.assert_array_equal(record.test.log_proba, again.test.log_proba)


@pytest.mark.parametrize("model", ["mlp", "logreg"])
def test_images_without_a_preparation_are_told_which_to_give(model, images) -> None:
    with pytest.raises(
        ConfigError, match=r"prepare=standard .* row here is 8 x 8 x 1; give prepare= an object"
    ) as error:
        lab.run(images, model=model)
    assert "\n" not in str(error.value) and len(f"error: {error.value}") <= 240
