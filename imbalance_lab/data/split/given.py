"""Splits that somebody has made before: a test file, or a column that says what each row is for."""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pandas as pd
from pydantic import model_validator
from pydantic.dataclasses import dataclass

from imbalance_lab.data.base import TEST_FILE, Needs, Splitter
from imbalance_lab.data.rows import Split
from imbalance_lab.data.split.grouped import group_numbers, share_out_alike
from imbalance_lab.errors import DataError
from imbalance_lab.fields import STRICT, Share

if TYPE_CHECKING:
    from imbalance_lab.data.dataset import Dataset

TRAIN, VALIDATION, TEST = range(3)
WORDS = MappingProxyType(
    {
        **dict.fromkeys(("train", "training"), TRAIN),
        **dict.fromkeys(("validation", "valid", "val", "dev"), VALIDATION),
        **dict.fromkeys(("test", "testing"), TEST),
    }
)
MOST_SHOWN = 3


@dataclass(frozen=True, config=STRICT)
class File(Splitter):
    """The test rows are given: those of a second file, or those of which a column says so.

    Nothing of the test rows is drawn, and validation rows that are not given are drawn once: every seed has the same
    rows. A comparison over seeds so shows how training varies, not how other test rows would.

    Parameters
    ----------
    test_path : str, optional
        A table with the columns of the first, read as that one is; all of its rows are test rows.
    part : str, optional
        A column that says train, validation or test in each row; it is no feature.
    validation : float
        Share of each class's training rows that validates where the column names no validation rows; may be 0.
    groups : str, optional
        A column whose rows of one value stay together; a split that parts them is refused.
    """

    test_path: str | None = None
    part: str | None = None
    validation: Share = 0.2
    groups: str | None = None
    option: ClassVar[str] = "file"
    advice: ClassVar[str] = "correct the file, or leave such classes out with min_class_rows="

    @model_validator(mode="after")
    def _one_of_them(self) -> File:
        if (self.test_path is None) == (self.part is None):
            raise ValueError("needs split.test_path= or split.part=, one of them")
        return self

    @property
    def needs(self) -> Needs:
        """What it needs of the data."""
        return Needs(tuple(column for column in (self.part, self.groups) if column is not None), self.test_path)

    def split(self, data: Dataset) -> Iterator[Split]:
        """Yield the one split.

        Raises
        ------
        DataError
            If the column says anything else in some rows.
        """
        parts = _parts(data.aside[TEST_FILE if self.part is None else self.part], self.part)
        train, validation, test = (np.flatnonzero(parts == part) for part in (TRAIN, VALIDATION, TEST))
        for rows, word in ((train, "train"), (test, "test")):
            if not len(rows):
                raise DataError(f"split.part={self.part} says {word} in no row; training and test rows are needed")
        if not len(validation):
            groups = None if self.groups is None else group_numbers(data, self.groups)
            train, validation = share_out_alike(train, data.y, groups, self.validation, seed=0)
        yield Split(train, validation, test)


def _parts(column: pd.Series, name: str | None) -> np.ndarray:
    """Return what each row is for."""
    words = column.astype(str).str.strip().str.lower()
    others = column[~words.isin(list(WORDS))]
    if len(others):
        shown = ", ".join("nothing" if pd.isna(word) else repr(str(word)) for word in others.unique()[:MOST_SHOWN])
        raise DataError(
            f"split.part={name} says {shown} in {len(others)} of {len(column)} rows, first in row "
            f"{others.index[0] + 1}; it can say train, validation or test"
        )
    return words.map(WORDS).to_numpy()
