"""Points of the audit about what a loss or a decision is documented to do."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.special import expit, log_softmax

from imbalance_lab.data.rows import Rows, Seeds, TrainingSet
from imbalance_lab.models.base import NetworkTraining
from imbalance_lab.models.network import Network
from imbalance_lab.models.training import Training
from imbalance_lab.strategies.losses.asymmetric import Asymmetric
from imbalance_lab.strategies.losses.ldam import LDAM
from tests.audit.conftest import QUICK


def test_two_classes_have_the_two_outputs_that_the_authors_of_ldam_give_them() -> None:
    """The authors' loss on the network's own features and weights, in NumPy, is the network's validation loss."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 4)).astype(np.float32), (np.arange(60) % 5 == 0).astype(int)[:, None]
    counts = np.array([[48.0, 12.0]])
    train = TrainingSet(X, y, counts, np.ones((1, 2)))
    settings = Training(epochs=2, batch_size=16, optimizer=partial(keras.optimizers.SGD, 0.1))
    fitted = Network(hidden=[5]).fit(train, Rows(X, y), Seeds.spawn(0, 0), NetworkTraining(LDAM(), settings))
    body = keras.Model(fitted.net.input, fitted.net.layers[-1].input)
    features, kernel = body(X).numpy().astype(float), fitted.net.layers[-1].get_weights()[0].astype(float)
    assert kernel.shape == (5, 2)
    unit = features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)
    cosine = unit @ (kernel / np.linalg.norm(kernel, axis=0))
    margin = 0.5 * counts[0] ** -0.25 / counts.min() ** -0.25
    authors = 30 * (cosine - np.eye(2)[y[:, 0]] * margin)
    expected = -log_softmax(authors, axis=1)[np.arange(60), y[:, 0]].mean()
    assert fitted.history["val/loss"].iloc[-1] == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("stop_gradient", [True, False])
def test_the_gradient_of_the_asymmetric_loss_is_the_authors_or_the_formulas(stop_gradient: bool) -> None:
    """``-(1 - p)^g log p`` of a positive: the authors hold the weight fixed by default."""
    z = np.linspace(-3, 3, 13)
    logits, gamma = tf.Variable(np.column_stack([0 * z, z])), 2.0
    with tf.GradientTape() as tape:
        loss = Asymmetric(gamma_positive=gamma, stop_gradient=stop_gradient)(tf.ones(13, tf.int64), logits, None)
    p = expit(z)
    held = -((1 - p) ** (gamma + 1))
    whole = gamma * (1 - p) ** gamma * p * np.log(p) + held
    np.testing.assert_allclose(tape.gradient(loss, logits)[:, 1], held if stop_gradient else whole, rtol=1e-9)
    assert np.abs(whole - held).max() > 0.4  # what the weight adds


def test_thresholds_tuned_on_few_rows_are_warned_of_and_recorded(refusal: Callable[..., str], place: Path) -> None:
    typed = ("dataset=synthetic", "dataset.rows=300", "dataset.priors={common: .97, rare: .03}", "model=logreg")
    assert refusal(*typed, *QUICK, "strategy=tuned_threshold", "output_dir=few") == ""
    record = json.loads((place / "few" / "record.json").read_text())
    (warning,) = [text for text in record["warnings"] if "tuned on few" in text]
    assert "validation rows of 'rare' (2)" in warning
    (rule,) = record["folds"][0]["decision"]
    assert 0 < rule["threshold"] < 1
