"""In which order a network sees rows: shuffled, or in batches that hold the classes in equal shares."""

from __future__ import annotations

from functools import partial

import numpy as np
import tensorflow as tf

WHOLE, WHOLES = tf.TensorSpec([], tf.int32), tf.TensorSpec([None], tf.int32)
PAIR = tf.TensorSpec([2], tf.int32)


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
