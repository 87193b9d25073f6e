from __future__ import annotations

import gc
from dataclasses import replace
from functools import partial

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from scipy.special import log_softmax, softmax
from tensorflow.python.framework.func_graph import FuncGraph

from imbalance_lab.data.rows import Rows, Seeds, TrainingSet
from imbalance_lab.models.base import NetworkTraining
from imbalance_lab.models.batches import BalancedOrder
from imbalance_lab.models.keras_learner import FittedNetwork
from imbalance_lab.models.network import Network
from imbalance_lab.models.training import Training
from imbalance_lab.strategies.losses.cross_entropy import CrossEntropy
from imbalance_lab.strategies.losses.focal import Focal
from imbalance_lab.strategies.losses.influence_balanced import InfluenceBalanced
from imbalance_lab.strategies.losses.ldam import LDAM
from imbalance_lab.strategies.losses.logit_adjusted import BalancedSoftmax, LogitAdjusted

SEEDS = Seeds.spawn(0, 0)


def data(counts=(40, 20, 10), seed=0, weight=None, spread=1.0):
    y = np.repeat(np.arange(len(counts)), counts)
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(len(y), 5)).astype(np.float32) * spread
    X[:, 0] += y
    weight = np.ones(len(counts)) if weight is None else np.asarray(weight, float)
    train = TrainingSet(X, y[:, None], np.array([counts], float), weight[None])
    return train, Rows(X[::3], y[::3, None])


def sgd(rate=0.1):
    return lambda: keras.optimizers.SGD(rate)


def fit(network: Network, train: TrainingSet, validation: Rows, training: Training, loss=None, seeds=SEEDS):
    return network.fit(train, validation, seeds, NetworkTraining(loss or CrossEntropy(), training))


@pytest.mark.parametrize("counts", [(40, 20, 10), (50, 20)])
def test_one_step_equals_keras_own_fit_with_class_weights(counts: tuple[int, ...]) -> None:
    weight = np.linspace(0.5, 3, len(counts))
    train, validation = data(counts, weight=weight)
    network = Network(hidden=[4])
    start = network.build((5,), train.prior, SEEDS)
    ours = fit(network, train, validation, Training(epochs=1, batch_size=1000, optimizer=sgd())).net

    binary = len(counts) == 2
    loss = keras.losses.BinaryCrossentropy(from_logits=True) if binary else (
        keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    )  # fmt: skip
    start.compile(optimizer=sgd()(), loss=loss)
    y = train.y.astype(np.float32) if binary else train.y
    start.fit(train.X, y, batch_size=1000, epochs=1, class_weight=dict(enumerate(weight)), verbose=0, shuffle=False)
    for mine, theirs in zip(ours.get_weights(), start.get_weights(), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=2e-5, atol=1e-7)


def test_an_epoch_takes_every_row_once_the_last_batch_included() -> None:
    """With a rate too small to move anything, the training loss is the mean over all rows, whatever the batches."""
    train, validation = data(weight=[0.5, 1, 3])
    network = Network(hidden=[4])
    rows_loss = CrossEntropy()(train.y[:, 0], network.build((5,), train.prior, SEEDS)(train.X), None).numpy()
    for batch in (7, 32, 70, 1000):
        model = fit(network, train, validation, Training(epochs=1, batch_size=batch, optimizer=sgd(1e-12)))
        assert model.history["train/loss"][0] == pytest.approx(np.mean(train.sample_weight[:, 0] * rows_loss), rel=1e-5)


def test_validation_figures_are_those_of_the_predictions() -> None:
    train, validation = data()
    model = fit(Network(hidden=[4]), train, validation, Training(epochs=3, batch_size=16, optimizer=sgd()))
    log_proba, y = model.predict_log_proba(validation.X)[:, 0], validation.y[:, 0]
    recall = [np.mean(log_proba[y == k].argmax(1) == k) for k in range(3)]
    last = model.history.iloc[-1]
    np.testing.assert_allclose([last[f"val/recall/{k}"] for k in range(3)], recall, rtol=1e-6)
    assert last["val/balanced_accuracy"] == pytest.approx(np.mean(recall))
    expected = -log_proba[np.arange(len(y)), y].mean()
    predicted = np.bincount(log_proba.argmax(1), minlength=3)
    assert [last[f"val/predicted_count/{k}"] for k in range(3)] == predicted.tolist()
    assert last["val/loss"] == pytest.approx(expected, rel=1e-5)


def test_same_seeds_same_weights_other_seeds_other_weights() -> None:
    train, validation = data()
    training = Training(epochs=3, batch_size=16, optimizer=lambda: keras.optimizers.Adam(0.01))
    network = Network(hidden=[8, 8], dropout=0.3)
    runs = [fit(network, train, validation, training, seeds=Seeds.spawn(s, 0)) for s in (1, 1, 2)]
    scores = [run.predict_log_proba(train.X) for run in runs]
    np.testing.assert_array_equal(scores[0], scores[1])
    assert not np.array_equal(scores[0], scores[2])
    assert runs[0].history.equals(runs[1].history)


def test_batches_are_drawn_anew_each_epoch() -> None:
    """With batches of one row, SGD ends elsewhere in another order."""
    train, validation = data()
    training = Training(epochs=2, batch_size=1, optimizer=sgd(0.5))
    one, two = (fit(Network(hidden=[]), train, validation, training, seeds=SEEDS._replace(shuffling=s)) for s in (1, 2))
    assert not np.array_equal(one.predict_log_proba(train.X), two.predict_log_proba(train.X))


@pytest.mark.parametrize("counts", [(70, 20, 10), (90, 10)])
def test_the_output_starts_at_the_effective_prior(counts: tuple[int, ...]) -> None:
    train, _ = data(counts, weight=np.linspace(1, 2, len(counts)))
    net = Network(hidden=[4]).build((5,), train.prior, SEEDS)
    logits = net(np.zeros((1, 5), np.float32)).numpy()[0]
    logits = np.r_[0, logits] if len(counts) == 2 else logits
    np.testing.assert_allclose(softmax(logits), train.prior[0], rtol=1e-5)
    zeros = Network(hidden=[4], output_bias="zeros").build((5,), train.prior, SEEDS)
    np.testing.assert_array_equal(zeros(np.zeros((1, 5), np.float32)), 0)


def test_two_classes_have_one_channel() -> None:
    assert Network(hidden=[]).build((5,), np.array([[0.9, 0.1]]), SEEDS).output_shape == (None, 1)
    assert Network(hidden=[]).build((5,), np.ones((1, 3)) / 3, SEEDS).output_shape == (None, 3)


def test_one_channel_learns_what_two_channels_of_softmax_learn() -> None:
    """The gradient for z of (0, z) is that of the difference of two free logits."""
    train, _ = data((50, 20))
    z = tf.Variable(np.random.default_rng(0).normal(size=70), dtype=tf.float64)
    for loss in (CrossEntropy(), Focal(2.0)):
        with tf.GradientTape(persistent=True) as tape:
            one = loss(train.y[:, 0], tf.stack([tf.zeros_like(z), z], axis=1), None)
            two = loss(train.y[:, 0], tf.stack([-0.5 * z, 0.5 * z], axis=1), None)
        np.testing.assert_allclose(one, two, rtol=1e-10)
        np.testing.assert_allclose(tape.gradient(one, z), tape.gradient(two, z), rtol=1e-9, atol=1e-12)


def test_early_stopping_restores_the_best_epoch() -> None:
    train, validation = data(spread=3.0)
    training = Training(epochs=60, batch_size=8, optimizer=sgd(1.0), patience=4)
    model = fit(Network(hidden=[16]), train, validation, training)
    history = model.history["val/balanced_accuracy"]
    best = int((history - 1e-6 * model.history["val/loss"]).idxmax())
    assert len(history) == min(best + 1 + 4, 60)
    scores, y = model.predict_log_proba(validation.X)[:, 0], validation.y[:, 0]
    recalls = [np.mean(scores[y == k].argmax(1) == k) for k in range(3)]
    assert np.mean(recalls) == pytest.approx(history[best])


def test_callbacks_of_keras_work() -> None:
    train, validation = data()
    training = Training(
        epochs=5,
        batch_size=16,
        optimizer=sgd(0.5),
        callbacks=[lambda: keras.callbacks.LearningRateScheduler(lambda epoch, rate: 0.5 if epoch < 2 else 0.0)],
    )
    losses = fit(Network(hidden=[4]), train, validation, training).history["val/loss"]
    assert losses[0] != losses[1] == losses[2] == losses[4]


def test_callbacks_are_run_as_keras_runs_them_for_epochs_of_one_batch() -> None:
    """The same calls, in the same order, as those of ``fit`` on one batch; one that stops training ends it."""

    class Calls(keras.callbacks.Callback):
        def __init__(self) -> None:
            super().__init__()
            self.made = []

        def __getattribute__(self, name):
            if name.startswith("on_") and "test" not in name:
                self.made.append(name)
            return super().__getattribute__(name)

        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = epoch == 1

    train, validation = data()
    ours, theirs = Calls(), Calls()
    training = Training(epochs=5, batch_size=100, optimizer=sgd(), callbacks=[lambda: ours])
    assert len(fit(Network(hidden=[]), train, validation, training).history) == 2
    plain = keras.Sequential([keras.layers.Dense(3)])
    plain.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    plain.fit(train.X, train.y, batch_size=100, epochs=5, callbacks=[theirs], verbose=0)
    assert [name for name in ours.made if "batch" not in name] == [name for name in theirs.made if "batch" not in name]
    assert ours.model.history.epoch == [0, 1]
    assert ours.params == {"epochs": 5, "steps": 1, "verbose": 0}


def test_keras_own_callbacks_see_what_they_need(tmp_path) -> None:
    train, validation = data()
    best, plateau = tmp_path / "best.keras", keras.callbacks.ReduceLROnPlateau("val_loss", 0.5, 1, min_delta=10)
    training = Training(
        epochs=4,
        batch_size=16,
        optimizer=sgd(0.5),
        callbacks=[
            lambda: keras.callbacks.ModelCheckpoint(best, monitor="val_score", mode="max", save_best_only=True),
            lambda: plateau,
        ],
    )
    model = fit(Network(hidden=[4]), train, validation, training)
    assert float(plateau.model.optimizer.learning_rate) == 0.5 / 2**3
    kept = int((model.history["val/balanced_accuracy"] - 1e-6 * model.history["val/loss"]).idxmax())
    predicted = keras.saving.load_model(best).predict(validation.X, verbose=0).argmax(1)
    assert [model.history[f"val/predicted_count/{k}"][kept] for k in range(3)] == [*np.bincount(predicted, minlength=3)]

    hopeless = replace(training, optimizer=sgd(1e38), callbacks=[keras.callbacks.TerminateOnNaN])
    assert len(fit(Network(hidden=[4]), train, validation, hopeless).history) < 4


def test_without_validation_rows_only_the_training_loss_is_kept() -> None:
    train, _ = data()
    nobody = Rows(np.empty((0, 5), np.float32), np.empty((0, 1), int))
    model = fit(Network(hidden=[]), train, nobody, Training(epochs=2, batch_size=16, optimizer=sgd()))
    assert list(model.history.columns) == ["train/loss", "kept"]
    assert model.steps == 2
    stopping = Training(epochs=9, batch_size=16, optimizer=sgd(), patience=3)
    assert Network(hidden=[]).stops_early(stopping)
    _, shorter = Network(hidden=[]).trained_for(model.steps, stopping)
    assert (shorter.epochs, shorter.patience, shorter.batch_size) == (2, None, 16)
    assert model.predict_log_proba(nobody.X).shape == (0, 1, 3)


def test_a_saved_network_predicts_the_same(tmp_path) -> None:
    train, validation = data((50, 20))
    model = fit(Network(hidden=[4]), train, validation, Training(epochs=2, batch_size=16, optimizer=sgd()))
    model.save(tmp_path)
    z = keras.saving.load_model(tmp_path / "model.keras").predict(validation.X, verbose=0)[:, 0]
    odds = np.diff(model.predict_log_proba(validation.X))[:, 0, 0]
    np.testing.assert_allclose(z, odds, rtol=1e-4, atol=1e-5)


def labels(weight=((1.0, 1.0), (1.0, 1.0))):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 5)).astype(np.float32)
    y = (X[:, :2] + rng.normal(size=(80, 2)) > [0.3, 1.0]).astype(int)
    counts = np.array([np.bincount(column) for column in y.T], float)
    return TrainingSet(X, y, counts, np.array(weight)), Rows(X[::3], y[::3])


def test_labels_are_trained_by_the_sum_of_their_weighted_binary_losses() -> None:
    """One step equals Keras' on `tf.nn.weighted_cross_entropy_with_logits`, one positive weight per label."""
    train, validation = labels(weight=((1.0, 2.5), (1.0, 7.0)))
    network = Network(hidden=[4])
    start = network.build((5,), train.prior, SEEDS)
    ours = fit(network, train, validation, Training(epochs=1, batch_size=1000, optimizer=sgd())).net

    def summed(y, z):
        return tf.reduce_sum(tf.nn.weighted_cross_entropy_with_logits(y, z, tf.constant([2.5, 7.0])), axis=1)

    start.compile(optimizer=sgd()(), loss=summed)
    start.fit(train.X, train.y.astype(np.float32), batch_size=1000, epochs=1, verbose=0, shuffle=False)
    for mine, theirs in zip(ours.get_weights(), start.get_weights(), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=2e-5, atol=1e-7)


def test_labels_have_a_channel_each_and_figures_for_both_sides() -> None:
    train, validation = labels()
    model = fit(Network(hidden=[4]), train, validation, Training(epochs=2, batch_size=16, optimizer=sgd()))
    assert model.net.output_shape == (None, 2)
    scores = model.predict_log_proba(validation.X)
    assert scores.shape == (27, 2, 2)
    last = model.history.iloc[-1]
    recall = [np.mean(scores[validation.y[:, t] == k, t].argmax(1) == k) for t in (0, 1) for k in (0, 1)]
    np.testing.assert_allclose([last[f"val/recall/{k}"] for k in range(4)], recall, rtol=1e-6)
    assert last["val/balanced_accuracy"] == pytest.approx(np.mean(recall))


def test_deferred_weights_count_from_their_epoch_on() -> None:
    """Until then training is bit for bit that without weights; afterwards it is not. Early stopping waits as well."""
    train, validation = data(weight=[0.2, 1, 6])
    training = Training(epochs=10, batch_size=16, optimizer=sgd(), patience=1)
    plain = fit(Network(hidden=[4]), data()[0], validation, replace(training, patience=None)).history
    late = fit(Network(hidden=[4]), replace(train, weight_start=0.8), validation, training).history
    np.testing.assert_array_equal(late["train/loss"][:8], plain["train/loss"][:8])
    assert late["train/loss"][8] != plain["train/loss"][8]
    assert len(late) >= 9


@pytest.mark.parametrize(("epochs", "start"), [(1, 0.8), (4, 0.8), (10, 0.99)])
def test_deferred_weights_always_count_in_the_end(epochs: int, start: float) -> None:
    train, validation = data(weight=[0.2, 1, 6])
    training = Training(epochs=epochs, batch_size=16, optimizer=sgd())
    plain = fit(Network(hidden=[4]), data()[0], validation, training).history
    late = fit(Network(hidden=[4]), replace(train, weight_start=start), validation, training).history
    assert late["train/loss"].iloc[-1] != plain["train/loss"].iloc[-1]


def test_logits_start_at_what_the_loss_leaves_to_them() -> None:
    train, validation = data((60, 20, 5))
    training = Training(epochs=1, batch_size=100, optimizer=sgd(1e-12))
    for loss in (CrossEntropy(), LogitAdjusted(1.0), BalancedSoftmax()):
        model = fit(Network(hidden=[]), train, validation, training, loss=loss)
        at_zero = model.predict_log_proba(np.zeros((1, 5), np.float32))[0, 0]
        np.testing.assert_allclose(np.exp(at_zero), loss.effective_prior(train.prior, train.counts)[0], rtol=1e-4)


@pytest.mark.parametrize(("classes", "batch"), [(3, 12), (3, 16), (5, 4), (2, 7)])
def test_every_batch_holds_the_classes_in_equal_shares(classes: int, batch: int) -> None:
    y = np.repeat(np.arange(classes), np.arange(1, classes + 1) ** 2 * 5)
    n = len(y)
    order = BalancedOrder(y, classes, batch)
    epochs = [order(tf.constant(n), tf.constant([3, epoch])).numpy() for epoch in (0, 1)]
    assert not np.array_equal(*epochs)
    for rows in epochs:
        assert len(rows) == n
        for start in range(0, n - batch + 1, batch):
            in_batch = np.bincount(y[rows[start : start + batch]], minlength=classes)
            assert in_batch.max() - in_batch.min() <= 1


def test_balanced_batches_draw_every_row_of_a_class_alike() -> None:
    y = np.repeat([0, 1], [30, 6])
    order = BalancedOrder(y, 2, 8)
    drawn = np.concatenate([order(tf.constant(36), tf.constant([0, e])).numpy() for e in range(400)])
    times = np.bincount(drawn, minlength=36)
    for rows in (times[:30], times[30:]):
        assert rows.sum() == pytest.approx(7200, rel=0.01)
        assert np.abs(rows / rows.mean() - 1).max() < 5 / np.sqrt(rows.mean())


def test_a_normalised_head_gives_scaled_cosines(tmp_path) -> None:
    train, validation = data()
    training = Training(epochs=2, batch_size=16, optimizer=sgd())
    model = fit(Network(hidden=[6]), train, validation, training, loss=LDAM(scale=20.0))
    logits = model.net(validation.X).numpy()
    features = keras.Model(model.net.input, model.net.layers[-2].output)(validation.X).numpy()
    kernel = model.net.layers[-1].get_weights()[0]
    norms = np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12) * np.linalg.norm(kernel, axis=0)
    np.testing.assert_allclose(logits, 20 * features @ kernel / norms, atol=1e-4)
    model.save(tmp_path)
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(again(validation.X), logits, atol=1e-5)


@pytest.mark.parametrize("classes", [2, 3])
def test_the_influence_balanced_loss_sets_in_at_its_epoch_and_sees_the_features(classes: int) -> None:
    """Until then it is cross-entropy to the bit; then the loss of the paper's formula on the last layer's input."""
    train, validation = data((60, 20, 5)[:classes])
    training = Training(epochs=6, batch_size=16, optimizer=sgd(0.01), patience=1)
    whole = replace(training, patience=None)
    plain = fit(Network(hidden=[4]), train, validation, whole)
    late = fit(Network(hidden=[4]), train, validation, training, loss=InfluenceBalanced(0.5, alpha=2.0))
    assert late.history["train/loss"][:3].tolist() == plain.history["train/loss"][:3].tolist()
    assert len(late.history) > 3
    assert late.steps > 3
    never = fit(Network(hidden=[4]), train, validation, whole, loss=InfluenceBalanced(1.0))
    pd.testing.assert_frame_equal(never.history, plain.history, check_exact=True)

    features = keras.Model(late.net.input, late.net.layers[-1].input)(validation.X).numpy()
    log_p, y = late.predict_log_proba(validation.X)[:, 0], validation.y[:, 0]
    size = np.abs(np.exp(log_p) - np.eye(classes)[y]).sum(axis=1) * np.abs(features).sum(axis=1)
    expected = np.mean(2 * -log_p[np.arange(len(y)), y] / (size + 0.001))
    assert late.history["val/loss"][late.steps - 1] == pytest.approx(expected, rel=1e-3)


def test_a_normalised_head_of_labels_has_two_outputs_each() -> None:
    train, validation = labels()
    training = Training(epochs=1, batch_size=16, optimizer=sgd())
    model = fit(Network(hidden=[4]), train, validation, training, loss=LDAM())
    assert model.net.output_shape == (None, 4)
    outputs = model.net(validation.X).numpy().reshape(-1, 2, 2)
    np.testing.assert_allclose(model.predict_log_proba(validation.X), log_softmax(outputs, axis=2), atol=1e-5)


def adam():
    return partial(keras.optimizers.Adam, learning_rate=0.01)


def test_runs_that_share_a_graph_do_not_see_each_other() -> None:
    """Each of three runs, one after the other on one graph, is what it is on a graph of its own; so it stays."""
    network = Network(hidden=[8], dropout=0.3)

    def run(seed: int, share: bool) -> FittedNetwork:
        train, validation = data((40 + 5 * seed, 20, 10), seed=seed, weight=[1, 1 + seed, 3])
        kept = [] if share else [lambda: keras.callbacks.Callback()]  # with callbacks a run has its own graph
        training = Training(epochs=4, batch_size=16, optimizer=adam(), callbacks=kept, patience=3)
        return fit(network, train, validation, training, seeds=Seeds.spawn(seed, 0))

    shared, alone = ([run(seed, share) for seed in (0, 1, 2)] for share in (True, False))
    assert len({id(one.scorer) for one in shared}) == 1
    assert len({id(one.scorer) for one in alone}) == 3
    rows = data(seed=9)[0].X
    for one, other in zip(shared, alone, strict=True):
        assert one.history.equals(other.history)
        np.testing.assert_array_equal(one.predict_log_proba(rows), other.predict_log_proba(rows))
        for mine, theirs in zip(one.net.get_weights(), other.net.get_weights(), strict=True):
            np.testing.assert_array_equal(mine, theirs)


def test_only_equal_settings_share_a_graph() -> None:
    train, validation = data()
    two = data((40, 20))[0]
    plain = Training(epochs=1, batch_size=16, optimizer=adam())
    runs = [
        fit(Network(hidden=[4]), train, validation, plain),
        fit(Network(hidden=[5]), train, validation, plain),
        fit(Network(hidden=[4]), train, validation, plain, loss=Focal(2.0)),
        fit(Network(hidden=[4]), train, validation, plain, loss=Focal(2.0, alpha=[1.0, 2.0, 3.0])),
        fit(Network(hidden=[4]), train, validation, replace(plain, batch_size=8)),
        fit(Network(hidden=[4]), train, validation, replace(plain, optimizer=partial(keras.optimizers.Adam, 0.1))),
        fit(Network(hidden=[4]), two, Rows(two.X, two.y), plain),
    ]
    assert len({id(run.scorer) for run in runs}) == len(runs)
    again = fit(Network(hidden=[4]), train, validation, replace(plain, optimizer=adam(), epochs=2), loss=CrossEntropy())
    assert again.scorer is runs[0].scorer


def test_graphs_that_nobody_uses_any_more_are_let_go() -> None:
    # Keras' optimizer, traced as it is, is registered with TensorFlow for good: 5 MB of each graph.
    def traced() -> int:
        gc.collect()
        return sum(isinstance(found, FuncGraph) for found in gc.get_objects())

    train, validation = data()
    found = []
    for batch_size in (8, 16, 32):  # each is a graph of its own
        fit(Network(hidden=[4]), train, validation, Training(epochs=1, batch_size=batch_size, optimizer=sgd()))
        found.append(traced())
    assert found[0] == found[1] == found[2]
