"""Outputs of networks: how many channels, where they start, and the normalised head."""

from __future__ import annotations

from typing import Any, Literal

import keras
import numpy as np

OutputBias = Literal["prior", "zeros"]


def start_of(prior: np.ndarray, output_bias: OutputBias, per_class: bool = False) -> np.ndarray:
    """Return the output bias, shape (channels,), at which the scores carry `prior` (T, C), or zeros.

    With `per_class` two classes have a channel each.
    """
    log_prior = np.log(np.maximum(prior, 1e-7))
    one = prior.shape[1] == 2 and not per_class
    bias = log_prior[:, 1] - log_prior[:, 0] if one else log_prior.ravel()
    return np.asarray(bias if output_bias == "prior" else np.zeros_like(bias), np.float32)


def glorot(rng: np.random.Generator) -> keras.Initializer:
    """Return an initialiser whose seed is drawn: the same seed in two layers of one shape would give equal weights."""
    return keras.initializers.GlorotUniform(seed=int(rng.integers(2**31)))


def attach_head(
    inputs: Any, features: Any, bias: np.ndarray, rng: np.random.Generator, head_scale: float | None, outputs: int
) -> keras.Model:
    """Return the network from `inputs` through `features` to one channel for each `bias`, or for each of `outputs`.

    Parameters
    ----------
    inputs, features : keras tensor
    bias : ndarray of shape (channels,)
        Where the output starts.
    rng : Generator
        Draws the seed of the weights.
    head_scale : float or None
        With it the head is a `CosineHead`, which has no bias.
    outputs : int
        Channels of a `CosineHead`.
    """
    if head_scale is not None:
        return keras.Model(inputs, CosineHead(outputs, head_scale, kernel_initializer=glorot(rng))(features))
    output = keras.layers.Dense(len(bias), kernel_initializer=glorot(rng))
    net = keras.Model(inputs, output(features))
    output.bias.assign(bias)
    return net


@keras.saving.register_keras_serializable("imbalance_lab")
class CosineHead(keras.layers.Layer):
    """``scale * cos(x, w_k)``: a linear output whose features and weights have length 1.

    Parameters
    ----------
    units : int
    scale : float
    kernel_initializer : keras initializer
    """

    def __init__(self, units: int, scale: float, kernel_initializer: Any = "glorot_uniform", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units, self.scale = units, scale
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the weights, shape (features, units)."""
        self.kernel = self.add_weight(shape=(input_shape[-1], self.units), initializer=self.kernel_initializer)

    def call(self, inputs: Any) -> Any:
        """Return scaled cosines, shape (b, units), of features (b, d)."""
        unit = keras.ops.normalize
        return self.scale * keras.ops.matmul(unit(inputs, axis=-1), unit(self.kernel, axis=0))

    def get_config(self) -> dict[str, Any]:
        """Return what the layer is made of."""
        own = {"units": self.units, "scale": self.scale}
        return (
            super().get_config() | own | {"kernel_initializer": keras.initializers.serialize(self.kernel_initializer)}
        )
