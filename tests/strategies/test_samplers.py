from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from imblearn.combine import SMOTEENN
from imblearn.over_sampling import SMOTE, RandomOverSampler
from imblearn.under_sampling import RandomUnderSampler

from imbalance_lab.strategies.samplers import KeepAll, resample
from imbalance_lab.types import DataError

NAMES = ["a", "b", "c"]


def rows(counts=(60, 20, 10), seed=0):
    y = np.repeat(np.arange(len(counts)), counts)
    return np.random.default_rng(seed).normal(y[:, None], 1, size=(len(y), 3)), y


@given(st.lists(st.integers(2, 40), min_size=3, max_size=3), st.integers(0, 3))
@settings(max_examples=30, deadline=None)
def test_random_sampling_evens_the_classes_out(counts: list[int], seed: int) -> None:
    X, y = rows(counts)
    _, over = resample(RandomOverSampler(), X, y, NAMES, seed)
    _, under = resample(RandomUnderSampler(), X, y, NAMES, seed)
    assert np.bincount(over).tolist() == [max(counts)] * 3
    assert np.bincount(under).tolist() == [min(counts)] * 3


def test_the_null_option_changes_nothing() -> None:
    X, y = rows()
    X_new, y_new = resample(KeepAll(), X, y, NAMES, 0)
    np.testing.assert_array_equal(X_new, X)
    np.testing.assert_array_equal(y_new, y)


def test_smote_rows_lie_between_rows_of_their_class() -> None:
    X, y = rows()
    X_new, y_new = resample(SMOTE(), X, y, NAMES, 0)
    np.testing.assert_array_equal(X_new[: len(y)], X)
    for k in range(3):
        assert (X_new[y_new == k] >= X[y == k].min(0)).all()
        assert (X_new[y_new == k] <= X[y == k].max(0)).all()


@pytest.mark.parametrize("sampler", [RandomOverSampler(), SMOTE(), SMOTEENN(smote=SMOTE())])
def test_the_seed_is_the_runs_and_reaches_the_samplers_inside(sampler: SMOTE) -> None:
    X, y = rows()
    first, again, other = (resample(sampler, X, y, NAMES, seed)[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert first.shape != other.shape or not np.array_equal(first, other)
    assert sampler.get_params()["random_state"] is None  # the option itself is left as it was


def test_dtype_is_kept() -> None:
    X, y = rows()
    assert resample(SMOTE(), X.astype(np.float32), y, NAMES, 0)[0].dtype == np.float32


def test_too_few_neighbours_name_the_class_and_the_cure() -> None:
    X, y = rows((30, 20, 3))
    with pytest.raises(DataError, match=r"SMOTE needs 6 neighbours.*class 'c' has 3 training rows.*k_neighbors=2"):
        resample(SMOTE(), X, y, NAMES, 0)


def test_any_other_refusal_is_one_line() -> None:
    X, y = rows()
    with pytest.raises(DataError, match="SMOTE cannot resample these rows") as refusal:
        resample(SMOTE(sampling_strategy={0: 1}), X, y, NAMES, 0)
    assert "\n" not in str(refusal.value)
