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

    It takes outputs of one channel (b, 1) (two classes) or of one per class (b, C), and labels that are class numbers,
    (b,) or (b, 1), or one-hot, (b, C). It is saved in ``model.keras`` with its settings and class sizes.

    Keras loads a model whose loss it knows. It knows this class once that was imported, which ``import imbalance_lab``
    alone does not do, as it would load TensorFlow. So name the class where the model is loaded::

        keras.saving.load_model("model.keras", custom_objects={"KerasLoss": imbalance_lab.losses.KerasLoss})

    A loss class of one's own must be registered with Keras (`keras.saving.register_keras_serializable`) as well.

    Parameters
    ----------
    loss : Loss
    counts : array-like of shape (C,), optional
        Training rows of each class.
    name : str, optional
    reduction : str
        As in Keras; by default the mean over the rows of a batch.
    from_logits : bool
        Whether the outputs are logits, of a last layer without activation, or probabilities, of ``sigmoid`` on one
        channel or ``softmax`` on several. Probabilities p stand for the logits log(p / (1 - p)) of one channel and
        log p of several: those of the network up to a number per row, on which vector scaling and the asymmetric
        loss alone depend.

    Raises
    ------
    ConfigError
        If the loss depends on the class sizes and `counts` is missing or no list of positive numbers, or it needs more
        than a network's outputs.
    """

    def __init__(
        self,
        loss: Loss,
        counts: Sequence[float] | np.ndarray | None = None,
        name: str | None = None,
        reduction: str = "sum_over_batch_size",
        dtype: Any = None,
        from_logits: bool = True,
    ) -> None:
        super().__init__(name or _snake_case(type(loss).__name__), reduction, dtype)
        self.from_logits = from_logits
        self.loss, self.counts = loss, None if counts is None else _sizes(counts)
        if self.counts is None and loss.needs_counts:
            raise ConfigError(
                f"{type(loss).__name__} depends on class sizes: give counts=, the training rows of each class"
            )
        if loss.needs_features:
            raise ConfigError(
                f"{type(loss).__name__} needs the features before the output layer, which a loss of Keras does not "
                "see; train by it in lab.run or lab.Classifier"
            )
        self._by_classes: dict[int, Loss] = {}
        if self.counts is not None:
            self._of(len(self.counts))

    def call(self, y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
        """Return the loss of each row, shape (b,), of labels (b,), (b, 1) or (b, C) and outputs (b, 1) or (b, C)."""
        if y_pred.shape.rank != 2 or y_pred.shape[1] is None:
            raise ConfigError(f"{self.name} takes outputs of shape (b, 1) or (b, C), not {tuple(y_pred.shape)}")
        channels = y_pred if self.from_logits else _logits(y_pred)
        logits = tf.concat([tf.zeros_like(channels), channels], axis=1) if channels.shape[1] == 1 else channels
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
        own = {"settings": self.loss.get_config(), "counts": self.counts, "from_logits": self.from_logits}
        return super().get_config() | {"loss": registered, **own}

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


def _logits(proba: tf.Tensor) -> tf.Tensor:
    """Return logits of probabilities (b, 1) or (b, C), kept from 0 and 1 as Keras keeps them."""
    small = keras.backend.epsilon()
    p = tf.clip_by_value(proba, small, 1 - small)
    return tf.math.log(p) - tf.math.log1p(-p) if p.shape[1] == 1 else tf.math.log(p)


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
