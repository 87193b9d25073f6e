"""scikit-learn and imbalanced-learn classifiers."""

from __future__ import annotations

from dataclasses import dataclass as plain_dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import joblib
import numpy as np
import pandas as pd
from pydantic.dataclasses import dataclass
from scipy.special import log_softmax
from sklearn.base import clone, is_classifier
from sklearn.utils.validation import has_fit_parameter

from imbalance_lab.data.rows import Rows, Seeds, TrainingSet, shares
from imbalance_lab.errors import ConfigError, DataError
from imbalance_lab.fields import STRICT
from imbalance_lab.models.base import Progress
from imbalance_lab.models.training import Training
from imbalance_lab.strategies.base import Loss

# Trees and neighbours give probabilities of exactly 0; the floor keeps the log loss finite, as scikit-learn's does.
FLOOR = float(np.log(np.finfo(np.float64).eps))


@dataclass(frozen=True, config=STRICT)
class Estimator:
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
    calibrated_for: Literal["train", "balanced", "nothing"] = "train"
    balances_inside: bool = False

    trains_by_loss: ClassVar[bool] = False
    dtype: ClassVar[type[np.floating[Any]]] = np.float64

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

    def effective_prior(self, train: TrainingSet, loss: Loss | None) -> np.ndarray | None:
        """Return the class prior that its scores carry, shape (T, C), or None."""
        if self.calibrated_for == "nothing":
            return None
        return train.prior if self.calibrated_for == "train" else shares(train.class_weight)

    def fit(
        self,
        train: TrainingSet,
        validation: Rows,
        loss: Loss | None,
        training: Training | None,
        seeds: Seeds,
        progress: Progress,
    ) -> FittedEstimator:
        """Fit a clone per task; weights are passed on only where some class counts more than another."""
        fitted = []
        for y, weight in zip(train.y.T, train.class_weight, strict=True):
            fresh = clone(self.estimator)
            states = [k for k in fresh.get_params() if k == "random_state" or k.endswith("__random_state")]
            fresh.set_params(**dict.fromkeys(states, seeds.initialisation))
            weights = {"sample_weight": weight[y]} if np.ptp(weight) > 0 else {}
            try:
                fitted.append(fresh.fit(train.X, y, **weights))
            except ValueError as error:
                reason = " ".join(str(error).split())
                raise DataError(f"{type(fresh).__name__} cannot be fitted to these rows: {reason}") from error
        return FittedEstimator(fitted, train.class_weight.shape[1])


@plain_dataclass(frozen=True)
class FittedEstimator:
    """Fitted classifiers, one per task, whose columns are all the classes, those they never saw included.

    Parameters
    ----------
    estimators : list of fitted classifiers
    n_classes : int
    """

    estimators: list[Any]
    n_classes: int

    history: ClassVar[pd.DataFrame | None] = None

    def predict_log_proba(self, X: np.ndarray) -> np.ndarray:
        """Return log-probabilities, shape (n, T, C); without probabilities the log-softmax of the decision function."""
        log_proba = np.full((len(X), len(self.estimators), self.n_classes), FLOOR)
        if len(X):
            for t, estimator in enumerate(self.estimators):
                log_proba[:, t, estimator.classes_] = np.maximum(_log_proba(estimator, X), FLOOR)
        return log_proba

    def save(self, folder: Path) -> None:
        """Write ``model.joblib``: the classifier, of several labels a list of them."""
        folder.mkdir(parents=True, exist_ok=True)
        saved = self.estimators[0] if len(self.estimators) == 1 else self.estimators
        joblib.dump(saved, folder / "model.joblib")


def _log_proba(estimator: Any, X: np.ndarray) -> np.ndarray:
    """Return scores of the classes the classifier saw."""
    if hasattr(estimator, "predict_proba"):
        with np.errstate(divide="ignore"):
            return np.log(estimator.predict_proba(X))
    scores = np.asarray(estimator.decision_function(X), dtype=np.float64)
    scores = np.column_stack([np.zeros(len(scores)), scores]) if scores.ndim == 1 else scores
    return np.asarray(log_softmax(scores, axis=1))
