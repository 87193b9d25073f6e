"""Asymmetric loss (Ridnik et al. 2021)."""

from __future__ import annotations

from typing import Annotated

import tensorflow as tf
from pydantic import Field
from pydantic.dataclasses import dataclass

from imbalance_lab.fields import STRICT
from imbalance_lab.strategies.losses.base import Loss
from imbalance_lab.strategies.losses.logits import positive_logit


@dataclass(frozen=True, config=STRICT)
class Asymmetric(Loss):
    """``-(1 - p)^g+ log p`` of a positive, ``-q^g- log(1 - q)`` of a negative; q = max(p - clip, 0), p = sigmoid(z).

    The paper's loss is for labels that do not exclude each other. Two classes are one label; of more classes each
    channel is a label of its own, positive for the true class, and the loss is their sum.

    The focusing weights ``(1 - p)^g+`` and ``q^g-`` are numbers to the gradient, as in the authors' training script and
    by default in their `AsymmetricLoss` (``disable_torch_grad_focal_loss``); the paper's equation gives values alone.

    Parameters
    ----------
    gamma_positive, gamma_negative : float
        Focus on hard positives and negatives; both 0, without clip, is sigmoid cross-entropy.
    clip : float
        Probability below which a negative costs nothing.
    stop_gradient : bool
        Whether the gradient leaves the focusing weights out (the authors), or is that of the formula.
    """

    gamma_positive: Annotated[float, Field(ge=0)] = 1.0
    gamma_negative: Annotated[float, Field(ge=0)] = 4.0
    clip: Annotated[float, Field(ge=0, lt=1)] = 0.05
    stop_gradient: bool = True

    def __call__(self, y: tf.Tensor, logits: tf.Tensor, counts: tf.Tensor) -> tf.Tensor:
        """Return the loss of each row, shape (b,), of classes (b,) and logits (b, C)."""
        if logits.shape[1] == 2:
            return self._of_label(tf.cast(y, logits.dtype), positive_logit(logits))
        return tf.reduce_sum(self._of_label(tf.one_hot(y, logits.shape[1], dtype=logits.dtype), logits), axis=1)

    def _of_label(self, positive: tf.Tensor, z: tf.Tensor) -> tf.Tensor:
        tiny = tf.constant(1e-30, z.dtype)
        focus = tf.stop_gradient if self.stop_gradient else tf.identity
        hit = focus(tf.pow(tf.maximum(tf.sigmoid(-z), tiny), self.gamma_positive)) * tf.nn.softplus(-z)
        clipped = tf.maximum(tf.sigmoid(z) - self.clip, 0)
        # Without a clip, log(1 - p) from the logit: 1 - p itself is 0 for large z.
        log_miss = tf.nn.softplus(z) if self.clip == 0 else -tf.math.log1p(-clipped)
        miss = focus(tf.pow(tf.maximum(clipped, tiny), self.gamma_negative)) * log_miss
        return positive * hit + (1 - positive) * miss
