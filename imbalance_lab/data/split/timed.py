"""Splits in time: what is tested comes after what is trained on. Rows of one time stay together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
import pandas as pd
from pydantic import Field
from pydantic.dataclasses import dataclass

from imbalance_lab.data.base import Needs, Splitter
from imbalance_lab.data.checks import IN_A_FRAME
from imbalance_lab.data.dates import dates_read
from imbalance_lab.data.rows import Split
from imbalance_lab.data.split.shares import Shares
from imbalance_lab.errors import DataError
from imbalance_lab.fields import STRICT, Positive, Share

if TYPE_CHECKING:
    from imbalance_lab.data.dataset import Dataset


@dataclass(frozen=True, config=STRICT)
class TimeHoldout(Shares):
    """Later rows are test rows; the latest of the others validate.

    The cuts are moved to the nearest change of time. Nothing is drawn, so every seed has the same rows: a comparison
    over seeds shows how training varies, not how other test rows would.

    Parameters
    ----------
    validation, test : float
        Shares of the rows; `validation` may be 0.
    order : str
        The column of dates or numbers that says which row is later; it is no feature.
    groups : str, optional
        A column whose groups must not cross; a split that parts them is refused.
    """

    order: str = Field()
    groups: str | None = None
    option: ClassVar[str] = "time"
    advice: ClassVar[str] = "other shares (split.test=, split.validation=), or min_class_rows="

    @property
    def needs(self) -> Needs:
        """What it needs of the data."""
        return _needs(self.order, self.groups)

    def split(self, data: Dataset) -> Iterator[Split]:
        """Yield the one split.

        Raises
        ------
        DataError
            If the column is missing in some rows, is no order, or has too few values.
        """
        rows, times = in_order(data, self.order)
        at = cut(times, len(rows) * (1 - self.test), "test", self.order)
        yield _with_validation(rows[:at], times[:at], self.validation_of_rest, rows[at:], self.order)


@dataclass(frozen=True, config=STRICT)
class TimeCrossValidation(Splitter):
    """Rolling folds: each tests the rows after those it trains on, as scikit-learn's ``TimeSeriesSplit``.

    The cuts are moved to the nearest change of time. Nothing is drawn, so every seed has the same folds.

    Parameters
    ----------
    folds : int
    validation : float
        Share of the training rows, the latest of them; may be 0.
    order : str
        The column of dates or numbers that says which row is later; it is no feature.
    gap : int
        Rows left out before each test part.
    train_rows, test_rows : int, optional
        At most so many rows train (by default all earlier ones), and so many are tested (by default the rows by one
        more than the folds).
    groups : str, optional
        A column whose groups must not cross; a split that parts them is refused.
    """

    folds: Annotated[int, Field(ge=2)]
    validation: Share
    order: str = Field()
    gap: Annotated[int, Field(ge=0)] = 0
    train_rows: Positive | None = None
    test_rows: Positive | None = None
    groups: str | None = None
    option: ClassVar[str] = "time_cv"
    advice: ClassVar[str] = "fewer folds (split.folds=), or leave such classes out with min_class_rows="

    @property
    def needs(self) -> Needs:
        """What it needs of the data."""
        return _needs(self.order, self.groups)

    def split(self, data: Dataset) -> Iterator[Split]:
        """Yield a split per fold, the earliest first.

        Raises
        ------
        DataError
            If the column is missing in some rows, is no order, or there are too few rows or times for the folds.
        """
        from sklearn.model_selection import TimeSeriesSplit

        rows, times = in_order(data, self.order)
        splitter = TimeSeriesSplit(self.folds, max_train_size=self.train_rows, test_size=self.test_rows, gap=self.gap)
        try:
            parts = list(splitter.split(rows))
        except ValueError as error:
            reason = " ".join(str(error).split()).rstrip(".")
            raise DataError(
                f"split.folds={self.folds} does not fit {len(rows)} rows: {reason}; use fewer folds"
            ) from error
        for train, test in parts:
            first, last = (_nearest(times, end) for end in (train[0], train[-1] + 1))
            start, stop = (_nearest(times, end) for end in (test[0], test[-1] + 1))
            if first == last or start == stop:
                raise DataError(
                    f"split.folds={self.folds} is too many: rows of one {self.order} stay together, and "
                    f"{_shown(times[test[0]])} fills a whole fold; use fewer folds"
                )
            yield _with_validation(rows[first:last], times[first:last], self.validation, rows[start:stop], self.order)


def in_order(data: Dataset, column: str) -> tuple[np.ndarray, pd.Series]:
    """Return the numbers of the rows from the earliest to the latest, and their times.

    Raises
    ------
    DataError
        If the column holds neither dates nor numbers, is missing in some rows, or has one value only.
    """
    values = data.aside[column]
    if not pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_datetime64_any_dtype(values):
        read, _ = dates_read(values.to_frame(column), data.name, IN_A_FRAME)
        values = read[column]
    if pd.api.types.is_bool_dtype(values) or not (
        pd.api.types.is_numeric_dtype(values) or pd.api.types.is_datetime64_any_dtype(values)
    ):
        first = values.dropna().iloc[0] if values.notna().any() else None
        raise DataError(
            f"split.order={column} holds {'nothing' if first is None else f'text, such as {str(first)!r}'}; "
            "an order is of dates or numbers (dataset.date_format= says how dates are written)"
        )
    if missing := int(values.isna().sum()):
        at = int(np.flatnonzero(values.isna())[0]) + 1
        raise DataError(
            f"split.order={column} is missing in {missing} of {len(values)} rows, first in row {at}; "
            "fill it in, or remove those rows"
        )
    if values.nunique() == 1:
        raise DataError(
            f"split.order={column} is {_shown(values.iloc[0])} in every row, so none is later; use split=holdout"
        )
    times = values.sort_values(kind="stable")
    return times.index.to_numpy(), times.reset_index(drop=True)


def cut(times: pd.Series, wanted: float, part: str, column: str) -> int:
    """Return the change of time nearest to a number of rows, with rows on both sides.

    Raises
    ------
    DataError
        If the time never changes.
    """
    changes = _changes(times)
    if not len(changes):
        raise DataError(
            f"split.order={column} is {_shown(times.iloc[0])} in all rows before the test rows, so none can be for "
            f"{part}; set split.validation=0, or a smaller split.test="
        )
    return int(changes[np.abs(changes - wanted).argmin()])


def _with_validation(rows: np.ndarray, times: pd.Series, share: float, test: np.ndarray, column: str) -> Split:
    at = cut(times.reset_index(drop=True), len(rows) * (1 - share), "validation", column) if share else len(rows)
    return Split(*(np.sort(part) for part in (rows[:at], rows[at:], test)))


def _nearest(times: pd.Series, wanted: int) -> int:
    """Return the change of time nearest to a number of rows, or an end."""
    ends = np.concatenate([[0], _changes(times), [len(times)]])
    return int(ends[np.abs(ends - wanted).argmin()])


def _changes(times: pd.Series) -> np.ndarray:
    """Return the positions from which on the time is another."""
    values = times.to_numpy()
    return np.flatnonzero(values[1:] != values[:-1]) + 1


def _needs(order: str, groups: str | None) -> Needs:
    return Needs((order,) if groups is None else (order, groups))


def _shown(time: object) -> str:
    return f"{time:%Y-%m-%d}" if isinstance(time, pd.Timestamp) and time == time.normalize() else str(time)
