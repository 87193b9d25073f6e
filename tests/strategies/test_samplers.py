from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from imblearn.combine import SMOTEENN, SMOTETomek
from imblearn.over_sampling import (
    ADASYN,
    SMOTE,
    SMOTEN,
    SMOTENC,
    SVMSMOTE,
    BorderlineSMOTE,
    RandomOverSampler,
)
from imblearn.under_sampling import (
    ClusterCentroids,
    EditedNearestNeighbours,
    NearMiss,
    RandomUnderSampler,
    TomekLinks,
)
from sklearn.datasets import make_classification

from imbalance_lab.app.config import compose
from imbalance_lab.errors import Incompatible, LabError, LabWarning
from imbalance_lab.strategies.samplers import KeepAll
from imbalance_lab.strategies.samplers import resample as resample_columns
from tests.conftest import built

NAMES = ["a", "b", "c"]


def resample(sampler, X, y, names, seed, categorical=None):
    """Resample columns, by default all of them numbers; categories stay codes to measure distances between."""
    categorical = np.zeros(X.shape[1], bool) if categorical is None else np.array(categorical)
    return resample_columns(sampler, X, y, names, seed, categorical, lambda columns: columns)


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


def test_neighbours_are_lowered_to_what_the_smallest_class_allows() -> None:
    X, y = rows((30, 20, 3))
    with pytest.warns(LabWarning, match=r"SMOTE: k_neighbors lowered from 5 to 2.*class 'c' has 3 training rows"):
        _, made = resample(SMOTE(), X, y, NAMES, 0)
    assert np.bincount(made).tolist() == [30, 30, 30]


@pytest.mark.parametrize("sampler", [ADASYN(), BorderlineSMOTE(), SVMSMOTE(), SMOTEENN(smote=SMOTE()), NearMiss()])
def test_every_neighbour_sampler_runs_on_small_classes(sampler: SMOTE) -> None:
    X, y = rows((40, 20, 2))
    X -= y[:, None]  # classes on top of each other: every row has neighbours of other classes
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LabWarning)
        _, made = resample(sampler, X, y, NAMES, 0)
    assert len(np.unique(made)) >= 2


def test_one_row_cannot_be_interpolated() -> None:
    X, y = rows((30, 20, 1))
    with pytest.raises(Incompatible, match=r"SMOTE needs two rows of a class.*class 'c' has 1 training row\);.*ros"):
        resample(SMOTE(), X, y, NAMES, 0)


def test_a_class_left_untouched_is_reported() -> None:
    # Two clouds far apart: no row of the small one is near the border, so BorderlineSMOTE has nothing to start from.
    y = np.repeat([0, 1], [40, 10])
    X = np.random.default_rng(0).normal(100.0 * y[:, None], 1, size=(50, 3))
    with pytest.warns(
        LabWarning, match=r"BorderlineSMOTE returned fewer rows than asked for: 'b' 10 of 40 \(untouched\)"
    ):
        _, made = resample(BorderlineSMOTE(), X, y, NAMES[:2], 0)
    assert np.bincount(made).tolist() == [40, 10]


def test_a_class_cleaned_away_is_reported() -> None:
    X, y = rows((40, 30, 2))
    X[-2:] = X[0]  # the two rows of c lie among those of a
    with pytest.warns(LabWarning, match="removed every row of class 'c'"):
        resample(EditedNearestNeighbours(sampling_strategy="all"), X, y, NAMES, 0)


def test_any_other_refusal_is_one_line() -> None:
    X, y = rows()
    with pytest.raises(Incompatible, match=r"SMOTE cannot resample these rows|SMOTE: ") as refusal:
        resample(SMOTE(sampling_strategy={"a": 1}), X, y, NAMES, 0)
    assert "\n" not in str(refusal.value)


MIXED = [False, False, True]


def mixed_rows():
    X, y = rows((60, 20, 10))
    X[:, 2] = np.random.default_rng(1).integers(4, size=len(y))
    return X, y


@pytest.mark.parametrize(
    "sampler", [SMOTE(), ADASYN(), SMOTETomek(), ClusterCentroids(), RandomOverSampler(shrinkage=1)]
)
def test_new_rows_between_categories_are_refused_with_advice(sampler: SMOTE) -> None:
    X, y = mixed_rows()
    with pytest.raises(Incompatible, match=r"nothing between two categories.*use sampler=smote_nc, or sampler=ros"):
        resample(sampler, X, y, NAMES, 0, MIXED)


def test_smote_nc_keeps_categories_categories() -> None:
    X, y = mixed_rows()
    made, y_made = resample(SMOTENC(categorical_features="auto"), X, y, NAMES, 0, MIXED)
    assert np.bincount(y_made).tolist() == [60, 60, 60]
    assert set(made[:, 2]) <= set(X[:, 2])
    with pytest.raises(Incompatible, match="use sampler=smote"):
        resample(SMOTENC(categorical_features="auto"), X, y, NAMES, 0)


def test_smote_n_is_for_categories() -> None:
    X, y = mixed_rows()
    codes = np.column_stack([X[:, 2], X[::-1, 2]])
    made, y_made = resample(SMOTEN(), codes, y, NAMES, 0, [True, True])
    assert np.bincount(y_made).tolist() == [60, 60, 60]
    assert set(made.ravel()) <= set(X[:, 2])
    with pytest.raises(Incompatible, match="use sampler=smote_nc"):
        resample(SMOTEN(), X, y, NAMES, 0, MIXED)


@pytest.mark.parametrize("sampler", [RandomOverSampler(), RandomUnderSampler(), TomekLinks(), NearMiss()])
def test_samplers_that_choose_rows_take_any_columns(sampler: RandomOverSampler) -> None:
    X, y = mixed_rows()
    made, _ = resample(sampler, X, y, NAMES, 0, MIXED)
    assert {row.tobytes() for row in made} <= {row.tobytes() for row in X}


class Own:
    """A sampler of somebody's own: no scikit-learn, only ``fit_resample``."""

    random_state = None

    def __init__(self, resample) -> None:
        self.resample = resample

    def fit_resample(self, X, y):
        return self.resample(X, y, self.random_state)


def test_any_object_that_resamples_is_a_sampler_and_gets_the_seed() -> None:
    X, y = rows()
    own = Own(lambda X, y, seed: (X[[seed, 70, -1]].tolist(), [0, 1, 2]))
    made, y_made = resample(own, X, y, NAMES, 7)
    np.testing.assert_array_equal(made, X[[7, 70, -1]])
    assert y_made.tolist() == [0, 1, 2]
    assert own.random_state is None


def fails(error: Exception):
    def resample(X, y, seed):
        raise error

    return Own(resample)


class Broken(SMOTE):
    def _fit_resample(self, X, y):
        raise ValueError("a bug")


@pytest.mark.parametrize(
    ("sampler", "message"),
    [
        (fails(TypeError("a bug")), "the sampler Own failed: TypeError: a bug"),
        (fails(ValueError("a bug")), "the sampler Own failed: ValueError: a bug"),
        (Broken(), "the sampler Broken failed: ValueError: a bug"),
        (Own(lambda X, y, seed: (X[:, :2], y)), r"Own returned rows of shape \(90, 2\) .*; \(m, 3\) and \(m,\) are"),
        (Own(lambda X, y, seed: (X, y[:-1])), r"classes of shape \(89,\)"),
        (Own(lambda X, y, seed: (X, y + 1)), "classes other than those given, the integers 0 to 2"),
        (Own(lambda X, y, seed: (X, y / 2)), "classes other than those given"),
        (fails(KeyError("x0")), "the sampler Own failed: KeyError: 'x0'"),
        (Own(lambda X, y, seed: None), r"Own returned NoneType, which is no pair of rows \(m, 3\) and classes \(m,\)"),
        (Own(lambda X, y, seed: X), "Own returned ndarray, which is no pair"),
        (Own(lambda X, y, seed: ([[1, 2, 3], [4]], y)), "Own returned tuple, which is no pair"),
        (Own(lambda X, y, seed: (X.astype(str), y)), "Own returned rows that are no numbers"),
        (Own(lambda X, y, seed: (X * np.nan, y)), "Own returned rows that are no numbers, or not finite"),
        (Own(lambda X, y, seed: (X[:60], y[:60])), "Own leaves one class only"),
        (Own(lambda X, y, seed: (X[:0], y[:0])), "Own leaves one class only"),
    ],
)
def test_a_bug_in_a_sampler_is_no_incompatible_pair(sampler: Own, message: str) -> None:
    X, y = rows()
    with pytest.raises(LabError, match=message) as error:
        resample(sampler, X, y, NAMES, 0)
    assert not isinstance(error.value, Incompatible)


def test_a_frame_and_a_series_are_rows_and_classes() -> None:
    X, y = rows()
    own = Own(lambda X, y, seed: (pd.DataFrame(X[::-1]), pd.Series(y[::-1])))
    made, y_made = resample(own, X, y, NAMES, 0)
    np.testing.assert_array_equal(made, X[::-1])
    np.testing.assert_array_equal(y_made, y[::-1])


def test_a_sampler_that_fails_fails_its_run_and_the_sweep(tmp_path, monkeypatch) -> None:
    from tests.conftest import invoke, records

    (tmp_path / "faulty.py").write_text(
        "class Nothing:\n    def fit_resample(self, X, y):\n        return None\n"
        "class OneLeft:\n    def fit_resample(self, X, y):\n        return X[y == 0], y[y == 0]\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    typed = ("-m", "dataset=wine_lt", "model=logreg", "tracking=none", "sampler=custom", "seed=0")
    assert invoke(*typed, "sampler._target_=faulty.Nothing,faulty.OneLeft") == 1
    found = records(tmp_path)
    assert [record["outcome"] for record in found] == ["failed", "failed"]
    assert sorted(record["reason"].split(", ")[0][:40] for record in found) == [
        "OneLeft leaves one class only (class 'cl",
        "the sampler Nothing returned NoneType",
    ]
    assert not any("\n" in record["reason"] for record in found)


def test_a_bug_inside_imbalanced_learn_is_no_incompatible_pair_either(monkeypatch) -> None:
    monkeypatch.setattr(SMOTE, "_fit_resample", lambda self, X, y: X.nothing)
    with pytest.raises(LabError, match="the sampler SMOTE failed: AttributeError") as error:
        resample(SMOTE(), *rows(), NAMES, 0)
    assert not isinstance(error.value, Incompatible)


def test_a_sampler_of_ones_own_may_refuse_rows() -> None:
    with pytest.raises(Incompatible, match="not these"):
        resample(fails(Incompatible("not these")), *rows(), NAMES, 0)


DOCUMENTED = {  # imbalanced-learn's user guide, over-sampling, under-sampling and combination
    "ros": [4674, 4674, 4674],
    "smote": [4674, 4674, 4674],
    "adasyn": [4673, 4662, 4674],
    "cluster_centroids": [64, 64, 64],
    "rus": [64, 64, 64],
    "enn": [64, 213, 4568],
    "repeated_enn": [64, 208, 4551],
    "all_knn": [64, 220, 4601],
    "condensed_nn": [64, 24, 115],
    "one_sided": [64, 174, 4404],
    "neighbourhood_cleaning": [64, 193, 4535],
    "instance_hardness": [64, 64, 64],
    "near_miss": [64, 64, 64],
    "smote_enn": [4060, 4381, 3502],
    "smote_tomek": [4499, 4566, 4413],
}


# Where the user guide does not use the defaults.
DOCUMENTED_WITH = {
    "neighbourhood_cleaning": ["sampler.n_neighbors=11"],
    "instance_hardness": ["+sampler.estimator._target_=sklearn.linear_model.LogisticRegression"],
}


@pytest.mark.parametrize("option", DOCUMENTED)
def test_counts_are_those_imbalanced_learn_documents(option: str) -> None:
    X, y = make_classification(
        n_samples=5000, n_features=2, n_informative=2, n_redundant=0, n_repeated=0, n_classes=3,
        n_clusters_per_class=1, weights=[0.01, 0.05, 0.94], class_sep=0.8, random_state=0,
    )  # fmt: skip
    assert np.bincount(y).tolist() == [64, 262, 4674]
    sampler = built(compose([f"sampler={option}", *DOCUMENTED_WITH.get(option, [])]), "sampler")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LabWarning)
        _, made = resample(sampler, X, y, NAMES, 0)
    assert np.bincount(made).tolist() == DOCUMENTED[option]
