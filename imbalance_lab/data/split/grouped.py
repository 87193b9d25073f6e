"""Splits that keep the rows of a group together, as those of one patient; classes keep their shares as it goes."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterator
from fractions import Fraction
from itertools import product
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
import pandas as pd
from pydantic import Field
from pydantic.dataclasses import dataclass

from imbalance_lab import process
from imbalance_lab.data.base import Splitter
from imbalance_lab.data.rows import Split
from imbalance_lab.data.split.shares import Shares
from imbalance_lab.data.split.stratified import combinations, share_out
from imbalance_lab.errors import DataError
from imbalance_lab.fields import STRICT, Positive, Seed, Share

if TYPE_CHECKING:
    from imbalance_lab.data.dataset import Dataset

CACHED_FOLDS = 32
MOST_FOLDS = 20  # of which some make a share: .15 is three of twenty
ADVICE = "split=group_cv, which tests each group once, or leave such classes out with min_class_rows="


@dataclass(frozen=True, config=STRICT)
class GroupHoldout(Shares):
    """Rows of a group stay together, in training, validation or test.

    The test rows are so many folds of scikit-learn's ``StratifiedGroupKFold`` as make their share (at ``test=0.2`` one
    of five), the first for which no part lacks a class, if there is one; the validation rows are folds of the rest.

    Parameters
    ----------
    validation, test : float
        Shares of the rows; `validation` may be 0. Large groups, and few, keep them from being met.
    groups : str
        The column that says which group a row is of; it is no feature.
    seed : int
    """

    groups: str = Field()
    seed: Seed = 0
    option: ClassVar[str] = "group"
    advice: ClassVar[str] = ADVICE

    def split(self, data: Dataset) -> Iterator[Split]:
        """Yield the one split.

        Raises
        ------
        DataError
            If a row is of no group, or there are fewer groups than parts.
        """
        groups = group_numbers(data, self.groups)
        require_groups(groups, 3 if self.validation else 2, self.groups)
        rest, test = share_out_groups(
            np.arange(len(data)), data.y, groups, self.test, self.seed, left=2 if self.validation else 1
        )
        yield Split(*share_out_groups(rest, data.y, groups, self.validation_of_rest, self.seed), test)


@dataclass(frozen=True, config=STRICT)
class GroupCrossValidation(Splitter):
    """Each group is tested once: cross-validation by scikit-learn's ``StratifiedGroupKFold``.

    Parameters
    ----------
    folds, repeats : int
    validation : float
        Share of the rows outside the test fold, in whole groups; may be 0.
    groups : str
        The column that says which group a row is of; it is no feature.
    seed : int
    """

    folds: Annotated[int, Field(ge=2)]
    repeats: Positive
    validation: Share
    groups: str = Field()
    seed: Seed = 0
    option: ClassVar[str] = "group_cv"
    advice: ClassVar[str] = "fewer folds, or leave such classes out with min_class_rows="

    def split(self, data: Dataset) -> Iterator[Split]:
        """Yield ``folds * repeats`` splits.

        Raises
        ------
        DataError
            If a row is of no group, or there are fewer groups than folds or parts.
        """
        groups = group_numbers(data, self.groups)
        require_groups(groups, 3 if self.validation else 2, self.groups)
        if self.folds > (found := groups.max() + 1):
            raise DataError(
                f"split.folds={self.folds}, but split.groups={self.groups} has {found} groups; use split.folds={found}"
            )
        rows = np.arange(len(data))
        for seed in [self.seed, *np.random.SeedSequence(self.seed).generate_state(self.repeats - 1).tolist()]:
            for test in group_folds(rows, data.y, groups, self.folds, seed):
                rest = np.setdiff1d(rows, test, assume_unique=True)
                yield Split(*share_out_groups(rest, data.y, groups, self.validation, seed), test)


def group_numbers(data: Dataset, column: str) -> np.ndarray:
    """Return the number of each row's group, shape (n,).

    Raises
    ------
    DataError
        If a row is of none.
    """
    values = data.aside[column]
    if missing := int(values.isna().sum()):
        first = int(np.flatnonzero(values.isna())[0]) + 1
        raise DataError(
            f"split.groups={column}: {missing} of {len(values)} rows have no group, first row {first}; "
            "fill it in, or remove those rows"
        )
    return np.asarray(pd.factorize(values, sort=True)[0])


def require_groups(groups: np.ndarray, needed: int, column: str) -> None:
    """Refuse fewer groups than are needed."""
    if (found := len(np.unique(groups))) < needed:
        has = "one group only" if found == 1 else f"{found} groups"
        why = "for training, validation and test" if needed == 3 else "for training and test"
        what = "; use another column" + (", or split.validation=0" if found == 2 else "")
        raise DataError(f"split.groups={column} has {has}, and {needed} are needed {why}{what}")


def group_folds(rows: np.ndarray, y: np.ndarray, groups: np.ndarray, folds: int, seed: int) -> list[np.ndarray]:
    """Return `rows` in folds of whole groups, with each class in its share as far as groups allow.

    Parameters
    ----------
    rows : ndarray of shape (m,)
        Numbers of rows.
    y : ndarray of shape (n,) or (n, T)
        Of all rows; several labels are stratified by their combinations.
    groups : ndarray of shape (n,)
        Of all rows.
    folds, seed : int
    """
    strata, own = combinations(y)[rows], groups[rows]
    if np.bincount(strata).max() < folds:  # nothing to stratify by
        strata = np.zeros(len(rows), dtype=int)

    def make() -> list[np.ndarray]:
        from sklearn.model_selection import StratifiedGroupKFold

        splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="The least populated class")
            return [test for _, test in splitter.split(strata, strata, own)]

    # It takes seconds for thousands of groups, and the runs of a sweep share it.
    digest = hashlib.blake2b(strata.tobytes() + own.tobytes(), digest_size=16).digest()
    return [rows[test] for test in process.cached("group folds", CACHED_FOLDS, (digest, folds, seed), make)]


def share_out_groups(
    rows: np.ndarray, y: np.ndarray, groups: np.ndarray, share: float, seed: int, left: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Split `rows` into (rest, part) by whole groups: about `share` of them, nothing if it is 0.

    Of the folds that may be the part, those come first with which the rest lacks no class, then the part. The rest
    keeps so many groups as are to be `left`.

    Raises
    ------
    DataError
        If the rows are of one group.
    """
    if not share:
        return rows, rows[:0]
    if (found := len(np.unique(groups[rows]))) == 1:
        raise DataError("all training rows are of one group, so none can be for validation; set validation=0")
    part = _as_folds(share, found)
    folds = group_folds(rows, y, groups, part.denominator, seed)
    strata = combinations(y)
    classes = len(np.unique(strata[rows]))
    best, fewest = rows[:0], (True, classes, classes)
    for size, first in product(range(part.numerator, 0, -1), range(len(folds))):
        if first == 0 and not fewest[0]:  # so many folds will do
            break
        chosen = np.sort(np.concatenate([folds[(first + k) % len(folds)] for k in range(size)]))
        rest = np.setdiff1d(rows, chosen, assume_unique=True)
        lacking, lacks = (classes - len(np.unique(strata[some])) for some in (rest, chosen))
        doubt = len(np.unique(groups[rest])) < left, lacking, lacks
        if doubt < fewest:
            best, fewest = chosen, doubt
        if fewest == (False, 0, 0):
            break
    return np.setdiff1d(rows, best, assume_unique=True), best


def share_out_alike(
    rows: np.ndarray, y: np.ndarray, groups: np.ndarray | None, share: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Split `rows` into (rest, part) by whole groups if there are any, otherwise by class."""
    if groups is None:
        return share_out(rows, y, share, np.random.default_rng(seed))
    return share_out_groups(rows, y, groups, share, seed)


def _as_folds(share: float, groups: int) -> Fraction:
    """Return the share as so many of so many folds.

    >>> _as_folds(0.15, 50), _as_folds(0.2, 3), _as_folds(0.01, 1000)
    (Fraction(3, 20), Fraction(1, 3), Fraction(1, 100))
    """
    most = min(groups, MOST_FOLDS)
    found = Fraction(share).limit_denominator(most)
    if found == 0:
        return Fraction(1, max(round(min(1 / share, groups)), 2))
    return found if found < 1 else Fraction(most - 1, most)
