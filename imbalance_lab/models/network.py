"""A multilayer perceptron."""

from __future__ import annotations

import keras
import numpy as np
from pydantic.dataclasses import dataclass

from imbalance_lab.data.rows import Seeds
from imbalance_lab.fields import STRICT, Positive, Share
from imbalance_lab.models.heads import OutputBias, attach_head, glorot, start_of
from imbalance_lab.models.keras_learner import KerasLearner


@dataclass(frozen=True, config=STRICT)
class Network(KerasLearner):
    """A multilayer perceptron; without hidden layers a linear model.

    Parameters
    ----------
    hidden : list of int
        Units of each hidden layer.
    activation : str
        Keras name.
    dropout : float
        Share of units dropped after each hidden layer.
    output_bias : {"prior", "zeros"}
        Where the output bias starts: at the log of the prior that the scores are to carry, so that the first epochs are
        not spent on learning it (Karpathy 2019), or at 0.
    """

    hidden: list[Positive]
    activation: str = "relu"
    dropout: Share = 0.0
    output_bias: OutputBias = "prior"

    def build(
        self,
        shape: tuple[int, ...],
        prior: np.ndarray,
        seeds: Seeds,
        head_scale: float | None = None,
        per_class: bool = False,
    ) -> keras.Model:
        """Return an untrained network for rows of a shape, whose output starts at `prior` (T, C)."""
        rng = np.random.default_rng(seeds.initialisation)
        inputs = x = keras.Input(shape)
        for units in self.hidden:
            x = keras.layers.Dense(units, activation=self.activation, kernel_initializer=glorot(rng))(x)
            if self.dropout:
                x = keras.layers.Dropout(self.dropout, seed=int(rng.integers(2**31)))(x)
        return attach_head(inputs, x, self.start(prior, per_class), rng, head_scale, prior.size)

    def start(self, prior: np.ndarray, per_class: bool = False) -> np.ndarray:
        """Return the output bias, one for each channel."""
        return start_of(prior, self.output_bias, per_class)
