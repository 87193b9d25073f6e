"""Keras training with whole epochs inside one graph call.

Keras' own ``fit`` crosses from Python into the graph for every batch, which costs more than the arithmetic of a small
batch. Here the rows are tensors and the mini-batch loop is a `tf.while_loop`. To a callback every epoch is one batch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from scipy.special import log_softmax

from imbalance_lab.data.rows import Rows, TrainingSet
from imbalance_lab.evaluation.metrics import HEADLINE, METRICS, Metric
from imbalance_lab.evaluation.scores import Scores
from imbalance_lab.models.batches import PAIR, WHOLES, BalancedOrder, shuffled
from imbalance_lab.models.feeding import EVALUATE_ROWS, MOST_MB, PartGraphs, feed
from imbalance_lab.models.scorer import Graph, Scorer, copy_variables
from imbalance_lab.models.stopping import epoch_logs, stopping_score
from imbalance_lab.strategies.losses.base import Loss
from imbalance_lab.strategies.losses.cross_entropy import CrossEntropy
from imbalance_lab.strategies.representation.base import Representation, Target


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
    representation : Representation
    """

    def __init__(
        self,
        net: keras.Model,
        loss: Loss,
        optimizer: keras.optimizers.Optimizer,
        batch_size: int,
        tasks: int,
        classes: int,
        representation: Representation,
    ) -> None:
        super().__init__()
        self.net, self.batch_size, self.classes, self.representation = net, batch_size, classes, representation
        # The features go into the last layer, so that both outputs share all variables.
        self._featured = keras.Model(net.input, [net.output, net.layers[-1].input]) if loss.needs_features else None
        self.scorer = Scorer(net, tasks, classes)
        self.built = True
        # One replica has nothing to sum; the gradient of the sum would be registered for good, and with it the graph.
        optimizer._all_reduce_sum_gradients = list
        self.compile(optimizer=optimizer, jit_compile=False)
        optimizer.build(self.trainable_variables)
        X, y = tf.TensorSpec(net.input_shape), tf.TensorSpec([None, tasks], tf.int32)
        per_class = tf.TensorSpec([tasks, classes])
        specs: tuple[Any, ...] = ((X, y), WHOLES, (X, y), per_class, per_class)
        one_epoch: Callable[..., tf.Tensor] = self._one_epoch
        if representation.mixes:
            specs, one_epoch = (*specs, PAIR), self._drawn_epoch
        # By the number of the loss: 0 for the one of the epochs before `first_loss_epoch`.
        losses = CrossEntropy(), loss
        self.epoch = tuple(Graph(partial(one_epoch, each), *specs) for each in losses)
        self.parts = tuple(PartGraphs(self, each) for each in losses)

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
        first_loss_epoch: int = 0,
        device_memory: int = MOST_MB,
    ) -> None:
        """Train for `epochs` epochs, with class weights from epoch `first_weighted_epoch` on.

        Before epoch `first_loss_epoch` cross-entropy stands in the place of the loss. Rows that take more than
        `device_memory` MB are fed in parts: the batches are the same.

        Callbacks see ``loss``, ``val_loss``, ``val_balanced_accuracy``, ``val_<metric>``, ``val_score`` (what early
        stopping watches), and ``val_recall_<k>`` and ``val_predicted_count_<k>`` of each class.
        """
        counts, weight = tf.constant(train.counts, tf.float32), tf.constant(train.class_weight, tf.float32)
        epoch_of = feed(self, train, validation, device_memory)
        draw = BalancedOrder(train.y[:, 0], self.classes, self.batch_size) if train.balanced_batches else shuffled
        support = np.stack([np.bincount(column, minlength=self.classes) for column in validation.y.T])

        def one_epoch(epoch: int) -> dict[str, float]:
            stream = tf.constant([seed, epoch], tf.int32)
            order = draw(tf.constant(len(train.y)), stream)
            now_weight = weight if epoch >= first_weighted_epoch else tf.ones_like(weight)
            drawn = (stream,) if self.representation.mixes else ()
            logs = epoch_logs(epoch_of(int(epoch >= first_loss_epoch), order, now_weight, counts, *drawn), support)
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
        loss_of: Loss,
        rows: tuple[tf.Tensor, tf.Tensor],
        order: tf.Tensor,
        held_out: tuple[tf.Tensor, tf.Tensor],
        weight: tf.Tensor,
        counts: tf.Tensor,
    ) -> tf.Tensor:
        return self._drawn_epoch(loss_of, rows, order, held_out, weight, counts, None)

    def _drawn_epoch(
        self,
        loss_of: Loss,
        rows: tuple[tf.Tensor, tf.Tensor],
        order: tf.Tensor,
        held_out: tuple[tf.Tensor, tf.Tensor],
        weight: tf.Tensor,
        counts: tf.Tensor,
        stream: tf.Tensor | None,
    ) -> tf.Tensor:
        """Train on the rows in `order`, then validate; `stream` decides what a representation draws.

        Returns training loss, validation loss, and of each class the hits and the rows it was predicted for, shape
        (2 + 2 T C,).
        """
        n = tf.size(order)

        def drawn(start: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            chosen = order[start : start + self.batch_size]
            return tf.gather(rows[0], chosen), tf.gather(rows[1], chosen)

        total = self.train_on(loss_of, drawn, (0, n), 0.0, weight, counts, stream)
        loss = total * tf.math.reciprocal(tf.cast(n, tf.float32))
        return tf.concat([[loss], self._validate(loss_of, held_out, weight, counts)], axis=0)

    def train_on(
        self,
        loss_of: Loss,
        drawn: Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]],
        span: tuple[Any, Any],
        total: Any,
        weight: tf.Tensor,
        counts: tf.Tensor,
        stream: tf.Tensor | None,
    ) -> tf.Tensor:
        """Train on the batches that `drawn` gives for where they start in the epoch; return `total` plus their loss."""

        def batch(start: tf.Tensor, total: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            X, y = drawn(start)
            own = None if stream is None else tf.random.experimental.stateless_fold_in(stream, start)
            loss = self._step(loss_of, X, y, weight, counts, own)
            return start + self.batch_size, total + loss * tf.cast(tf.shape(y)[0], tf.float32)

        _, total = tf.while_loop(lambda start, _: start < span[1], batch, (span[0], total), parallel_iterations=1)
        return total

    def _step(
        self,
        loss_of: Loss,
        X: tf.Tensor,
        y: tf.Tensor,
        weight: tf.Tensor,
        counts: tf.Tensor,
        stream: tf.Tensor | None,
    ) -> tf.Tensor:
        targets: Sequence[Target] = [(y, None)]
        if stream is not None:
            X, targets = self.representation.mixed(X, y, counts, stream)

        def measure() -> tuple[tf.Tensor, list[tf.Tensor]]:
            with tf.GradientTape() as tape:
                logits, features = self._forward(loss_of, X, training=True)
                rows = [_row_losses(loss_of, y, logits, weight, counts, features, share) for y, share in targets]
                loss = tf.reduce_mean(rows[0] if len(rows) == 1 else tf.add_n(rows))
                if self.net.losses:  # regularisers of the layers
                    loss = tf.add_n([loss, *self.net.losses])
            return loss, tape.gradient(loss, self.trainable_variables)

        loss, gradients = self.representation.gradients(measure, self.trainable_variables)
        self.optimizer.apply(gradients, self.trainable_variables)
        self.representation.constrain(self.net.layers[-1])
        return loss

    def _forward(self, loss_of: Loss, X: tf.Tensor, training: bool) -> tuple[tf.Tensor, tuple[tf.Tensor, ...]]:
        """Return logits (b, T, C), and what else the loss is given: the features (b, ...), or nothing."""
        if self._featured is None or not loss_of.needs_features:
            return self(X, training=training), ()
        channels, features = self._featured(X, training=training)
        return self.scorer.logits(channels), (features,)

    def _validate(
        self, loss_of: Loss, held_out: tuple[tf.Tensor, tf.Tensor], weight: tf.Tensor, counts: tf.Tensor
    ) -> tf.Tensor:
        nothing = tf.zeros_like(weight)
        total, hits, predicted = self.validate_on(loss_of, held_out, (0.0, nothing, nothing), weight, counts)
        mean = total * tf.math.reciprocal(tf.cast(tf.shape(held_out[0])[0], tf.float32))
        return tf.concat([[mean], tf.reshape(hits, [-1]), tf.reshape(predicted, [-1])], axis=0)

    def validate_on(
        self,
        loss_of: Loss,
        held_out: tuple[tf.Tensor, tf.Tensor],
        sums: tuple[Any, Any, Any],
        weight: tf.Tensor,
        counts: tf.Tensor,
    ) -> tuple[tf.Tensor, ...]:
        """Return the `sums` of loss, hits and predicted rows plus those of these rows."""
        n = tf.shape(held_out[0])[0]

        def chunk(start: tf.Tensor, total: tf.Tensor, hits: tf.Tensor, predicted: tf.Tensor) -> tuple[tf.Tensor, ...]:
            X, y = (part[start : start + EVALUATE_ROWS] for part in held_out)
            logits, features = self._forward(loss_of, X, training=False)
            total += tf.reduce_sum(_row_losses(loss_of, y, logits, weight, counts, features))
            guess = tf.one_hot(tf.argmax(logits, axis=2), self.classes)
            hits += tf.reduce_sum(guess * tf.one_hot(y, self.classes), axis=0)
            return start + EVALUATE_ROWS, total, hits, predicted + tf.reduce_sum(guess, axis=0)

        found = tf.while_loop(lambda start, *_: start < n, chunk, (0, *sums), parallel_iterations=1)
        return tuple(found[1:])


def _row_losses(
    loss_of: Loss,
    y: tf.Tensor,
    logits: tf.Tensor,
    weight: tf.Tensor,
    counts: tf.Tensor,
    features: tuple[tf.Tensor, ...],
    share: tf.Tensor | None = None,
) -> tf.Tensor:
    """Return the weighted loss of each row, shape (b,), summed over tasks, and times a share (b,) if there is one."""
    summed = tf.add_n(
        [
            tf.gather(weight[t], y[:, t]) * loss_of(y[:, t], logits[:, t], counts[t], *features)
            for t in range(weight.shape[0])
        ]
    )
    return summed if share is None else share * summed
