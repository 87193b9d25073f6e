"""Keras networks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass as plain_dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Literal

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from pydantic.dataclasses import dataclass
from scipy.special import log_softmax

from imbalance_lab.data.rows import Rows, Seeds, TrainingSet, shares
from imbalance_lab.fields import STRICT, Positive, Share
from imbalance_lab.models.base import Progress
from imbalance_lab.models.trainer import EpochModel, Watch
from imbalance_lab.models.training import Training
from imbalance_lab.process import Recent
from imbalance_lab.strategies.base import Loss

PREDICT_ROWS = 65536

tf.get_logger().setLevel("ERROR")  # a sweep traces many graphs, which TensorFlow takes for a mistake

# Each holds the variables of one network and its optimizer, and no rows.
_graphs = Recent[EpochModel](capacity=8)


@dataclass(frozen=True, config=STRICT)
class Network:
    """A multilayer perceptron; without hidden layers a linear model.

    Two classes have one output channel z, and the losses see the logits (0, z); each of several labels has such a
    channel; C classes have C channels.

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
    output_bias: Literal["prior", "zeros"] = "prior"

    trains_by_loss: ClassVar[bool] = True
    takes_class_weight: ClassVar[bool] = True
    balances_inside: ClassVar[bool] = False
    gives_probabilities: ClassVar[bool] = True
    dtype: ClassVar[type[np.floating[Any]]] = np.float32
    trainer: ClassVar[type[EpochModel]] = EpochModel

    def effective_prior(self, train: TrainingSet, loss: Loss | None) -> np.ndarray | None:
        """Return the class prior that softmax of its logits carries, shape (T, C), or None: the loss knows."""
        assert loss is not None
        return loss.effective_prior(train.prior, train.counts)

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
        at_first = train.prior if train.weight_start == 0 else shares(train.counts)
        # Where the loss adds something to the logits of its own, they start at what is left.
        start = loss.effective_prior(at_first, train.counts)
        build = partial(self.build, train.X.shape[1], at_first if start is None else start, seeds, loss.head_scale)
        net, model = build(), self._graph(build, train, loss, training)
        model.load(net, training.optimizer())
        watch = Watch(progress)
        callbacks = [watch, *(make() for make in training.callbacks)]
        first_weighted_epoch = min(int(np.ceil(round(train.weight_start * training.epochs, 9))), training.epochs - 1)
        if training.patience is not None:
            callbacks.append(
                keras.callbacks.EarlyStopping(
                    monitor="val_score",
                    mode="max",
                    patience=training.patience,
                    restore_best_weights=True,
                    start_from_epoch=first_weighted_epoch,  # an epoch without the weights is not what was asked for
                )
            )
        model.fit_epochs(train, validation, seeds.shuffling, training.epochs, first_weighted_epoch, callbacks)
        model.unload(net)
        return FittedNetwork(net, model, pd.DataFrame(watch.epochs))

    def _graph(
        self, build: Callable[[], keras.Model], train: TrainingSet, loss: Loss, training: Training
    ) -> EpochModel:
        """Return the graph of these settings: one that was traced before, if nothing but `load` can change it."""
        batch, shape = training.batch_size, train.class_weight.shape

        def make() -> EpochModel:
            return self.trainer(build(), loss, training.optimizer(), batch, *shape)

        if training.callbacks:  # which may freeze a layer
            return make()
        optimizer = training.optimizer
        made_by = (optimizer.func, optimizer.args, optimizer.keywords) if isinstance(optimizer, partial) else optimizer
        return _graphs.get((self, train.X.shape[1], shape, loss, batch, made_by), make)

    def build(self, features: int, prior: np.ndarray, seeds: Seeds, head_scale: float | None = None) -> keras.Model:
        """Return an untrained network.

        Parameters
        ----------
        features : int
        prior : ndarray of shape (T, C)
            Where the output starts.
        seeds : Seeds
        head_scale : float, optional
            With it the outputs are cosines between features and weights times this scale, without a bias.
        """
        # Every layer draws its own seed; the same seed in two layers of one shape would give them equal weights.
        rng = np.random.default_rng(seeds.initialisation)
        inputs = x = keras.Input((features,))
        for units in self.hidden:
            x = keras.layers.Dense(units, activation=self.activation, kernel_initializer=_glorot(rng))(x)
            if self.dropout:
                x = keras.layers.Dropout(self.dropout, seed=int(rng.integers(2**31)))(x)
        bias = self._bias(prior)
        if head_scale is not None:
            return keras.Model(inputs, CosineHead(len(bias), head_scale, kernel_initializer=_glorot(rng))(x))
        output = keras.layers.Dense(len(bias), kernel_initializer=_glorot(rng))
        net = keras.Model(inputs, output(x))
        output.bias.assign(bias)
        return net

    def _bias(self, prior: np.ndarray) -> np.ndarray:
        log_prior = np.log(np.maximum(prior, 1e-7))
        bias = log_prior[:, 1] - log_prior[:, 0] if prior.shape[1] == 2 else log_prior[0]
        return np.asarray(bias if self.output_bias == "prior" else np.zeros_like(bias), np.float32)


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


def _glorot(rng: np.random.Generator) -> keras.Initializer:
    return keras.initializers.GlorotUniform(seed=int(rng.integers(2**31)))


@plain_dataclass(frozen=True)
class FittedNetwork:
    """A trained network.

    Parameters
    ----------
    net : keras.Model
        With the run's own variables.
    graph : EpochModel
        It was trained in.
    history : DataFrame
        ``train/loss``, ``val/loss``, ``val/balanced_accuracy``, ``val/recall/<number of the class>``,
        ``val/called/<number of the class>`` (rows called so) of each epoch.
    """

    net: keras.Model
    graph: EpochModel
    history: pd.DataFrame

    def predict_log_proba(self, X: np.ndarray) -> np.ndarray:
        """Return log-probabilities, shape (n, T, C), float64."""
        self.graph.load(self.net)
        parts = [X[start : start + PREDICT_ROWS] for start in range(0, max(len(X), 1), PREDICT_ROWS)]
        logits = np.concatenate([self.graph.predict_logits(part).numpy() for part in parts])
        return np.asarray(log_softmax(logits.astype(np.float64), axis=-1))

    def save(self, folder: Path) -> None:
        """Write ``model.keras``; a two-class network gives the one logit z of the positive class."""
        folder.mkdir(parents=True, exist_ok=True)
        self.net.save(folder / "model.keras")
