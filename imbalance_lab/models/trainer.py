"""Keras training with whole epochs inside one graph call.

Keras' own ``fit`` crosses from Python into the graph for every batch, which costs more than the arithmetic of a small
batch. Here the rows are tensors and the mini-batch loop is a `tf.while_loop`. To a callback every epoch is one batch.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from threading import Lock
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from scipy.special import log_softmax

from imbalance_lab.data.rows import Rows, TrainingSet
from imbalance_lab.evaluation.metrics import HEADLINE, METRICS, Metric
from imbalance_lab.evaluation.scores import Confusion, Scores
from imbalance_lab.models.base import Progress
from imbalance_lab.models.stopping import stopping_score
from imbalance_lab.strategies.losses.base import Loss

EVALUATE_ROWS, PREDICT_ROWS = 8192, 65536

WHOLE, WHOLES = tf.TensorSpec([], tf.int32), tf.TensorSpec([None], tf.int32)
PAIR = tf.TensorSpec([2], tf.int32)


class EpochModel(keras.Model):
    """A network, its loss, its optimizer, and the epoch that trains it.

    T tasks of C classes are T problems with one loss each, which are summed. Tracing the epoch takes longer than
    training a small network, so the graph is traced once, for any number of rows, and runs of equal settings take turns
    on it: `load` brings a run's own variables in, `unload` takes them out. It holds no rows.

    Parameters
    ----------
    net : keras.Model
        Maps rows to channels; see `Scorer`.
    loss : Loss
    optimizer : keras optimizer
    batch_size, tasks, classes : int
    """

    def __init__(
        self,
        net: keras.Model,
        loss: Loss,
        optimizer: keras.optimizers.Optimizer,
        batch_size: int,
        tasks: int,
        classes: int,
    ) -> None:
        super().__init__()
        self.net, self.row_loss, self.batch_size, self.classes = net, loss, batch_size, classes
        self.scorer = Scorer(net, tasks, classes)
        self.built = True
        self.compile(optimizer=optimizer, jit_compile=False)
        optimizer.build(self.trainable_variables)
        X, y = tf.TensorSpec(net.input_shape), tf.TensorSpec([None, tasks], tf.int32)
        per_class = tf.TensorSpec([tasks, classes])
        self._epoch = Graph(self._one_epoch, (X, y), WHOLES, (X, y), per_class, per_class)

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Return logits (b, T, C) of rows (b, ...)."""
        return self.scorer.logits(self.net(inputs, training=training))

    def save(self, filepath: Any, overwrite: bool = True, **kwargs: Any) -> None:
        """Save the network, which is what a callback that saves the model means."""
        self.net.save(filepath, overwrite=overwrite, **kwargs)

    def load(self, net: keras.Model, optimizer: keras.optimizers.Optimizer | None = None) -> None:
        """Take over the variables of a network of the same shape, and of an optimizer of the same settings."""
        copy_variables(net, self.net)
        if optimizer is not None:
            optimizer.build(self.trainable_variables)
            copy_variables(optimizer, self.optimizer)

    def unload(self, net: keras.Model) -> None:
        """Hand the variables over to `net`."""
        copy_variables(self.net, net)

    def fit_epochs(
        self,
        train: TrainingSet,
        validation: Rows,
        seed: int,
        epochs: int,
        first_weighted_epoch: int,
        callbacks: list[keras.callbacks.Callback],
        metric: Metric = METRICS[HEADLINE],
    ) -> None:
        """Train for `epochs` epochs, with class weights from epoch `first_weighted_epoch` on.

        Callbacks see ``loss``, ``val_loss``, ``val_balanced_accuracy``, ``val_<metric>``, ``val_score`` (what early
        stopping watches), and ``val_recall_<k>`` and ``val_predicted_count_<k>`` of each class.
        """
        counts, weight = tf.constant(train.counts, tf.float32), tf.constant(train.class_weight, tf.float32)
        rows = tf.constant(train.X, tf.float32), tf.constant(train.y, tf.int32)
        held_out = tf.constant(validation.X, tf.float32), tf.constant(validation.y, tf.int32)
        draw = BalancedOrder(train.y[:, 0], self.classes, self.batch_size) if train.balanced_batches else shuffled
        support = np.stack([np.bincount(column, minlength=self.classes) for column in validation.y.T])

        def one_epoch(epoch: int) -> dict[str, float]:
            order = draw(tf.constant(len(train.y)), tf.constant([seed, epoch], tf.int32))
            now_weight = weight if epoch >= first_weighted_epoch else tf.ones_like(weight)
            logs = _summary(self._epoch(rows, order, held_out, now_weight, counts).numpy(), support)
            if len(validation.y) and metric is not METRICS[HEADLINE]:
                logs |= self._watched(metric, validation, logs["val_loss"])
            return logs

        self.run_epochs(one_epoch, epochs, callbacks)

    def _watched(self, metric: Metric, validation: Rows, loss: float) -> dict[str, float]:
        """Return a metric of the validation rows, mean over tasks, and the score by which early stopping goes."""
        log_proba = log_softmax(self.scorer(self.net, validation.X).astype(np.float64), axis=-1)
        tasks = range(validation.y.shape[1])
        reached = float(
            np.mean([metric(Scores(validation.y[:, t], log_proba[:, t].argmax(1), log_proba[:, t])) for t in tasks])
        )
        return {f"val_{metric.name}": reached, "val_score": stopping_score(metric.sign * reached, loss)}

    def run_epochs(
        self, one_epoch: Callable[[int], dict[str, float]], epochs: int, callbacks: list[keras.callbacks.Callback]
    ) -> None:
        """Run the epochs, and the callbacks in the order in which Keras' ``fit`` runs them for epochs of one batch."""
        watchers = keras.callbacks.CallbackList(
            callbacks, add_history=True, model=self, epochs=epochs, steps=1, verbose=0
        )
        self.stop_training = False
        logs: dict[str, float] = {}
        watchers.on_train_begin()
        for epoch in range(epochs):
            watchers.on_epoch_begin(epoch)
            watchers.on_train_batch_begin(0)
            logs = one_epoch(epoch)
            watchers.on_train_batch_end(0, logs)
            watchers.on_epoch_end(epoch, logs)
            if self.stop_training:
                break
        self.optimizer.finalize_variable_values(self.trainable_weights)
        watchers.on_train_end(logs)

    def _one_epoch(
        self,
        rows: tuple[tf.Tensor, tf.Tensor],
        order: tf.Tensor,
        held_out: tuple[tf.Tensor, tf.Tensor],
        weight: tf.Tensor,
        counts: tf.Tensor,
    ) -> tf.Tensor:
        """Train on the rows in `order`, then validate.

        Returns training loss, validation loss, and of each class the hits and the rows it was predicted for, shape
        (2 + 2 T C,).
        """
        n = tf.size(order)

        def batch(start: tf.Tensor, total: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            chosen = order[start : start + self.batch_size]
            loss = self._step(tf.gather(rows[0], chosen), tf.gather(rows[1], chosen), weight, counts)
            return start + self.batch_size, total + loss * tf.cast(tf.size(chosen), tf.float32)

        _, total = tf.while_loop(lambda start, _: start < n, batch, (0, 0.0), parallel_iterations=1)
        loss = total * tf.math.reciprocal(tf.cast(n, tf.float32))
        return tf.concat([[loss], self._validate(held_out, weight, counts)], axis=0)

    def _step(self, X: tf.Tensor, y: tf.Tensor, weight: tf.Tensor, counts: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(self._loss(y, self(X, training=True), weight, counts))
            if self.net.losses:  # regularisers of the layers
                loss = tf.add_n([loss, *self.net.losses])
        self.optimizer.apply(tape.gradient(loss, self.trainable_variables), self.trainable_variables)
        return loss

    def _loss(self, y: tf.Tensor, logits: tf.Tensor, weight: tf.Tensor, counts: tf.Tensor) -> tf.Tensor:
        """Return the weighted loss of each row, shape (b,), summed over tasks."""
        return tf.add_n(
            [
                tf.gather(weight[t], y[:, t]) * self.row_loss(y[:, t], logits[:, t], counts[t])
                for t in range(weight.shape[0])
            ]
        )

    def _validate(self, held_out: tuple[tf.Tensor, tf.Tensor], weight: tf.Tensor, counts: tf.Tensor) -> tf.Tensor:
        n = tf.shape(held_out[0])[0]

        def chunk(start: tf.Tensor, total: tf.Tensor, hits: tf.Tensor, predicted: tf.Tensor) -> tuple[tf.Tensor, ...]:
            X, y = (part[start : start + EVALUATE_ROWS] for part in held_out)
            logits = self(X, training=False)
            total += tf.reduce_sum(self._loss(y, logits, weight, counts))
            guess = tf.one_hot(tf.argmax(logits, axis=2), self.classes)
            hits += tf.reduce_sum(guess * tf.one_hot(y, self.classes), axis=0)
            return start + EVALUATE_ROWS, total, hits, predicted + tf.reduce_sum(guess, axis=0)

        nothing = tf.zeros_like(weight)
        _, total, hits, predicted = tf.while_loop(
            lambda start, *_: start < n, chunk, (0, 0.0, nothing, nothing), parallel_iterations=1
        )
        mean = total * tf.math.reciprocal(tf.cast(n, tf.float32))
        return tf.concat([[mean], tf.reshape(hits, [-1]), tf.reshape(predicted, [-1])], axis=0)


class Graph:
    """A function that is traced once, at its first use, so that a callback may still freeze a layer before.

    `tf.function` would take the many functions of a sweep for one that is traced again and again, and warn.

    Parameters
    ----------
    function : callable
    *specs : tf.TensorSpec, or tuples of them
        Of its arguments.
    """

    def __init__(self, function: Callable[..., tf.Tensor], *specs: Any) -> None:
        self._function, self._specs = function, specs
        self._traced: Callable[..., tf.Tensor] | None = None

    def __call__(self, *arguments: Any) -> tf.Tensor:
        """Return what the function returns for these tensors."""
        if self._traced is None:
            self._traced = tf.function(self._function, self._specs, autograph=False).get_concrete_function()
        return self._traced(*arguments)


class Scorer:
    """Logits of rows, by a graph that is traced once for all networks of one shape.

    Parameters
    ----------
    net : keras.Model
        Maps rows (b, ...) to (b, C) logits of one task of C classes, or to (b, T) logits z of the second class of T
        tasks of two, which become the logits (0, z).
    tasks, classes : int
    """

    def __init__(self, net: keras.Model, tasks: int, classes: int) -> None:
        self.tasks, self.classes, self._net, self._turn = tasks, classes, net, Lock()
        self._one_each = net.output_shape[1:] == (classes,) and tasks == 1
        self._graph = Graph(self._logits_of_rows, tf.TensorSpec(net.input_shape))

    def logits(self, channels: tf.Tensor) -> tf.Tensor:
        """Return logits (b, T, C) of what a network gives."""
        if self._one_each:
            return channels[:, None, :]
        return tf.stack([tf.zeros_like(channels), channels], axis=2)

    def __call__(self, net: keras.Model, X: np.ndarray) -> np.ndarray:
        """Return the logits (n, T, C) that `net` gives rows (n, ...)."""
        starts = range(0, max(len(X), 1), PREDICT_ROWS)
        parts = (tf.constant(X[start : start + PREDICT_ROWS], tf.float32) for start in starts)
        with self._turn:  # of one network at a time
            if net is not self._net:
                copy_variables(net, self._net)
            return np.concatenate([self._graph(part).numpy() for part in parts])

    def _logits_of_rows(self, X: tf.Tensor) -> tf.Tensor:
        return self.logits(self._net(X, training=False))


class Watch(keras.callbacks.Callback):
    """Keep every epoch's figures and report progress.

    Parameters
    ----------
    progress : callable
        Receives the number of each epoch, from 1, and its figures.
    """

    def __init__(self, progress: Progress) -> None:
        super().__init__()
        self.epochs: list[dict[str, float]] = []
        self._progress = progress

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Keep one epoch."""
        row = {_slashed(k): float(v) for k, v in (logs or {}).items() if k != "val_score"}
        self.epochs.append(row)
        self._progress(epoch + 1, row)


def copy_variables(source: Any, target: Any) -> None:
    """Give the variables of `target`, a model or an optimizer, the values of those of `source`."""
    for theirs, mine in zip(source.variables, target.variables, strict=True):
        mine.assign(theirs)


@partial(tf.function, input_signature=[WHOLE, PAIR], autograph=False)
def shuffled(n: tf.Tensor, stream: tf.Tensor) -> tf.Tensor:
    """Return the numbers of `n` rows in an order that the two integers of `stream` decide."""
    return tf.random.experimental.stateless_shuffle(tf.range(n), stream)


class BalancedOrder:
    """Orders of rows in which every batch holds the classes in equal shares.

    The numbers of two classes in a batch differ by one at most. Each class's rows are drawn with replacement; an epoch
    is as long as it would be otherwise.

    Parameters
    ----------
    y : ndarray of shape (n,)
    classes, batch_size : int
    """

    def __init__(self, y: np.ndarray, classes: int, batch_size: int) -> None:
        sizes = np.bincount(y, minlength=classes)
        present = np.flatnonzero(sizes)
        self._rows = tf.constant(np.argsort(y, kind="stable"), tf.int32)
        self._sizes = tf.constant(sizes[present], tf.int32)
        self._starts = tf.constant((np.cumsum(sizes) - sizes)[present], tf.int32)
        self._batch_size = batch_size

    def __call__(self, n: tf.Tensor, stream: tf.Tensor) -> tf.Tensor:
        """Return `n` row numbers for the two integers of `stream`."""
        return balanced(n, stream, self._rows, self._sizes, self._starts, tf.constant(self._batch_size))


@partial(tf.function, input_signature=[WHOLE, PAIR, WHOLES, WHOLES, WHOLES, WHOLE], autograph=False)
def balanced(
    n: tf.Tensor, stream: tf.Tensor, rows: tf.Tensor, sizes: tf.Tensor, starts: tf.Tensor, batch_size: tf.Tensor
) -> tf.Tensor:
    """Return `n` of the `rows`, which lie class by class, `sizes` of them from `starts` on, in even batches."""
    classes = tf.size(sizes)
    for_turns, for_rows = tf.unstack(tf.random.experimental.stateless_split(stream, 2))
    # A batch takes turns among the classes; which of them come first in a turn is drawn, as the last may be cut.
    shape = [-(-n // batch_size), -(-batch_size // classes), classes]
    turns = tf.argsort(tf.random.stateless_uniform(shape, for_turns), axis=2)
    order = tf.reshape(tf.reshape(turns, [-1, shape[1] * classes])[:, :batch_size], [-1])[:n]
    among = tf.gather(sizes, order)
    drawn = tf.random.stateless_uniform([n], for_rows, dtype=tf.float64) * tf.cast(among, tf.float64)
    return tf.gather(rows, tf.gather(starts, order) + tf.cast(drawn, tf.int32))


def _summary(result: np.ndarray, support: np.ndarray) -> dict[str, float]:
    logs = {"loss": float(result[0])}
    if support.any():
        hits, predicted = result[2:].reshape(2, *support.shape)
        recall = np.divide(hits, support, out=np.full(support.shape, np.nan), where=support > 0)
        metric = METRICS[HEADLINE]
        assert metric.function is not None
        each = [metric.function(Confusion(*task)) for task in zip(hits, predicted, support, strict=True)]
        reached = float(np.mean(each))
        logs |= {"val_loss": float(result[1]), f"val_{HEADLINE}": reached}
        logs["val_score"] = stopping_score(reached, logs["val_loss"])
        logs |= {f"val_recall_{k}": float(r) for k, r in enumerate(recall.ravel()) if not np.isnan(r)}
        logs |= {f"val_predicted_count_{k}": float(n) for k, n in enumerate(predicted.ravel())}
    return logs


def _slashed(key: str) -> str:
    """Return the name under which a figure is kept: that of a callback, in groups.

    >>> _slashed("loss"), _slashed("val_loss"), _slashed("val_recall_0"), _slashed("val_recall_at_precision_0.9")
    ('train/loss', 'val/loss', 'val/recall/0', 'val/recall_at_precision_0.9')
    """
    if key == "loss":
        return "train/loss"
    return re.sub(r"^val/(recall|predicted_count)_(\d+)$", r"val/\1/\2", re.sub("^val_", "val/", key))
