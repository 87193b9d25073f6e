"""Focal loss (Lin et al. 2017)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

import numpy as np
import tensorflow as tf
from pydantic import Field
from pydantic.dataclasses import dataclass

from imbalance_lab.errors import ConfigError
from imbalance_lab.fields import STRICT, ByName
from imbalance_lab.strategies.costs import known_classes
from imbalance_lab.strategies.losses.base import Loss
from imbalance_lab.strategies.losses.logits import cross_entropy

Weight = Annotated[float, Field(gt=0, allow_inf_nan=False)]


@dataclass(frozen=True, config=STRICT)
class Focal(Loss):
    """``-alpha_y (1 - p_y)^gamma log p_y``, so that rows the model is sure of count less.

    Its minimiser is not the class posterior (Charoenphakdee et al. 2021): the scores are no probabilities.

    Parameters
    ----------
    gamma : float
        0 is cross-entropy; 2 is the paper's choice.
    alpha : float, dict or list, optional
        Weight of each class. Of two classes one number, that of the positive class (the other has 1 - alpha, as in the
        paper); or by name, a class left out counting 1; or one number per class.
    """

    gamma: Annotated[float, Field(ge=0)] = 2.0
    alpha: float | ByName | list[Weight] | None = None

    def for_classes(self, class_names: Sequence[str]) -> Focal:
        """Return the loss with `alpha` as a list.

        Raises
        ------
        ConfigError
            If `alpha` does not fit the classes.
        """
        if self.alpha is None:
            return self
        if isinstance(self.alpha, dict):
            known_classes(list(self.alpha), class_names, "loss.alpha")
            return replace(self, alpha=[self.alpha.get(name, 1.0) for name in class_names])
        if isinstance(self.alpha, float):
            if len(class_names) != 2 or not 0 < self.alpha < 1:
                raise ConfigError(
                    f"loss.alpha={self.alpha:g}: one number between 0 and 1 is for two classes; "
                    "give loss.alpha={class: weight}"
                )
            return replace(self, alpha=[1 - self.alpha, self.alpha])
        if len(self.alpha) != len(class_names):
            raise ConfigError(f"loss.alpha has {len(self.alpha)} weights for {len(class_names)} classes")
        return self

    def effective_prior(self, prior: np.ndarray, counts: np.ndarray) -> np.ndarray | None:
        """Return None, but for gamma = 0, which is cross-entropy weighted by alpha."""
        if self.gamma > 0:
            return None
        mass = prior * (1 if self.alpha is None else np.array(self.alpha))
        return np.asarray(mass / mass.sum(axis=-1, keepdims=True))

    def __call__(self, y: tf.Tensor, logits: tf.Tensor, counts: tf.Tensor) -> tf.Tensor:
        """Return the loss of each row, shape (b,), of classes (b,) and logits (b, C)."""
        ce = cross_entropy(y, logits)
        if self.gamma > 0:
            # 1 - p_y, and not below the smallest float: the power's gradient is infinite at 0 for gamma < 1.
            ce = tf.pow(tf.maximum(-tf.math.expm1(-ce), 1e-30), self.gamma) * ce
        return ce if self.alpha is None else tf.gather(tf.constant(self.alpha, ce.dtype), y) * ce
