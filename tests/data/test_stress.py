from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imbalance_lab.data.dataset import Dataset
from imbalance_lab.data.rows import Split
from imbalance_lab.data.split import Holdout
from imbalance_lab.data.stress import (
    FeatureNoise,
    FewerRows,
    Imbalance,
    LabelNoise,
    Missing,
    Stress,
    class_rows,
    content_of,
)
from imbalance_lab.errors import ConfigError, DataError, Incompatible, LabError, LabWarning
from imbalance_lab.options import option

COUNTS = st.lists(st.integers(12, 80), min_size=2, max_size=5)
LEVELS: dict[str, tuple[Callable[[float], Stress], list[float]]] = {
    "step": (lambda level: Imbalance(ratio=level), [8, 20, 70]),
    "tail": (lambda level: Imbalance(ratio=level, profile="tail"), [8, 20, 70]),
    "fewer rows": (lambda level: FewerRows(rows=level), [0.9, 0.5, 0.2]),
    "label noise": (lambda level: LabelNoise(rate=level), [0.05, 0.2, 0.4]),
    "missing": (lambda level: Missing(cells=level), [0.05, 0.2, 0.4]),
    "feature noise": (lambda level: FeatureNoise(deviations=level, swaps=level / 4), [0.5, 1.0, 2.0]),
}


def table(counts: list[int], seed: int = 0) -> tuple[Dataset, Split]:
    """Rows with a number, a whole number, a category and a date, split."""
    draw = np.random.default_rng(seed)
    y = draw.permutation(np.repeat(np.arange(len(counts)), counts))
    frame = pd.DataFrame(
        {
            "x": draw.normal(size=len(y)),
            "count": draw.integers(0, 9, len(y)),
            "kind": draw.choice(["a", "b", "c"], len(y)),
            "day": pd.Timestamp("2026-01-01") + pd.to_timedelta(draw.integers(0, 99, len(y)), unit="D"),
        }
    )
    data = Dataset.from_labels("data", frame, [f"k{k}" for k in y])
    (split,) = Holdout(0.2, 0.2, seed).split(data)
    return data, split


@pytest.mark.parametrize("name", LEVELS)
@given(counts=COUNTS, seed=st.integers(0, 9))
@settings(max_examples=15, deadline=None)
def test_test_rows_stay_as_they_are_and_decide_nothing(name: str, counts: list[int], seed: int) -> None:
    data, split = table(counts, seed)
    stress = LEVELS[name][0](LEVELS[name][1][1])
    after = stress.on(data, split, seed)
    assert content_of(after.dataset, after.split.test) == content_of(data, split.test)
    np.testing.assert_array_equal(after.split.test, split.test)
    poisoned = data.X.copy()
    poisoned.loc[split.test, "x"] = 1e9
    poisoned.loc[split.test, "kind"] = "poison"
    other = Dataset(data.name, poisoned, np.where(np.isin(np.arange(len(data)), split.test), 0, data.y),
                    data.class_names, data.kinds)  # fmt: skip
    same = stress.on(other, split, seed)
    learnt = np.concatenate([after.split.train, after.split.validation])
    np.testing.assert_array_equal(same.split.train, after.split.train)
    assert content_of(same.dataset, learnt) == content_of(after.dataset, learnt)


@pytest.mark.parametrize("name", ["step", "tail", "fewer rows"])
@given(counts=COUNTS, seed=st.integers(0, 9))
@settings(max_examples=15, deadline=None)
def test_a_stronger_stress_keeps_some_of_the_rows_of_a_weaker_one(name: str, counts: list[int], seed: int) -> None:
    data, split = table(counts, seed)
    make, levels = LEVELS[name]
    kept = [make(level).on(data, split, seed).split for level in levels]
    for part in ("train", "validation"):
        all_rows, *rest = [getattr(split, part), *(getattr(one, part) for one in kept)]
        for more, fewer in pairwise([all_rows, *rest]):
            assert set(fewer) <= set(more)
            assert set(data.y[fewer]) == set(data.y[all_rows])


@pytest.mark.parametrize("name", ["label noise", "missing"])
@given(counts=COUNTS, seed=st.integers(0, 9))
@settings(max_examples=15, deadline=None)
def test_a_stronger_stress_adds_to_a_weaker_one(name: str, counts: list[int], seed: int) -> None:
    data, split = table(counts, seed)
    make, levels = LEVELS[name]
    found = [make(level).on(data, split, seed).dataset for level in levels]
    for less, more in pairwise(found):
        flipped = less.y != data.y
        np.testing.assert_array_equal(more.y[flipped], less.y[flipped])
        assert not (less.X.isna() & more.X.notna()).any(axis=None)


@given(counts=COUNTS, seed=st.integers(0, 9), ratio=st.floats(8, 60))
@settings(max_examples=40, deadline=None)
def test_imbalance_leaves_the_ratio_that_is_asked_for(counts: list[int], seed: int, ratio: float) -> None:
    data, split = table(counts, seed)
    largest = max(class_rows(data, split.train).values())
    for profile in ("step", "tail"):
        after = Imbalance(ratio=ratio, profile=profile, keep=1).on(data, split, seed)
        left = np.array([*class_rows(data, after.split.train).values()])
        assert left.max() == largest
        assert left.min() == max(1, np.floor(largest / ratio + 0.5))


def test_imbalance_counts_by_hand() -> None:
    data = Dataset.from_arrays(np.zeros((1000, 1)), np.repeat(["a", "b", "c", "d"], [400, 300, 200, 100]))
    split = Split(np.arange(1000), np.arange(0), np.arange(0))
    step = Imbalance(ratio=100).on(data, split, 0).split.train
    assert class_rows(data, step) == {"a": 400, "b": 300, "c": 4, "d": 4}
    # 400, 400 / 100^(1/3) = 86.2, 400 / 100^(2/3) = 18.6, 4
    tail = Imbalance(ratio=100, profile="tail").on(data, split, 0).split.train
    assert class_rows(data, tail) == {"a": 400, "b": 86, "c": 19, "d": 4}
    with pytest.warns(LabWarning, match="less than stress.keep=2 training rows of the rarest class: .* 200 to 1"):
        Imbalance(ratio=10_000).check(data, split)
    assert min(class_rows(data, Imbalance(ratio=10_000).on(data, split, 0).split.train).values()) == 2


@pytest.mark.parametrize("ratio", [1000, 10_000])
def test_imbalance_reaches_one_to_ten_thousand_to_the_row(ratio: int) -> None:
    data = Dataset.from_arrays(np.zeros((50_500, 1)), np.repeat(["a", "b"], [50_000, 500]))
    rows = np.r_[0:40_000, 50_000:50_400]
    split = Split(rows, np.arange(0), np.setdiff1d(np.arange(50_500), rows))
    after = Imbalance(ratio=ratio).on(data, split, 0)
    assert class_rows(data, after.split.train) == {"a": 40_000, "b": 40_000 // ratio}
    assert class_rows(data, after.split.test) == {"a": 10_000, "b": 100}


def test_validation_rows_are_thinned_by_the_same_share() -> None:
    data = Dataset.from_arrays(np.zeros((150, 1)), np.tile(np.repeat(["a", "b"], [10, 5]), 10))
    rows = np.arange(150)
    after = Imbalance(ratio=10).on(data, Split(rows[:90], rows[90:135], rows[135:]), 0)
    assert class_rows(data, after.split.train) == {"a": 60, "b": 6}  # of 30: a fifth
    assert class_rows(data, after.split.validation) == {"a": 30, "b": 3}  # of 15


@given(counts=COUNTS, seed=st.integers(0, 9), rate=st.floats(0, 0.45))
@settings(max_examples=30, deadline=None)
def test_exactly_the_share_of_each_class_is_flipped(counts: list[int], seed: int, rate: float) -> None:
    data, split = table(counts, seed)
    after = LabelNoise(rate=rate).on(data, split, seed)
    for part in ("train", "validation"):
        rows = getattr(split, part)
        for name, n in class_rows(data, rows).items():
            k = data.class_names.index(name)
            told = after.changes[part]["flipped"].get(name, {})
            wrong = after.dataset.y[rows[data.y[rows] == k]]
            assert (wrong != k).sum() == sum(told.values()) == np.floor(rate * n + 0.5)
            assert told == {data.class_names[j]: (wrong == j).sum() for j in np.unique(wrong) if j != k}


def test_labels_are_flipped_by_class_and_by_the_label_that_is_given() -> None:
    data, split = table([500, 200, 100])
    by_class = LabelNoise(rate={"k1": 0.5}).on(data, split, 0)
    assert set(by_class.changes["train"]["flipped"]) == {"k1"}
    matrix = LabelNoise(rate={"k0": {"k2": 0.2}, "k1": {"k0": 0.3, "k2": 0.1}}).on(data, split, 0)
    flipped = matrix.changes["train"]["flipped"]
    n = class_rows(data, split.train)
    assert flipped["k0"] == {"k2": round(n["k0"] * 0.2)}
    assert sum(flipped["k1"].values()) == round(n["k1"] * 0.4)
    assert flipped["k1"]["k0"] > flipped["k1"]["k2"]
    assert "k2" not in flipped


def test_cells_go_missing_in_exactly_the_share_of_each_column() -> None:
    data, split = table([60, 40])
    after = Missing(cells=0.25).on(data, split, 0)
    n = len(split.train)
    assert after.changes["train"]["blanked"] == dict.fromkeys(data.kinds, round(n / 4))
    assert after.dataset.X.iloc[split.train].isna().sum().to_dict() == dict.fromkeys(data.kinds, round(n / 4))
    one = Missing(cells={"kind": 0.5}).on(data, split, 0)
    assert set(one.changes["train"]["blanked"]) == {"kind"}


def test_noise_has_the_deviation_of_the_training_rows() -> None:
    data, split = table([4000, 2000])
    after = FeatureNoise(deviations=0.5, swaps=0.3).on(data, split, 0)
    added = after.dataset.X["x"] - data.X["x"]
    wanted = 0.5 * data.X["x"].iloc[split.train].std(ddof=0)
    for rows in (split.train, split.validation):
        assert added.iloc[rows].std() == pytest.approx(wanted, rel=0.05)
    changed = (after.dataset.X["kind"] != data.X["kind"]).to_numpy()
    assert changed[split.train].sum() == after.changes["train"]["swapped"]["kind"]
    assert changed[split.train].mean() == pytest.approx(0.3 * 2 / 3, abs=0.02)  # a third draws what it had
    assert after.dataset.X["day"].equals(data.X["day"])


def test_rows_that_are_no_table_take_noise_too() -> None:
    draw = np.random.default_rng(0)
    data = Dataset.from_arrays(draw.normal(size=(60, 4, 4)).astype(np.float32), ["a"] * 40 + ["b"] * 20)
    (split,) = Holdout(0.2, 0.2, 0).split(data)
    after = FeatureNoise(deviations=1.0).on(data, split, 0)
    assert after.dataset.X.dtype == np.float32
    np.testing.assert_array_equal(after.dataset.X[split.test], data.X[split.test])
    assert (after.dataset.X[split.train] != data.X[split.train]).all()


@pytest.mark.parametrize(
    "stress",
    [Imbalance(ratio=3.0), FewerRows(rows=1), LabelNoise(rate=0), Missing(cells=0), FeatureNoise(deviations=0)],
)
def test_no_stress_changes_nothing(stress: Stress) -> None:
    data = Dataset.from_arrays(np.arange(80.0).reshape(40, 2), ["a"] * 30 + ["b"] * 10)
    rows = np.arange(40)
    split = Split(np.r_[0:18, 30:36], np.r_[18:24, 36:38], np.r_[24:30, 38:40])
    after = stress.on(data, split, 0)
    stress.check(data, split)
    assert content_of(after.dataset, rows) == data.content_hash
    for part, was in zip(after.split, split, strict=True):
        np.testing.assert_array_equal(part, was)


@pytest.mark.parametrize(
    ("name", "given", "error", "says"),
    [
        ("imbalance", {"ratio": 1.1}, Incompatible, r"stress.ratio=1.1 is below .* 3 to 1; stress thins classes"),
        ("imbalance", {"ratio": 0.1}, ConfigError, r"stress.ratio: .*greater than or equal to 1"),
        ("imbalance", {"profile": "slope"}, ConfigError, r"stress.profile"),
        ("label_noise", {"rate": 1.5}, ConfigError, r"stress.rate: is a share of rows from 0 to 1, .* not 1.5"),
        (
            "label_noise",
            {"rate": {"z": 0.1}},
            ConfigError,
            r"names the class 'z', which does not exist; there are k0, k1",
        ),
        ("label_noise", {"rate": {"k0": {"k1": 0.7, "k0": 0.1}}}, ConfigError, r"a label that stays is no noise"),
        ("label_noise", {"rate": {"k1": {"k0": 1.0}}}, DataError, r"leaves class 'k1' without training rows"),
        ("missing", {"cells": 1.5}, ConfigError, r"stress.cells: is a share of rows from 0 to below 1, .* not 1.5"),
        ("missing", {"cells": {"age": 0.1}}, ConfigError, r"names the column 'age', which does not exist; there are x"),
        ("feature_noise", {"deviations": -1}, ConfigError, r"stress.deviations"),
        ("fewer_rows", {"rows": 5000}, ConfigError, r"stress.rows=5000 is more than the \d+ training rows"),
        ("fewer_rows", {"rows": 10.5}, ConfigError, r"neither a share nor a whole number"),
        ("fewer_rows", {"rows": 0}, ConfigError, r"stress.rows"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(
    name: str, given: dict[str, object], error: type[LabError], says: str
) -> None:
    data, split = table([90, 30])

    def stress() -> None:
        made = option("stress", name, **given).build()
        made.check(data, split)
        made.on(data, split, 0)

    with pytest.raises(error, match=says) as refused:
        stress()
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("name", ["imbalance", "label_noise", "fewer_rows"])
def test_labels_that_do_not_exclude_each_other_are_refused_by_name(name: str) -> None:
    y = np.tile([[0, 1], [1, 0], [1, 1], [0, 0]], (10, 1))
    data = Dataset.from_arrays(np.arange(80.0).reshape(40, 2), y)
    (split,) = Holdout(0.2, 0.2, 0).split(data)
    with pytest.raises(Incompatible, match=f"stress={name} needs one class per row"):
        option("stress", name).build().check(data, split)
    option("stress", "missing").build().check(data, split)
