"""The one base of stresses: what is done to training and validation rows of a fold, and what is told of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass as plain_dataclass
from dataclasses import field, replace
from typing import Any, ClassVar

import numpy as np
from pydantic.dataclasses import dataclass

from imbalance_lab.data.dataset import Dataset
from imbalance_lab.data.rows import Split
from imbalance_lab.data.stored import StoredRows
from imbalance_lab.errors import DataError, Incompatible
from imbalance_lab.fields import STRICT

PARTS = ("train", "validation")


@plain_dataclass(frozen=True)
class Stressed:
    """A fold after stress: what is learnt from; the test rows are taken from the dataset as it was.

    Parameters
    ----------
    dataset : Dataset
        Rows under their old numbers; test rows are as they were.
    split : Split
        Those that are left; the test rows are as they were.
    changes : mapping
        By part, ``train`` and ``validation``, what a stress counted besides rows: ``flipped`` labels, ``blanked`` and
        ``swapped`` cells.
    """

    dataset: Dataset
    split: Split
    changes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def report(self, before: Dataset, split: Split) -> dict[str, Any]:
        """Return exact counts, for the record.

        Parameters
        ----------
        before : Dataset
            As it was.
        split : Split
            As it was.

        Returns
        -------
        dict
            Of each part the rows of each class ``before`` and ``after`` and what else was counted; ``test_hash``, of
            the content of the test rows.
        """
        parts = {
            part: {
                "before": class_rows(before, getattr(split, part)),
                "after": class_rows(self.dataset, getattr(self.split, part)),
                **self.changes.get(part, {}),
            }
            for part in PARTS
        }
        return {**parts, "test_hash": content_of(self.dataset, self.split.test)}


class Stress(ABC):
    """What is done to the rows that are learnt from: what an option of the ``stress`` group instantiates to.

    Training and validation rows are stressed alike: both belong to the data at hand, whose classes are rare, whose
    labels are wrong and whose cells are missing wherever they are; a threshold tuned on clean validation rows would be
    told what nobody knows who has such data. Test rows are never touched: they stand for what the model is used on, and
    every level of stress is measured on the same ones.

    What is drawn depends on the seed and the fold alone, not on the strategy, so that strategies are compared on the
    same rows; and a stronger stress adds to a weaker one of the same seed (a ratio of 100 keeps some of the rows that a
    ratio of 10 keeps).

    Examples
    --------
    >>> from imbalance_lab.data.stress import FewerRows
    >>> data = Dataset.from_arrays(np.eye(20), ["a", "b"] * 10)
    >>> half = FewerRows(rows=0.5).on(data, Split(np.arange(12), np.arange(12, 16), np.arange(16, 20)), seed=0)
    >>> [len(part) for part in half.split]
    [6, 2, 4]
    """

    option: ClassVar[str] = ""  # in which messages name it
    one_class: ClassVar[bool] = True  # whether it needs one class per row
    table: ClassVar[bool] = False  # whether it needs columns
    cells_change: ClassVar[bool] = False  # whether it needs rows of its own to change

    @abstractmethod
    def on(self, data: Dataset, split: Split, seed: int) -> Stressed:
        """Return a fold after stress.

        Parameters
        ----------
        data : Dataset
        split : Split
        seed : int
            Of its stream of randomness.

        Raises
        ------
        LabError
            If the rows cannot be stressed so.
        """

    def check(self, data: Dataset, split: Split) -> None:
        """Refuse data that cannot be stressed so.

        Raises
        ------
        Incompatible
            If data of this kind cannot be.
        ConfigError
            If a setting names what the data do not have.
        """
        if self.one_class and data.labels:
            raise Incompatible(
                f"stress={self.option} needs one class per row, and '{data.name}' has {len(data.labels)} labels; "
                "use stress=missing or stress=feature_noise"
            )
        if self.table and not data.kinds:
            raise Incompatible(f"stress={self.option} needs columns, and the rows of '{data.name}' have none")
        if self.cells_change and isinstance(data.X, StoredRows):
            raise Incompatible(
                f"stress={self.option} changes cells, and those of '{data.name}' are on disk: dataset=csv"
            )


@dataclass(frozen=True, config=STRICT)
class NoStress(Stress):
    """Rows are learnt from as they are."""

    one_class: ClassVar[bool] = False

    def on(self, data: Dataset, split: Split, seed: int) -> Stressed:
        """Return the fold as it is."""
        return Stressed(data, split)


def class_rows(data: Dataset, rows: np.ndarray) -> dict[str, int]:
    """Return how many of the rows each class has."""
    return dict(zip(data.class_names, data.count(data.targets[rows]).ravel().tolist(), strict=True))


def content_of(data: Dataset, rows: np.ndarray) -> str:
    """Return 16 hex digits of the content of some rows: equal rows, equal hash."""
    return replace(data, X=data.take(rows), y=data.y[rows], aside={}, split_by=()).content_hash


def stream(seed: int, part: int, number: int) -> np.random.Generator:
    """Return the randomness of one class, or one column, of one part: the same whatever else is stressed."""
    return np.random.default_rng([seed, part, number])


def members(data: Dataset, rows: np.ndarray, seed: int, part: int) -> list[np.ndarray]:
    """Return the rows of each class in the order in which stress takes them."""
    y = data.y[rows]
    return [stream(seed, part, k).permutation(rows[y == k]) for k in range(len(data.class_names))]


def keep_all_classes(data: Dataset, before: np.ndarray, after: np.ndarray, how: str) -> None:
    """Refuse training classes `after` (n,) that lack a class which `before` (m,) have.

    Raises
    ------
    DataError
    """
    lost = np.setdiff1d(before, after)
    if len(lost):
        raise DataError(f"{how} leaves class '{data.class_names[lost[0]]}' without training rows; lower it")
