"""What the boosted trees of all libraries share: rounds that stop by our metric, and the fitted model."""

from __future__ import annotations

import json
import warnings
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass as plain_dataclass
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from pydantic import StrictBool
from pydantic.dataclasses import dataclass
from sklearn.base import clone

from imbalance_lab.data.rows import Rows, Seeds, TrainingSet
from imbalance_lab.errors import ConfigError, DataError, reason_of
from imbalance_lab.evaluation.metrics import HEADLINE, METRICS, Metric
from imbalance_lab.fields import STRICT, Positive
from imbalance_lab.models.base import FittedModel, NetworkTraining
from imbalance_lab.models.estimator import FLOOR, Estimator
from imbalance_lab.models.stopping import Watch
from imbalance_lab.models.training import Training

NEEDS = ("classes", "confusion", "scores", "probabilities")  # of a metric that one task has a value of
ABOUT = "trees.json"


@dataclass(frozen=True, config=STRICT)
class Boosted(Estimator):
    """Boosted trees; of several labels a model for each.

    Parameters
    ----------
    estimator : classifier
        The library's own with scikit-learn's interface, cloned before every fit; its ``random_state`` is set from the
        run's seed.
    patience : int or None
        Rounds without a better value of `metric` on validation rows (of equal values, a smaller loss) before boosting
        stops; the rounds up to the best one are kept. None trains every round.
    metric : str
        What `patience` waits for, computed from the most probable classes, before any decision.
    native : bool
        Whether the library sees categories and missing values itself. Otherwise they are encoded and filled as for
        other models.
    """

    patience: Positive | None = None
    metric: str = HEADLINE
    native: StrictBool = True

    rounds: ClassVar[str] = "n_estimators"  # the library's name for their number
    # What keeps the library from the screen and the working folder, unless the settings say otherwise.
    quiet: ClassVar[dict[str, Any]] = {}

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.estimator, self.classifier()):
            wanted = self.classifier().__name__
            raise ConfigError(f"model.estimator is {type(self.estimator).__name__}, where {wanted} is needed")
        self.stopping_metric()

    @classmethod
    @abstractmethod
    def classifier(cls) -> type[Any]:
        """Return the library's class."""

    @abstractmethod
    def fit_task(self, fresh: Any, task: Task, watch: Watch | None) -> FittedTrees:
        """Fit a library's classifier to one task, rounds after the best that `watch` saw left out."""

    def stopping_metric(self) -> Metric:
        """Return what `patience` waits for.

        Raises
        ------
        ConfigError
            If there is no such metric.
        """
        known = {name: metric for name, metric in METRICS.items() if metric.function and metric.needs in NEEDS}
        if self.metric not in known:
            raise ConfigError(f"model.metric={self.metric} is no metric; it can be {', '.join(known)}")
        return known[self.metric]

    def stops_early(self, training: Training | None) -> bool:
        """Whether it watches validation rows while it is trained."""
        return self.patience is not None

    def trained_for(self, steps: int, training: Training | None) -> tuple[Boosted, Training | None]:
        """Return what trains for so many rounds and watches no validation rows."""
        estimator = clone(self.estimator).set_params(**{self.rounds: steps})
        return replace(self, estimator=estimator, patience=None), training

    def fit(
        self, train: TrainingSet, validation: Rows, seeds: Seeds, training: NetworkTraining | None = None
    ) -> FittedBoosted:
        """Fit a clone per task; weights are passed on only where some class counts more than another.

        Raises
        ------
        ConfigError
            If it is to stop early, and there are no validation rows.
        DataError
            If the library cannot be fitted to these rows.
        """
        if self.patience is not None and not len(validation.y):
            raise ConfigError("early stopping watches validation rows, and there are none; use model.patience=null")
        return FittedBoosted(
            [self._fit_one(train, t, validation, seeds) for t in range(train.y.shape[1])], train.class_weight.shape[1]
        )

    def _fit_one(self, train: TrainingSet, t: int, validation: Rows, seeds: Seeds) -> FittedTrees:
        classes, y = np.unique(train.y[:, t], return_inverse=True)
        name, weight = type(self.estimator).__name__, train.class_weight[t]
        if len(classes) < 2:
            raise DataError(f"{name} cannot be fitted to rows of one class only")
        seen = np.isin(validation.y[:, t], classes)  # no library takes rows of others
        held_out = Rows(validation.X[seen], np.searchsorted(classes, validation.y[seen, t]))
        weights = weight[train.y[:, t]] if np.ptp(weight) > 0 else None
        task = Task(train.X, y, weights, held_out, classes, train.codes)
        watch = None
        if self.patience is not None and seen.any():
            watch = Watch(held_out.y, weight[classes], self.stopping_metric(), self.patience)
        fresh = clone(self.estimator).set_params(random_state=seeds.initialisation)
        given = fresh.get_params()
        fresh.set_params(**{key: value for key, value in self.quiet.items() if given.get(key) is None})
        try:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", message="Failed to import numba|Can't optimi[sz]e method")  # CatBoost
                warnings.filterwarnings("ignore", message="The argument 'eval_set' is deprecated")  # LightGBM
                return self.fit_task(fresh, task, watch)
        except self.failures() as error:
            raise DataError(f"{name} cannot be fitted to these rows: {reason_of(error)}") from error

    @classmethod
    @abstractmethod
    def failures(cls) -> tuple[type[Exception], ...]:
        """Return what the library raises if it cannot be fitted."""


@plain_dataclass(frozen=True)
class Task:
    """What one classifier is fitted to.

    Parameters
    ----------
    X : ndarray of shape (m, d)
    y : ndarray of shape (m,)
        Numbers of `classes`.
    weight : ndarray of shape (m,), or None
    validation : Rows
        With `y` (v,), numbers of `classes` as well.
    classes : ndarray of shape (k,)
        The classes that have training rows.
    codes : int
        Columns of `X`, the last, that are category codes.
    """

    X: np.ndarray
    y: np.ndarray
    weight: np.ndarray | None
    validation: Rows
    classes: np.ndarray
    codes: int

    @property
    def categorical(self) -> list[int]:
        """Numbers of the columns that are category codes."""
        width = self.X.shape[1]
        return list(range(width - self.codes, width))


@plain_dataclass(frozen=True)
class FittedTrees:
    """Fitted trees of one task.

    They are kept in the library's own file format, which pickles, copies, and runs no code when it is read.

    Parameters
    ----------
    data : bytes
        The file.
    classes : tuple of int
        The classes they saw.
    codes : int
        Features, the last, that are category codes.
    """

    data: bytes
    classes: tuple[int, ...]
    codes: int

    suffix: ClassVar[str]

    @abstractmethod
    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Return probabilities of the classes they saw, shape (n, k)."""

    @property
    @abstractmethod
    def rounds(self) -> int:
        """Rounds of boosting that were kept."""

    @cached_property
    def model(self) -> Any:
        """The library's object."""
        return self._read()

    @abstractmethod
    def _read(self) -> Any: ...

    def __getstate__(self) -> dict[str, Any]:
        """Return what is kept, without the library's object."""
        return {"data": self.data, "classes": self.classes, "codes": self.codes}


@plain_dataclass(frozen=True)
class FittedBoosted(FittedModel):
    """Fitted boosted trees, one model per task, whose columns are all the classes, those they never saw included.

    Parameters
    ----------
    trees : list of FittedTrees
    n_classes : int
    """

    trees: list[FittedTrees]
    n_classes: int

    history = None

    @property
    def steps(self) -> int:
        """Rounds of boosting that were kept, the mean over tasks."""
        return round(float(np.mean([trees.rounds for trees in self.trees])))

    def predict_log_proba(self, X: np.ndarray) -> np.ndarray:
        """Return log-probabilities, shape (n, T, C), float64."""
        log_proba = np.full((len(X), len(self.trees), self.n_classes), FLOOR)
        if len(X):
            for t, trees in enumerate(self.trees):
                proba = trees.predict_proba(X).astype(np.float64)
                with np.errstate(divide="ignore"):
                    log_proba[:, t, list(trees.classes)] = np.maximum(np.log(proba), FLOOR)
        return log_proba

    def save(self, folder: Path) -> None:
        """Write ``trees-<task>`` in the library's own format, and ``trees.json``, which says what they are."""
        folder.mkdir(parents=True, exist_ok=True)
        about = []
        for t, trees in enumerate(self.trees):
            file = folder / f"trees-{t}.{trees.suffix}"
            file.write_bytes(trees.data)
            about.append({"file": file.name, "classes": trees.classes, "codes": trees.codes})
        (folder / ABOUT).write_text(json.dumps(about, indent=1), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, tasks: int, classes: int, trusted: Sequence[str] = ()) -> Self:
        """Return the model whose files are in `folder`, of `tasks` tasks of `classes` classes.

        Raises
        ------
        DataError
            If a file is missing or damaged.
        """
        try:
            about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
            parts = [_read_trees(folder / Path(one["file"]).name, one) for one in about]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(f"{folder / ABOUT} is damaged ({reason_of(error)}); save the model again") from error
        if len(parts) != tasks or any(not set(trees.classes) <= set(range(classes)) for trees in parts):
            raise DataError(f"{folder / ABOUT} is damaged: it is of other classes; save the model again")
        return cls(parts, classes)


def _read_trees(file: Path, about: dict[str, Any]) -> FittedTrees:
    from imbalance_lab.models.boosting import catboost, lightgbm, xgboost

    kinds = (lightgbm.LightGBMTrees, xgboost.XGBoostTrees, catboost.CatBoostTrees)
    kind = next((kind for kind in kinds if file.suffix == f".{kind.suffix}"), None)
    if kind is None:
        raise ValueError(f"{file.name} is of no known format")
    trees = kind(file.read_bytes(), tuple(int(k) for k in about["classes"]), int(about["codes"]))
    try:
        trees.model  # noqa: B018 (what is damaged is noticed here)
    except Exception as error:
        raise DataError(f"{file} cannot be loaded: {reason_of(error)}; save the model again") from error
    return trees


def of_both(proba: np.ndarray) -> np.ndarray:
    """Return probabilities (n, k) where those of two classes may be given by the second's alone, shape (n,)."""
    return proba if proba.ndim == 2 else np.column_stack([1.0 - proba, proba])
