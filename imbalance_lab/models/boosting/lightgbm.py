"""LightGBM."""

from __future__ import annotations

from dataclasses import dataclass as plain_dataclass
from typing import Any, ClassVar

import numpy as np
from pydantic.dataclasses import dataclass

from imbalance_lab.fields import STRICT
from imbalance_lab.models.boosting.base import Boosted, FittedTrees, Task, of_both
from imbalance_lab.models.stopping import Watch


@dataclass(frozen=True, config=STRICT)
class LightGBM(Boosted):
    """LightGBM's gradient-boosted trees (Ke et al. 2017); see `Boosted` for the settings.

    With ``deterministic`` and ``force_row_wise`` it gives the same trees whatever the number of threads.
    """

    quiet: ClassVar[dict[str, Any]] = {"verbosity": -1}

    @classmethod
    def classifier(cls) -> type[Any]:
        """Return `lightgbm.LGBMClassifier`."""
        import lightgbm

        return lightgbm.LGBMClassifier

    @classmethod
    def failures(cls) -> tuple[type[Exception], ...]:
        """Return what it raises if it cannot be fitted."""
        import lightgbm

        return (ValueError, lightgbm.basic.LightGBMError)

    def fit_task(self, fresh: Any, task: Task, watch: Watch | None) -> LightGBMTrees:
        """Fit a classifier to one task."""
        categorical = {"categorical_feature": task.categorical} if task.codes else {}
        if watch is None:
            fresh.fit(task.X, task.y, sample_weight=task.weight, **categorical)
            return self._kept(fresh, task, None)
        fresh.set_params(metric="None")  # the library's own metrics are nothing to us
        fresh.fit(
            task.X,
            task.y,
            sample_weight=task.weight,
            eval_set=[task.validation],
            eval_metric=lambda y, proba: ("score", watch(of_both(proba)), True),
            callbacks=[_Stop(watch)],
            **categorical,
        )
        return self._kept(fresh, task, watch.best + 1)

    def _kept(self, fitted: Any, task: Task, rounds: int | None) -> LightGBMTrees:
        text = fitted.booster_.model_to_string(num_iteration=-1 if rounds is None else rounds)
        return LightGBMTrees(text.encode(), tuple(task.classes.tolist()), task.codes)


class _Stop:
    """Ends the training once the watch is over."""

    order, before_iteration = 30, False

    def __init__(self, watch: Watch) -> None:
        self._watch = watch

    def __call__(self, env: Any) -> None:
        from lightgbm.callback import EarlyStopException

        if self._watch.over:
            raise EarlyStopException(self._watch.best, env.evaluation_result_list)


@plain_dataclass(frozen=True)
class LightGBMTrees(FittedTrees):
    """Trees as LightGBM writes them."""

    suffix: ClassVar[str] = "txt"

    @property
    def rounds(self) -> int:
        """Rounds of boosting that were kept."""
        return int(self.model.current_iteration())

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Return probabilities of the classes they saw, shape (n, k)."""
        return of_both(np.asarray(self.model.predict(X, num_threads=1)))

    def _read(self) -> Any:
        import lightgbm

        return lightgbm.Booster(model_str=self.data.decode())
