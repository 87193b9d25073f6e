"""Asymmetric loss of classes that exclude each other (Ridnik et al. 2021)."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import tensorflow as tf
from pydantic import Field
from pydantic.dataclasses import dataclass

from imbalance_lab.fields import STRICT
from imbalance_lab.strategies.losses.base import Loss
from imbalance_lab.strategies.losses.label_smoothing import LabelSmoothing


@dataclass(frozen=True, config=STRICT)
class SingleAsymmetric(Loss):
    """``-sum_k t_k w_k log p_k`` with w = (1 - p)^g+ for the true class, p^g- for others, and smoothed labels t.

    It is `ASLSingleLabel` of the authors' code, with its defaults; their paper has the form of several labels alone.
    ``t_k`` is ``1 - epsilon + epsilon / C`` for the true class and ``epsilon / C`` for others, so that `gamma_negative`
    has no effect without smoothing. The gradient goes through the weights, as theirs does.

    Parameters
    ----------
    gamma_positive, gamma_negative : float
        Focus on rows whose true class is improbable, and on other classes that are probable; both 0 is label smoothing.
    epsilon : float
        Share of the label that is spread over all classes; with both focuses 0, 0 is cross-entropy.
    """

    gamma_positive: Annotated[float, Field(ge=0)] = 0.0
    gamma_negative: Annotated[float, Field(ge=0)] = 4.0
    epsilon: Annotated[float, Field(ge=0, lt=1)] = 0.1

    @property
    def _smoothing(self) -> LabelSmoothing | None:
        """What it is where neither focus does anything."""
        focuses = self.gamma_positive > 0 or (self.gamma_negative > 0 and self.epsilon > 0)
        return None if focuses else LabelSmoothing(self.epsilon)

    def effective_prior(self, prior: np.ndarray, counts: np.ndarray) -> np.ndarray | None:
        """Return None, but where it is cross-entropy."""
        return None if self._smoothing is None else self._smoothing.effective_prior(prior, counts)

    def __call__(self, y: tf.Tensor, logits: tf.Tensor, counts: tf.Tensor) -> tf.Tensor:
        """Return the loss of each row, shape (b,), of classes (b,) and logits (b, C)."""
        if self._smoothing is not None:
            return self._smoothing(y, logits, counts)
        classes, dtype = logits.shape[1], logits.dtype
        log_p, true = tf.nn.log_softmax(logits), tf.one_hot(y, classes, dtype=dtype)
        # Not below the smallest float: the power's gradient is infinite at 0 for exponents below 1.
        p = tf.maximum(tf.exp(log_p), 1e-30)
        miss = tf.maximum(-tf.math.expm1(log_p), 1e-30)
        focus = tf.where(true > 0, tf.pow(miss, self.gamma_positive), tf.pow(p, self.gamma_negative))
        label = (1 - self.epsilon) * true + self.epsilon / classes
        return -tf.reduce_sum(label * focus * log_p, axis=1)
