"""Networks of one's own Keras layers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from imbalance_lab.data.rows import Seeds
from imbalance_lab.errors import ConfigError, Incompatible
from imbalance_lab.models.heads import OutputBias, attach_head, start_of
from imbalance_lab.models.keras_learner import KerasLearner

Body = Any  # a sequence of layers, or a keras.Sequential of them


@dataclass(frozen=True)
class Layers(KerasLearner):
    """A stack of Keras layers.

    Every run makes the layers anew from their configurations, with every ``seed`` in them drawn from the run's: it is
    the settings of the given layers that count, not their weights, and nothing is done to Keras' global seed. A layer
    that draws numbers without a ``seed`` in its configuration is not repeated from run to run. Regularisers count in
    training, not in the validation loss.

    Parameters
    ----------
    layers : sequence of layers, keras.Sequential, or callable
        The layers before the output, which is added; or a function that returns all of them, the output included, for a
        number of channels: one for two classes (z, of the logits (0, z)), one for each of several labels or of more
        classes. The output must be linear: it gives logits.
    output_bias : {"prior", "zeros"}
        Where the output bias starts, if the last layer has one.

    Examples
    --------
    >>> stack = Layers([keras.layers.Dense(8, "relu"), keras.layers.Dropout(0.2)])
    >>> stack.build((5,), np.full((1, 3), 1 / 3), Seeds.spawn(0, 0)).output_shape
    (None, 3)
    """

    layers: Body | Callable[[int], Body]
    output_bias: OutputBias = "prior"

    def build(
        self,
        shape: tuple[int, ...],
        prior: np.ndarray,
        seeds: Seeds,
        head_scale: float | None = None,
        per_class: bool = False,
    ) -> keras.Model:
        """Return an untrained network for rows of a shape, whose output starts at `prior` (T, C).

        Raises
        ------
        ConfigError
            If these are no layers, they cannot take such rows, or the output has another number of channels.
        Incompatible
            If the loss needs a normalised head and the function brings a head of its own.
        """
        rng, bias = np.random.default_rng(seeds.initialisation), start_of(prior, self.output_bias, per_class)
        whole = callable(self.layers) and not isinstance(self.layers, keras.Sequential)
        if whole and head_scale is not None:
            raise Incompatible(
                "this loss needs a normalised head and the model's function brings its own; give the layers before it"
            )
        body = _listed(self.layers(len(bias)) if whole else self.layers)
        inputs = x = keras.Input(shape)
        try:
            for layer in body:
                x = renewed(layer, rng)(x)
            net = keras.Model(inputs, x)
        except (TypeError, ValueError, NotImplementedError) as error:
            reason = " ".join(str(error).split())[:300]
            raise ConfigError(f"model: the layers cannot take rows of shape {shape}: {reason}") from error
        if not whole:
            return attach_head(inputs, x, bias, rng, head_scale, prior.size)
        if net.output_shape != (None, len(bias)):
            raise ConfigError(
                f"model: the layers give outputs of shape {net.output_shape[1:]} and {len(bias)} channels are needed"
            )
        start = getattr(net.layers[-1], "bias", None)
        if start is not None and tuple(start.shape) == bias.shape:
            start.assign(bias)
        return net


def as_layers(given: Any) -> Layers:
    """Return the learner of a list of layers, a `keras.Sequential`, one layer, or a function that returns layers.

    Raises
    ------
    ConfigError
        If it is none of these.
    """
    if isinstance(given, keras.layers.Layer) and not isinstance(given, keras.Model):
        given = [given]
    if isinstance(given, list | tuple | keras.Model):
        _listed(given)
    return Layers(given)


def renewed(layer: keras.layers.Layer, rng: np.random.Generator) -> keras.layers.Layer:
    """Return an unbuilt layer of the same settings, every ``seed`` in which is drawn from `rng`."""
    made: keras.layers.Layer = type(layer).from_config(_reseeded(layer.get_config(), rng))
    return made


def _reseeded(config: Any, rng: np.random.Generator) -> Any:
    if isinstance(config, dict):
        return {
            key: int(rng.integers(2**31)) if key == "seed" else _reseeded(value, rng) for key, value in config.items()
        }
    return [_reseeded(item, rng) for item in config] if isinstance(config, list) else config


def _listed(body: Any) -> list[keras.layers.Layer]:
    layers = body.layers if isinstance(body, keras.Sequential) else body
    if not isinstance(layers, list | tuple) or not all(isinstance(layer, keras.layers.Layer) for layer in layers):
        raise ConfigError(f"model: {body!r} is no list of Keras layers, and no keras.Sequential of them")
    return [layer for layer in layers if not isinstance(layer, keras.layers.InputLayer)]
