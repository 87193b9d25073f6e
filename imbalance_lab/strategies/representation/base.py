"""What all representations share. Loads no TensorFlow: a run names its option long before it needs one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic.dataclasses import dataclass

from imbalance_lab.data.rows import TrainingSet
from imbalance_lab.fields import STRICT

if TYPE_CHECKING:
    from imbalance_lab.strategies.losses.base import Loss

# A tensor of the loss, and its gradients by variable.
Measured = tuple[Any, list[Any]]
# Of a batch: the classes (b, T) of a label and the share (b,) that it has in each row's; None is all of it.
Target = tuple[Any, Any]


@dataclass(frozen=True, config=STRICT)
class Representation:
    """The null option, plain training, and the base of the others, each of which defines what it does otherwise.

    Examples
    --------
    >>> Representation().second_stage is None, Representation().mixes
    (True, False)
    """

    @property
    def takes_labels(self) -> bool:
        """Whether it means something for several labels per row."""
        return True

    @property
    def changes_steps(self) -> bool:
        """Whether the steps of training are other than those of plain training."""
        return False

    @property
    def mixes(self) -> bool:
        """Whether `mixed` makes the rows that are trained on."""
        return False

    @property
    def output_per_class(self) -> bool:
        """Whether two classes need an output each, as it treats the outputs of classes one by one."""
        return False

    @property
    def needs_linear_head(self) -> bool:
        """Whether it changes the weights of a linear output layer, which a normalised one has no use for."""
        return False

    @property
    def second_stage(self) -> Literal["head", "scales"] | None:
        """What a second stage trains on class-balanced batches, all else held: a new output layer, or its scales."""
        return None

    @property
    def second_epochs(self) -> int:
        """Epochs of the second stage."""
        return 0

    def effective_prior(self, train: TrainingSet, loss: Loss) -> np.ndarray | None:
        """Return the prior that the network's scores carry, shape (T, C); None if they are no probabilities."""
        return loss.effective_prior(train.prior, train.counts)

    def mixed(self, X: Any, y: Any, counts: Any, stream: Any) -> tuple[Any, Sequence[Target]]:
        """Return a batch to train on, and its targets.

        Parameters
        ----------
        X : float tensor of shape (b, ...)
        y : int tensor of shape (b, T)
        counts : float tensor of shape (T, C)
            Training rows of each class.
        stream : int tensor of shape (2,)
            Decides what is drawn.
        """
        return X, [(y, None)]

    def gradients(self, measure: Callable[[], Measured], variables: Sequence[Any]) -> Measured:
        """Return the loss of a batch and the gradients to step by; `measure` gives those of the loss."""
        return measure()

    def constrain(self, head: Any) -> None:
        """Change the output layer (a Keras layer) after a step."""

    def finished(self, weights: list[np.ndarray]) -> list[np.ndarray]:
        """Return the weights of the output layer, kernel (d, C) and bias (C,), that the trained network is given."""
        return weights


PLAIN = Representation()
