"""Training on mixtures of rows: mixup (Zhang et al. 2018) and remix (Chou et al. 2020)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
import tensorflow as tf
from pydantic import Field
from pydantic.dataclasses import dataclass

from imbalance_lab.data.rows import TrainingSet
from imbalance_lab.fields import STRICT
from imbalance_lab.strategies.losses.base import Loss
from imbalance_lab.strategies.representation.base import Representation, Target


@dataclass(frozen=True, config=STRICT)
class Mixup(Representation):
    """Rows ``l x_i + (1 - l) x_j`` with the loss ``l L(y_i) + (1 - l) L(y_j)``, l ~ Beta(alpha, alpha).

    As in the authors' code each batch has one l and is mixed with itself in another order. Class weights are those of
    each part's own class. Labels are given by the shares of what is mixed, so that the class shares stay as they are.

    Parameters
    ----------
    alpha : float
        0 mixes nothing; 1 draws l evenly. The authors take 0.2 for ImageNet and 1 for CIFAR.
    """

    alpha: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.2

    @property
    def changes_steps(self) -> bool:
        """Whether it mixes anything."""
        return self.alpha > 0

    @property
    def mixes(self) -> bool:
        """Whether it mixes anything."""
        return self.alpha > 0

    def mixed(self, X: tf.Tensor, y: tf.Tensor, counts: tf.Tensor, stream: tf.Tensor) -> tuple[tf.Tensor, list[Target]]:
        """Return mixed rows, and the classes of both parts with their shares in the label."""
        for_share, for_order = tf.unstack(tf.random.experimental.stateless_split(stream, 2))
        share = tf.cast(beta(self.alpha, for_share), X.dtype)
        other = tf.random.experimental.stateless_shuffle(tf.range(tf.shape(y)[0]), for_order)
        label = self.label_share(share, y, tf.gather(y, other), counts)
        X = share * X + (1 - share) * tf.gather(X, other)
        return X, [(y, label), (tf.gather(y, other), 1 - label)]

    def label_share(self, share: tf.Tensor, first: tf.Tensor, second: tf.Tensor, counts: tf.Tensor) -> tf.Tensor:
        """Return which share of each label is the first row's, shape (b,), of the first's share of the row."""
        return tf.fill([tf.shape(first)[0]], share)


@dataclass(frozen=True, config=STRICT)
class Remix(Mixup):
    """Mixup that gives the whole label to the rarer class where the other is much larger and has less of the row.

    With n_i rows of the first row's class and n_j of the second's, and l of the first: the label is all the second's if
    ``n_i / n_j >= kappa`` and ``l < tau``, all the first's if ``n_i / n_j <= 1 / kappa`` and ``1 - l < tau``, and that
    of mixup otherwise (equation 8 of the paper). Rows between classes thus go to the rarer one, which no class prior
    describes: the scores are no probabilities.

    Parameters
    ----------
    alpha : float
        Of mixup; 0 mixes nothing.
    kappa : float
        How many times the rows of another class a class must have; infinity is mixup.
    tau : float
        Share of the row below which the larger class has no part in the label.
    """

    alpha: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 1.0
    kappa: Annotated[float, Field(ge=1)] = 3.0
    tau: Annotated[float, Field(ge=0, le=1)] = 0.5

    @property
    def takes_labels(self) -> bool:
        """Whether it means something for several labels: which row is of the larger class differs by label."""
        return False

    def effective_prior(self, train: TrainingSet, loss: Loss) -> np.ndarray | None:
        """Return None, but where it is mixup."""
        plain = self.alpha == 0 or self.tau == 0 or np.isinf(self.kappa)
        return loss.effective_prior(train.prior, train.counts) if plain else None

    def label_share(self, share: tf.Tensor, first: tf.Tensor, second: tf.Tensor, counts: tf.Tensor) -> tf.Tensor:
        """Return which share of each label is the first row's, shape (b,), of classes (b, 1) and class sizes (1, C)."""
        if np.isinf(self.kappa):
            return super().label_share(share, first, second, counts)
        ratio = tf.gather(counts[0], first[:, 0]) / tf.gather(counts[0], second[:, 0])
        all_second = (ratio >= self.kappa) & (share < self.tau)
        all_first = (ratio <= 1 / self.kappa) & (1 - share < self.tau)
        label = tf.where(all_second, tf.zeros_like(ratio), tf.fill(tf.shape(ratio), share))
        return tf.where(all_first, tf.ones_like(ratio), label)


def beta(alpha: float, stream: Any) -> tf.Tensor:
    """Return a number drawn from Beta(alpha, alpha), float64, which two integers decide."""
    # In double precision, as for small alpha both may be too small for a float.
    drawn: Sequence[tf.Tensor] = tf.unstack(tf.random.stateless_gamma([2], stream, alpha, dtype=tf.float64))
    return tf.math.divide_no_nan(drawn[0], drawn[0] + drawn[1])
