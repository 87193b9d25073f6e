"""Expected misclassification cost (Elkan 2001)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import tensorflow as tf
from pydantic.dataclasses import dataclass

from imbalance_lab.fields import STRICT
from imbalance_lab.strategies.costs import cost_matrix
from imbalance_lab.strategies.losses.base import Loss


@dataclass(frozen=True, config=STRICT)
class CostMatrix(Loss):
    """``sum_j cost[y, j] p_j``: what a row costs on average when j is predicted with probability p_j.

    It is bounded and not convex: the gradient vanishes where the net is sure, right or wrong.

    Parameters
    ----------
    costs : mapping or matrix, optional
        ``{truth: {predicted: cost}}``, other errors costing 1, or C x C numbers with the truth in rows. By default
        missing a class costs the inverse of its frequency, 1 on average over the rows.
    """

    costs: Any = None

    @property
    def needs_counts(self) -> bool:
        """Whether the costs are the default, which depends on the class sizes."""
        return self.costs is None

    def for_classes(self, class_names: Sequence[str]) -> CostMatrix:
        """Return the loss with its costs as a matrix.

        Raises
        ------
        ConfigError
            If shape, sign or diagonal of the costs are wrong.
        """
        return self if self.costs is None else replace(self, costs=cost_matrix(self.costs, class_names).tolist())

    def __call__(self, y: tf.Tensor, logits: tf.Tensor, counts: tf.Tensor) -> tf.Tensor:
        """Return the loss of each row, shape (b,), of classes (b,), logits (b, C) and class sizes (C,)."""
        return tf.reduce_sum(tf.gather(self._matrix(counts, logits), y) * tf.nn.softmax(logits), axis=1)

    def _matrix(self, counts: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        if self.costs is not None:
            return tf.constant(np.array(self.costs), logits.dtype)
        sizes = tf.maximum(tf.cast(counts, logits.dtype), 1)
        classes = logits.shape[1]
        price = tf.reduce_sum(sizes) / (classes * sizes)
        return price[:, None] * (1 - tf.eye(classes, dtype=logits.dtype))
