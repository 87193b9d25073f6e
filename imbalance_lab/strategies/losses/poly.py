"""Poly-1 loss (Leng et al. 2022)."""

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
class Poly(Loss):
    """``-log p_y + epsilon (1 - p_y)``: the first term of cross-entropy's expansion in (1 - p_y) with another weight.

    Parameters
    ----------
    epsilon : float
        0 is cross-entropy; not below -1, where the loss would fall as p_y falls.
    """

    epsilon: Annotated[float, Field(ge=-1)] = 1.0

    def effective_prior(self, prior: np.ndarray, counts: np.ndarray) -> np.ndarray | None:
        """Return the effective prior if epsilon is 0; else the scores are no probabilities."""
        return prior if self.epsilon == 0 else None

    def __call__(self, y: tf.Tensor, logits: tf.Tensor, counts: tf.Tensor) -> tf.Tensor:
        """Return the loss of each row, shape (b,), of classes (b,) and logits (b, C)."""
        ce = cross_entropy(y, logits)
        return ce - self.epsilon * tf.math.expm1(-ce)
