"""What is done to weights in every step: sharpness-aware minimisation, and decay with a maximum norm."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any

import keras
import tensorflow as tf
from pydantic import Field
from pydantic.dataclasses import dataclass

from imbalance_lab.fields import STRICT
from imbalance_lab.strategies.representation.base import Measured, Representation


@dataclass(frozen=True, config=STRICT)
class SharpnessAware(Representation):
    """Steps by the gradient at ``w + rho g / |g|``, g the gradient at w (SAM, Foret et al. 2021).

    That is where the loss is largest near w, to first order: flat minima are sought. A step takes two gradients, and
    about twice the time. The prior is that of plain training.

    Parameters
    ----------
    rho : float
        How far away; 0 is plain training. The authors take 0.05.
    """

    rho: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.05

    @property
    def changes_steps(self) -> bool:
        """Whether it looks anywhere else."""
        return self.rho > 0

    def gradients(self, measure: Callable[[], Measured], variables: Sequence[Any]) -> Measured:
        """Return the loss of a batch at the weights, and the gradients of that nearby."""
        loss, here = measure()
        moved = [(variable, slope) for variable, slope in zip(variables, here, strict=True) if slope is not None]
        kept = [tf.identity(variable.value) for variable, _ in moved]
        scale = self.rho / (tf.linalg.global_norm([slope for _, slope in moved]) + 1e-12)
        for variable, slope in moved:
            variable.assign_add(scale * slope)
        _, nearby = measure()
        for (variable, _), value in zip(moved, kept, strict=True):
            variable.assign(value)
        return loss, nearby


@dataclass(frozen=True, config=STRICT)
class MaxNorm(Representation):
    """Weight decay, and weights of each class whose length stays below a maximum (Alshammari et al. 2022).

    Frequent classes grow long weight vectors in the output layer. `decay` times each weight is added to its gradient,
    as by the authors' SGD, and after each step the output weights of a class are scaled back to `norm` where they are
    longer (projected gradient descent). Two classes have an output each. The authors' second stage has class-balanced
    weights too, which are `class_weight=deferred`. The prior is that of plain training.

    Parameters
    ----------
    decay : float
        0 is none; the authors' first stage has 0.005 for CIFAR-100-LT.
    norm : float
        Infinity is no maximum; the authors set it between the shortest and the longest vector of the first stage.
    """

    decay: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.005
    norm: Annotated[float, Field(gt=0)] = 1.0

    @property
    def changes_steps(self) -> bool:
        """Whether there is a decay or a maximum."""
        return self.decay > 0 or self.norm < float("inf")

    @property
    def output_per_class(self) -> bool:
        """Whether there is a maximum."""
        return self.norm < float("inf")

    @property
    def needs_linear_head(self) -> bool:
        """Whether there is a maximum."""
        return self.norm < float("inf")

    def gradients(self, measure: Callable[[], Measured], variables: Sequence[Any]) -> Measured:
        """Return the loss of a batch, and its gradients with those of the decay."""
        loss, slopes = measure()
        if self.decay == 0:
            return loss, slopes
        decay = [self.decay * tf.convert_to_tensor(variable) for variable in variables]
        return loss, [own if slope is None else slope + own for slope, own in zip(slopes, decay, strict=True)]

    def constrain(self, head: keras.layers.Layer) -> None:
        """Scale the weights of each class, a column of the kernel (d, C), to at most the maximum."""
        if self.norm < float("inf"):
            length = tf.norm(head.kernel, axis=0, keepdims=True)
            head.kernel.assign(head.kernel * tf.where(length > self.norm, self.norm / length, tf.ones_like(length)))
