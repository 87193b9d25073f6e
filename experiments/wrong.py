"""The recipes of the two questions this project was born from, as they were asked.

They live here and not in the package, because nobody should use them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import tensorflow as tf
from pydantic.dataclasses import dataclass

from imbalance_lab.fields import STRICT, ByName
from imbalance_lab.models.network import Network
from imbalance_lab.strategies.costs import known_classes
from imbalance_lab.strategies.losses.base import Loss


@dataclass(frozen=True, config=STRICT)
class PerChannel(Loss):
    """Sigmoid cross-entropy on one-hot labels, the mean over channels: every class a yes/no decision of its own.

    Parameters
    ----------
    pos_weight : dict of class name to weight, or list, optional
        What the positive term of each channel counts, as in `tf.nn.weighted_cross_entropy_with_logits`; a class left
        out counts 1.
    """

    pos_weight: ByName | list[float] | None = None

    def for_classes(self, class_names: Sequence[str]) -> PerChannel:
        """Return the loss with its weights in the order of the classes."""
        if not isinstance(self.pos_weight, dict):
            return self
        known_classes(list(self.pos_weight), class_names, "loss.pos_weight")
        return replace(self, pos_weight=[self.pos_weight.get(name, 1.0) for name in class_names])

    def __call__(self, y: tf.Tensor, logits: tf.Tensor, counts: tf.Tensor) -> tf.Tensor:
        """Return the loss of each row, shape (b,), of classes (b,) and logits (b, C)."""
        weight = tf.constant(self.pos_weight or [1.0] * logits.shape[1], logits.dtype)
        onehot = tf.one_hot(y, logits.shape[1], dtype=logits.dtype)
        return tf.reduce_mean(tf.nn.weighted_cross_entropy_with_logits(onehot, logits, weight), axis=1)


@dataclass(frozen=True, config=STRICT)
class TwoChannels(Network):
    """A network with one output for each of two classes, where one output would do."""

    def start(self, prior: np.ndarray, per_class: bool = False) -> np.ndarray:
        """Return the output bias of both classes, which have an output each in any case."""
        logit = np.log(np.maximum(prior[0], 1e-7)) - np.log(np.maximum(1 - prior[0], 1e-7))
        return np.asarray(logit if self.output_bias == "prior" else np.zeros_like(logit), np.float32)
