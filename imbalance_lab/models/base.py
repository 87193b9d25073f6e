"""What all learners share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd

from imbalance_lab.data.rows import Rows, Seeds, TrainingSet
from imbalance_lab.models.training import Training
from imbalance_lab.strategies.base import Loss

Progress = Callable[[int, Mapping[str, float]], None]


class FittedModel(Protocol):
    """A trained model."""

    @property
    def history(self) -> pd.DataFrame | None:
        """One row per epoch, columns as in ``val/recall/<number of the class>``; None if there are no epochs."""

    def predict_log_proba(self, X: np.ndarray) -> np.ndarray:
        """Return log-probabilities, shape (n, T, C), float64."""

    def save(self, folder: Path) -> None:
        """Write the model under `folder`, which is made if need be."""


class Learner(Protocol):
    """What an option of the ``model`` group instantiates to."""

    @property
    def trains_by_loss(self) -> bool:
        """Whether it is trained in epochs, on batches, by the loss: what the loss and training groups need."""

    @property
    def takes_class_weight(self) -> bool:
        """Whether rows can count differently."""

    @property
    def balances_inside(self) -> bool:
        """Whether it evens out the classes by itself."""

    @property
    def gives_probabilities(self) -> bool:
        """Whether its scores are meant as probabilities."""

    @property
    def dtype(self) -> type[np.floating[Any]]:
        """Float type of the rows it wants."""

    def effective_prior(self, train: TrainingSet, loss: Loss | None) -> np.ndarray | None:
        """Return the class prior that its scores carry, shape (T, C); None if they are no probabilities."""

    def fit(
        self,
        train: TrainingSet,
        validation: Rows,
        loss: Loss | None,
        training: Training | None,
        seeds: Seeds,
        progress: Progress,
    ) -> FittedModel:
        """Train on `train`; `validation` is for early stopping only."""
