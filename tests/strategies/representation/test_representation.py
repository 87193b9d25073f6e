"""Representations against NumPy written from the papers, the neutral setting of each, and what a second stage holds."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from scipy.special import log_softmax, softmax
from scipy.stats import kstest

from imbalance_lab.data.rows import Rows, Seeds, TrainingSet, shares
from imbalance_lab.errors import Incompatible
from imbalance_lab.models.base import NetworkTraining
from imbalance_lab.models.keras_learner import FittedNetwork
from imbalance_lab.models.layers import Layers
from imbalance_lab.models.network import Network
from imbalance_lab.models.training import Training
from imbalance_lab.strategies.losses.base import Loss
from imbalance_lab.strategies.losses.cross_entropy import CrossEntropy
from imbalance_lab.strategies.losses.influence_balanced import InfluenceBalanced
from imbalance_lab.strategies.losses.ldam import LDAM
from imbalance_lab.strategies.losses.logit_adjusted import BalancedSoftmax
from imbalance_lab.strategies.representation.base import PLAIN, Representation
from imbalance_lab.strategies.representation.mixing import Mixup, Remix, beta
from imbalance_lab.strategies.representation.stages import LearnableScales, RetrainedHead, TauNormalised
from imbalance_lab.strategies.representation.weights import MaxNorm, SharpnessAware

SEEDS = Seeds.spawn(0, 0)
INF = float("inf")
SGD = partial(keras.optimizers.SGD, learning_rate=0.1)
ONE_STEP = Training(epochs=1, batch_size=1000, optimizer=SGD)
SHORT = Training(epochs=4, batch_size=16, optimizer=partial(keras.optimizers.Adam, learning_rate=0.01), patience=2)
CROSS_ENTROPY = CrossEntropy()


def data(counts=(60, 20, 8), weight=None) -> tuple[TrainingSet, Rows]:
    y = np.repeat(np.arange(len(counts)), counts)
    X = np.random.default_rng(0).normal(size=(len(y), 5)).astype(np.float32)
    X[:, 0] += y
    weights = np.ones((1, len(counts))) if weight is None else np.array([weight], float)
    return TrainingSet(X, y[:, None], np.array([counts], float), weights), Rows(X[::3], y[::3, None])


def fit(
    representation: Representation,
    rows: tuple[TrainingSet, Rows],
    training: Training = SHORT,
    loss: Loss = CROSS_ENTROPY,
    network=None,
) -> FittedNetwork:
    network = network or Network(hidden=[6], dropout=0.2)
    return network.fit(*rows, SEEDS, NetworkTraining(loss, training, representation=representation))


def weights_of(model: FittedNetwork) -> list[bytes]:
    return [weight.tobytes() for weight in model.net.get_weights()]


# ---------------------------------------------------------------- neutral settings


NEUTRAL = [
    Mixup(0.0),
    Remix(0.0),
    SharpnessAware(0.0),
    MaxNorm(0.0, INF),
    RetrainedHead(0),
    LearnableScales(0),
    TauNormalised(0.0),
]


@pytest.mark.parametrize("counts", [(60, 20), (60, 20, 8)])
def test_neutral_settings_are_plain_training_to_the_bit(counts: tuple[int, ...]) -> None:
    rows = data(counts, np.linspace(0.5, 3, len(counts)))
    plain = fit(PLAIN, rows)
    for neutral in NEUTRAL:
        model = fit(neutral, rows)
        assert weights_of(model) == weights_of(plain), neutral
        pd.testing.assert_frame_equal(model.history, plain.history, check_exact=True)
        assert model.steps == plain.steps
        np.testing.assert_array_equal(neutral.effective_prior(rows[0], CROSS_ENTROPY), rows[0].prior)


def test_other_settings_are_not() -> None:
    rows = data()
    plain = weights_of(fit(PLAIN, rows))
    for other in (Mixup(), Remix(), SharpnessAware(), MaxNorm(0.01, INF), MaxNorm(0.0, 0.1), TauNormalised()):
        assert weights_of(fit(other, rows)) != plain, other


def test_the_same_seed_repeats_to_the_bit() -> None:
    for one in (Mixup(), Remix(), SharpnessAware(), RetrainedHead(2), LearnableScales(2)):
        assert weights_of(fit(one, data())) == weights_of(fit(one, data())), one


# ---------------------------------------------------------------- mixtures


def mixed(representation: Mixup, y: np.ndarray, counts: np.ndarray, stream: tuple[int, int], X=None):
    X = np.random.default_rng(1).normal(size=(len(y), 3)) if X is None else X
    parts = tf.constant(X), tf.constant(y[:, None], tf.int32), tf.constant(counts[None], tf.float64)
    found, targets = representation.mixed(*parts, tf.constant(stream))
    return X, found.numpy(), [(classes.numpy(), share.numpy()) for classes, share in targets]


def test_mixup_mixes_rows_and_labels_in_one_share() -> None:
    """Equation 2 of Zhang et al. (2018); one-hot features show which rows were mixed, and how."""
    y = np.arange(40) % 3
    _, found, ((first, share), (second, rest)) = mixed(Mixup(1.0), y, np.ones(3), (3, 4), X=np.eye(40))
    np.testing.assert_array_equal(first[:, 0], y)
    assert len(set(share)) == 1
    np.testing.assert_allclose(share + rest, 1)
    partner = np.array([np.flatnonzero(row * (np.arange(40) != k))[:1] for k, row in enumerate(found)], dtype=object)
    for k, other in enumerate(partner):
        at = k if len(other) == 0 else other[0]
        assert y[at] == second[k, 0]
        np.testing.assert_allclose(found[k], share[k] * np.eye(40)[k] + (1 - share[k]) * np.eye(40)[at])
    assert sum(len(other) for other in partner) > 30


@pytest.mark.parametrize("alpha", [0.2, 1.0, 3.0])
def test_shares_are_drawn_from_a_beta_distribution(alpha: float) -> None:
    drawn = [float(beta(alpha, tf.constant([0, k]))) for k in range(400)]
    assert kstest(drawn, "beta", args=(alpha, alpha)).pvalue > 0.01


def remix_reference(share, n_i, n_j, kappa, tau):
    """Equation 8 of Chou et al. (2020)."""
    if n_i / n_j >= kappa and share < tau:
        return 0.0
    if n_i / n_j <= 1 / kappa and 1 - share < tau:
        return 1.0
    return share


@pytest.mark.parametrize(("kappa", "tau"), [(3.0, 0.5), (2.0, 0.9), (1.0, 0.2)])
def test_remix_labels_are_the_papers(kappa: float, tau: float) -> None:
    y, n = np.arange(60) % 4, np.array([900.0, 300.0, 100.0, 90.0])
    seen = set()
    for k in range(20):
        X, found, ((first, label), (second, rest)) = mixed(Remix(1.0, kappa, tau), y, n, (7, k))
        _, _, ((_, (share, *_)), _) = mixed(Mixup(1.0), y, n, (7, k))
        expected = [
            remix_reference(share, n[i], n[j], kappa, tau) for i, j in zip(first[:, 0], second[:, 0], strict=True)
        ]
        np.testing.assert_allclose(label, expected)
        np.testing.assert_allclose(rest, 1 - label)
        np.testing.assert_array_equal(found, mixed(Mixup(1.0), y, n, (7, k), X)[1])
        seen |= {"first" if one == 1 else "second" if one == 0 else "both" for one in label}
    assert seen == {"first", "second", "both"}


def test_remix_without_a_larger_class_is_mixup_to_the_bit() -> None:
    rows = data()
    assert weights_of(fit(Remix(0.7, INF), rows)) == weights_of(fit(Mixup(0.7), rows))
    assert Remix(0.7, INF).effective_prior(rows[0], CROSS_ENTROPY) is not None
    assert Remix(0.7).effective_prior(rows[0], CROSS_ENTROPY) is None


def step_of(representation: Representation, rows, loss=CROSS_ENTROPY, network=None):
    """The start and the end, weight by weight, of one step of plain gradient descent on all rows."""
    network = network or Network(hidden=[4])
    more = {"per_class": True} if representation.output_per_class else {}
    start = network.build((5,), rows[0].prior, SEEDS, **more)
    return start, fit(representation, rows, ONE_STEP, loss, network)


def test_one_step_of_mixup_is_the_gradient_of_the_mixed_weighted_loss() -> None:
    rows = data(weight=[0.5, 1.0, 4.0])
    start, model = step_of(Mixup(1.0), rows)
    train = rows[0]
    order = tf.random.experimental.stateless_shuffle(tf.range(88), tf.constant([SEEDS.shuffling, 0])).numpy()
    stream = tf.random.experimental.stateless_fold_in(tf.constant([SEEDS.shuffling, 0]), 0)
    X, y = train.X[order], train.y[order]
    X, targets = Mixup(1.0).mixed(tf.constant(X), tf.constant(y, tf.int32), None, stream)
    with tf.GradientTape() as tape:
        log_p = tf.nn.log_softmax(start(X))
        parts = [
            -share * train.class_weight[0][c[:, 0]] * tf.gather(log_p, c[:, 0], batch_dims=1) for c, share in targets
        ]
        loss = tf.reduce_mean(tf.add_n(parts))
    for before, slope, after in zip(
        start.trainable_variables, tape.gradient(loss, start.trainable_variables), model.net.get_weights(), strict=True
    ):
        np.testing.assert_allclose(after, before.numpy() - 0.1 * slope, rtol=1e-4, atol=1e-6)


# ---------------------------------------------------------------- weights


def softmax_gradient(kernel, bias, X, y):
    """Of the mean cross-entropy of a linear model, in NumPy."""
    error = (softmax(X @ kernel + bias, axis=1) - np.eye(kernel.shape[1])[y]) / len(y)
    return X.T @ error, error.sum(axis=0)


def test_a_step_of_sam_is_by_the_gradient_at_the_worst_weights_nearby() -> None:
    """Equations 2 and 3 of Foret et al. (2021), p = 2, of a linear model."""
    rows = data()
    start, model = step_of(SharpnessAware(0.5), rows, network=Network(hidden=[]))
    kernel, bias = (weight.astype(float) for weight in start.get_weights())
    X, y = rows[0].X.astype(float), rows[0].y[:, 0]
    g, g_bias = softmax_gradient(kernel, bias, X, y)
    length = np.sqrt((g**2).sum() + (g_bias**2).sum())
    there = softmax_gradient(kernel + 0.5 * g / length, bias + 0.5 * g_bias / length, X, y)
    for before, slope, after in zip((kernel, bias), there, model.net.get_weights(), strict=True):
        np.testing.assert_allclose(after, before - 0.1 * slope, rtol=1e-4, atol=1e-6)
    at_start = -log_softmax(X @ kernel + bias, axis=1)[np.arange(len(y)), y].mean()
    assert model.history["train/loss"][0] == pytest.approx(at_start, rel=1e-5)


@pytest.mark.parametrize("counts", [(60, 20), (60, 20, 8)])
def test_a_step_of_max_norm_decays_and_scales_back(counts: tuple[int, ...]) -> None:
    rows = data(counts)
    start, model = step_of(MaxNorm(0.5, 0.8), rows, network=Network(hidden=[]))
    kernel, bias = (weight.astype(float) for weight in start.get_weights())
    assert kernel.shape == (5, len(counts))
    g, g_bias = softmax_gradient(kernel, bias, rows[0].X.astype(float), rows[0].y[:, 0])
    stepped = kernel - 0.1 * (g + 0.5 * kernel)
    length = np.linalg.norm(stepped, axis=0)
    assert (length > 0.8).any()
    found = model.net.get_weights()
    np.testing.assert_allclose(found[0], stepped * np.minimum(1, 0.8 / length), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(found[1], bias - 0.1 * (g_bias + 0.5 * bias), rtol=1e-4, atol=1e-6)


# ---------------------------------------------------------------- two stages


@pytest.mark.parametrize("counts", [(60, 20), (60, 20, 8)])
@pytest.mark.parametrize("loss", [CROSS_ENTROPY, LDAM(), InfluenceBalanced(0.5)], ids=repr)
def test_classifier_retraining_holds_the_layers_before_to_the_bit(loss: Loss, counts: tuple[int, ...]) -> None:
    rows = data(counts)
    plain, model = fit(PLAIN, rows, loss=loss), fit(RetrainedHead(3), rows, loss=loss)
    before, after = plain.net.get_weights(), model.net.get_weights()
    head = len(plain.net.layers[-1].get_weights())
    for one, other in zip(before[:-head], after[:-head], strict=True):
        assert one.tobytes() == other.tobytes()
    assert before[-head].tobytes() != after[-head].tobytes()
    assert (model.steps, model.history["kept"].to_numpy().nonzero()[0]) == (plain.steps, len(plain.history) + 2)
    pd.testing.assert_frame_equal(
        model.history.drop(columns="kept").head(len(plain.history)), plain.history.drop(columns="kept")
    )


def test_the_second_stage_sees_even_classes_and_no_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """A new output at rest has the even prior, and the prior it is trained to is that of the loss on even classes."""
    rows = data(weight=[1.0, 1.0, 9.0])
    still = replace(SHORT, optimizer=partial(keras.optimizers.SGD, learning_rate=1e-12))
    model = fit(RetrainedHead(1), rows, still, network=Network(hidden=[]))
    at_zero = np.exp(model.predict_log_proba(np.zeros((1, 5), np.float32))[0, 0])
    np.testing.assert_allclose(at_zero, 1 / 3, rtol=1e-5)
    for loss in (CROSS_ENTROPY, BalancedSoftmax()):
        np.testing.assert_allclose(RetrainedHead(1).effective_prior(rows[0], loss), np.full((1, 3), 1 / 3))
    assert RetrainedHead(1).effective_prior(rows[0], LDAM()) is None
    np.testing.assert_allclose(rows[0].prior, shares(np.array([[60, 20, 72.0]])))


def test_retrained_scores_carry_the_even_prior_that_they_say() -> None:
    """The mean probabilities of rows drawn evenly are even, which the gradient of the bias being 0 means."""
    rows = data((200, 60, 20))
    slow = replace(SHORT, optimizer=partial(keras.optimizers.Adam, learning_rate=0.003))
    model = fit(RetrainedHead(60), rows, slow, network=Network(hidden=[6]))
    proba, y = np.exp(model.predict_log_proba(rows[0].X)[:, 0]), rows[0].y[:, 0]
    found = np.mean([proba[y == k].mean(axis=0) for k in range(3)], axis=0)
    np.testing.assert_allclose(found, 1 / 3, atol=0.02)
    plain = np.exp(fit(PLAIN, rows, slow, network=Network(hidden=[6])).predict_log_proba(rows[0].X)[:, 0])
    assert np.abs(np.mean([plain[y == k].mean(axis=0) for k in range(3)], axis=0) - 1 / 3).max() > 0.1


@pytest.mark.parametrize("counts", [(60, 20), (60, 20, 8)])
def test_learnt_scales_stretch_each_output_and_nothing_else(counts: tuple[int, ...]) -> None:
    rows, several = data(counts), MaxNorm(0.0, 1e9)  # plain training with an output per class
    plain, model = fit(several, rows), fit(LearnableScales(3), rows)
    before, after = plain.net.get_weights(), model.net.get_weights()
    assert [one.tobytes() for one in before[:-2]] == [one.tobytes() for one in after[:-2]]
    scale = after[-1] / before[-1]
    assert scale.shape == (len(counts),)
    assert np.abs(scale - 1).min() > 1e-4
    np.testing.assert_allclose(after[-2], before[-2] * scale, rtol=1e-5)
    logits = plain.net(rows[1].X).numpy() * scale
    np.testing.assert_allclose(model.predict_log_proba(rows[1].X)[:, 0], log_softmax(logits, axis=1), atol=1e-5)
    assert LearnableScales(3).effective_prior(rows[0], CROSS_ENTROPY) is None


@pytest.mark.parametrize("counts", [(60, 20), (60, 20, 8)])
def test_normalised_weights_are_divided_by_their_lengths(counts: tuple[int, ...]) -> None:
    rows = data(counts)
    plain, model = fit(MaxNorm(0.0, 1e9), rows), fit(TauNormalised(0.6), rows)
    before, after = plain.net.get_weights(), model.net.get_weights()
    assert [one.tobytes() for one in before[:-2]] == [one.tobytes() for one in after[:-2]]
    np.testing.assert_allclose(after[-2], before[-2] / np.linalg.norm(before[-2], axis=0) ** 0.6, rtol=1e-5)
    assert not after[-1].any()
    assert TauNormalised(0.6).effective_prior(rows[0], CROSS_ENTROPY) is None


def test_layers_of_ones_own_have_two_stages_if_their_output_is_linear() -> None:
    dense = keras.layers.Dense
    stack = Layers([dense(4, "relu"), keras.layers.BatchNormalization()])
    plain, model = (fit(one, data(), network=stack) for one in (PLAIN, RetrainedHead(2)))
    assert weights_of(plain)[:2] == weights_of(model)[:2]
    moving = [weight.tobytes() for weight in plain.net.layers[2].get_weights()]
    assert moving == [weight.tobytes() for weight in model.net.layers[2].get_weights()]
    whole = Layers(lambda channels: [dense(channels), keras.layers.Activation("linear")])
    for one in (RetrainedHead(2), LearnableScales(2), TauNormalised(1.0), MaxNorm(0.0, 1.0)):
        with pytest.raises(Incompatible, match=r"the model's last is Activation; use"):
            fit(one, data(), network=whole)
    fit(Mixup(), data(), network=whole)


def test_labels_are_mixed_and_minimised_like_classes() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 5)).astype(np.float32)
    y = (X[:, :2] + rng.normal(size=(80, 2)) > [0.3, 1.0]).astype(int)
    train = TrainingSet(X, y, np.array([np.bincount(column) for column in y.T], float), np.ones((2, 2)))
    plain = weights_of(fit(PLAIN, (train, Rows(X, y))))
    for one in (Mixup(1.0), SharpnessAware(0.5), MaxNorm(0.01, 0.5)):
        model = fit(one, (train, Rows(X, y)))
        assert weights_of(model) != plain
        assert model.predict_log_proba(X).shape == (80, 2, 2)
        assert one.takes_labels
