"""Which rows train, which validate and which test. Every class keeps its share."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from typing import Annotated

import numpy as np
from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from imbalance_lab.types import STRICT, DataError, LabWarning, Positive, Share, Split


@dataclass(frozen=True, config=STRICT)
class Holdout:
    """One stratified split into train, validation and test.

    Each class is shared out on its own, so that even a class of three rows has one in every part; the parts' sizes can
    therefore differ from the shares by up to a row per class.

    Parameters
    ----------
    validation, test : float
        Shares of each class; `validation` may be 0.
    seed : int
    """

    validation: Share
    test: Annotated[float, Field(gt=0, lt=1)]
    seed: int = 0

    @model_validator(mode="after")
    def _check(self) -> Holdout:
        if self.validation + self.test >= 1:
            raise ValueError(f"validation={self.validation} and test={self.test} leave no rows to train on")
        return self

    def split(self, y: np.ndarray, class_names: Sequence[str]) -> Iterator[Split]:
        """Yield the one split of labels `y` (n,).

        Raises
        ------
        DataError
            If a class has too few rows.
        """
        _require_rows(y, class_names, 3 if self.validation else 2, "one each for training, validation and test")
        rng = np.random.default_rng(self.seed)
        rest, test = _share_out(np.arange(len(y)), y, self.test, rng)
        train, validation = _share_out(rest, y, self.validation / (1 - self.test), rng)
        yield Split(train, validation, test)


@dataclass(frozen=True, config=STRICT)
class CrossValidation:
    """Stratified k-fold cross-validation; a share of each fold's other rows validates.

    Parameters
    ----------
    folds, repeats : int
    validation : float
        Share of each class's rows outside the test fold; may be 0.
    seed : int
    """

    folds: Annotated[int, Field(ge=2)]
    repeats: Positive
    validation: Share
    seed: int = 0

    def split(self, y: np.ndarray, class_names: Sequence[str]) -> Iterator[Split]:
        """Yield ``folds * repeats`` splits of labels `y` (n,).

        Raises
        ------
        DataError
            If a class has too few rows, or none has a row for every fold.
        """
        from sklearn.model_selection import RepeatedStratifiedKFold

        _require_rows(y, class_names, 3 if self.validation else 2, "one each for training, validation and test")
        counts = np.bincount(y)
        if self.folds > counts.max():
            raise DataError(f"split.folds={self.folds}, but the largest class has {counts.max()} rows; use fewer folds")
        for k in np.flatnonzero(counts < self.folds).tolist():
            text = f"class '{class_names[k]}' has {counts[k]} rows, so only {counts[k]} of {self.folds} folds test it"
            warnings.warn(text, LabWarning, stacklevel=2)
        rng = np.random.default_rng(self.seed)
        folds = RepeatedStratifiedKFold(n_splits=self.folds, n_repeats=self.repeats, random_state=self.seed)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="The least populated class")
            for rest, test in folds.split(y, y):
                train, validation = _share_out(rest, y, self.validation, rng)
                yield Split(train, validation, test)


def _require_rows(y: np.ndarray, class_names: Sequence[str], needed: int, why: str) -> None:
    counts = np.bincount(y, minlength=len(class_names))
    small = [f"'{class_names[k]}' ({counts[k]})" for k in np.flatnonzero(counts < needed).tolist()]
    if small:
        raise DataError(
            f"too few rows to be split in class {', '.join(small[:10])}: each needs {needed}"
            f"{f' ({why})' if needed == 3 else ''}; leave such classes out with min_class_rows={needed}"
        )


def _share_out(
    rows: np.ndarray, y: np.ndarray, share: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Split `rows` into (rest, part): `share` of each class, at least one row unless `share` is 0, never all of it."""
    part = []
    for k in np.unique(y[rows]):
        own = rng.permutation(rows[y[rows] == k])
        size = min(max(round(len(own) * share), 1), len(own) - 1) if share else 0
        part.append(own[:size])
    chosen = np.sort(np.concatenate(part))
    return np.setdiff1d(rows, chosen, assume_unique=True), chosen
