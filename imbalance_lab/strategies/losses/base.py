"""What all losses share. Loads no TensorFlow: a learner names losses long before it needs one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Self

import numpy as np

if TYPE_CHECKING:
    from imbalance_lab.strategies.losses.keras_loss import KerasLoss


class Loss(ABC):
    """Penalty of each row; the learner weights the rows and takes their mean.

    A subclass is a frozen dataclass of its settings and defines ``__call__``. The defaults of the rest are right for a
    loss whose scores are no probabilities, on a plain head, for any classes.
    """

    @abstractmethod
    def __call__(self, y: Any, logits: Any, counts: Any) -> Any:
        """Return the loss of each row.

        Parameters
        ----------
        y : int tensor of shape (b,)
        logits : float tensor of shape (b, C)
            Of two classes on one output channel z they are (0, z).
        counts : float tensor of shape (C,)
            Training rows of each class; None will do where `needs_counts` is False.

        Returns
        -------
        float tensor of shape (b,)
        """

    @property
    def head_scale(self) -> float | None:
        """Scale of the normalised head it needs: logits are the scale times a cosine; None for a plain head.

        Such a head has an output for each class, of two classes as well.
        """
        return None

    @property
    def needs_features(self) -> bool:
        """Whether ``__call__`` takes, after `counts`, the features (b, ...) that the output layer is given."""
        return False

    @property
    def loss_start(self) -> float:
        """Share of the epochs that are trained by cross-entropy before it sets in."""
        return 0.0

    @property
    def counts_classes(self) -> bool:
        """Whether it is plain cross-entropy where classes are equally large."""
        return False

    @property
    def needs_counts(self) -> bool:
        """Whether its values depend on the class sizes."""
        return False

    def for_classes(self, class_names: Sequence[str]) -> Self:
        """Return the loss for these classes, settings given by name looked up.

        Raises
        ------
        ConfigError
            If its settings do not fit the classes.
        """
        return self

    def effective_prior(self, prior: np.ndarray, counts: np.ndarray) -> np.ndarray | None:
        """Return the prior that softmax(z) carries.

        Parameters
        ----------
        prior, counts : ndarray of shape (..., C)
            Effective prior, and class sizes, of the rows trained on.

        Returns
        -------
        ndarray of shape (..., C), or None if the scores are no probabilities
        """
        return None

    def get_config(self) -> dict[str, Any]:
        """Return its settings, as Keras saves them."""
        return {field.name: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]

    def keras(
        self,
        counts: Sequence[float] | np.ndarray | None = None,
        class_names: Sequence[str] | None = None,
        name: str | None = None,
        reduction: str = "sum_over_batch_size",
        from_logits: bool = True,
    ) -> KerasLoss:
        """Return this loss as a `keras.losses.Loss`, for ``model.compile`` of any Keras model.

        A model saved with it is loaded by ``keras.saving.load_model(path, custom_objects={"KerasLoss": KerasLoss})``.

        Parameters
        ----------
        counts : array-like of shape (C,), optional
            Training rows of each class, for losses that depend on them.
        class_names : sequence of str, optional
            Names of the classes, in the order of their numbers, where a setting is given by name.
        name : str, optional
        reduction : str
            As in Keras.
        from_logits : bool
            Whether the model's last layer has no activation (True, unlike Keras' own losses), or gives probabilities.

        Raises
        ------
        ConfigError
            If the loss depends on the class sizes and `counts` is missing, or the settings do not fit the classes.

        Examples
        --------
        >>> from imbalance_lab.strategies.losses import Focal
        >>> round(float(Focal(gamma=2).keras()(np.array([1]), np.array([[0.0]]))), 4)  # (1 - 1/2)^2 log 2
        0.1733
        >>> round(float(Focal(gamma=2).keras(from_logits=False)(np.array([1]), np.array([[0.5]]))), 4)
        0.1733
        """
        from imbalance_lab.strategies.losses.keras_loss import KerasLoss

        loss = self if class_names is None else self.for_classes(class_names)
        return KerasLoss(loss, counts, name, reduction, from_logits=from_logits)
