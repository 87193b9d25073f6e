"""Splits in time."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.model_selection import TimeSeriesSplit

from imbalance_lab.data.dataset import Dataset
from imbalance_lab.data.split import TimeCrossValidation, TimeHoldout, checked_splits
from imbalance_lab.errors import DataError
from tests.data.test_split import of


def timed(times: list | np.ndarray | pd.Series, y: np.ndarray | None = None) -> Dataset:
    data = of(np.arange(len(times)) % 2 if y is None else y)
    return Dataset("data", data.X, data.y, data.class_names, {}, aside={"date": pd.Series(times)})


TIMES = st.lists(st.integers(0, 30), min_size=6, max_size=80)


@given(TIMES, st.floats(0, 0.4), st.floats(0.05, 0.5))
@settings(max_examples=80, deadline=None)
def test_test_rows_are_later_than_validation_rows_and_those_than_training_rows(times, validation, test) -> None:
    assume(len(set(times)) > 2 and len(set(np.sort(times)[: max(2, int(len(times) * (1 - test)))])) > 1)
    try:
        (split,) = TimeHoldout(validation, test, order="date").split(timed(times))
    except DataError:
        changes = np.flatnonzero(np.diff(np.sort(times))) + 1  # the first is where the test rows begin
        assert validation and np.abs(changes - len(times) * (1 - test)).argmin() == 0
        return
    np.testing.assert_array_equal(np.sort(np.concatenate(split)), np.arange(len(times)))
    assert bool(len(split.validation)) == bool(validation)
    ends = [part for part in split if len(part)]
    at = np.array(times)
    assert all(at[early].max() < at[late].min() for early, late in pairwise(ends))


@given(TIMES, st.integers(2, 4), st.integers(0, 3))
@settings(max_examples=80, deadline=None)
def test_rolling_folds_test_what_comes_later_and_no_time_is_in_two_parts(times, folds: int, gap: int) -> None:
    try:
        splits = list(TimeCrossValidation(folds, 0.0, order="date", gap=gap).split(timed(times)))
    except DataError:
        assert len(set(times)) < 2 * (folds + 1) + gap or len(times) < 40
        return
    at = np.array(times)
    assert len(splits) == folds
    for before, split in zip([None, *splits], splits, strict=False):
        assert at[split.train].max() < at[split.test].min()
        assert before is None or at[before.test].max() < at[split.test].min()


@given(st.permutations(range(40)), st.integers(2, 6), st.integers(0, 3), st.sampled_from([None, 7]))
@settings(max_examples=30, deadline=None)
def test_they_are_the_folds_of_scikit_learn(times, folds: int, gap: int, train_rows: int | None) -> None:
    order = np.argsort(times)
    theirs = TimeSeriesSplit(folds, gap=gap, max_train_size=train_rows).split(order)
    ours = TimeCrossValidation(folds, 0.0, order="date", gap=gap, train_rows=train_rows).split(timed(times))
    for split, (train, test) in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(split.train, np.sort(order[train]))
        np.testing.assert_array_equal(split.test, np.sort(order[test]))


def test_sizes_are_the_shares_where_no_time_is_repeated() -> None:
    (split,) = TimeHoldout(0.2, 0.3, order="date").split(timed(np.arange(100)[::-1]))
    assert split.test.tolist() == list(range(30))
    assert split.validation.tolist() == list(range(30, 50))
    (first, *_, last) = TimeCrossValidation(4, 0.25, order="date").split(timed(np.arange(100)))
    assert first.train.tolist() == list(range(15)) and first.validation.tolist() == list(range(15, 20))
    assert last.test.tolist() == list(range(80, 100))


@pytest.mark.parametrize(
    "times",
    [
        pd.date_range("2020-01-01", periods=40),
        pd.date_range("2020-01-01", periods=40, tz="Europe/Vienna"),
        [f"{day}.{month}.2020" for month in (1, 2) for day in range(1, 21)],
        np.linspace(-1, 1, 40),
        pd.Series(range(40), dtype="Int64"),
    ],
    ids=["dates", "zone", "text", "floats", "nullable"],
)
def test_dates_and_numbers_of_any_kind_are_an_order(times) -> None:
    (split,) = TimeHoldout(0.25, 0.25, order="date").split(timed(times))
    assert [part.tolist() for part in split] == [list(range(20)), list(range(20, 30)), list(range(30, 40))]


def test_nothing_depends_on_a_seed() -> None:
    assert not hasattr(TimeHoldout(0.2, 0.2, order="date"), "seed")


@pytest.mark.parametrize(
    ("times", "message"),
    [
        (["2020-01-01"] * 20, "is 2020-01-01 in every row, so none is later"),
        (["2020-01-01", None] * 10, "is missing in 10 of 20 rows, first in row 2"),
        (["early", "late"] * 10, "holds text, such as 'early'"),
        ([True, False] * 10, "holds text, such as 'True'"),
        ([None] * 20, "holds nothing"),
        ([0] * 19 + [1], "is 0 in all rows before the test rows.*set split.validation=0"),
    ],
)
def test_what_is_no_order_is_refused(times: list, message: str) -> None:
    with pytest.raises(DataError, match=f"split.order=date {message}"):
        checked_splits(TimeHoldout(0.2, 0.2, order="date"), timed(times))


@pytest.mark.parametrize(
    ("times", "folds", "message"),
    [
        (range(6), 9, "split.folds=9 does not fit 6 rows: .*; use fewer folds"),
        ([0] * 30 + [1] * 30, 5, "split.folds=5 is too many: rows of one date stay together, and 0 fills a whole fold"),
    ],
)
def test_too_many_folds_are_refused(times, folds: int, message: str) -> None:
    with pytest.raises(DataError, match=message):
        checked_splits(TimeCrossValidation(folds, 0.0, order="date"), timed(list(times)))


def test_a_class_that_comes_late_is_named() -> None:
    y = (np.arange(100) >= 70).astype(int)
    with pytest.raises(DataError, match=r"split=time gives no training rows to the class 'k1' \(30 rows\); try other"):
        checked_splits(TimeHoldout(0.2, 0.2, order="date"), timed(np.arange(100), y))
    with pytest.raises(DataError, match=r"split=time_cv gives no training rows in 4 of 5 folds.*fewer folds"):
        checked_splits(TimeCrossValidation(5, 0.0, order="date"), timed(np.arange(100), y))


def test_groups_that_cross_in_time_are_refused_if_they_are_named() -> None:
    data = timed(np.arange(40))
    data = Dataset(
        data.name, data.X, data.y, data.class_names, {}, aside={**data.aside, "g": pd.Series([0, 0, 1, 1] * 10)}
    )
    with pytest.raises(
        DataError, match=r"split=time is refused: 2 of 2 groups of split.groups=g, such as '0', have train"
    ):
        checked_splits(TimeHoldout(0.2, 0.2, order="date", groups="g"), data)
