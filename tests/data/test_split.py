from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from imbalance_lab.data.dataset import Dataset
from imbalance_lab.data.split import CrossValidation, Holdout, checked_splits
from imbalance_lab.data.split.stratified import iterative_parts
from imbalance_lab.errors import DataError, LabWarning

COUNTS = st.lists(st.integers(3, 60), min_size=2, max_size=8)


def labels(counts: list[int]) -> np.ndarray:
    return np.random.default_rng(0).permutation(np.repeat(np.arange(len(counts)), counts))


def of(y: np.ndarray) -> Dataset:
    """Rows of these classes, or labels, and of one feature that tells them apart."""
    X = np.arange(len(y), dtype=float)[:, None]
    if y.ndim == 1:
        return Dataset("data", X, y, tuple(f"k{k}" for k in range(y.max() + 1)), {})
    labels = [f"t{t}" for t in range(y.shape[1])]
    return Dataset("data", X, y, tuple(side for t in labels for side in (f"not {t}", t)), {}, tuple(labels))


@given(COUNTS, st.floats(0.05, 0.4), st.floats(0.05, 0.4), st.integers(0, 5))
@settings(max_examples=60, deadline=None)
def test_holdout_parts_are_a_partition_and_every_class_is_in_each(
    counts: list[int], validation: float, test: float, seed: int
) -> None:
    y = labels(counts)
    (split,) = Holdout(validation, test, seed).split(of(y))
    np.testing.assert_array_equal(np.sort(np.concatenate(split)), np.arange(len(y)))
    for part, share in zip(split, [1 - validation - test, validation, test], strict=True):
        found = np.bincount(y[part], minlength=len(counts))
        assert found.min() >= 1
        assert np.all(np.abs(found - share * np.array(counts)) <= 2)


@given(COUNTS, st.integers(2, 4), st.integers(1, 2), st.sampled_from([0.0, 0.2]))
@settings(max_examples=30, deadline=None)
def test_folds_test_every_row_once_a_repeat(counts: list[int], folds: int, repeats: int, validation: float) -> None:
    assume(folds <= max(counts))
    y = labels(counts)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LabWarning)
        splits = list(CrossValidation(folds, repeats, validation).split(of(y)))
    assert len(splits) == folds * repeats
    for split in splits:
        np.testing.assert_array_equal(np.sort(np.concatenate(split)), np.arange(len(y)))
        assert np.bincount(y[split.train], minlength=len(counts)).min() >= 1
        assert bool(len(split.validation)) == bool(validation)
    tested = np.concatenate([split.test for split in splits])
    np.testing.assert_array_equal(np.bincount(tested), repeats)


def test_the_split_depends_on_labels_and_seed_alone() -> None:
    y = labels([30, 10])
    first, again, other = (next(Holdout(0.2, 0.2, seed).split(of(y))) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.test, again.test)
    assert not np.array_equal(first.test, other.test)


@pytest.mark.parametrize("splitter", [Holdout(0.2, 0.2), CrossValidation(2, 1, 0.2)])
def test_a_class_too_small_is_named(splitter: Holdout) -> None:
    with pytest.raises(DataError, match=r"'k1' \(2\).*each needs 3.*min_class_rows=3"):
        list(splitter.split(of(labels([9, 2]))))


def test_without_validation_two_rows_suffice() -> None:
    (split,) = Holdout(0.0, 0.5).split(of(labels([4, 2])))
    assert len(split.validation) == 0
    assert len(split.test) == 3


def test_a_class_with_fewer_rows_than_folds_is_pointed_out() -> None:
    with pytest.warns(LabWarning, match=r"no test rows in 1 of 5 folds to the class 'k1' \(4 rows\)"):
        checked_splits(CrossValidation(5, 1, 0.2), of(labels([20, 4])))


def test_more_folds_than_rows_are_refused() -> None:
    with pytest.raises(DataError, match=r"split\.folds=9"):
        list(CrossValidation(9, 1, 0.2).split(of(labels([8, 8]))))


def indicators(n: int = 600, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    common = rng.random(n) < 0.3
    return np.column_stack([common, rng.random(n) < np.where(common, 0.12, 0.01)]).astype(int)


def test_labels_are_split_by_their_combinations() -> None:
    y = indicators()
    (split,) = Holdout(0.2, 0.2).split(of(y))
    np.testing.assert_array_equal(np.sort(np.concatenate(split)), np.arange(len(y)))
    for part, share in zip(split, [0.6, 0.2, 0.2], strict=True):
        for combination in np.unique(y, axis=0):
            found, whole = ((rows == combination).all(axis=1).sum() for rows in (y[part], y))
            assert abs(found - share * whole) <= 2


@given(st.integers(0, 200))
@settings(max_examples=25, deadline=None)
def test_rare_combinations_are_split_iteratively(seed: int) -> None:
    """Twelve labels make combinations of one row; each label keeps its share in every part all the same."""
    rng = np.random.default_rng(seed)
    y = (rng.random((300, 12)) < rng.uniform(0.05, 0.4, 12)).astype(int)
    assume(y.sum(axis=0).min() >= 5)
    (split,) = Holdout(0.2, 0.2, seed).split(of(y))
    np.testing.assert_array_equal(np.sort(np.concatenate(split)), np.arange(len(y)))
    for part, share in zip(split, [0.6, 0.2, 0.2], strict=True):
        assert np.abs(y[part].sum(axis=0) - share * y.sum(axis=0)).mean() <= 3
        assert y[part].sum(axis=0).min() >= 1
    folds = list(CrossValidation(5, 1, 0.2, seed).split(of(y)))
    np.testing.assert_array_equal(np.sort(np.concatenate([fold.test for fold in folds])), np.arange(300))


def test_iterative_parts_keep_sizes_and_labels() -> None:
    y = indicators(1000)
    part = iterative_parts(y, np.array([0.5, 0.3, 0.2]), np.random.default_rng(0))
    assert np.abs(np.bincount(part) - [500, 300, 200]).max() <= 2
    for label in (0, 1):
        wanted = np.array([0.5, 0.3, 0.2]) * y[:, label].sum()
        assert np.abs(np.bincount(part, weights=y[:, label]) - wanted).max() <= 2


def test_a_label_too_rare_is_named() -> None:
    y = np.zeros((20, 2), int)
    y[:2, 1], y[:9, 0] = 1, 1
    with pytest.raises(DataError, match=r"'t1' \(2\).*leave such labels out"):
        list(Holdout(0.2, 0.2).split(of(y)))


class Given(Holdout):
    """A splitter that gives whatever parts it is given."""

    parts: tuple = ()

    def split(self, data):
        yield from self.parts


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ((range(10), [], range(10)), "10 of its 10 test rows are training rows as well"),
        ((range(8), [8], [8, 9]), "1 of its 2 test rows are validation rows as well"),
        ((range(8), [7], [8, 9]), "1 of its 1 validation rows are training rows as well"),
        ((range(8), [], [8, 10]), "1 test rows outside the data, which has rows 0 to 9"),
        (([-1, 0], [], [8]), "1 training rows outside the data"),
        (([0, 0, 1], [], [8]), "1 of its 3 training rows twice"),
        (([], [8], [9]), "gives no training rows"),
        ((range(8), [8], []), "gives no test rows"),
        ((np.ones(10, bool), [], [9]), r"the training rows are no list of row numbers \(shape \(10,\), bool\)"),
        ((range(8), [9]), "gives 2 parts"),
    ],
)
def test_parts_that_prove_nothing_are_refused_by_the_splitters_name(parts: tuple, message: str) -> None:
    splitter = Given(0.2, 0.2)
    object.__setattr__(splitter, "parts", [parts])
    with pytest.raises(DataError, match=f"split=Given.*{message}"):
        checked_splits(splitter, of(labels([5, 5])))


def test_no_split_at_all_is_refused_and_ours_are_what_they_were() -> None:
    nothing = Given(0.2, 0.2)
    object.__setattr__(nothing, "parts", [])
    with pytest.raises(DataError, match="split=Given gives no split"):
        checked_splits(nothing, of(labels([5, 5])))
    y = labels([30, 20])
    ours = CrossValidation(5, 2, 0.2)
    for checked, plain in zip(checked_splits(ours, of(y)), ours.split(of(y)), strict=True):
        for one, other in zip(checked, plain, strict=True):
            np.testing.assert_array_equal(one, other)


def test_a_splitter_that_tests_on_training_rows_makes_no_run(tmp_path, monkeypatch) -> None:
    from tests.conftest import invoke

    (tmp_path / "leaky.py").write_text(
        "import numpy as np\n"
        "from imbalance_lab.data.rows import Split\n"
        "from imbalance_lab.data.split import Holdout\n"
        "class Leaky(Holdout):\n"
        "    def split(self, data):\n"
        "        rows = np.arange(len(data))\n"
        "        yield Split(rows, rows[:0], rows)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    typed = ["model=logreg", "tracking=none", "dataset=wine_lt", "split._target_=leaky.Leaky", "split.validation=0"]
    assert "split=Leaky is refused: " in str(invoke(*typed))
