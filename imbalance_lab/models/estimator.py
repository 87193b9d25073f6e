"""scikit-learn and imbalanced-learn classifiers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass as plain_dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic.dataclasses import dataclass
from scipy.special import log_softmax
from sklearn.base import clone, is_classifier
from sklearn.utils.validation import has_fit_parameter

from imbalance_lab.data.rows import Rows, Seeds, TrainingSet, shares
from imbalance_lab.errors import ConfigError, DataError
from imbalance_lab.fields import STRICT
from imbalance_lab.models import skops_files
from imbalance_lab.models.base import FittedModel, Learner, NetworkTraining
from imbalance_lab.strategies.losses.base import Loss

# Trees and neighbours give probabilities of exactly 0; the floor keeps the log loss finite, as scikit-learn's does.
FLOOR = float(np.log(np.finfo(np.float64).eps))
FILE = "model.skops"
SUM_TOLERANCE = 1e-3  # of the probabilities of a row, from 1; and of each from [0, 1]

CalibratedFor = Literal["train", "balanced", "nothing"]


@dataclass(frozen=True, config=STRICT)
class Estimator(Learner):
    """Any classifier with scikit-learn's interface; of several labels one for each (binary relevance).

    Parameters
    ----------
    estimator : classifier
        Cloned before every fit; every ``random_state`` in it is set from the run's seed.
    calibrated_for : {"train", "balanced", "nothing"}
        The class shares under which its scores are probabilities: those of its training rows, equal ones (it balances
        inside), or none (they are no probabilities).
    balances_inside : bool
        Whether it evens out the classes by itself.
    """

    estimator: Any
    calibrated_for: CalibratedFor = "train"
    balances_inside: bool = False

    trains_by_loss = False
    dtype = np.float64

    def __post_init__(self) -> None:
        if not is_classifier(self.estimator):
            raise ConfigError(f"model.estimator is {type(self.estimator).__name__}, which is no classifier")

    @property
    def gives_probabilities(self) -> bool:
        """Whether its scores are probabilities rather than distances."""
        return hasattr(self.estimator, "predict_proba")

    @property
    def takes_class_weight(self) -> bool:
        """Whether its ``fit`` takes sample weights."""
        return bool(has_fit_parameter(self.estimator, "sample_weight"))

    def effective_prior(self, train: TrainingSet, loss: Loss | None = None) -> np.ndarray | None:
        """Return the class prior that its scores carry, shape (T, C), or None."""
        if self.calibrated_for == "nothing":
            return None
        return train.prior if self.calibrated_for == "train" else shares(train.class_weight)

    def fit(
        self, train: TrainingSet, validation: Rows, seeds: Seeds, training: NetworkTraining | None = None
    ) -> FittedModel:
        """Fit a clone per task; weights are passed on only where some class counts more than another.

        Raises
        ------
        DataError
            If the classifier cannot be fitted to these rows.
        """
        fitted = []
        for y, weight in zip(train.y.T, train.class_weight, strict=True):
            fresh = clone(self.estimator)
            states = [k for k in fresh.get_params() if k == "random_state" or k.endswith("__random_state")]
            fresh.set_params(**dict.fromkeys(states, seeds.initialisation))
            weights = {"sample_weight": weight[y]} if np.ptp(weight) > 0 else {}
            try:
                fresh.fit(train.X, y, **weights)
            except ValueError as error:
                reason = " ".join(str(error).split())
                raise DataError(f"{type(fresh).__name__} cannot be fitted to these rows: {reason}") from error
            fitted.append(fresh)
        return FittedEstimator(fitted, train.class_weight.shape[1])


@plain_dataclass(frozen=True)
class FittedEstimator(FittedModel):
    """Fitted classifiers, one per task, whose columns are all the classes, those they never saw included.

    Parameters
    ----------
    estimators : list of fitted classifiers
    n_classes : int
    """

    estimators: list[Any]
    n_classes: int

    history = None

    def predict_log_proba(self, X: np.ndarray) -> np.ndarray:
        """Return log-probabilities, shape (n, T, C); without probabilities the log-softmax of the decision function.

        Raises
        ------
        DataError
            If a classifier's scores have a wrong shape, or are no probabilities or no numbers.
        """
        log_proba = np.full((len(X), len(self.estimators), self.n_classes), FLOOR)
        if len(X):
            for t, estimator in enumerate(self.estimators):
                columns = self._columns(estimator)
                log_proba[:, t, columns] = classifier_log_proba(estimator, X)
        return log_proba

    def _columns(self, estimator: Any) -> np.ndarray:
        """Return the numbers of the classes the classifier saw."""
        classes = np.asarray(getattr(estimator, "classes_", []))
        if not len(classes) or not set(classes.tolist()) <= set(range(self.n_classes)):
            raise DataError(f"model {type(estimator).__name__}: its classes_ are not those of its training rows")
        return classes

    def save(self, folder: Path) -> None:
        """Write ``model.skops``: a list of the classifiers, one for each task."""
        skops_files.write(self.estimators, folder / FILE)

    @classmethod
    def load(cls, folder: Path, tasks: int, classes: int, trusted: Sequence[str] = ()) -> FittedEstimator:
        """Return the classifiers in ``model.skops``."""
        return cls(skops_files.read(folder / FILE, trusted), classes)


def classifier_log_proba(estimator: Any, X: Any) -> np.ndarray:
    """Return log-probabilities of the classes that a fitted classifier saw, shape (n, classes).

    Without probabilities they are the log-softmax of its decision function.

    Raises
    ------
    DataError
        If it gives something else than it should.
    """
    return np.asarray(np.maximum(_log_proba(estimator, X), FLOOR))


def _log_proba(estimator: Any, X: Any) -> np.ndarray:
    if hasattr(estimator, "predict_proba"):
        proba = _checked(estimator, "predict_proba", X)
        if proba.min() < -SUM_TOLERANCE or proba.max() > 1 + SUM_TOLERANCE:
            raise _refusal(estimator, "predict_proba", f"gives {_extreme(proba):g}, which is no probability")
        sums = proba.sum(axis=1)
        if np.abs(sums - 1).max() > SUM_TOLERANCE:
            worst = sums[np.abs(sums - 1).argmax()]
            raise _refusal(estimator, "predict_proba", f"gives a row of probabilities that sum to {worst:g}, not 1")
        with np.errstate(divide="ignore"):
            return np.log(np.maximum(proba, 0))
    scores = _checked(estimator, "decision_function", X).astype(np.float64)
    scores = np.column_stack([np.zeros(len(scores)), scores]) if scores.ndim == 1 else scores
    return np.asarray(log_softmax(scores, axis=1))


def _checked(estimator: Any, method: str, X: Any) -> np.ndarray:
    """Return finite scores (n, classes), or (n,) of the decision function of two classes."""
    if not hasattr(estimator, method):
        raise DataError(f"model {type(estimator).__name__} has neither predict_proba nor decision_function")
    scores, classes, rows = (
        np.asarray(getattr(estimator, method)(X)),
        len(estimator.classes_),
        X.shape[0] if hasattr(X, "shape") else len(np.asarray(X)),
    )
    shapes = [(rows, classes), *([(rows,)] if method == "decision_function" and classes == 2 else [])]
    if scores.shape not in shapes:
        wanted = " or ".join(map(str, shapes))
        raise _refusal(estimator, method, f"gives an array of shape {scores.shape} instead of {wanted}")
    if not np.issubdtype(scores.dtype, np.number) or not np.isfinite(scores).all():
        raise _refusal(estimator, method, "gives NaN, infinity, or no numbers")
    return scores


def _refusal(estimator: Any, method: str, reason: str) -> DataError:
    return DataError(f"model {type(estimator).__name__}: its {method} {reason}")


def _extreme(proba: np.ndarray) -> float:
    """Return the number that is farthest from [0, 1]."""
    return float(proba.flat[np.maximum(-proba, proba - 1).argmax()])
