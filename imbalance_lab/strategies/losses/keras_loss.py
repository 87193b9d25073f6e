"""Losses as Keras losses, for ``model.compile`` of any Keras model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import keras
import numpy as np
import tensorflow as tf

from imbalance_lab.errors import ConfigError
from imbalance_lab.strategies import losses
from imbalance_lab.strategies.losses.base import Loss


@keras.saving.register_keras_serializable("imbalance_lab")
class KerasLoss(keras.losses.Loss):
    """A loss of this package as a Keras loss.

    It takes logits, of one channel (b, 1) (two classes) or of one per class (b, C), and labels that are class numbers,
    (b,) or (b, 1), or one-hot, (b, C). It is saved in ``model.keras`` with its settings and class sizes. Import this
    class before such a model is loaded; a loss class of one's own must be registered with Keras
    (`keras.saving.register_keras_serializable`) as well.

    Parameters
    ----------
    loss : Loss
    counts : array-like of shape (C,), optional
        Training rows of each class.
    name : str, optional
    reduction : str
        As in Keras; by default the mean over the rows of a batch.

    Raises
    ------
    ConfigError
        If the loss depends on the class sizes and `counts` is missing or no list of positive numbers.
    """

    def __init__(
        self,
        loss: Loss,
        counts: Sequence[float] | np.ndarray | None = None,
        name: str | None = None,
        reduction: str = "sum_over_batch_size",
        dtype: Any = None,
    ) -> None:
        super().__init__(name or _snake_case(type(loss).__name__), reduction, dtype)
        self.loss, self.counts = loss, None if counts is None else _sizes(counts)
        if self.counts is None and loss.needs_counts:
            raise ConfigError(
                f"{type(loss).__name__} depends on class sizes: give counts=, the training rows of each class"
            )
        self._by_classes: dict[int, Loss] = {}
        if self.counts is not None:
            self._of(len(self.counts))

    def call(self, y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
        """Return the loss of each row, shape (b,), of labels (b,), (b, 1) or (b, C) and logits (b, 1) or (b, C)."""
        if y_pred.shape.rank != 2 or y_pred.shape[1] is None:
            raise ConfigError(f"{self.name} takes outputs of shape (b, 1) or (b, C), not {tuple(y_pred.shape)}")
        logits = tf.concat([tf.zeros_like(y_pred), y_pred], axis=1) if y_pred.shape[1] == 1 else y_pred
        counts = None if self.counts is None else tf.constant(self.counts, logits.dtype)
        return self._of(logits.shape[1])(self._numbers(y_true, logits.shape[1]), logits, counts)

    def _of(self, classes: int) -> Loss:
        """Return the loss with its settings checked for so many classes, which labels know by number."""
        if self.counts is not None and len(self.counts) != classes:
            raise ConfigError(f"{self.name} has counts of {len(self.counts)} classes, and the outputs are of {classes}")
        if classes not in self._by_classes:
            self._by_classes[classes] = self.loss.for_classes([str(k) for k in range(classes)])
        return self._by_classes[classes]

    def _numbers(self, y: tf.Tensor, classes: int) -> tf.Tensor:
        """Return labels as class numbers, shape (b,)."""
        if y.shape.rank == 2 and y.shape[1] == classes:
            return tf.argmax(y, axis=1, output_type=tf.int32)
        if y.shape.rank == 1 or (y.shape.rank == 2 and y.shape[1] == 1):
            return tf.cast(tf.reshape(y, [-1]), tf.int32)
        raise ConfigError(f"{self.name} takes labels of shape (b,), (b, 1) or (b, {classes}), not {tuple(y.shape)}")

    def get_config(self) -> dict[str, Any]:
        """Return the class of the loss by name, its settings and the class sizes."""
        of = type(self.loss)
        ours = losses.classes().get(of.__name__) == f"{of.__module__}.{of.__qualname__}"
        registered = of.__name__ if ours else keras.saving.get_registered_name(of)
        if not ours and keras.saving.get_registered_object(registered) is not of:
            raise ConfigError(
                f"{of.__name__} is not known to Keras and cannot be saved; "
                "decorate the class with keras.saving.register_keras_serializable()"
            )
        return super().get_config() | {"loss": registered, "settings": self.loss.get_config(), "counts": self.counts}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Make the loss again: a class of this package, or one that is registered with Keras; no other code is run.

        Raises
        ------
        ConfigError
            If there is no such loss.
        """
        config = dict(config)
        name, settings = config.pop("loss"), config.pop("settings")
        of = getattr(losses, name) if name in losses.classes() else keras.saving.get_registered_object(name)
        if not (isinstance(of, type) and issubclass(of, Loss)):
            raise ConfigError(f"there is no loss {name}; import the module that registers it with Keras first")
        return cls(of(**settings), **config)


def _sizes(counts: Sequence[float] | np.ndarray) -> list[float]:
    try:
        sizes = np.asarray(counts, dtype=float)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"counts must be the training rows of each class, not {counts!r}") from error
    if sizes.ndim != 1 or len(sizes) < 2 or not np.isfinite(sizes).all() or sizes.min() < 0 or sizes.sum() == 0:
        raise ConfigError(f"counts must be the training rows of each class, not {counts!r}")
    return [float(size) for size in sizes]


def _snake_case(name: str) -> str:
    parts = "".join(
        f"_{c.lower()}" if c.isupper() and not before.isupper() else c.lower()
        for before, c in zip(f"_{name}", name, strict=False)
    )
    return parts.lstrip("_")
