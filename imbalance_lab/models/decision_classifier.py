"""A decision on top of any scikit-learn classifier."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_array, check_is_fitted, column_or_1d

from imbalance_lab.data.rows import Priors, shares
from imbalance_lab.errors import ConfigError, LabWarning
from imbalance_lab.models.estimator import classifier_log_proba
from imbalance_lab.options import option_of
from imbalance_lab.strategies.decisions import Decision
from imbalance_lab.strategies.rules import as_rule


def _gives_probabilities(classifier: DecisionClassifier) -> bool:
    return hasattr(getattr(classifier, "estimator_", classifier.estimator), "predict_proba")


class DecisionClassifier(ClassifierMixin, MetaEstimatorMixin, BaseEstimator):
    """A classifier whose scores become classes by a decision: tuned thresholds, prior correction, minimum cost.

    Of two classes and of more; scikit-learn's ``TunedThresholdClassifierCV`` refuses the latter.

    Parameters
    ----------
    estimator : classifier
        A fitted one is left as it is, and `fit` fits the decision on the rows it is given, which should be others than
        it was trained on. One that is not fitted is fitted to all rows, and the decision to cross-validated scores of
        them.
    decision : str, Option or object
        An option of the group ``decision``, or an object of one's own.
    cv : int
        Folds of the cross-validated scores; the decision's own ``cv`` goes before it.
    random_state : int
        Decides the folds.

    Attributes
    ----------
    estimator_ : classifier
        The fitted one.
    classes_ : ndarray of shape (C,)
    rule_ : Rule
        Log-probabilities (n, C) to class numbers (n,).

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.preprocessing import scale
    >>> X, y = load_wine(return_X_y=True)
    >>> tuned = DecisionClassifier(LogisticRegression(), decision="tuned_threshold").fit(scale(X), y)
    >>> bool(tuned.score(scale(X), y) > 0.95)
    True
    """

    def __init__(
        self, estimator: Any, decision: Any = "tuned_threshold", *, cv: int = 5, random_state: int = 0
    ) -> None:
        self.estimator = estimator
        self.decision = decision
        self.cv = cv
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> DecisionClassifier:
        """Fit the decision, and the classifier where it is not fitted.

        Parameters
        ----------
        X : array-like of shape (n, d)
            Whatever the classifier takes.
        y : array-like of shape (n,)

        Raises
        ------
        ConfigError
            If a class has fewer rows than there are folds, or the fitted classifier does not know a class.
        """
        if y is None:
            raise ValueError(f"{type(self).__name__} requires y to be passed, but the target y is None")
        labels = column_or_1d(check_array(y, ensure_2d=False, dtype=None, input_name="y"), warn=True)
        check_classification_targets(labels)
        decision: Decision = option_of("decision", self.decision).build()
        if _is_fitted(self.estimator):
            if decision.cv is not None:
                raise ConfigError(
                    f"decision.cv={decision.cv} fits the classifier anew, and a fitted one is left as it is; leave out "
                    "decision.cv, or give one that is not fitted"
                )
            self.estimator_ = self.estimator
            scores = classifier_log_proba(self.estimator_, X)
        else:
            scores = self._cross_validated(X, labels, decision)
            self.estimator_ = clone(self.estimator).fit(X, labels)
        self.classes_ = self.estimator_.classes_
        numbers = self._numbers(labels)
        names = [str(label) for label in self.classes_]
        prior = shares(np.bincount(numbers, minlength=len(names)).astype(float))
        tuned_on = numbers[: len(scores)]
        if doubts := decision.doubts([tuned_on], [names]):
            warnings.warn(doubts, LabWarning, stacklevel=2)
        self.rule_ = as_rule(decision.for_classes(names).fit(scores, tuned_on, Priors(prior, prior)))
        if hasattr(self.estimator_, "n_features_in_"):
            self.n_features_in_ = self.estimator_.n_features_in_
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Return the class of each row, shape (n,)."""
        check_is_fitted(self)
        return np.asarray(self.classes_[self.rule_(classifier_log_proba(self.estimator_, X))])

    @available_if(_gives_probabilities)
    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the classifier's own probabilities, shape (n, C)."""
        check_is_fitted(self)
        return np.asarray(self.estimator_.predict_proba(X))

    def _cross_validated(self, X: Any, y: np.ndarray, decision: Decision) -> np.ndarray:
        """Return log-probabilities, shape (n, C), of rows that were not trained on."""
        if not decision.tuned:
            return np.zeros((0, len(np.unique(y))))
        labels, counts = np.unique(y, return_counts=True)
        number = decision.cv or self.cv
        if counts.min() < number:
            rare = labels[counts.argmin()]
            raise ConfigError(f"class '{rare}' has {counts.min()} rows, fewer than cv={number} folds; lower cv")
        folds = StratifiedKFold(number, shuffle=True, random_state=self.random_state)
        return np.asarray(cross_val_predict(_Scorer(self.estimator), X, y, cv=folds, method="predict_proba"))

    def _numbers(self, y: np.ndarray) -> np.ndarray:
        known = np.isin(y, self.classes_)
        if not known.all():
            raise ConfigError(f"the fitted classifier does not know the class '{y[~known][0]}'")
        return np.searchsorted(self.classes_, y)

    def __sklearn_tags__(self) -> Any:
        """Return the tags of the classifier inside."""
        tags = super().__sklearn_tags__()
        inner = getattr(self.estimator, "__sklearn_tags__", None)
        if inner is not None:
            tags.input_tags = inner().input_tags
        return tags


class _Scorer(ClassifierMixin, BaseEstimator):
    """Gives log-probabilities where scikit-learn asks for probabilities, so that it can cross-validate any score."""

    def __init__(self, estimator: Any) -> None:
        self.estimator = estimator

    def fit(self, X: Any, y: Any) -> _Scorer:
        self.fitted_ = clone(self.estimator).fit(X, y)
        self.classes_ = self.fitted_.classes_
        return self

    def predict(self, X: Any) -> np.ndarray:
        return np.asarray(self.fitted_.predict(X))

    def predict_proba(self, X: Any) -> np.ndarray:
        return classifier_log_proba(self.fitted_, X)


def _is_fitted(estimator: Any) -> bool:
    try:
        check_is_fitted(estimator)
    except NotFittedError:
        return False
    return True
