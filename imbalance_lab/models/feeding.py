"""How an epoch gets its rows: all as one tensor on the device, or, where they do not fit, in parts by `tf.data`.

Both ways show the network the same batches in the same order, and sum their losses in the same order: the numbers are
the same to the last bit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from imbalance_lab.data.rows import Rows, TrainingSet
from imbalance_lab.models.batches import PAIR
from imbalance_lab.models.scorer import Graph
from imbalance_lab.strategies.losses.base import Loss

if TYPE_CHECKING:
    from imbalance_lab.models.trainer import EpochModel

EVALUATE_ROWS = 8192
MOST_MB = 1024  # of rows on the device
PART_ROWS, PART_BYTES = 2**15, 2**26  # of a part at the most, but at least one batch
READ_AHEAD = 2  # parts that are read while another is trained on

# From the number of the loss, an order of rows, weights, counts and what is drawn from, to what an epoch returns.
Epoch = Callable[..., np.ndarray]


def feed(model: EpochModel, train: TrainingSet, validation: Rows, device_memory: int) -> Epoch:
    """Return what runs an epoch of `model` on these rows.

    Parameters
    ----------
    model : EpochModel
    train : TrainingSet
    validation : Rows
    device_memory : int
        MB that rows may take on the device.
    """
    if (train.X.size + validation.X.size) * 4 > device_memory * 2**20:
        return partial(_in_parts, model, train, validation)
    rows = tf.constant(train.X[:], tf.float32), tf.constant(train.y, tf.int32)
    held_out = tf.constant(validation.X[:], tf.float32), tf.constant(validation.y, tf.int32)

    def whole(which: int, order: tf.Tensor, *others: tf.Tensor) -> np.ndarray:
        found: np.ndarray = model.epoch[which](rows, order, held_out, *others).numpy()
        return found

    return whole


class PartGraphs:
    """One part of an epoch's rows trained on, and one of the validation rows looked at.

    Parameters
    ----------
    model : EpochModel
    loss : Loss
    """

    def __init__(self, model: EpochModel, loss: Loss) -> None:
        self._model, self._loss = model, loss
        rows = tf.TensorSpec(model.net.input_shape), tf.TensorSpec([None, model.scorer.tasks], tf.int32)
        start, per_class = tf.TensorSpec([], tf.int32), tf.TensorSpec([model.scorer.tasks, model.classes])
        total = tf.TensorSpec([])
        self.train = Graph(self._train, rows, start, total, per_class, per_class, PAIR)
        self.validate = Graph(self._validate, rows, total, per_class, per_class)

    def _train(
        self,
        rows: tuple[tf.Tensor, tf.Tensor],
        first: tf.Tensor,
        total: tf.Tensor,
        weight: tf.Tensor,
        counts: tf.Tensor,
        stream: tf.Tensor,
    ) -> tf.Tensor:
        """Return `total` plus the loss of these rows, of which the first is the epoch's row number `first`."""

        def drawn(start: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            at = start - first
            return rows[0][at : at + self._model.batch_size], rows[1][at : at + self._model.batch_size]

        span = first, first + tf.shape(rows[0])[0]
        own = stream if self._model.representation.mixes else None
        return self._model.train_on(self._loss, drawn, span, total, weight, counts, own)

    def _validate(
        self, rows: tuple[tf.Tensor, tf.Tensor], total: tf.Tensor, weight: tf.Tensor, counts: tf.Tensor
    ) -> tf.Tensor:
        nothing = tf.zeros_like(weight)
        total, hits, predicted = self._model.validate_on(self._loss, rows, (total, nothing, nothing), weight, counts)
        return tf.concat([[total], tf.reshape(hits, [-1]), tf.reshape(predicted, [-1])], axis=0)


def _in_parts(
    model: EpochModel,
    train: TrainingSet,
    validation: Rows,
    which: int,
    order: tf.Tensor,
    weight: tf.Tensor,
    counts: tf.Tensor,
    stream: tf.Tensor | None = None,
) -> np.ndarray:
    """Return what an epoch returns, of rows that are fed in parts."""
    graphs, numbers = model.parts[which], order.numpy()
    drawn = tf.zeros([2], tf.int32) if stream is None else stream
    batch, total, start = model.batch_size, tf.constant(0.0), 0
    parts = (numbers[at : at + size] for at, size in _spans(len(numbers), train.X, batch))
    for rows in _read_ahead(parts, train.X, train.y):
        total = graphs.train(rows, tf.constant(start), total, weight, counts, drawn)
        start += rows[0].shape[0]
    loss = total * tf.math.reciprocal(tf.cast(start, tf.float32))
    seen = [loss.numpy(), *_validated(graphs, validation, weight, counts)]
    return np.array(seen, np.float64)


def _validated(graphs: PartGraphs, validation: Rows, weight: tf.Tensor, counts: tf.Tensor) -> np.ndarray:
    """Return mean loss, hits and predicted rows of each class; float32 would not count beyond 2 ** 24."""
    n = len(validation.y)
    total, counted = tf.constant(0.0), np.zeros(2 * int(np.prod(weight.shape)))
    parts = (slice(at, at + size) for at, size in _spans(n, validation.X, EVALUATE_ROWS))
    for rows in _read_ahead(parts, validation.X, validation.y):
        found = graphs.validate(rows, total, weight, counts)
        total, counted = found[0], counted + found[1:].numpy()
    mean = total * tf.math.reciprocal(tf.cast(n, tf.float32))
    return np.concatenate([[mean.numpy()], counted])


def _spans(n: int, X: Any, batch: int) -> Iterator[tuple[int, int]]:
    """Yield where each part starts, and how many rows it has: whole batches, but for the last."""
    row = 4 * max(int(np.prod(X.shape[1:])), 1)
    size = batch * max(1, min(PART_ROWS, PART_BYTES // row) // batch)
    yield from ((start, size) for start in range(0, n, size))


def _read_ahead(parts: Iterator[Any], X: Any, y: np.ndarray) -> Iterator[tuple[tf.Tensor, tf.Tensor]]:
    """Yield the rows of each part as tensors, the next ones read meanwhile."""

    def read() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for part in parts:
            yield np.asarray(X[part], np.float32), y[part].astype(np.int32)

    shapes = tf.TensorSpec([None, *X.shape[1:]]), tf.TensorSpec([None, y.shape[1]], tf.int32)
    yield from tf.data.Dataset.from_generator(read, output_signature=shapes).prefetch(READ_AHEAD)
