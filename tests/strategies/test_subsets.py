"""A subset that keeps every row of the rare classes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone

from imbalance_lab.errors import Incompatible, LabWarning
from imbalance_lab.strategies.samplers import resample
from imbalance_lab.strategies.subsets import KeepRare, largest_size


@given(st.lists(st.integers(1, 200), min_size=2, max_size=6), st.integers(1, 600))
def test_the_size_is_the_largest_that_fits(counts: list[int], rows: int) -> None:
    size = largest_size(np.array(counts), rows)
    assert np.minimum(counts, size).sum() <= rows or size == 0
    assert size == max(counts) or np.minimum(counts, size + 1).sum() > rows


def test_rare_rows_all_stay_and_the_others_are_drawn_once() -> None:
    y = np.repeat([0, 1, 2], [100, 50, 7])
    X = np.arange(len(y), dtype=float)[:, None]
    with pytest.warns(LabWarning, match=r"trains on 67 of 157 rows and leaves out some of class 'a', 'b'"):
        rows, classes = resample(KeepRare(67), X, y, ["a", "b", "c"], 0, np.zeros(1, bool), lambda c: c)
    assert np.bincount(classes).tolist() == [30, 30, 7]
    assert len(np.unique(rows)) == 67 and set(rows[classes == 2, 0]) == set(range(150, 157))
    np.testing.assert_array_equal(y[rows[:, 0].astype(int)], classes)


def test_a_budget_of_all_rows_changes_nothing() -> None:
    y = np.repeat([0, 1], [20, 5])
    X = np.arange(25.0)[:, None]
    rows, classes = resample(KeepRare(25), X, y, ["a", "b"], 0, np.zeros(1, bool), lambda c: c)
    assert sorted(rows[:, 0]) == X[:, 0].tolist() and np.bincount(classes).tolist() == [20, 5]


def test_a_budget_without_room_for_the_rare_rows_is_refused_with_one_that_has() -> None:
    y = np.repeat([0, 1, 2], [100, 50, 7])
    with pytest.raises(Incompatible, match=r"set sampler.rows=21 or more"):
        KeepRare(20).fit_resample(np.zeros((157, 1)), y)
    assert np.bincount(clone(KeepRare(21)).fit_resample(np.zeros((157, 1)), y)[1]).tolist() == [7, 7, 7]
