"""Keras networks."""

from __future__ import annotations

from dataclasses import dataclass as plain_dataclass
from pathlib import Path
from typing import ClassVar, Literal

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from pydantic.dataclasses import dataclass
from scipy.special import log_softmax

from imbalance_lab.models.trainer import EpochModel, Watch
from imbalance_lab.types import STRICT, Loss, OutputPrior, Positive, Progress, Rows, Seeds, Share, Training, TrainingSet

PREDICT_ROWS = 65536

tf.get_logger().setLevel("ERROR")  # every run of a sweep traces its own graph, which TensorFlow takes for a mistake


@dataclass(frozen=True, config=STRICT)
class Network:
    """A multilayer perceptron; without hidden layers a linear model.

    Two classes have one output channel z and the losses see the logits (0, z); C classes have C channels.

    Parameters
    ----------
    hidden : list of int
        Units of each hidden layer.
    activation : str
        Keras name.
    dropout : float
        Share of units dropped after each hidden layer.
    output_bias : {"prior", "zeros"}
        Where the output bias starts: at the log of the effective prior, so that the first epochs are not spent on
        learning it (Karpathy 2019), or at 0.
    """

    hidden: list[Positive]
    activation: str = "relu"
    dropout: Share = 0.0
    output_bias: Literal["prior", "zeros"] = "prior"

    trains_by_loss: ClassVar[bool] = True
    takes_class_weight: ClassVar[bool] = True
    output_prior: ClassVar[OutputPrior] = "train"
    dtype: ClassVar[type[np.floating]] = np.float32

    def fit(
        self,
        train: TrainingSet,
        validation: Rows,
        loss: Loss | None,
        training: Training | None,
        seeds: Seeds,
        progress: Progress,
    ) -> FittedNetwork:
        """Train on `train`, watching `validation` after every epoch."""
        assert loss is not None and training is not None
        net = self.build(train.X.shape[1], train.prior, seeds)
        model = EpochModel(net, loss, training.batch_size)
        model.compile(optimizer=training.optimizer(), jit_compile=False)
        watch = Watch(progress)
        callbacks = [watch, *(make() for make in training.callbacks)]
        if training.patience is not None:
            callbacks.append(
                keras.callbacks.EarlyStopping(
                    monitor="val_balanced_accuracy", mode="max", patience=training.patience, restore_best_weights=True
                )
            )
        model.fit_epochs(train, validation, seeds.shuffling, training.epochs, callbacks)
        return FittedNetwork(model, pd.DataFrame(watch.epochs))

    def build(self, features: int, prior: np.ndarray, seeds: Seeds) -> keras.Model:
        """Return an untrained network of `features` inputs whose output starts at `prior` (C,)."""
        # Every layer draws its own seed; the same seed in two layers of one shape would give them equal weights.
        rng = np.random.default_rng(seeds.initialisation)
        inputs = x = keras.Input((features,))
        for units in self.hidden:
            x = keras.layers.Dense(units, activation=self.activation, kernel_initializer=_glorot(rng))(x)
            if self.dropout:
                x = keras.layers.Dropout(self.dropout, seed=int(rng.integers(2**31)))(x)
        bias = self._bias(prior)
        output = keras.layers.Dense(len(bias), kernel_initializer=_glorot(rng))
        net = keras.Model(inputs, output(x))
        output.bias.assign(bias)
        return net

    def _bias(self, prior: np.ndarray) -> np.ndarray:
        channels = 1 if len(prior) == 2 else len(prior)
        if self.output_bias == "zeros":
            return np.zeros(channels, np.float32)
        log_prior = np.log(np.maximum(prior, 1e-7))
        return (log_prior[1:] - log_prior[0] if channels == 1 else log_prior).astype(np.float32)


def _glorot(rng: np.random.Generator) -> keras.Initializer:
    return keras.initializers.GlorotUniform(seed=int(rng.integers(2**31)))


@plain_dataclass(frozen=True)
class FittedNetwork:
    """A trained network.

    Parameters
    ----------
    model : EpochModel
    history : DataFrame
        ``train/loss``, ``val/loss``, ``val/balanced_accuracy``, ``val/recall/<class index>`` of each epoch.
    """

    model: EpochModel
    history: pd.DataFrame

    def predict_log_proba(self, X: np.ndarray) -> np.ndarray:
        """Return log-probabilities, shape (n, C), float64."""
        parts = [X[start : start + PREDICT_ROWS] for start in range(0, max(len(X), 1), PREDICT_ROWS)]
        logits = np.concatenate([self.model.predict_logits(part).numpy() for part in parts])
        return np.asarray(log_softmax(logits.astype(np.float64), axis=1))

    def save(self, folder: Path) -> None:
        """Write ``model.keras``; a two-class network gives the one logit z of the positive class."""
        folder.mkdir(parents=True, exist_ok=True)
        self.model.net.save(folder / "model.keras")
