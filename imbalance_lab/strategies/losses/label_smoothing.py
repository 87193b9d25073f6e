"""Label smoothing (Szegedy et al. 2016)."""

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
class LabelSmoothing(Loss):
    """``(1 - epsilon) CE(y) + epsilon / C sum_k CE(k)``: every class has a share of each row's label.

    Its scores carry the posterior shrunk towards 1 / C, which is no posterior under any prior.

    Parameters
    ----------
    epsilon : float
        Share of the label that is spread over all classes; 0 is cross-entropy.

    Examples
    --------
    >>> LabelSmoothing(0.2)(np.array([1]), np.array([[0.0, np.log(3)]]), None).numpy().round(4).tolist()
    [0.3975]
    """

    epsilon: Annotated[float, Field(ge=0, lt=1)] = 0.1

    def effective_prior(self, prior: np.ndarray, counts: np.ndarray) -> np.ndarray | None:
        """Return None, but for epsilon = 0, which is cross-entropy."""
        return prior if self.epsilon == 0 else None

    def __call__(self, y: tf.Tensor, logits: tf.Tensor, counts: tf.Tensor) -> tf.Tensor:
        """Return the loss of each row, shape (b,), of classes (b,) and logits (b, C)."""
        if self.epsilon == 0:
            return cross_entropy(y, logits)
        spread = -tf.reduce_mean(tf.nn.log_softmax(logits), axis=1)
        return (1 - self.epsilon) * cross_entropy(y, logits) + self.epsilon * spread
