"""Rows that are copies of others."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imbalance_lab.data.checks import MAX_VALUES_HASHED, row_codes, warn_of_copies
from imbalance_lab.data.dataset import Dataset
from imbalance_lab.data.rows import Split
from imbalance_lab.errors import LabWarning

HALVES = [Split(np.arange(4), np.array([], int), np.arange(4, 8))]


def data(x: list, kinds: list[str], y: list[int]) -> Dataset:
    return Dataset.from_arrays(pd.DataFrame({"x": x, "kind": kinds}), y)


def said(X: object, y: np.ndarray, key: str, splits: list[Split] = HALVES) -> list[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warn_of_copies(X, y, splits, key)
    assert all(issubclass(one.category, LabWarning) for one in caught)
    return [str(one.message) for one in caught]


def test_test_rows_that_are_training_rows_are_counted() -> None:
    #                 train ------------------  test --------------------
    made = data([1, 2, 3, np.nan, 1, 2, 4, np.nan], list("aabbabbb"), [0, 0, 1, 1, 0, 0, 1, 1])
    (text,) = said(made.X, made.y, "two")  # rows 4 and 7; row 5 is of another kind
    assert text.startswith("2 of 4 test rows are exact copies of training rows")
    assert said(made.X, np.array([0, 0, 1, 1, 1, 0, 1, 0]), "other classes") == []
    both = [*HALVES, Split(np.arange(4, 8), np.array([], int), np.arange(4))]
    assert said(made.X, made.y, "two", both)[0].startswith("4 of 8 test rows")


def test_copies_among_training_rows_alone_are_nobodys_business() -> None:
    made = data([1, 1, 1, 1, 2, 3, 4, 5], ["a"] * 8, [0, 0, 0, 0, 1, 0, 1, 0])
    assert said(made.X, made.y, "train") == []


def test_images_and_labels_have_copies_too() -> None:
    X = np.random.default_rng(0).normal(size=(8, 3, 2))
    X[6] = X[1]
    y = np.array([[0, 1]] * 8)
    assert said(X, y, "images")[0].startswith("1 of 4")
    y[6] = 1, 1
    assert said(X, y, "images of other labels") == []


@settings(max_examples=50, deadline=None, database=None)
@given(
    st.lists(
        st.tuples(st.sampled_from([0.0, 1.5, None]), st.sampled_from(["a", "b", None]), st.integers(0, 1)), min_size=1
    )
)
def test_numbers_of_rows_are_equal_where_rows_are(rows: list[tuple]) -> None:
    frame = pd.DataFrame({"x": [r[0] for r in rows], "kind": pd.Series([r[1] for r in rows], dtype=object)})
    codes = row_codes(frame.astype({"x": float}), np.array([r[2] for r in rows], dtype=np.int64))
    for k, row in enumerate(rows):
        assert [other == row for other in rows] == (codes == codes[k]).tolist()


def test_very_large_data_are_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imbalance_lab.data.checks.row_codes", lambda *_: pytest.fail("they were hashed"))
    assert said(np.broadcast_to(np.zeros(1), (8, MAX_VALUES_HASHED)), np.zeros(8, int), "large") == []
