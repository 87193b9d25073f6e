"""Functions that are traced once, and the logits that networks of one shape give."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Any

import keras
import numpy as np
import tensorflow as tf

PREDICT_ROWS = 65536


class Graph:
    """A function that is traced once, at its first use, so that a callback may still freeze a layer before.

    `tf.function` would take the many functions of a sweep for one that is traced again and again, and warn.

    Parameters
    ----------
    function : callable
    *specs : tf.TensorSpec, or tuples of them
        Of its arguments.
    """

    def __init__(self, function: Callable[..., tf.Tensor], *specs: Any) -> None:
        self._function, self._specs = function, specs
        self._traced: Callable[..., tf.Tensor] | None = None

    def __call__(self, *arguments: Any) -> tf.Tensor:
        """Return what the function returns for these tensors."""
        if self._traced is None:
            self._traced = tf.function(self._function, self._specs, autograph=False).get_concrete_function()
        return self._traced(*arguments)


class Scorer:
    """Logits of rows, by a graph that is traced once for all networks of one shape.

    Parameters
    ----------
    net : keras.Model
        Maps rows (b, ...) to the logits of T tasks of C classes, task by task, shape (b, T C), or to (b, T) logits z of
        the second class of T tasks of two, which become the logits (0, z).
    tasks, classes : int
    """

    def __init__(self, net: keras.Model, tasks: int, classes: int) -> None:
        self.tasks, self.classes, self._net, self._turn = tasks, classes, net, Lock()
        self._one_each = net.output_shape[1:] == (tasks * classes,)
        self._graph = Graph(self._logits_of_rows, tf.TensorSpec(net.input_shape))

    def logits(self, channels: tf.Tensor) -> tf.Tensor:
        """Return logits (b, T, C) of what a network gives."""
        if self._one_each:
            return channels[:, None, :] if self.tasks == 1 else tf.reshape(channels, [-1, self.tasks, self.classes])
        return tf.stack([tf.zeros_like(channels), channels], axis=2)

    def __call__(self, net: keras.Model, X: np.ndarray) -> np.ndarray:
        """Return the logits (n, T, C) that `net` gives rows (n, ...)."""
        starts = range(0, max(len(X), 1), PREDICT_ROWS)
        parts = (tf.constant(X[start : start + PREDICT_ROWS], tf.float32) for start in starts)
        with self._turn:  # of one network at a time
            if net is not self._net:
                copy_variables(net, self._net)
            return np.concatenate([self._graph(part).numpy() for part in parts])

    def _logits_of_rows(self, X: tf.Tensor) -> tf.Tensor:
        return self.logits(self._net(X, training=False))


def copy_variables(source: Any, target: Any) -> None:
    """Give the variables of `target`, a model or an optimizer, the values of those of `source`."""
    for theirs, mine in zip(source.variables, target.variables, strict=True):
        mine.assign(theirs)
