"""Keras training with whole epochs inside one graph call.

Plain ``fit`` crosses from Python into the graph for every batch, which costs more than the arithmetic of a small batch.
Here the rows are tensors, the mini-batch loop is a `tf.while_loop`, and each of ``fit``'s "steps" is one epoch with its
validation, so callbacks and optimizers work as ever.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from imbalance_lab.types import Loss, Progress, Rows, TrainingSet

EVALUATE_ROWS = 8192


class EpochModel(keras.Model):
    """A network, its loss, and the epoch that trains it.

    Parameters
    ----------
    net : keras.Model
        Maps rows (b, d) to logits (b, C), or (b, 1) for two classes.
    loss : Loss
    batch_size : int
    """

    def __init__(self, net: keras.Model, loss: Loss, batch_size: int) -> None:
        super().__init__()
        self.net, self.row_loss, self.batch_size = net, loss, batch_size
        self.built = True

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Return logits (b, C) of rows (b, d)."""
        logits = self.net(inputs, training=training)
        return tf.concat([tf.zeros_like(logits), logits], axis=1) if logits.shape[1] == 1 else logits

    def fit_epochs(
        self,
        train: TrainingSet,
        validation: Rows,
        seed: int,
        epochs: int,
        callbacks: list[keras.callbacks.Callback],
    ) -> None:
        """Train for `epochs` epochs; callbacks see ``loss``, ``val_loss``, ``val_balanced_accuracy`` and recalls."""
        weight = tf.constant(train.class_weight, tf.float32)
        counts = tf.constant(train.counts, tf.float32)
        rows = tf.constant(train.X, tf.float32), tf.constant(train.y, tf.int32)
        held_out = tf.constant(validation.X, tf.float32), tf.constant(validation.y, tf.int32)
        support = np.bincount(validation.y, minlength=len(train.class_weight))
        self.optimizer.build(self.trainable_variables)
        epoch = iter(range(epochs))

        def one_epoch(iterator: object) -> dict[str, float]:
            stream = tf.constant([seed, next(epoch)], tf.int32)
            return _summary(self._epoch(rows, held_out, weight, counts, stream).numpy(), support)

        self.train_function = one_epoch
        self.fit(tf.zeros((1, 1)), epochs=epochs, batch_size=1, steps_per_epoch=1, callbacks=callbacks, verbose=0)

    def make_train_function(self, force: bool = False) -> None:
        """Keep the epoch that `fit_epochs` laid down."""

    @tf.function(reduce_retracing=True)
    def predict_logits(self, X: tf.Tensor) -> tf.Tensor:
        """Return logits (n, C) of rows (n, d)."""
        return self(X, training=False)

    @tf.function
    def _epoch(
        self,
        rows: tuple[tf.Tensor, tf.Tensor],
        held_out: tuple[tf.Tensor, tf.Tensor],
        weight: tf.Tensor,
        counts: tf.Tensor,
        stream: tf.Tensor,
    ) -> tf.Tensor:
        """Train one epoch, then validate: (training loss, validation loss, hits of each class), shape (2 + C,)."""
        n = tf.shape(rows[0])[0]
        order = tf.random.experimental.stateless_shuffle(tf.range(n), stream)

        def batch(start: tf.Tensor, total: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            chosen = order[start : start + self.batch_size]
            loss = self._step(tf.gather(rows[0], chosen), tf.gather(rows[1], chosen), weight, counts)
            return start + self.batch_size, total + loss * tf.cast(tf.size(chosen), tf.float32)

        _, total = tf.while_loop(lambda start, _: start < n, batch, (0, 0.0), parallel_iterations=1)
        loss = total / tf.cast(n, tf.float32)
        return tf.concat([[loss], self._validate(held_out, weight, counts)], axis=0)

    def _step(self, X: tf.Tensor, y: tf.Tensor, weight: tf.Tensor, counts: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            logits = self(X, training=True)
            loss = tf.reduce_mean(tf.gather(weight, y) * self.row_loss(y, logits, counts))
            objective = tf.add_n([loss, *self.net.losses])
        self.optimizer.apply(tape.gradient(objective, self.trainable_variables), self.trainable_variables)
        return loss

    def _validate(self, held_out: tuple[tf.Tensor, tf.Tensor], weight: tf.Tensor, counts: tf.Tensor) -> tf.Tensor:
        n, classes = tf.shape(held_out[0])[0], weight.shape[0]

        def chunk(start: tf.Tensor, total: tf.Tensor, hits: tf.Tensor) -> tuple[tf.Tensor, ...]:
            X, y = (part[start : start + EVALUATE_ROWS] for part in held_out)
            logits = self(X, training=False)
            loss = tf.reduce_sum(tf.gather(weight, y) * self.row_loss(y, logits, counts))
            hit = tf.cast(tf.argmax(logits, axis=1, output_type=tf.int32) == y, tf.float32)
            return start + EVALUATE_ROWS, total + loss, hits + tf.math.unsorted_segment_sum(hit, y, classes)

        start = (0, 0.0, tf.zeros(classes))
        _, total, hits = tf.while_loop(lambda i, *_: i < n, chunk, start, parallel_iterations=1)
        return tf.concat([[total / tf.cast(n, tf.float32)], hits], axis=0)


def _summary(result: np.ndarray, support: np.ndarray) -> dict[str, float]:
    logs = {"loss": float(result[0])}
    if support.any():
        recall = result[2:][support > 0] / support[support > 0]
        logs |= {"val_loss": float(result[1]), "val_balanced_accuracy": float(recall.mean())}
        logs |= {f"val_recall_{k}": float(r) for k, r in zip(np.flatnonzero(support), recall, strict=True)}
    return logs


class Watch(keras.callbacks.Callback):
    """Keep every epoch's figures and report progress.

    Parameters
    ----------
    progress : callable
        Called with the number of the epoch (from 1) and its figures.
    """

    NAMES = {"loss": "train/loss", "val_loss": "val/loss", "val_balanced_accuracy": "val/balanced_accuracy"}

    def __init__(self, progress: Progress) -> None:
        super().__init__()
        self.epochs: list[dict[str, float]] = []
        self._progress = progress

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Keep one epoch."""
        row = {self.NAMES.get(k, k.replace("val_recall_", "val/recall/")): float(v) for k, v in (logs or {}).items()}
        self.epochs.append(row)
        self._progress(epoch + 1, row)
