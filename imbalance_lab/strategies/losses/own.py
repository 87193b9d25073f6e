"""Losses of one's own: a function, or a loss of Keras."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, Self

import keras
import numpy as np
import tensorflow as tf

from imbalance_lab.errors import ConfigError, LabError
from imbalance_lab.strategies.losses.base import Loss
from imbalance_lab.strategies.losses.keras_loss import KerasLoss
from imbalance_lab.strategies.losses.logits import positive_logit

CalibratedFor = Literal["train", "nothing"]


def as_loss(given: Any, class_count: int | None = None, calibrated_for: CalibratedFor = "nothing") -> Loss:
    """Return a loss made of what somebody has.

    Parameters
    ----------
    given : Loss, function, or keras.losses.Loss
        A function takes ``(y (b,), logits (b, C))``, or ``(y, logits, counts (C,))``, and returns the loss of each row,
        (b,), in TensorFlow or `keras.ops`; two classes have the logits (0, z). A loss of Keras takes what it expects:
        class numbers for the sparse ones, one-hot labels for the others; of two classes, where it is no categorical
        one, the label and the one logit z, both (b, 1). Its reduction is left out, it must be for logits. A class, or a
        `functools.partial` of one, is instantiated.
    class_count : int, optional
        With it the loss is tried on a few rows of so many classes; without, when it learns of the classes.
    calibrated_for : {"train", "nothing"}
        Whether its scores are probabilities under the shares of the training rows, as those of cross-entropy are, or
        not known to be, so that decisions that need a prior are refused.

    Raises
    ------
    ConfigError
        If it is none of these, or does not return one value per row that depends on the logits.

    Examples
    --------
    >>> import tensorflow as tf
    >>> squared = as_loss(lambda y, logits: tf.reduce_sum((tf.one_hot(y, 2) - tf.nn.softmax(logits)) ** 2, axis=1))
    >>> squared(tf.constant([0, 1]), tf.zeros([2, 2]), None).numpy().tolist()
    [0.5, 0.5]
    """
    if isinstance(given, type) or (isinstance(given, partial) and isinstance(given.func, type)):
        try:
            given = given()
        except (TypeError, ValueError) as error:
            raise ConfigError(f"loss {_name(given)} cannot be made: {' '.join(str(error).split())}") from error
    if isinstance(given, KerasLoss):
        given = given.loss
    if isinstance(given, keras.losses.Loss):
        _refuse_probabilities(given, given.get_config() if type(given).__module__.startswith("keras.") else {})
        loss: Loss = OwnKerasLoss(given, calibrated_for)
    elif isinstance(given, Loss):
        loss = given
    elif callable(given):
        settings = _defaults(given) if getattr(_innermost(given), "__module__", "").startswith("keras.") else {}
        _refuse_probabilities(given, settings)
        loss = OwnFunction(given, calibrated_for)
    else:
        raise ConfigError(
            f"loss is {given!r}, which is neither a loss of this package, nor one of Keras, nor a function of "
            "(y, logits)"
        )
    return loss if class_count is None else loss.for_classes([str(k) for k in range(class_count)])


@dataclass(frozen=True)
class _Own(Loss):
    """What losses of one's own share: they are tried when they learn of the classes."""

    given: Any
    calibrated_for: CalibratedFor = "nothing"

    def for_classes(self, class_names: Sequence[str]) -> Self:
        """Return the loss, tried on a few rows of so many classes.

        Raises
        ------
        ConfigError
            If it does not return one value per row that depends on the logits.
        """
        _try(self, _name(self.given), len(class_names))
        return self

    def effective_prior(self, prior: np.ndarray, counts: np.ndarray) -> np.ndarray | None:
        """Return the effective prior if it is calibrated for it; else None."""
        return prior if self.calibrated_for == "train" else None


@dataclass(frozen=True)
class OwnFunction(_Own):
    """A function as a loss; see `as_loss`.

    Parameters
    ----------
    given : callable
    calibrated_for : {"train", "nothing"}
    """

    @property
    def needs_counts(self) -> bool:
        """Whether the function takes the class sizes as its third argument."""
        positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        found = [p for p in _parameters(self.given) if p.kind in positional]
        return len(found) > 2 and (found[2].default is inspect.Parameter.empty or found[2].name == "counts")

    def __call__(self, y: tf.Tensor, logits: tf.Tensor, counts: tf.Tensor) -> tf.Tensor:
        """Return the loss of each row, shape (b,), of classes (b,), logits (b, C) and class sizes (C,)."""
        return self.given(y, logits, counts) if self.needs_counts else self.given(y, logits)


@dataclass(frozen=True)
class OwnKerasLoss(_Own):
    """A loss of Keras, without its reduction; see `as_loss`.

    Parameters
    ----------
    given : keras.losses.Loss
    calibrated_for : {"train", "nothing"}
    """

    def __call__(self, y: tf.Tensor, logits: tf.Tensor, counts: tf.Tensor) -> tf.Tensor:
        """Return the loss of each row, shape (b,), of classes (b,) and logits (b, C)."""
        name, classes = type(self.given).__name__, logits.shape[1]
        if "Sparse" in name:
            return self.given.call(tf.cast(y, logits.dtype), logits)
        if classes == 2 and "Categorical" not in name:
            return self.given.call(tf.cast(y, logits.dtype)[:, None], positive_logit(logits)[:, None])
        return self.given.call(tf.one_hot(y, classes, dtype=logits.dtype), logits)


def _try(loss: Loss, name: str, classes: int) -> None:
    """Trace a loss as training does, on a number of rows that is not known beforehand, and look at what it returns."""
    rows = classes + 3

    def gradient(y: tf.Tensor, logits: tf.Tensor, counts: tf.Tensor) -> tuple[Any, Any]:
        with tf.GradientTape() as tape:
            tape.watch(logits)
            values = loss(y, logits, counts)
        if not tf.is_tensor(values):
            return None, None
        return values, tape.gradient(values, logits) if values.dtype.is_floating else None

    specs = [tf.TensorSpec([None], tf.int32), tf.TensorSpec([None, classes]), tf.TensorSpec([classes])]
    try:
        traced = tf.function(gradient, specs, autograph=False).get_concrete_function()
        y = tf.range(rows) % classes
        values, slope = traced(y, tf.one_hot(y, classes) - 0.5, tf.range(1.0, classes + 1.0))
    except LabError:
        raise
    except Exception as error:  # whatever somebody's function raises
        reason = " ".join(str(error).split())[:300]
        raise ConfigError(f"loss {name} fails on {rows} rows of {classes} classes: {reason}") from error
    if values is None or values.shape != (rows,):
        shape = "nothing of TensorFlow" if values is None else f"shape {tuple(values.shape)}"
        raise ConfigError(f"loss {name} returns {shape} for {rows} rows; it must return one value per row, shape (b,)")
    if slope is None:
        raise ConfigError(f"loss {name} has no gradient: its values do not depend on the logits through TensorFlow")


def _refuse_probabilities(given: Any, settings: dict[str, Any]) -> None:
    """Refuse a loss of Keras that expects probabilities: it would take logits for them."""
    if settings.get("from_logits") is False:
        raise ConfigError(f"loss {_name(given)} expects probabilities and gets logits; set from_logits=True")


def _defaults(given: Any) -> dict[str, Any]:
    return {parameter.name: parameter.default for parameter in _parameters(given)}


def _parameters(given: Callable[..., Any]) -> list[inspect.Parameter]:
    try:
        return list(inspect.signature(given).parameters.values())
    except (TypeError, ValueError):  # some functions of extension modules have none
        return []


def _innermost(given: Any) -> Any:
    return _innermost(given.func) if isinstance(given, partial) else given


def _name(given: Any) -> str:
    inside = _innermost(given)
    return str(getattr(inside, "__name__", type(inside).__name__))
