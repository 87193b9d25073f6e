"""Vector scaling (Kini et al. 2021)."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import tensorflow as tf
from pydantic import Field
from pydantic.dataclasses import dataclass

from imbalance_lab.fields import STRICT
from imbalance_lab.strategies.losses.base import Loss
from imbalance_lab.strategies.losses.logit_adjusted import LogitAdjusted
from imbalance_lab.strategies.losses.logits import cross_entropy, log_shares, positive_logit


@dataclass(frozen=True, config=STRICT)
class VectorScaling(Loss):
    """Cross-entropy of ``Delta_k z_k + iota_k`` with ``Delta_k = (n_k / n_max)^gamma`` and ``iota_k = tau log pi_k``.

    Of two classes it is the paper's binary form, ``log(1 + e^(iota_(-y) - iota_y) e^(-Delta_y y z))`` with y = +-1, in
    which each side scales the one logit in its own way.

    Parameters
    ----------
    gamma : float
        0 is logit adjustment.
    tau : float
    """

    gamma: Annotated[float, Field(ge=0)] = 0.3
    tau: Annotated[float, Field(ge=0)] = 1.0

    counts_classes = True
    needs_counts = True

    def effective_prior(self, prior: np.ndarray, counts: np.ndarray) -> np.ndarray | None:
        """Return what logit adjustment carries if gamma is 0; else the scores are no probabilities."""
        return LogitAdjusted(tau=self.tau).effective_prior(prior, counts) if self.gamma == 0 else None

    def __call__(self, y: tf.Tensor, logits: tf.Tensor, counts: tf.Tensor) -> tf.Tensor:
        """Return the loss of each row, shape (b,), of classes (b,), logits (b, C) and class sizes (C,)."""
        sizes = tf.maximum(tf.cast(counts, logits.dtype), 1)
        scale = (sizes / tf.reduce_max(sizes)) ** self.gamma
        shift = self.tau * log_shares(counts, logits.dtype)
        if logits.shape[1] != 2:
            return cross_entropy(y, scale * logits + shift)
        sign = 2 * tf.cast(y, logits.dtype) - 1
        towards = tf.gather(shift, y) - tf.gather(shift, 1 - y)
        return tf.nn.softplus(-towards - tf.gather(scale, y) * sign * positive_logit(logits))
