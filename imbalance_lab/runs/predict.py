"""Predictions of new rows as a table: classes, and probabilities under the class shares that are wanted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy.special import log_softmax

from imbalance_lab.errors import ConfigError, Incompatible
from imbalance_lab.options import nearest
from imbalance_lab.runs.classifier import Classifier
from imbalance_lab.strategies.prior_shift import most_likely_prior
from imbalance_lab.strategies.transductive import TransductiveRule

Prior = Literal["natural", "trained", "estimate"] | Mapping[str, float]
WORDS = ("natural", "trained", "estimate")


def predictions(classifier: Classifier, X: Any, prior: Prior = "natural") -> pd.DataFrame:
    """Return classes and probabilities of rows.

    Parameters
    ----------
    classifier : Classifier
        Fitted.
    X : DataFrame of shape (n, columns)
    prior : {"natural", "trained", "estimate"} or mapping of class to share
        The class shares that the probabilities are for: those of the training data before sampling and weighting, those
        that the scores carry as they are, those found among these rows (`most_likely_prior`), or given ones. The class
        is the decision's, whatever they are.

    Returns
    -------
    DataFrame of shape (n, 1 + C)
        ``class``, and ``probability/<class>`` of each; of several labels ``class/<label>`` (0 or 1) and
        ``probability/<label>`` of each.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> X, y = load_wine(return_X_y=True, as_frame=True)
    >>> classifier = Classifier("inv_freq", "logreg").fit(X, y)
    >>> predictions(classifier, X.head(1)).round(3).to_dict("records")
    [{'class': 0, 'probability/0': 1.0, 'probability/1': 0.0, 'probability/2': 0.0}]
    """
    targets = target_priors(classifier, prior)
    log_proba = classifier.log_proba(X)
    if prior == "estimate":
        targets = estimated(classifier, log_proba)
    return as_table(classifier, log_proba, targets)


def as_table(classifier: Classifier, log_proba: np.ndarray, targets: Sequence[np.ndarray | None]) -> pd.DataFrame:
    """Return the predictions of scores (n, T, C), with probabilities under the class shares of each task.

    Parameters
    ----------
    classifier : Classifier
    log_proba : ndarray of shape (n, T, C)
    targets : sequence of ndarray of shape (C,)
        None leaves the probabilities of a task as they are.
    """
    priors = classifier.fitted_.priors
    moved = [
        corrected(log_proba[:, t], prior.effective, target)
        for t, (prior, target) in enumerate(zip(priors, targets, strict=True))
    ]
    decided = classifier.decide(log_proba)
    if classifier.labels_:
        columns = {f"class/{label}": decided[:, t] for t, label in enumerate(classifier.labels_)}
        return pd.DataFrame(
            columns
            | {f"probability/{label}": part[:, 1] for label, part in zip(classifier.labels_, moved, strict=True)}
        )
    shown = {
        f"probability/{name}": moved[0][:, k]
        for k, name in zip(classifier.class_numbers, classifier.classes_, strict=True)
    }
    return pd.DataFrame({"class": decided} | shown)


def corrected(log_proba: np.ndarray, effective: np.ndarray | None, target: np.ndarray | None) -> np.ndarray:
    """Return probabilities (n, C) under the class shares `target`, of scores that carry `effective` (Saerens 2002).

    They are exactly those of the scores where the two are equal; a class that was not trained on stays where it is.
    """
    if target is None or effective is None or np.array_equal(target, effective):
        return np.asarray(np.exp(log_proba))
    known = (effective > 0) & (target > 0)
    shift = np.where(known, np.log(np.where(known, target, 1)) - np.log(np.where(known, effective, 1)), -np.inf)
    return np.asarray(np.exp(log_softmax(log_proba + shift, axis=1)))


def estimated(classifier: Classifier, log_proba: np.ndarray) -> list[np.ndarray | None]:
    """Return the class shares of each task that are found among the scores (n, T, C) of unlabelled rows."""
    return [
        None if prior.effective is None else most_likely_prior(log_proba[:, t], prior.effective)
        for t, prior in enumerate(classifier.fitted_.priors)
    ]


def looks_at_all_rows(classifier: Classifier) -> bool:
    """Whether the classes of rows depend on the other rows that are predicted with them."""
    return any(isinstance(rule, TransductiveRule) for rule in classifier.fitted_.rules)


def settled(classifier: Classifier, log_proba: np.ndarray) -> Classifier:
    """Return a classifier that decides each row by itself, as it would among rows of the scores (n, T, C)."""
    alone = copy(classifier)
    fitted = classifier.fitted_
    alone.fitted_ = replace(fitted, rules=[rule.on(log_proba[:, t]) for t, rule in enumerate(fitted.rules)])
    return alone


def target_priors(classifier: Classifier, prior: Prior) -> list[np.ndarray | None]:
    """Return the class shares of each task that are asked for; None where the scores stay as they are.

    Raises
    ------
    ConfigError
        If there is no such class or word, or the shares are none.
    Incompatible
        If the scores of the model are no probabilities.
    """
    priors = classifier.fitted_.priors
    if isinstance(prior, str) and prior not in WORDS:
        raise ConfigError(
            f"prior={prior}: natural, trained, estimate, or a share of each class, as in {{A: .1, B: .9}}"
        )
    if prior not in ("natural", "trained") and any(one.effective is None for one in priors):
        raise Incompatible(
            f"prior= moves probabilities, and the scores of {classifier.identity_.name} are none; leave it out, or "
            "refit a model that gives probabilities"
        )
    if prior == "natural":
        return [one.natural for one in priors]
    if isinstance(prior, str):
        return [None for _ in priors]
    if classifier.labels_:
        return _label_shares(classifier.labels_, prior)
    names = [str(name) for name in classifier.classes_]
    given = _class_shares(names, prior)
    by_number = np.empty(len(names))
    by_number[classifier.class_numbers] = given
    return [by_number]


def _class_shares(names: Sequence[str], given: Mapping[str, float]) -> np.ndarray:
    """Return the share of each class; the one class that is left out has the rest."""
    _check_shares(names, given)
    left = [name for name in names if name not in given]
    total = sum(given.values())
    if len(left) > 1 or (left and total >= 1):
        raise ConfigError(f"prior= has no share for class {', '.join(left[:3])}, and nothing is left for it")
    shares = np.array([given.get(name, 1 - total) for name in names])
    return np.asarray(shares / shares.sum())


def _label_shares(labels: Sequence[str], given: Mapping[str, float]) -> list[np.ndarray | None]:
    """Return the shares without and with each label."""
    _check_shares(labels, given)
    if missing := [label for label in labels if label not in given]:
        raise ConfigError(f"prior= has no share for the label {', '.join(missing[:3])}")
    if high := [label for label in labels if given[label] >= 1]:
        raise ConfigError(f"prior= gives the label {high[0]} the share {given[high[0]]:g}; it is below 1")
    return [np.array([1 - given[label], given[label]]) for label in labels]


def _check_shares(names: Sequence[str], given: Mapping[str, float]) -> None:
    for name, share in given.items():
        if name not in names:
            raise ConfigError(f"prior= names '{name}', which the model does not know{nearest(name, list(names))}")
        if not (np.isfinite(share) and share > 0):
            raise ConfigError(f"prior= gives '{name}' the share {share:g}; it is above 0")
