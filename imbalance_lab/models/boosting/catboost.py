"""CatBoost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass as plain_dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

import numpy as np
from pydantic.dataclasses import dataclass
from scipy.special import expit, softmax

from imbalance_lab.fields import STRICT
from imbalance_lab.models.boosting.base import Boosted, FittedTrees, Task
from imbalance_lab.models.stopping import Watch

MISSING = -1  # the code of a category that is missing, which CatBoost wants to be a whole number
LOUD = ("verbose", "verbose_eval", "silent", "logging_level")


@dataclass(frozen=True, config=STRICT)
class CatBoost(Boosted):
    """CatBoost's gradient-boosted trees (Prokhorenkova et al. 2018); see `Boosted` for the settings."""

    rounds: ClassVar[str] = "iterations"
    quiet: ClassVar[dict[str, Any]] = {"allow_writing_files": False}

    @classmethod
    def classifier(cls) -> type[Any]:
        """Return `catboost.CatBoostClassifier`."""
        import catboost

        return catboost.CatBoostClassifier

    @classmethod
    def failures(cls) -> tuple[type[Exception], ...]:
        """Return what it raises if it cannot be fitted."""
        import catboost

        return (ValueError, catboost.CatBoostError)

    def fit_task(self, fresh: Any, task: Task, watch: Watch | None) -> CatBoostTrees:
        """Fit a classifier to one task."""
        given = fresh.get_params()
        if not any(key in given for key in LOUD):
            fresh.set_params(logging_level="Silent")
        watched: dict[str, Any] = {}
        if watch is not None:
            held_out = task.validation
            # It stops by itself: at the last round in any case, and once the metric has not risen for `patience`.
            fresh.set_params(eval_metric=_Score(watch, held_out.y), early_stopping_rounds=self.patience)
            watched = {"eval_set": (_rows(held_out.X, task.codes), held_out.y), "use_best_model": True}
        fresh.set_params(cat_features=task.categorical)
        fresh.fit(_rows(task.X, task.codes), task.y, sample_weight=task.weight, **watched)
        with TemporaryDirectory() as folder:
            file = Path(folder) / "trees.cbm"
            fresh.save_model(str(file))
            return CatBoostTrees(file.read_bytes(), tuple(task.classes.tolist()), task.codes)


class _Score:
    """The watch as a metric of CatBoost's, which asks for that of the training rows as well."""

    def __init__(self, watch: Watch, y: np.ndarray) -> None:
        self._watch, self._y = watch, y

    def is_max_optimal(self) -> bool:
        return True

    def evaluate(self, approxes: Sequence[Any], target: Any, weight: Any) -> tuple[float, float]:
        if len(target) != len(self._y) or not np.array_equal(target, self._y):
            return 0.0, 1.0
        scores = np.array(approxes, dtype=np.float64).T
        proba = softmax(scores, axis=1) if scores.shape[1] > 1 else expit(np.column_stack([-scores, scores]))
        return self._watch(proba), 1.0

    def get_final_error(self, error: float, weight: float) -> float:
        return error


@plain_dataclass(frozen=True)
class CatBoostTrees(FittedTrees):
    """Trees as CatBoost writes them."""

    suffix: ClassVar[str] = "cbm"

    @property
    def rounds(self) -> int:
        """Rounds of boosting that were kept."""
        return int(self.model.tree_count_)

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Return probabilities of the classes they saw, shape (n, k)."""
        return np.asarray(self.model.predict_proba(_rows(X, self.codes), thread_count=1))

    def _read(self) -> Any:
        import catboost

        return catboost.CatBoostClassifier().load_model(blob=self.data)


def _rows(X: np.ndarray, codes: int) -> np.ndarray:
    """Return the rows as CatBoost wants them: numbers, and categories as whole numbers."""
    if not codes:
        return X
    rows = X.astype(object)
    rows[:, -codes:] = np.nan_to_num(X[:, -codes:], nan=MISSING).astype(int)
    return rows
