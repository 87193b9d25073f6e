"""What all losses share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np
import tensorflow as tf


class RowLoss:
    """A loss whose scores are no probabilities, on a plain head, for any classes: override what is otherwise."""

    head_scale: float | None = None
    counts_classes: bool = False  # whether it does nothing of its own where classes are equally large

    def for_classes(self, class_names: Sequence[str]) -> Self:
        """Return the loss for these classes."""
        return self

    def effective_prior(self, prior: np.ndarray, counts: np.ndarray) -> np.ndarray | None:
        """Return the prior that softmax(z) carries, shape (..., C), or None."""
        return None


def cross_entropy(y: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Return ``-log softmax(z)_y``, shape (b,), of classes (b,) and logits (b, C)."""
    return tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits)


def positive_logit(logits: tf.Tensor) -> tf.Tensor:
    """Return z, shape (b,), of the logits (0, z) of two classes."""
    return logits[:, 1] - logits[:, 0]
