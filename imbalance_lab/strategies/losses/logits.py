"""What several losses do to logits."""

from __future__ import annotations

import tensorflow as tf


def cross_entropy(y: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Return ``-log softmax(z)_y``, shape (b,), of classes (b,) and logits (b, C)."""
    return tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits)


def positive_logit(logits: tf.Tensor) -> tf.Tensor:
    """Return z, shape (b,), of the logits (0, z) of two classes."""
    return logits[:, 1] - logits[:, 0]


def log_shares(counts: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
    """Return the log of each class's share of the rows, shape (C,); an empty class counts one row."""
    sizes = tf.maximum(tf.cast(counts, dtype), 1)
    return tf.math.log(sizes) - tf.math.log(tf.reduce_sum(sizes))
