"""What all learners share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd

from imbalance_lab.data.rows import Rows, Seeds, TrainingSet
from imbalance_lab.models.training import Training
from imbalance_lab.strategies.losses.base import Loss
from imbalance_lab.strategies.representation.base import PLAIN, Representation

Progress = Callable[[int, Mapping[str, float]], None]


def no_progress(epoch: int, metrics: Mapping[str, float]) -> None:
    """Report nothing."""


@dataclass(frozen=True)
class NetworkTraining:
    """What only learners that train by a loss, in epochs, are given.

    Parameters
    ----------
    loss : Loss
    settings : Training
    progress : callable
        Receives the number of each epoch, from 1, and its figures.
    representation : Representation
    """

    loss: Loss
    settings: Training
    progress: Progress = no_progress
    representation: Representation = PLAIN


class FittedModel(ABC):
    """A trained model; it can be pickled and copied, and holds no training rows."""

    @property
    @abstractmethod
    def history(self) -> pd.DataFrame | None:
        """One row per epoch, columns as in ``val/recall/<number of the class>``; None if there are no epochs."""

    @property
    def steps(self) -> int | None:
        """Epochs, or rounds of boosting, after which it was kept; None if it was not trained in steps."""
        if self.history is None:
            return None
        return int(np.flatnonzero(self.history["kept"])[0]) + 1

    @abstractmethod
    def predict_log_proba(self, X: np.ndarray) -> np.ndarray:
        """Return log-probabilities, shape (n, T, C), float64, of rows (n, ...)."""

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write the model's files into `folder`, which is there."""

    @classmethod
    @abstractmethod
    def load(cls, folder: Path, tasks: int, classes: int, trusted: Sequence[str] = ()) -> Self:
        """Return the model whose files are in `folder`.

        Parameters
        ----------
        folder : Path
        tasks, classes : int
            T and C of its scores.
        trusted : sequence of str
            Dotted names of types that may be made although they are not known here.

        Raises
        ------
        DataError
            If a file is damaged, or holds other types than those.
        """


class Learner(ABC):
    """What an option of the ``model`` group instantiates to."""

    @property
    @abstractmethod
    def trains_by_loss(self) -> bool:
        """Whether it is trained in epochs, on batches, by the loss: what the loss and training groups need."""

    @property
    @abstractmethod
    def takes_class_weight(self) -> bool:
        """Whether rows can count differently."""

    @property
    @abstractmethod
    def balances_inside(self) -> bool:
        """Whether it evens out the classes by itself."""

    @property
    @abstractmethod
    def gives_probabilities(self) -> bool:
        """Whether its scores are meant as probabilities."""

    @property
    @abstractmethod
    def dtype(self) -> type[np.floating[Any]]:
        """Float type of the rows it wants."""

    @property
    def in_pieces(self) -> bool:
        """Whether it trains on rows that are read in pieces (`imbalance_lab.data.stored.StoredRows`)."""
        return False

    @property
    def native(self) -> bool:
        """Whether it takes missing values as NaN and categories as codes; others get them filled, and one-hot."""
        return False

    def stops_early(self, training: Training | None) -> bool:
        """Whether it watches validation rows while it is trained; `training` is None unless it trains by a loss."""
        return training is not None and training.patience is not None

    def trained_for(self, steps: int, training: Training | None) -> tuple[Learner, Training | None]:
        """Return what trains for so many epochs, or rounds of boosting, and watches no validation rows."""
        return self, None if training is None else replace(training, epochs=steps, patience=None)

    @abstractmethod
    def effective_prior(self, train: TrainingSet, loss: Loss | None = None) -> np.ndarray | None:
        """Return the class prior that its scores carry, shape (T, C); None if they are no probabilities.

        Parameters
        ----------
        train : TrainingSet
        loss : Loss, optional
            What a learner that trains by a loss is trained by.
        """

    @abstractmethod
    def fit(
        self, train: TrainingSet, validation: Rows, seeds: Seeds, training: NetworkTraining | None = None
    ) -> FittedModel:
        """Train on `train`.

        Parameters
        ----------
        train : TrainingSet
        validation : Rows
            For early stopping only.
        seeds : Seeds
        training : NetworkTraining, optional
            What a learner that trains by a loss needs; others ignore it.

        Raises
        ------
        DataError
            If it cannot be fitted to these rows.
        """
