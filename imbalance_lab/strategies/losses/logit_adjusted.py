"""Logit adjustment (Menon et al. 2021) and balanced softmax (Ren et al. 2020)."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import tensorflow as tf
from pydantic import Field
from pydantic.dataclasses import dataclass

from imbalance_lab.data.rows import shares
from imbalance_lab.fields import STRICT
from imbalance_lab.strategies.losses.base import Loss
from imbalance_lab.strategies.losses.logits import cross_entropy, log_shares


@dataclass(frozen=True, config=STRICT)
class LogitAdjusted(Loss):
    """Cross-entropy of ``z + tau log pi``: the net learns what is left when the class sizes are given.

    Parameters
    ----------
    tau : float
        0 is cross-entropy; at 1 softmax(z) is the posterior under equal priors.
    """

    tau: Annotated[float, Field(ge=0)] = 1.0

    counts_classes = True
    needs_counts = True

    def effective_prior(self, prior: np.ndarray, counts: np.ndarray) -> np.ndarray | None:
        """Return ``prior / pi^tau``: z + tau log pi carries the effective prior, so z carries this one."""
        return shares(prior / shares(np.maximum(counts, 1.0)) ** self.tau)

    def __call__(self, y: tf.Tensor, logits: tf.Tensor, counts: tf.Tensor) -> tf.Tensor:
        """Return the loss of each row, shape (b,), of classes (b,), logits (b, C) and class sizes (C,)."""
        return cross_entropy(y, logits + self.tau * log_shares(counts, logits.dtype))


@dataclass(frozen=True, config=STRICT)
class BalancedSoftmax(Loss):
    """Cross-entropy of ``z + log n``; equal to logit adjustment with tau = 1."""

    counts_classes = True
    needs_counts = True

    def effective_prior(self, prior: np.ndarray, counts: np.ndarray) -> np.ndarray | None:
        """Return ``prior / n``, scaled to sum to 1."""
        return shares(prior / np.maximum(counts, 1.0))

    def __call__(self, y: tf.Tensor, logits: tf.Tensor, counts: tf.Tensor) -> tf.Tensor:
        """Return the loss of each row, shape (b,), of classes (b,), logits (b, C) and class sizes (C,)."""
        return cross_entropy(y, logits + tf.math.log(tf.maximum(tf.cast(counts, logits.dtype), 1)))
