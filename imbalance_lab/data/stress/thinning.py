"""Fewer rows: of the rarer classes, or of all."""

from __future__ import annotations

import warnings
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field
from pydantic.dataclasses import dataclass

from imbalance_lab.data.dataset import Dataset
from imbalance_lab.data.rows import Split
from imbalance_lab.data.stress.base import Stress, Stressed, members
from imbalance_lab.errors import ConfigError, Incompatible, LabWarning
from imbalance_lab.fields import STRICT, Positive

TOLERANCE = 1e-9


@dataclass(frozen=True, config=STRICT)
class Imbalance(Stress):
    """Rarer classes lose rows until the largest class has `ratio` times the rows of the smallest.

    With ``n`` training rows in the largest class, a ``step`` leaves ``n / ratio`` rows to each class of the rarer half
    (Buda et al. 2018) and the others as they are; a ``tail`` leaves ``n ratio^(-i / (C - 1))`` to the class that is the
    ``i``-th in size from 0 (Cui et al. 2019), or what it has, if that is less. Of two classes both are the same.
    Validation rows of a class are thinned by the same share.

    Parameters
    ----------
    ratio : float
        Rows of the largest class for one of the smallest, among training rows; not below what it is.
    profile : {"step", "tail"}
    keep : int
        Training rows that a class keeps at the least; where that is more than the ratio leaves, the run says so. One
        validation row of each class is kept.

    Examples
    --------
    >>> from imbalance_lab.data.stress import class_rows
    >>> data = Dataset.from_arrays(np.eye(12), ["a"] * 8 + ["b"] * 4)
    >>> nothing = np.arange(0)
    >>> after = Imbalance(ratio=4).on(data, Split(np.arange(12), nothing, nothing), seed=0)
    >>> class_rows(data, after.split.train)
    {'a': 8, 'b': 2}
    """

    option: ClassVar[str] = "imbalance"
    ratio: Annotated[float, Field(ge=1, allow_inf_nan=False)]
    profile: Literal["step", "tail"] = "step"
    keep: Positive = 2

    def on(self, data: Dataset, split: Split, seed: int) -> Stressed:
        """Return a fold whose rarer classes have fewer training and validation rows."""
        have = np.bincount(data.y[split.train], minlength=len(data.class_names))
        return thinned(data, split, self._left(have), seed)

    def check(self, data: Dataset, split: Split) -> None:
        """Refuse a ratio that is below what it is."""
        super().check(data, split)
        have = np.bincount(data.y[split.train], minlength=len(data.class_names))
        found = have[have > 0]
        if self.ratio < (present := found.max() / found.min()) * (1 - TOLERANCE):
            raise Incompatible(
                f"stress.ratio={self.ratio:g} is below what '{data.name}' has: its training rows are {present:.4g} to "
                f"1; stress thins classes and adds no rows"
            )
        left = self._left(have)
        smallest = left[left > 0].min()
        if smallest > have.max() / self.ratio + 0.5:
            warnings.warn(
                f"stress.ratio={self.ratio:g} would leave less than stress.keep={self.keep} training rows of the "
                f"rarest class: with them they are {have.max() / smallest:.3g} to 1",
                LabWarning,
                stacklevel=2,
            )

    def _left(self, have: np.ndarray) -> np.ndarray:
        """Return how many training rows of each class are left of those that it has."""
        classes = len(have)
        place = np.empty(classes, dtype=int)
        place[np.argsort(-have, kind="stable")] = np.arange(classes)
        if self.profile == "tail":
            share = self.ratio ** (-place / (classes - 1))
        else:
            share = np.where(place >= (classes + 1) // 2, 1 / self.ratio, np.inf)
        wanted = np.maximum(rounded(np.minimum(have.max() * share, have.max())), self.keep)
        return np.minimum(have, wanted)


@dataclass(frozen=True, config=STRICT)
class FewerRows(Stress):
    """Every class loses rows in the same share.

    Parameters
    ----------
    rows : float
        Training rows that are left: up to 1 a share, above it a number, to which the classes' rows are rounded each.
    keep : int
        Training rows that a class keeps at the least. One validation row of each class is kept.

    Examples
    --------
    >>> data = Dataset.from_arrays(np.eye(12), ["a"] * 8 + ["b"] * 4)
    >>> nothing = np.arange(0)
    >>> len(FewerRows(rows=6).on(data, Split(np.arange(12), nothing, nothing), seed=0).split.train)
    6
    """

    option: ClassVar[str] = "fewer_rows"
    rows: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    keep: Positive = 2

    def on(self, data: Dataset, split: Split, seed: int) -> Stressed:
        """Return a fold with fewer training and validation rows."""
        have = np.bincount(data.y[split.train], minlength=len(data.class_names))
        share = self.rows if self.rows <= 1 else self.rows / len(split.train)
        return thinned(data, split, np.minimum(have, np.maximum(rounded(have * share), self.keep)), seed)

    def check(self, data: Dataset, split: Split) -> None:
        """Refuse more rows than there are."""
        super().check(data, split)
        if self.rows > 1 and self.rows != int(self.rows):
            raise ConfigError(f"stress.rows={self.rows:g} is neither a share nor a whole number of rows")
        if self.rows > 1 and self.rows > len(split.train):
            raise ConfigError(
                f"stress.rows={self.rows:g} is more than the {len(split.train)} training rows of '{data.name}'"
            )


def thinned(data: Dataset, split: Split, left: np.ndarray, seed: int) -> Stressed:
    """Return a fold with `left` (C,) training rows of each class, and validation rows in the same share, at least 1."""
    have = np.bincount(data.y[split.train], minlength=len(left))
    share = left / np.maximum(have, 1)
    parts = []
    for part, rows in enumerate((split.train, split.validation)):
        own = members(data, rows, seed, part)
        size = left if part == 0 else [max(int(rounded(len(m) * s)), 1) for m, s in zip(own, share, strict=True)]
        kept = np.concatenate([m[:n] for m, n in zip(own, size, strict=True)])
        parts.append(rows[np.isin(rows, kept)])
    return Stressed(data, Split(parts[0], parts[1], split.test))


def rounded(values: np.ndarray | float) -> np.ndarray:
    """Return whole numbers, halves up, so that more is never less."""
    return np.floor(np.asarray(values) + 0.5 + TOLERANCE).astype(int)
