"""XGBoost."""

from __future__ import annotations

from dataclasses import dataclass as plain_dataclass
from typing import Any, ClassVar

import numpy as np
from pydantic.dataclasses import dataclass

from imbalance_lab.fields import STRICT
from imbalance_lab.models.boosting.base import Boosted, FittedTrees, Task, of_both
from imbalance_lab.models.stopping import Watch


@dataclass(frozen=True, config=STRICT)
class XGBoost(Boosted):
    """XGBoost's gradient-boosted trees (Chen and Guestrin 2016); see `Boosted` for the settings."""

    quiet: ClassVar[dict[str, Any]] = {"verbosity": 0}

    @classmethod
    def classifier(cls) -> type[Any]:
        """Return `xgboost.XGBClassifier`."""
        import xgboost

        return xgboost.XGBClassifier

    @classmethod
    def failures(cls) -> tuple[type[Exception], ...]:
        """Return what it raises if it cannot be fitted."""
        return (ValueError,)  # xgboost.core.XGBoostError is one

    def fit_task(self, fresh: Any, task: Task, watch: Watch | None) -> XGBoostTrees:
        """Fit a classifier to one task."""
        if task.codes:
            numbers = ["q"] * (task.X.shape[1] - task.codes)
            fresh.set_params(enable_categorical=True, feature_types=[*numbers, *(["c"] * task.codes)])
        watched: dict[str, Any] = {}
        if watch is not None:
            watched = {"eval_set": [task.validation], "verbose": False}
            fresh.set_params(eval_metric=_metric(watch), disable_default_eval_metric=True, callbacks=[_stop(watch)])
        fresh.fit(task.X, task.y, sample_weight=task.weight, **watched)
        data = bytes(fresh.get_booster().save_raw("ubj"))
        return XGBoostTrees(data, tuple(task.classes.tolist()), task.codes)


def _metric(watch: Watch) -> Any:
    def score(y: np.ndarray, proba: np.ndarray) -> float:
        return watch(of_both(proba))

    return score


def _stop(watch: Watch) -> Any:
    """Return a callback that ends the training once the watch is over.

    XGBoost's own early stopping reads the score back from a text of six decimals.
    """
    from xgboost.callback import TrainingCallback

    class Stop(TrainingCallback):
        def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
            return watch.over

        def after_training(self, model: Any) -> Any:
            return model[: watch.best + 1]

    return Stop()


@plain_dataclass(frozen=True)
class XGBoostTrees(FittedTrees):
    """Trees as XGBoost writes them."""

    suffix: ClassVar[str] = "ubj"

    @property
    def rounds(self) -> int:
        """Rounds of boosting that were kept."""
        return int(self.model.num_boosted_rounds())

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Return probabilities of the classes they saw, shape (n, k)."""
        return of_both(np.asarray(self.model.inplace_predict(X, missing=np.nan, validate_features=False)))

    def _read(self) -> Any:
        import xgboost

        booster = xgboost.Booster({"nthread": 1, "verbosity": 0})
        booster.load_model(bytearray(self.data))
        return booster
