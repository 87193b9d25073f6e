"""Softmax cross-entropy."""

from __future__ import annotations

import numpy as np
import tensorflow as tf
from pydantic.dataclasses import dataclass

from imbalance_lab.fields import STRICT
from imbalance_lab.strategies.losses.base import Loss
from imbalance_lab.strategies.losses.logits import cross_entropy


@dataclass(frozen=True, config=STRICT)
class CrossEntropy(Loss):
    """The null option: ``-log softmax(z)_y``.

    Examples
    --------
    >>> CrossEntropy()(np.array([1]), np.array([[0.0, 0.0]]), None).numpy().round(4).tolist()
    [0.6931]
    """

    def effective_prior(self, prior: np.ndarray, counts: np.ndarray) -> np.ndarray | None:
        """Return the effective prior: cross-entropy is proper."""
        return prior

    def __call__(self, y: tf.Tensor, logits: tf.Tensor, counts: tf.Tensor) -> tf.Tensor:
        """Return the loss of each row, shape (b,), of classes (b,) and logits (b, C)."""
        return cross_entropy(y, logits)
