"""Points of the audit about what a loss or a decision is documented to do."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf
from scipy.special import expit, log_softmax

from imbalance_lab.strategies.losses.asymmetric import Asymmetric
from imbalance_lab.strategies.losses.ldam import LDAM
from tests.audit.conftest import QUICK


def test_ldam_of_two_classes_is_the_authors_at_twice_the_scale_and_half_the_margin() -> None:
    """The authors' two outputs are opposite cosines; ours is one channel of logits (0, z)."""
    rng = np.random.default_rng(0)
    cosine, y, counts = rng.uniform(-1, 1, size=50), np.arange(50) % 2, np.array([90.0, 10.0])
    margin = 0.5 * counts**-0.25 / counts.min() ** -0.25
    authors = 30 * (np.column_stack([-cosine, cosine]) - np.eye(2)[y] * margin)
    expected = -log_softmax(authors, axis=1)[np.arange(50), y]
    logits = np.column_stack([0 * cosine, 60 * cosine])
    ours = LDAM(scale=60.0, max_margin=0.25)(tf.constant(y), tf.constant(logits), tf.constant(counts))
    np.testing.assert_allclose(ours, expected, rtol=1e-9, atol=1e-12)


def test_the_gradient_of_the_asymmetric_loss_goes_through_its_focusing_weight() -> None:
    """``-(1 - p)^g log p`` of a positive: with the weight held fixed, as the authors' default, it would be another."""
    z = np.linspace(-3, 3, 13)
    logits, gamma = tf.Variable(np.column_stack([0 * z, z])), 2.0
    with tf.GradientTape() as tape:
        loss = Asymmetric(gamma_positive=gamma)(tf.ones(13, tf.int64), logits, None)
    p = expit(z)
    whole = gamma * (1 - p) ** gamma * p * np.log(p) - (1 - p) ** (gamma + 1)
    np.testing.assert_allclose(tape.gradient(loss, logits)[:, 1], whole, rtol=1e-9)
    assert np.abs(whole + (1 - p) ** (gamma + 1)).max() > 0.4  # what the weight adds


def test_thresholds_tuned_on_few_rows_are_warned_of_and_recorded(refusal: Callable[..., str], place: Path) -> None:
    typed = ("dataset=synthetic", "dataset.rows=300", "dataset.priors={common: .97, rare: .03}", "model=logreg")
    assert refusal(*typed, *QUICK, "strategy=tuned_threshold", "output_dir=few") == ""
    record = json.loads((place / "few" / "record.json").read_text())
    (warning,) = [text for text in record["warnings"] if "tuned on few" in text]
    assert "validation rows of 'rare' (2)" in warning
    (rule,) = record["folds"][0]["decision"]
    assert 0 < rule["threshold"] < 1
