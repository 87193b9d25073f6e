"""The second stage of a network: an output layer, or its scales, trained on what the layers before it give.

The layers before it are only asked for their outputs, once: they cannot change.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import keras
import numpy as np

from imbalance_lab.data.rows import Rows, Seeds, TrainingSet
from imbalance_lab.data.stored import StoredRows
from imbalance_lab.errors import Incompatible
from imbalance_lab.models.base import NetworkTraining
from imbalance_lab.models.trainer import EpochModel
from imbalance_lab.models.watch import Watch

ROWS_AT_ONCE = 8192
# Of a network, an untrained one for the same rows: the model that trains it in epochs.
MakeModel = Callable[[Callable[[], keras.Model], tuple[int, ...], str], EpochModel]


def check_output_layer(net: keras.Model, linear: bool) -> None:
    """Look at the output layer of a network.

    Parameters
    ----------
    net : keras.Model
    linear : bool
        Whether it must have a kernel (d, C) and at most a bias (C,).

    Raises
    ------
    Incompatible
        If it has no weights, or it must be linear and is not.
    """
    head = net.layers[-1]
    dense = isinstance(head, keras.layers.Dense) and head.get_config()["activation"] in ("linear", None)
    if not head.trainable_variables or (linear and not dense):
        raise Incompatible(
            f"this representation works on a linear output layer and the model's last is {type(head).__name__}; "
            "use a model that ends in keras.layers.Dense, or give the layers before the output"
        )


def second_stage(
    net: keras.Model,
    fresh: keras.Model,
    train: TrainingSet,
    validation: Rows,
    seeds: Seeds,
    training: NetworkTraining,
    first: int,
    make: MakeModel,
) -> list[dict[str, float]]:
    """Train the output of `net` on class-balanced batches, and return the figures of each epoch.

    Parameters
    ----------
    net : keras.Model
        Trained.
    fresh : keras.Model
        One of the same shape, whose output layer is where a new one starts.
    train : TrainingSet
    validation : Rows
        Watched, but training does not stop early.
    seeds : Seeds
    training : NetworkTraining
        Its representation says what is trained.
    first : int
        Epochs before.
    make : callable
    """
    representation, head = training.representation, net.layers[-1]
    scales = representation.second_stage == "scales"
    body = keras.Model(net.input, net.output if scales else head.input)
    given = replace(train.evened(), X=outputs(body, train.X))
    watched = Rows(outputs(body, validation.X), validation.y)
    shape = given.X.shape[1:]

    def build() -> keras.Model:
        inputs = keras.Input(shape)
        if scales:
            layer = keras.layers.EinsumDense("bc,c->bc", shape, kernel_initializer="ones")
        else:
            layer = type(head).from_config(head.get_config())
        made = keras.Model(inputs, layer(inputs))
        if not scales:
            layer.set_weights(fresh.layers[-1].get_weights())
        return made

    stage = build()
    model = make(build, shape, representation.second_stage or "")
    model.load(stage, training.settings.optimizer())
    watch = Watch(lambda epoch, figures: training.progress(first + epoch, figures))
    epochs, settings = representation.second_epochs, training.settings
    stream, memory = seeds.shuffling ^ 1, settings.device_memory
    model.fit_epochs(given, watched, stream, epochs, 0, [watch], settings.watched, device_memory=memory)
    model.unload(stage)
    learnt = stage.layers[-1].get_weights()
    head.set_weights([weight * learnt[0] for weight in head.get_weights()] if scales else learnt)
    return watch.epochs


def outputs(net: keras.Model, X: Any) -> Any:
    """Return what a network gives rows, shape (n, ...), as when it predicts; stored ones when they are read."""
    if isinstance(X, StoredRows):
        return X.map(partial(outputs, net))
    starts = range(0, max(len(X), 1), ROWS_AT_ONCE)
    parts = [net(X[start : start + ROWS_AT_ONCE], training=False).numpy() for start in starts]
    return np.concatenate(parts)
