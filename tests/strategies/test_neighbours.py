"""Approximate neighbours: what they are against the exact ones, in every sampler that takes some."""

from __future__ import annotations

import builtins
from typing import Any

import numpy as np
import pytest
from imblearn.combine import SMOTEENN
from imblearn.over_sampling import ADASYN, SMOTE, SVMSMOTE, BorderlineSMOTE
from imblearn.under_sampling import (
    AllKNN,
    CondensedNearestNeighbour,
    EditedNearestNeighbours,
    NearMiss,
    NeighbourhoodCleaningRule,
    RepeatedEditedNearestNeighbours,
)
from sklearn.base import clone
from sklearn.neighbors import NearestNeighbors

from imbalance_lab.errors import ConfigError, Incompatible
from imbalance_lab.strategies.neighbours import FEW, ApproximateNeighbors, with_neighbours
from imbalance_lab.strategies.samplers import resample

pytest.importorskip("faiss", reason="the extra neighbors is not installed")


def rows(n: int, width: int = 4, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, width)).astype(np.float32)


def labelled(n: int = 400) -> tuple[np.ndarray, np.ndarray]:
    y = np.repeat([0, 1], [n - n // 8, n // 8])
    return rows(n) + y[:, None], y


def recall(found: np.ndarray, exact: np.ndarray) -> float:
    return float(np.mean([len(set(one) & set(other)) / len(other) for one, other in zip(found, exact, strict=True)]))


@pytest.mark.parametrize("asked", [True, False])
def test_few_rows_have_their_exact_neighbours(asked: bool) -> None:
    X = rows(300)
    given = X if asked else None
    exact = NearestNeighbors(n_neighbors=5).fit(X).kneighbors(given)
    ours = ApproximateNeighbors(n_neighbors=5).fit(X).kneighbors(given)
    np.testing.assert_array_equal(ours[1], exact[1])
    np.testing.assert_allclose(ours[0], exact[0], atol=1e-3)


def test_graphs_are_those_of_scikit_learn() -> None:
    X = rows(100)
    for mode in ("connectivity", "distance"):
        exact = NearestNeighbors(n_neighbors=3).fit(X).kneighbors_graph(mode=mode).toarray()
        np.testing.assert_allclose(
            ApproximateNeighbors(3).fit(X).kneighbors_graph(mode=mode).toarray(), exact, atol=1e-3
        )


def test_many_rows_have_nearly_all_of_them_and_more_probes_find_more() -> None:
    X = rows(FEW * 2, width=10)
    exact = NearestNeighbors(n_neighbors=6).fit(X).kneighbors(X, return_distance=False)
    reached = [
        recall(ApproximateNeighbors(6, probes=probes).fit(X).kneighbors(X, return_distance=False), exact)
        for probes in (1, 64, 10**6)
    ]
    assert reached[0] < reached[1] < reached[2] and reached[1] > 0.9
    assert reached[2] > 0.999  # all lists are searched; what is left are equal distances


def test_equal_seeds_give_equal_neighbours_whatever_the_threads() -> None:
    X = rows(FEW * 2)
    one, other, two = (
        ApproximateNeighbors(random_state=3, n_jobs=jobs).fit(X).kneighbors(X, return_distance=False)
        for jobs in (None, 1, 2)
    )
    np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(one, two)


def test_lists_with_too_few_rows_are_not_all_that_is_searched() -> None:
    X = rows(FEW + 1)
    found = ApproximateNeighbors(n_neighbors=200, probes=1).fit(X).kneighbors(X[:50], return_distance=False)
    assert found.shape == (50, 200) and (found >= 0).all()
    assert all(len(set(each)) == 200 for each in found)


def test_there_are_no_more_neighbours_than_rows() -> None:
    assert ApproximateNeighbors(n_neighbors=6).fit(rows(3)).kneighbors(rows(3), return_distance=False).shape == (3, 3)


@pytest.mark.filterwarnings("ignore:ADASYN returned fewer rows")
@pytest.mark.parametrize(
    ("sampler", "keys"),
    [
        (SMOTE(), ["k_neighbors"]),
        (BorderlineSMOTE(), ["k_neighbors", "m_neighbors"]),
        (SVMSMOTE(), ["k_neighbors", "m_neighbors"]),
        (ADASYN(), ["n_neighbors"]),
        (EditedNearestNeighbours(), ["n_neighbors"]),
        (RepeatedEditedNearestNeighbours(), ["n_neighbors"]),
        (AllKNN(), ["n_neighbors"]),
        (NearMiss(), ["n_neighbors"]),
        (NearMiss(version=3), ["n_neighbors", "n_neighbors_ver3"]),
        (SMOTEENN(smote=SMOTE(), enn=EditedNearestNeighbours()), ["smote__k_neighbors", "enn__n_neighbors"]),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, list) else "",
)
def test_samplers_give_the_rows_of_exact_neighbours_where_those_are_found(sampler: Any, keys: list[str]) -> None:
    X, y = labelled()
    approximate = clone(sampler).set_params(**dict.fromkeys(keys, "approximate"))
    none = np.zeros(X.shape[1], bool)
    expected = resample(sampler, X, y, ["a", "b"], 0, none, lambda columns: columns)
    found = resample(approximate, X, y, ["a", "b"], 0, none, lambda columns: columns)
    np.testing.assert_array_equal(found[1], expected[1])
    np.testing.assert_allclose(found[0], expected[0], atol=1e-5)
    assert getattr(approximate, keys[0].partition("__")[0]) is not None  # the sampler that was given is not changed


@pytest.mark.parametrize("sampler", [NeighbourhoodCleaningRule, CondensedNearestNeighbour])
def test_samplers_that_classify_are_refused(sampler: type) -> None:
    with pytest.raises(Incompatible, match="give a number"):
        with_neighbours(sampler(n_neighbors="approximate"))


def test_what_is_no_number_of_neighbours_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"sampler.sampling_strategy is no number"):
        with_neighbours(SMOTE(sampling_strategy="approximate"))


def test_without_faiss_there_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    original = builtins.__import__

    def without(name: str, *more: Any, **others: Any) -> Any:
        if name == "faiss":
            raise ImportError(name)
        return original(name, *more, **others)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ConfigError, match=r"pip install 'imbalance-lab\[neighbors\]'"):
        resample(SMOTE(k_neighbors="approximate"), *labelled(), ["a", "b"], 0, np.zeros(4, bool), lambda c: c)
