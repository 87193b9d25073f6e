"""Splits that keep groups together."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import StratifiedGroupKFold

from imbalance_lab.data.dataset import Dataset
from imbalance_lab.data.split import GroupCrossValidation, GroupHoldout, checked_splits, share_out_alike
from imbalance_lab.errors import DataError, LabWarning
from tests.data.test_split import of

SIZES = st.lists(st.integers(1, 12), min_size=3, max_size=40)


def grouped(y: np.ndarray, groups: np.ndarray) -> Dataset:
    data = of(y)
    return Dataset("data", data.X, y, data.class_names, {}, data.labels, aside={"patient": pd.Series(groups)})


def drawn(sizes: list[int], rare: float, seed: int) -> Dataset:
    """Groups of these sizes with classes of their own mixture, in any order."""
    rng = np.random.default_rng(seed)
    groups = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    y = (rng.random(len(groups)) < rare).astype(int)
    y[:2] = 0, 1
    return grouped(y, groups)


def crossing(data: Dataset, split) -> int:
    groups = data.aside["patient"].to_numpy()
    parts = [set(groups[part]) for part in split]
    return len(parts[0] & parts[1]) + len(parts[0] & parts[2]) + len(parts[1] & parts[2])


@given(SIZES, st.floats(0.05, 0.5), st.floats(0, 0.4), st.floats(0.05, 0.5), st.integers(0, 9))
@settings(max_examples=60, deadline=None)
def test_no_group_and_no_row_crosses(sizes, rare: float, validation: float, test: float, seed: int) -> None:
    data = drawn(sizes, rare, seed)
    (split,) = GroupHoldout(validation, test, groups="patient", seed=seed).split(data)
    np.testing.assert_array_equal(np.sort(np.concatenate(split)), np.arange(len(data)))
    assert crossing(data, split) == 0
    assert len(split.train) and len(split.test) and bool(len(split.validation)) == bool(validation)


@given(SIZES, st.floats(0.05, 0.5), st.integers(2, 3), st.integers(1, 2), st.integers(0, 9))
@settings(max_examples=40, deadline=None)
def test_folds_test_each_group_once_a_repeat(sizes, rare: float, folds: int, repeats: int, seed: int) -> None:
    data = drawn(sizes, rare, seed)
    splits = list(GroupCrossValidation(folds, repeats, 0.0, groups="patient", seed=seed).split(data))
    assert len(splits) == folds * repeats
    assert sum(crossing(data, split) for split in splits) == 0
    np.testing.assert_array_equal(np.bincount(np.concatenate([split.test for split in splits])), repeats)


@pytest.mark.parametrize("seed", [0, 7])
def test_they_are_the_folds_of_scikit_learn(seed: int) -> None:
    data = drawn([8] * 50, 0.2, seed)
    y, groups = data.y, data.aside["patient"]
    theirs = [test for _, test in StratifiedGroupKFold(5, shuffle=True, random_state=seed).split(y, y, groups)]
    ours = GroupCrossValidation(5, 1, 0.2, groups="patient", seed=seed).split(data)
    for split, test in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(split.test, test)
    (held,) = GroupHoldout(0.2, 0.2, groups="patient", seed=seed).split(data)
    np.testing.assert_array_equal(held.test, theirs[0])
    rest = np.setdiff1d(np.arange(len(y)), held.test)
    inner = StratifiedGroupKFold(4, shuffle=True, random_state=seed).split(y[rest], y[rest], groups[rest])
    np.testing.assert_array_equal(held.validation, rest[next(inner)[1]])


@pytest.mark.parametrize("seed", range(8))
def test_a_class_of_three_groups_is_in_every_part(seed: int) -> None:
    """The first fold of five would mostly have none of them."""
    groups = np.repeat(np.arange(40), 10)
    y = np.isin(groups, [3, 17, 30]).astype(int)
    (split,) = checked_splits(GroupHoldout(0.2, 0.2, groups="patient", seed=seed), grouped(y, groups))
    assert [y[part].sum() for part in split] == [10, 10, 10]


def test_a_class_of_one_group_trains_and_its_absence_is_said() -> None:
    groups = np.repeat(np.arange(20), 10)
    data = grouped((groups == 4).astype(int), groups)
    with pytest.warns(LabWarning) as caught:
        (split,) = checked_splits(GroupHoldout(0.2, 0.2, groups="patient"), data)
    assert data.y[split.train].sum() == 10
    texts = [str(warning.message) for warning in caught]
    assert [f"split=group gives no {part} rows to the class 'k1' (10 rows)" in texts[at] for at, part in
            enumerate(("validation", "test"))] == [True, True]  # fmt: skip
    assert "split=group_cv" in texts[0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LabWarning)
        folds = GroupCrossValidation(4, 1, 0.0, groups="patient")
        with pytest.raises(DataError, match=r"no training rows in 1 of 4 folds to the class 'k1'.*fewer folds"):
            checked_splits(folds, data)


def test_labels_are_kept_in_groups_too() -> None:
    rng = np.random.default_rng(0)
    data = grouped((rng.random((400, 2)) < 0.3).astype(int), rng.integers(0, 40, 400))
    (split,) = checked_splits(GroupHoldout(0.2, 0.2, groups="patient"), data)
    assert crossing(data, split) == 0


@pytest.mark.parametrize(
    ("groups", "splitter", "message"),
    [
        (["a"] * 12, GroupHoldout(0.2, 0.2, groups="patient"), "has one group only, and 3 are needed"),
        (["a", "b"] * 6, GroupHoldout(0.2, 0.2, groups="patient"), "has 2 groups.*or split.validation=0"),
        (["a", "b", "c"] * 4, GroupCrossValidation(5, 1, 0.2, groups="patient"), "has 3 groups; use split.folds=3"),
        (["a", None, "c"] * 4, GroupHoldout(0.2, 0.2, groups="patient"), "4 of 12 rows have no group, first row 2"),
    ],
)
def test_groups_that_cannot_be_split_are_refused(groups: list, splitter, message: str) -> None:
    with pytest.raises(DataError, match=f"split.groups=patient.*{message}"):
        checked_splits(splitter, grouped(np.array([0, 1] * 6), np.array(groups, dtype=object)))


@given(SIZES, st.floats(0.05, 0.6), st.integers(0, 5))
@settings(max_examples=30, deadline=None)
def test_a_part_of_some_rows_is_of_whole_groups(sizes, share: float, seed: int) -> None:
    data = drawn(sizes, 0.3, seed)
    groups = data.aside["patient"].to_numpy()
    rows = np.flatnonzero(groups > 0)
    rest, part = share_out_alike(rows, data.y, groups, share, seed)
    np.testing.assert_array_equal(np.sort(np.concatenate([rest, part])), rows)
    assert not set(groups[rest]) & set(groups[part])
