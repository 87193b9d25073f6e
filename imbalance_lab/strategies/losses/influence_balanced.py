"""Influence-balanced loss (Park et al. 2021)."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import tensorflow as tf
from pydantic import Field
from pydantic.dataclasses import dataclass

from imbalance_lab.fields import STRICT
from imbalance_lab.strategies.losses.base import Loss
from imbalance_lab.strategies.losses.logits import cross_entropy

EPSILON = 0.001  # of the authors' code, so that a row of no influence has a finite weight


@dataclass(frozen=True, config=STRICT)
class InfluenceBalanced(Loss):
    """``alpha CE / (|p - y|_1 |f|_1 + 0.001)``, f the features that the output layer is given.

    The denominator is the size of the row's gradient in the output layer, its influence there. For a share of the
    epochs plain cross-entropy trains instead, so that there is a boundary on which rows have influence. As in the
    authors' code the gradient goes through the denominator too.

    The paper's class factors ``lambda_k ~ 1 / n_k`` are `class_weight=inv_freq`, or `class_weight=deferred` with
    ``weight_start`` as `loss_start`, which holds them back as the authors do.

    Parameters
    ----------
    loss_start : float
        Share of the epochs after which it replaces cross-entropy (the authors: 100 of 200); 1 is cross-entropy.
    alpha : float
        Factor of the loss. The authors take 1000 and a hundredth of the learning rate from then on; the learning rate
        here stays, so 10 is what theirs comes to in plain gradient descent.
    """

    loss_start: Annotated[float, Field(ge=0, le=1)] = 0.5
    alpha: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 10.0

    @property
    def needs_features(self) -> bool:
        """Whether it is anything but cross-entropy."""
        return self.loss_start < 1

    def effective_prior(self, prior: np.ndarray, counts: np.ndarray) -> np.ndarray | None:
        """Return None, but where it never starts: then it is cross-entropy."""
        return None if self.needs_features else prior

    def __call__(
        self, y: tf.Tensor, logits: tf.Tensor, counts: tf.Tensor, features: tf.Tensor | None = None
    ) -> tf.Tensor:
        """Return the loss of each row, shape (b,), of classes (b,), logits (b, C) and features (b, ...)."""
        if features is None:  # where it never starts
            return cross_entropy(y, logits)
        ce = cross_entropy(y, logits)
        error = -2 * tf.math.expm1(-ce)  # |p - y|_1 = (1 - p_y) + sum of the others, which is the same again
        size = tf.reduce_sum(tf.abs(features), axis=list(range(1, len(features.shape))))
        return self.alpha * ce / (error * size + EPSILON)
