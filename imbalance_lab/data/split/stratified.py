"""Splits in which every class keeps its share."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import numpy as np
from pydantic import Field
from pydantic.dataclasses import dataclass

from imbalance_lab.data.base import Splitter
from imbalance_lab.data.rows import Split
from imbalance_lab.data.split.shares import Shares
from imbalance_lab.errors import DataError
from imbalance_lab.fields import STRICT, Positive, Seed, Share

if TYPE_CHECKING:
    from imbalance_lab.data.dataset import Dataset


@dataclass(frozen=True, config=STRICT)
class Holdout(Shares):
    """One stratified split into train, validation and test.

    Each class is shared out on its own, so that even a class of three rows has one in every part; the parts' sizes can
    therefore differ from the shares by up to a row per class.

    Parameters
    ----------
    validation, test : float
        Shares of each class; `validation` may be 0.
    seed : int
    """

    seed: Seed = 0

    def split(self, data: Dataset) -> Iterator[Split]:
        """Yield the one split by class, or of several labels by their combinations.

        Raises
        ------
        DataError
            If a class has too few rows.
        """
        y = data.y
        _require_rows(data, 3 if self.validation else 2)
        rng = np.random.default_rng(self.seed)
        rest, test = share_out(np.arange(len(y)), y, self.test, rng)
        train, validation = share_out(rest, y, self.validation_of_rest, rng)
        yield Split(train, validation, test)


@dataclass(frozen=True, config=STRICT)
class CrossValidation(Splitter):
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
    seed: Seed = 0

    def split(self, data: Dataset) -> Iterator[Split]:
        """Yield ``folds * repeats`` splits by class, or of several labels by their combinations.

        Raises
        ------
        DataError
            If a class has too few rows, or none has a row for every fold.
        """
        y = data.y
        counts = _require_rows(data, 3 if self.validation else 2)
        if self.folds > counts.max():
            raise DataError(f"split.folds={self.folds}, but the largest class has {counts.max()} rows; use fewer folds")
        rng = np.random.default_rng(self.seed)
        for rest, test in self._folds(y, rng):
            train, validation = share_out(rest, y, self.validation, rng)
            yield Split(train, validation, test)

    def _folds(self, y: np.ndarray, rng: np.random.Generator) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield (other rows, test rows)."""
        strata = combinations(y)
        if y.ndim == 2 and np.bincount(strata).min() < self.folds:
            for _ in range(self.repeats):
                part = iterative_parts(y, np.full(self.folds, 1 / self.folds), rng)
                yield from ((np.flatnonzero(part != fold), np.flatnonzero(part == fold)) for fold in range(self.folds))
            return
        from sklearn.model_selection import RepeatedStratifiedKFold

        folds = RepeatedStratifiedKFold(n_splits=self.folds, n_repeats=self.repeats, random_state=self.seed)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="The least populated class")
            yield from list(folds.split(strata, strata))


def combinations(y: np.ndarray) -> np.ndarray:
    """Return the class of each row, shape (n,); of labels (n, T) the number of their combination."""
    return y if y.ndim == 1 else np.unique(y, axis=0, return_inverse=True)[1].ravel()


def iterative_parts(y: np.ndarray, shares: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Share out rows so that each label keeps its frequency in every part: iterative stratification.

    The label with the fewest rows left is dealt out first, each row to the part that still wants most of that label for
    its size, of equal ones to the part that wants most rows (Sechidis, Tsoumakas and Vlahavas 2011, algorithm 1).

    Parameters
    ----------
    y : ndarray of shape (n, T)
        0 or 1.
    shares : ndarray of shape (k,)
        Of each part; they sum to 1.
    rng : Generator
        Breaks ties.

    Returns
    -------
    ndarray of shape (n,)
        The part of each row.
    """
    part = np.full(len(y), -1)
    rows_wanted = shares * len(y)
    labels_wanted = np.outer(shares, y.sum(axis=0))
    left = y.astype(bool)
    while left.any():
        sizes = left.sum(axis=0)
        label = int(np.where(sizes > 0, sizes, len(y) + 1).argmin())
        for row in rng.permutation(np.flatnonzero(left[:, label])):
            order = np.lexsort((rng.random(len(shares)), rows_wanted / shares, labels_wanted[:, label] / shares))
            part[row] = order[-1]
            rows_wanted[order[-1]] -= 1
            labels_wanted[order[-1]] -= y[row]
            left[row] = False
    for row in rng.permutation(np.flatnonzero(part < 0)):
        part[row] = int(np.lexsort((rng.random(len(shares)), rows_wanted / shares))[-1])
        rows_wanted[part[row]] -= 1
    return part


def _require_rows(data: Dataset, needed: int) -> np.ndarray:
    """Return the rows of each class, which are refused if there are fewer than `needed`."""
    counts = data.counts
    small = [f"'{data.class_names[k]}' ({counts[k]})" for k in np.flatnonzero(counts < needed).tolist()]
    if small:
        why = " (one each for training, validation and test)" if needed == 3 else ""
        what = "leave such labels out" if data.labels else f"leave such classes out with min_class_rows={needed}"
        raise DataError(f"too few rows to be split in class {', '.join(small[:10])}: each needs {needed}{why}; {what}")
    return counts


def share_out(rows: np.ndarray, y: np.ndarray, share: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Split `rows` into (rest, part): `share` of each class, at least one row unless `share` is 0, never all of it."""
    strata = combinations(y)
    if y.ndim == 2 and share and np.bincount(strata[rows])[np.unique(strata[rows])].min() < 1 / min(share, 1 - share):
        chosen = iterative_parts(y[rows], np.array([1 - share, share]), rng) == 1
        return rows[~chosen], rows[chosen]
    of = strata[rows]
    in_strata = rows[np.argsort(of, kind="stable")]
    sizes = np.bincount(of)
    del of  # of 50 million rows each of these takes 400 MB
    part = []
    for members in np.split(in_strata, np.cumsum(sizes[sizes > 0])[:-1]):
        own = rng.permutation(members)
        size = min(max(round(len(own) * share), 1), len(own) - 1) if share else 0
        part.append(own[:size].copy())
    chosen = np.sort(np.concatenate(part))
    left = np.ones(len(strata), dtype=bool)
    left[chosen] = False
    return rows[left[rows]], chosen
