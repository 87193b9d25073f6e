"""Cross-entropy weighted by the class the net predicts."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import tensorflow as tf
from pydantic import Field
from pydantic.dataclasses import dataclass

from imbalance_lab.fields import STRICT
from imbalance_lab.strategies.losses.base import Loss
from imbalance_lab.strategies.losses.logits import cross_entropy


@dataclass(frozen=True, config=STRICT)
class PredictedWeight(Loss):
    """``(sum_k w_k p_k) * -log p_y``: each row's weight is the one the net expects it to have.

    The answer that proposed to weight by the estimated label multiplied a (1, C) tensor of weights with a (batch,)
    loss, which is an error or pairs the wrong things; this is what it meant. The weight is a number to the gradient:
    else the net could lower its loss by predicting classes that count little.

    Parameters
    ----------
    power : float
        ``w_k ~ n_k ** -power``, scaled so that the mean weight of a row is 1; 0 is cross-entropy.
    """

    power: Annotated[float, Field(ge=0)] = 1.0

    needs_counts = True

    def effective_prior(self, prior: np.ndarray, counts: np.ndarray) -> np.ndarray | None:
        """Return the effective prior: where p is the posterior, the expected gradient is 0 whatever a row weighs."""
        return prior

    def __call__(self, y: tf.Tensor, logits: tf.Tensor, counts: tf.Tensor) -> tf.Tensor:
        """Return the loss of each row, shape (b,), of classes (b,), logits (b, C) and class sizes (C,)."""
        sizes = tf.maximum(tf.cast(counts, logits.dtype), 1)
        weight = sizes**-self.power
        weight *= tf.reduce_sum(sizes) / tf.reduce_sum(weight * sizes)
        expected = tf.reduce_sum(weight * tf.nn.softmax(logits), axis=1)
        return tf.stop_gradient(expected) * cross_entropy(y, logits)
