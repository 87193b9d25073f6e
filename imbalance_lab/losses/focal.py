"""Focal loss (Lin et al. 2017)."""

from __future__ import annotations

from typing import Annotated, ClassVar

import tensorflow as tf
from pydantic import Field
from pydantic.dataclasses import dataclass

from imbalance_lab.types import STRICT, OutputPrior


@dataclass(frozen=True, config=STRICT)
class Focal:
    """``(1 - p_y)^gamma * -log p_y``, so that rows the model is sure of count less.

    Its minimiser is not the class posterior (Charoenphakdee et al. 2021), so the scores are uncalibrated.

    Parameters
    ----------
    gamma : float
        0 is cross-entropy; 2 is the paper's choice.
    """

    gamma: Annotated[float, Field(ge=0)] = 2.0

    output_prior: ClassVar[OutputPrior] = "uncalibrated"

    def __call__(self, y: tf.Tensor, logits: tf.Tensor, counts: tf.Tensor) -> tf.Tensor:
        """Return the loss of each row, shape (b,), of labels (b,) and logits (b, C)."""
        cross_entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits)
        if self.gamma == 0:
            return cross_entropy
        # 1 - p_y, and not below the smallest float: the power's gradient is infinite at 0 for gamma < 1.
        miss = tf.maximum(-tf.math.expm1(-cross_entropy), 1e-30)
        return tf.pow(miss, self.gamma) * cross_entropy
