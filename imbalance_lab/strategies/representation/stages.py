"""Representation and classifier apart: what becomes of the output layer once the rest is learnt (Kang et al. 2020)."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import Field
from pydantic.dataclasses import dataclass

from imbalance_lab.data.rows import TrainingSet
from imbalance_lab.fields import STRICT
from imbalance_lab.strategies.losses.base import Loss
from imbalance_lab.strategies.representation.base import Representation

Epochs = Annotated[int, Field(ge=0, le=10**6)]


@dataclass(frozen=True, config=STRICT)
class _OneClassPerRow(Representation):
    @property
    def takes_labels(self) -> bool:
        """Whether it means something for several labels: classes are evened out, or compared, within one row's."""
        return False


@dataclass(frozen=True, config=STRICT)
class RetrainedHead(_OneClassPerRow):
    """Classifier retraining (cRT): the layers before the output are held, and a new output is trained on even classes.

    After plain training with the run's sampler, weights and early stopping, a fresh output layer sees batches that hold
    the classes in equal shares, without class weights, under the run's loss and a fresh optimizer. The scores carry the
    prior of that stage: even classes, where the loss leaves them as they are.

    Parameters
    ----------
    epochs : int
        Of the second stage; 0 is plain training. The authors' 10 are some thousand steps each; where an epoch has ten
        steps, as on small tables, so few leave the new layer untrained.
    """

    epochs: Epochs = 100

    @property
    def second_stage(self) -> Literal["head", "scales"] | None:
        """What the second stage trains."""
        return "head" if self.epochs else None

    @property
    def second_epochs(self) -> int:
        """Epochs of the second stage."""
        return self.epochs

    def effective_prior(self, train: TrainingSet, loss: Loss) -> np.ndarray | None:
        """Return what the loss makes of even classes."""
        stage = train.evened() if self.epochs else train
        return loss.effective_prior(stage.prior, stage.counts)


@dataclass(frozen=True, config=STRICT)
class LearnableScales(_OneClassPerRow):
    """Learnable weight scaling (LWS): outputs ``f_k (w_k x + b_k)`` with f learnt on even classes, all else held.

    The scales start at 1 and are then made part of the output layer. One number a class need not lead the scores to the
    even prior of the batches, or to any other: they are no probabilities. Two classes have an output each.

    Parameters
    ----------
    epochs : int
        Of the second stage (the authors: 5, of many steps); 0 is plain training.
    """

    epochs: Epochs = 10

    @property
    def second_stage(self) -> Literal["head", "scales"] | None:
        """What the second stage trains."""
        return "scales" if self.epochs else None

    @property
    def second_epochs(self) -> int:
        """Epochs of the second stage."""
        return self.epochs

    @property
    def output_per_class(self) -> bool:
        """Whether there are scales."""
        return self.epochs > 0

    @property
    def needs_linear_head(self) -> bool:
        """Whether there are scales."""
        return self.epochs > 0

    def effective_prior(self, train: TrainingSet, loss: Loss) -> np.ndarray | None:
        """Return None, but where nothing is scaled."""
        return None if self.epochs else loss.effective_prior(train.prior, train.counts)


@dataclass(frozen=True, config=STRICT)
class TauNormalised(_OneClassPerRow):
    """Outputs ``w_k x / |w_k|^tau``, without a bias: trained weights made alike in length, nothing trained anew.

    Frequent classes grow long weight vectors. What prior is left is not known: the scores are no probabilities. Two
    classes have an output each.

    Parameters
    ----------
    tau : float
        1 gives all classes weights of length 1; 0 leaves the network as it is, bias and all. The authors choose it on
        validation rows, 0.7 for ImageNet-LT.

    Examples
    --------
    >>> kernel, bias = TauNormalised(1.0).finished([np.array([[3.0, 0.0], [4.0, 2.0]]), np.array([1.0, -1.0])])
    >>> kernel.tolist(), bias.tolist()
    ([[0.6, 0.0], [0.8, 1.0]], [0.0, 0.0])
    """

    tau: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.7

    @property
    def output_per_class(self) -> bool:
        """Whether it changes anything."""
        return self.tau > 0

    @property
    def needs_linear_head(self) -> bool:
        """Whether it changes anything."""
        return self.tau > 0

    def effective_prior(self, train: TrainingSet, loss: Loss) -> np.ndarray | None:
        """Return None, but where it changes nothing."""
        return None if self.tau else loss.effective_prior(train.prior, train.counts)

    def finished(self, weights: list[np.ndarray]) -> list[np.ndarray]:
        """Return the weights of the output layer, kernel (d, C) and bias (C,), divided by lengths, bias 0."""
        if self.tau == 0:
            return weights
        kernel, *bias = weights
        length = np.maximum(np.linalg.norm(kernel, axis=0), np.finfo(kernel.dtype).tiny)
        return [np.asarray(kernel / length**self.tau, kernel.dtype), *(np.zeros_like(one) for one in bias)]
