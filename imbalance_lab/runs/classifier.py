"""The whole way from raw columns to classes as a scikit-learn estimator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    check_array,
    check_consistent_length,
    check_is_fitted,
    column_or_1d,
    validate_data,
)

from imbalance_lab import process
from imbalance_lab.data.columns import describe_columns
from imbalance_lab.data.dataset import Dataset, column_kinds
from imbalance_lab.data.rows import Split
from imbalance_lab.data.split import group_numbers, share_out_alike
from imbalance_lab.errors import ConfigError
from imbalance_lab.options import SLOTS, Option, option
from imbalance_lab.runs.fit import Fitted, fit
from imbalance_lab.runs.identity import Identity
from imbalance_lab.runs.observers import Observer
from imbalance_lab.runs.plan import Plan, make_plan
from imbalance_lab.runs.spec import specify
from imbalance_lab.runs.tuning.report import tuning_summary
from imbalance_lab.runs.tuning.space import with_values
from imbalance_lab.runs.tuning.tuner import Tuner
from imbalance_lab.runs.watch import Clock

GROUPS = "groups"  # the column of `Dataset.aside` for those given to `fit`


class Classifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A strategy and a model as one scikit-learn estimator.

    It prepares raw columns (missing values, text categories), samples, weights, trains and decides. Validation rows are
    set aside only where something is fitted on them: a tuned decision, or early stopping.

    Parameters
    ----------
    strategy : str or Strategy
    model : str, Option or object
        An option's name, an option with settings, or a model of one's own.
    sampler, class_weight, loss, decision : str, Option or object, optional
        Fill a slot in the place of the strategy; ``class_weight`` also by hand, as ``{class: weight}``.
    training, prepare : str, Option or mapping, optional
        Settings of a network's training, and of the columns' preparation.
    tuning : str, Option or mapping, optional
        How much the settings of all these are tuned, as ``{"trials": 50}``; on validation rows, which are trained on
        afterwards unless something else is fitted on them, or with ``"on": "cv"`` on folds.
    validation : float
        Share of each class's rows that validates.
    seed : int
        Of every stream of randomness.

    Attributes
    ----------
    classes_ : ndarray of shape (C,)
        Sorted; of several labels their names.
    fitted_ : Fitted
        Preparation, model and decision.
    identity_ : Identity
        What was fitted.
    columns_ : dict
        Of each column its kind, and its range or categories in the rows it was fitted to.
    measured_ : dict or None
        What a run measured of it on rows that it was not fitted to.
    tuned_ : dict
        What tuning came to, as `RunRecord.tuning`; empty without any.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> X, y = load_wine(return_X_y=True, as_frame=True)
    >>> classifier = Classifier("inv_freq", "logreg").fit(X, y)
    >>> classifier.predict(X.head(2)).tolist(), classifier.predict_proba(X.head(2)).shape
    ([0, 0], (2, 3))
    """

    def __init__(
        self,
        strategy: Any = "none",
        model: Any = "mlp",
        *,
        sampler: Any = None,
        class_weight: Any = None,
        loss: Any = None,
        decision: Any = None,
        training: Any = None,
        prepare: Any = None,
        tuning: Any = None,
        validation: float = 0.2,
        seed: int = 0,
    ) -> None:
        self.strategy = strategy
        self.model = model
        self.sampler = sampler
        self.class_weight = class_weight
        self.loss = loss
        self.decision = decision
        self.training = training
        self.prepare = prepare
        self.tuning = tuning
        self.validation = validation
        self.seed = seed

    def fit(self, X: Any, y: Any, groups: Any = None) -> Classifier:
        """Fit everything.

        Parameters
        ----------
        X : DataFrame or array of shape (n, columns)
            Numbers, text, booleans; missing values are fine.
        y : array-like of shape (n,), or DataFrame of shape (n, labels)
            Classes of any type; of several labels one column of 0 and 1 each.
        groups : array-like of shape (n,), optional
            Rows of one group stay together, in training, validation and the folds of ``decision.cv``.

        Raises
        ------
        LabError
            What a person can put right.
        """
        frame = self._checked(X, reset=True)
        dataset = self._dataset(frame, self._checked_labels(y))
        check_consistent_length(frame, dataset.y, groups)
        if groups is not None:
            dataset = replace(dataset, aside={GROUPS: pd.Series(np.asarray(groups))})
        with process.session():
            identity, plan = self._tuned(self._identity(dataset), dataset)
            self.fitted_, _ = fit(
                plan, dataset, self._split(plan, dataset), 0, Clock(), Observer(), lambda epoch, metrics: None
            )
        self.identity_ = identity.without_objects("dataset")
        self.labels_, self.columns_ = dataset.labels, describe_columns(dataset)
        self.measured_: dict[str, Any] | None = None
        return self

    def _tuned(self, identity: Identity, dataset: Dataset) -> tuple[Identity, Plan]:
        """Return what is fitted: with the settings as they are given, or the best that tuning tries."""
        plan, self.tuned_ = make_plan(identity, dataset), dict[str, Any]()
        if not identity.tuning:
            return identity, plan
        with Tuner(identity, plan, dataset, None) as tuner:
            split = self._split(plan, dataset, identity.tuning["on"] == "validation")
            plan, tuned = tuner(dataset, split, 0, Observer())
        self.tuned_ = tuning_summary(identity.tuning, [tuned])
        return with_values(identity, self.tuned_["best"]), plan

    @classmethod
    def of(
        cls,
        fitted: Fitted,
        identity: Identity,
        classes: np.ndarray,
        order: np.ndarray,
        labels: tuple[str, ...],
        columns: Mapping[str, Any],
        named: bool = True,
        measured: Mapping[str, Any] | None = None,
    ) -> Classifier:
        """Return the classifier of what is fitted already.

        Parameters
        ----------
        fitted : Fitted
        identity : Identity
            What was fitted; the parameters are taken from it.
        classes : ndarray of shape (C,)
            As `predict` returns them.
        order : ndarray of shape (C,)
            Which of `classes` each class number stands for.
        labels : tuple of str
        columns : mapping
            As `describe_columns` returns it; empty if rows are no rows of a table.
        named : bool
            Whether it was fitted to a DataFrame.
        measured : mapping, optional
            What a run measured of it.
        """
        options, split = identity.options, identity.options["split"].settings
        slots = {slot: _given(options[slot]) for slot in SLOTS if not options[slot].is_empty}
        others = {group: _given(options[group]) for group in ("training", "prepare") if options[group].changed}
        made = cls(
            model=_given(options["model"]),
            **slots,
            **others,
            validation=split.get("validation", 0.2),
            seed=identity.seed,
        )
        made.fitted_, made.identity_ = fitted, identity.without_objects("dataset")
        made.classes_, made._order, made.labels_ = classes, order, labels
        made.columns_, made.measured_ = dict(columns), None if measured is None else dict(measured)
        made.tuned_ = (made.measured_ or {}).get("tuning", {})
        made._columns = list(columns)
        if columns:
            made.n_features_in_ = len(columns)
        if columns and named:
            made.feature_names_in_ = np.array(made._columns, dtype=object)
        return made

    @classmethod
    def of_run(
        cls, fitted: Fitted, identity: Identity, dataset: Dataset, measured: Mapping[str, Any] | None = None
    ) -> Classifier:
        """Return the classifier that a run fitted on rows of a dataset; its classes are in the dataset's order."""
        classes = np.array(dataset.labels or dataset.class_names, dtype=object)
        order = np.arange(len(dataset.tasks[0]))
        columns = describe_columns(dataset)
        return cls.of(fitted, identity, classes, order, dataset.labels, columns, measured=measured)

    def save(self, folder: str | Path) -> Path:
        """Write what is fitted into a folder, from which `imbalance_lab.load` reads it; a model there is replaced.

        Returns
        -------
        Path

        Raises
        ------
        DataError
            If the folder holds something else, or cannot be written, or the model is made of what cannot be saved.
        """
        from imbalance_lab.runs.saving import save

        check_is_fitted(self)
        return save(self, folder)

    def predict(self, X: Any) -> np.ndarray:
        """Return the class of each row, shape (n,); of several labels 0 or 1 for each, shape (n, labels)."""
        return self.decide(self.log_proba(X))

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probability of each of `classes_`, shape (n, C); of several labels of each, shape (n, labels).

        They are those the model gives, under the class shares it was trained to (its effective prior), before the
        decision.
        """
        proba = np.exp(self.log_proba(X))
        return proba[:, :, 1] if self.labels_ else proba[:, 0][:, self.class_numbers]

    def log_proba(self, X: Any) -> np.ndarray:
        """Return the log-probabilities of each task, shape (n, T, C), classes by number: what a decision is made of."""
        check_is_fitted(self)
        frame = self._checked(X, reset=False)
        with process.session():
            return self.fitted_.log_proba(frame)

    def decide(self, log_proba: np.ndarray) -> np.ndarray:
        """Return the classes that `predict` gives rows of log-probabilities (n, T, C)."""
        decided = self.fitted_.decide(log_proba)
        return decided if self.labels_ else self.classes_[self._order[decided[:, 0]]]

    @property
    def class_numbers(self) -> np.ndarray:
        """The number that each of `classes_` has in log-probabilities, shape (C,)."""
        return np.argsort(self._order)

    def _checked(self, X: Any, reset: bool) -> Any:
        """Return the columns as a frame with the names they were fitted under; rows of no table as they are."""
        if not reset and not self._columns:
            return np.asarray(X)
        if not isinstance(X, pd.DataFrame):
            X = validate_data(self, X, reset=reset, dtype=None, ensure_all_finite="allow-nan")
            frame = pd.DataFrame(X, columns=[f"x{k}" for k in range(X.shape[1])]).infer_objects()
        else:
            validate_data(self, X, reset=reset, skip_check_array=True)
            frame = X.set_axis([str(name) for name in X.columns], axis=1).reset_index(drop=True)
        if reset:
            self._columns: list[str] = list(frame.columns)
        return frame.set_axis(self._columns, axis=1)

    def _checked_labels(self, y: Any) -> Any:
        if y is None:
            raise ValueError(f"{type(self).__name__} requires y to be passed, but the target y is None")
        labels = check_array(y, ensure_2d=False, dtype=None, input_name="y")
        check_classification_targets(labels)
        if labels.ndim == 2 and labels.shape[1] > 1:
            return y if isinstance(y, pd.DataFrame) else pd.DataFrame(labels).add_prefix("label_")
        return column_or_1d(labels, warn=True)

    def _dataset(self, X: pd.DataFrame, y: Any) -> Dataset:
        """Return the rows with classes by number, and remember which of `classes_` each number stands for."""
        if isinstance(y, pd.DataFrame):
            dataset = Dataset.from_indicators("data", X, y)
            self.classes_, self._order = np.array(dataset.labels, dtype=object), np.arange(2)
            return dataset
        self.classes_, numbers = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"{type(self).__name__} needs two classes, and y has one class only: {self.classes_[0]!r}")
        names = tuple(str(label) for label in self.classes_)
        if len(set(names)) < len(names):
            raise ConfigError("two classes are written alike; name them apart")
        # Of two classes the rarer is the positive one, as everywhere here.
        turned = len(names) == 2 and numbers.mean() > 0.5
        self._order = np.array([1, 0]) if turned else np.arange(len(names))
        by_number = tuple(names[k] for k in self._order)
        return Dataset("data", X, self._order[numbers].astype(np.int64), by_number, column_kinds(X))

    def _identity(self, dataset: Dataset) -> Identity:
        given = {
            key: getattr(self, key)
            for key in ("sampler", "class_weight", "loss", "decision", "training", "prepare", "tuning")
        }
        split: Any = {"validation": self.validation}
        if dataset.aside:
            split = option("split", "group", groups=GROUPS, **split)
        return specify(dataset, self.strategy, self.model, split=split, seed=self.seed, **given)

    def _split(self, plan: Plan, dataset: Dataset, validates: bool = False) -> Split:
        """Return training rows, and validation rows where something is fitted on them, or they are asked for."""
        rows, nothing = np.arange(len(dataset.y)), np.arange(0)
        if not (plan.needs_validation or validates):
            return Split(rows, nothing, nothing)
        numbers = None if plan.split.groups is None else group_numbers(dataset, plan.split.groups)
        train, validation = share_out_alike(rows, dataset.y, numbers, self.validation, self.seed)
        return Split(train, validation, nothing)

    def __sklearn_tags__(self) -> Any:
        """Say that missing values, text and several labels are fine."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        tags.target_tags.multi_output = False
        tags.classifier_tags.multi_label = True
        return tags


def _given(option: Option) -> Any:
    """Return an option as a parameter: its name where it is as in its file."""
    return option if option.changed or option.made is not None else option.name
