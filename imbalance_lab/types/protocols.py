"""What the options of each group instantiate to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd

from imbalance_lab.types.dataset import Dataset
from imbalance_lab.types.run import Priors, Rows, Seeds, Split, TrainingSet
from imbalance_lab.types.settings import Training

Progress = Callable[[int, Mapping[str, float]], None]


class DatasetSource(Protocol):
    """What an option of the ``dataset`` group instantiates to."""

    @property
    def title(self) -> str:
        """How the set is called, known before it is loaded."""

    def load(self) -> Dataset:
        """Read or draw the rows."""


class Splitter(Protocol):
    """What an option of the ``split`` group instantiates to."""

    @property
    def validation(self) -> float:
        """Share of the rows that validates."""

    def split(self, y: np.ndarray, class_names: Sequence[str]) -> Iterator[Split]:
        """Yield one `Split` per fold of classes `y` (n,), or labels (n, T)."""


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

    def carried_prior(self, train: TrainingSet, loss: Loss | None) -> np.ndarray | None:
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


class Sampler(Protocol):
    """Decides which training rows there are; every imbalanced-learn sampler is one."""

    def fit_resample(self, X: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return training rows (m, d) and their classes (m,) made from rows (n, d) and classes (n,)."""


class ClassWeight(Protocol):
    """Decides what a row of each class counts."""

    @property
    def starts_at(self) -> float:
        """Share of the epochs after which the weights count."""

    def check(self, class_names: Sequence[str], counts: np.ndarray) -> None:
        """Refuse settings that do not fit these classes, of so many rows in the data."""

    def __call__(self, counts: np.ndarray, class_names: Sequence[str]) -> np.ndarray:
        """Return positive weights, shape (C,), from the rows of each class, shape (C,)."""


class Loss(Protocol):
    """Penalty of each row. TensorFlow tensors in and out."""

    @property
    def head_scale(self) -> float | None:
        """Scale of the normalised head it needs: logits are the scale times a cosine; None for a plain head."""

    @property
    def counts_classes(self) -> bool:
        """Whether it is plain cross-entropy where classes are equally large."""

    def for_classes(self, class_names: Sequence[str]) -> Loss:
        """Return the loss for these classes, settings given by name looked up."""

    def output_prior(self, prior: np.ndarray, counts: np.ndarray) -> np.ndarray | None:
        """Return the prior that softmax(z) carries.

        Parameters
        ----------
        prior, counts : ndarray of shape (..., C)
            Effective prior, and class sizes, of the rows trained on.

        Returns
        -------
        ndarray of shape (..., C), or None if the scores are no probabilities
        """

    def __call__(self, y: Any, logits: Any, counts: Any) -> Any:
        """Return the loss of each row, shape (b,), of classes (b,), logits (b, C) and class sizes (C,)."""


Rule = Callable[[np.ndarray], np.ndarray]


class Decision(Protocol):
    """Decides how the scores of one task become a class."""

    @property
    def needs_validation(self) -> bool:
        """Whether it is fitted on validation rows."""

    @property
    def needs_prior(self) -> bool:
        """Whether it must know which prior the scores carry."""

    def for_classes(self, class_names: Sequence[str]) -> Decision:
        """Return the decision for these classes, settings given by name looked up."""

    def fit(self, log_proba: np.ndarray, y: np.ndarray, priors: Priors) -> Rule:
        """Fit on validation rows, `log_proba` (n, C) and `y` (n,); the rule maps scores (m, C) to classes (m,)."""
