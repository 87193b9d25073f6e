"""scikit-learn and imbalanced-learn classifiers."""

from __future__ import annotations

from dataclasses import dataclass as plain_dataclass
from pathlib import Path
from typing import Any, ClassVar

import joblib
import numpy as np
import pandas as pd
from pydantic.dataclasses import dataclass
from scipy.special import log_softmax
from sklearn.base import clone
from sklearn.utils.validation import has_fit_parameter

from imbalance_lab.types import STRICT, Loss, OutputPrior, Positive, Progress, Rows, Seeds, Training, TrainingSet

# Trees and neighbours give probabilities of exactly 0; the floor keeps the log loss finite, as scikit-learn's does.
FLOOR = float(np.log(np.finfo(np.float64).eps))


@dataclass(frozen=True, config=STRICT)
class Estimator:
    """Any classifier with scikit-learn's interface.

    Parameters
    ----------
    estimator : classifier
        Cloned before every fit; every ``random_state`` in it is set from the run's seed.
    output_prior : {"train", "balanced", "uncalibrated"}
        The class prior its scores carry: that of its training rows, equal shares (it balances inside), or none (they
        are no probabilities).
    """

    estimator: Any
    output_prior: OutputPrior = "train"

    trains_by_loss: ClassVar[bool] = False
    dtype: ClassVar[type[np.floating]] = np.float64

    @property
    def takes_class_weight(self) -> bool:
        """Whether its ``fit`` takes sample weights."""
        return bool(has_fit_parameter(self.estimator, "sample_weight"))

    def fit(
        self,
        train: TrainingSet,
        validation: Rows,
        loss: Loss | None,
        training: Training | None,
        seeds: Seeds,
        progress: Progress,
    ) -> FittedEstimator:
        """Fit a clone on `train`; weights are passed on only where some class counts more than another."""
        fresh = clone(self.estimator)
        states = [k for k in fresh.get_params() if k == "random_state" or k.endswith("__random_state")]
        fresh.set_params(**dict.fromkeys(states, seeds.initialisation))
        weights = {"sample_weight": train.sample_weight} if train.weighted else {}
        return FittedEstimator(fresh.fit(train.X, train.y, **weights), len(train.class_weight))


@plain_dataclass(frozen=True)
class FittedEstimator:
    """A fitted classifier whose columns are all the classes, those it never saw included.

    Parameters
    ----------
    estimator : fitted classifier
    n_classes : int
    """

    estimator: Any
    n_classes: Positive

    history: ClassVar[pd.DataFrame | None] = None

    def predict_log_proba(self, X: np.ndarray) -> np.ndarray:
        """Return log-probabilities, shape (n, C); without probabilities the log-softmax of the decision function."""
        log_proba = np.full((len(X), self.n_classes), FLOOR)
        if len(X):
            log_proba[:, self.estimator.classes_] = np.maximum(self._seen(X), FLOOR)
        return log_proba

    def _seen(self, X: np.ndarray) -> np.ndarray:
        if hasattr(self.estimator, "predict_proba"):
            with np.errstate(divide="ignore"):
                return np.log(self.estimator.predict_proba(X))
        scores = np.asarray(self.estimator.decision_function(X), dtype=np.float64)
        scores = np.column_stack([np.zeros(len(scores)), scores]) if scores.ndim == 1 else scores
        return np.asarray(log_softmax(scores, axis=1))

    def save(self, folder: Path) -> None:
        """Write ``model.joblib``."""
        folder.mkdir(parents=True, exist_ok=True)
        joblib.dump(self.estimator, folder / "model.joblib")
