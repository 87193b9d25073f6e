from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from imbalance_lab.data.prepare import Prepare

TRAIN = pd.DataFrame({"x": [1.0, 3.0, np.nan, 5.0], "c": ["a", "b", None, "a"], "b": ["no", "yes", "no", "no"]})
KINDS = {"x": "numeric", "c": "categorical", "b": "categorical"}


def test_values_by_hand() -> None:
    prepare = Prepare(scale="none").fit(TRAIN, KINDS, np.float64)
    # x: the median 3 fills the gap; c (two levels) and b are one column each: 1 for the later level.
    np.testing.assert_array_equal(prepare(TRAIN), [[1, 0, 0], [3, 1, 1], [3, 0, 0], [5, 0, 0]])


def test_scaling_by_hand() -> None:
    prepared = Prepare(scale="standard").fit(TRAIN, KINDS, np.float32)(TRAIN)
    assert prepared.dtype == np.float32
    np.testing.assert_allclose(prepared[:, 0], np.array([-2, 0, 0, 2]) / np.sqrt(2), rtol=1e-6)


def test_an_unseen_category_is_no_error_and_no_known_category() -> None:
    train = pd.DataFrame({"c": ["a", "b", "c", "a"]})
    prepare = Prepare().fit(train, {"c": "categorical"}, np.float64)
    np.testing.assert_array_equal(prepare(pd.DataFrame({"c": ["z"]})), [[0, 0, 0]])


def test_rare_categories_share_a_column() -> None:
    train = pd.DataFrame({"c": ["a"] * 9 + ["b"] * 9 + list("cdef")})
    prepare = Prepare(max_categories=3).fit(train, {"c": "categorical"}, np.float64)
    assert prepare(train).shape == (22, 3)


def test_only_training_rows_are_looked_at() -> None:
    test = pd.DataFrame({"x": [1000.0], "c": ["z"], "b": ["no"]})
    before = Prepare().fit(TRAIN, KINDS, np.float64)
    expected = (1000 - 3) / np.std([1, 3, 3, 5])
    assert before(test)[0, 0] == pytest.approx(expected)


def test_an_empty_column_and_no_rows_are_harmless() -> None:
    train = TRAIN.assign(x=np.nan)
    prepare = Prepare().fit(train, KINDS, np.float64)
    assert np.isfinite(prepare(train)).all()
    assert prepare(train.iloc[:0]).shape == (0, 3)


def test_a_native_model_gets_codes_and_gaps() -> None:
    prepared = Prepare(scale="none").fit(TRAIN, KINDS, np.float64, native=True)
    expected = [[1, 0, 0], [3, 1, 1], [np.nan, np.nan, 0], [5, 0, 0]]
    np.testing.assert_array_equal(prepared.columns(TRAIN), expected)
    np.testing.assert_array_equal(prepared(TRAIN), expected)
    assert prepared.codes == 2
    # Distances are measured among one-hot columns; what is missing has none.
    np.testing.assert_array_equal(prepared.one_hot(prepared.columns(TRAIN))[:, 1:], [[0, 0], [1, 1], [0, 0], [0, 0]])


def test_a_native_models_numbers_are_scaled_by_those_there_are() -> None:
    prepared = Prepare(scale="standard").fit(TRAIN, KINDS, np.float64, native=True)
    np.testing.assert_allclose(prepared(TRAIN)[:, 0], np.array([-2, 0, np.nan, 2]) / np.sqrt(8 / 3))


def test_what_a_native_model_has_not_seen_is_missing_and_rare_categories_share_a_code() -> None:
    train = pd.DataFrame({"c": ["a"] * 9 + ["b"] * 9 + list("cdef"), "empty": [None] * 22})
    prepare = Prepare(max_categories=3).fit(
        train, {"c": "categorical", "empty": "categorical"}, np.float64, native=True
    )
    assert prepare.levels == (3, 0)
    new = pd.DataFrame({"c": ["a", "b", "c", "f", "z", None], "empty": ["x", None] * 3})
    np.testing.assert_array_equal(prepare(new)[:, 0], [0, 1, 2, 2, np.nan, np.nan])
    assert np.isnan(prepare(new)[:, 1]).all()


@pytest.mark.parametrize("scale", ["standard", "minmax", "robust", "none"])
def test_a_column_in_which_nothing_is_known_stays_so_for_a_native_model(scale: str) -> None:
    train = TRAIN.assign(x=np.nan)
    prepared = Prepare(scale=scale).fit(train, KINDS, np.float64, native=True)
    assert np.isnan(prepared(train)[:, 0]).all()
    assert prepared(train.iloc[:0]).shape == (0, 3)
