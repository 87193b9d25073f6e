"""Label-distribution-aware margins (Cao et al. 2019)."""

from __future__ import annotations

from typing import Annotated

import tensorflow as tf
from pydantic import Field
from pydantic.dataclasses import dataclass

from imbalance_lab.fields import STRICT
from imbalance_lab.strategies.losses.base import Loss
from imbalance_lab.strategies.losses.logits import cross_entropy


@dataclass(frozen=True, config=STRICT)
class LDAM(Loss):
    """Cross-entropy of ``s (c - m_y)``, where c are cosines and the true class must win by m_y ~ n_y^(-1/4).

    The logits are already ``s c``: the network gives them on a head whose features and weights have length 1, which is
    `imbalance_lab.models.heads.CosineHead` in a Keras model of one's own.

    As the authors have it, two classes have two such outputs, c_0 and c_1, and not the one channel z that other losses
    see as (0, z).

    Parameters
    ----------
    max_margin : float
        Margin of the rarest class.
    scale : float
        s, the length of the logits.
    """

    max_margin: Annotated[float, Field(ge=0)] = 0.5
    scale: Annotated[float, Field(gt=0)] = 30.0

    needs_counts = True

    @property
    def head_scale(self) -> float:
        """Scale of the normalised head."""
        return self.scale

    def __call__(self, y: tf.Tensor, logits: tf.Tensor, counts: tf.Tensor) -> tf.Tensor:
        """Return the loss of each row, shape (b,), of classes (b,), logits (b, C) and class sizes (C,)."""
        rarity = tf.maximum(tf.cast(counts, logits.dtype), 1) ** -0.25
        margin = self.max_margin * rarity / tf.reduce_max(rarity)
        lowered = self.scale * tf.one_hot(y, logits.shape[1], dtype=logits.dtype) * margin
        return cross_entropy(y, logits - lowered)
