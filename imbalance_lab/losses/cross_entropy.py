"""Softmax cross-entropy."""

from __future__ import annotations

from typing import ClassVar

import tensorflow as tf
from pydantic.dataclasses import dataclass

from imbalance_lab.types import STRICT, OutputPrior


@dataclass(frozen=True, config=STRICT)
class CrossEntropy:
    """The null option: ``-log softmax(z)_y``.

    Examples
    --------
    >>> import numpy as np
    >>> CrossEntropy()(np.array([1]), np.array([[0.0, 0.0]]), None).numpy().round(4).tolist()
    [0.6931]
    """

    output_prior: ClassVar[OutputPrior] = "train"

    def __call__(self, y: tf.Tensor, logits: tf.Tensor, counts: tf.Tensor) -> tf.Tensor:
        """Return the loss of each row, shape (b,), of labels (b,) and logits (b, C)."""
        return tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits)
