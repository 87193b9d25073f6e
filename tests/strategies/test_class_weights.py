from __future__ import annotations

import warnings
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as with_settings
from hypothesis import strategies as st
from pydantic import ValidationError
from sklearn.utils.class_weight import compute_class_weight

import imbalance_lab as lab
from imbalance_lab.errors import ConfigError, LabWarning
from imbalance_lab.strategies.class_weights import (
    ByHand,
    Deferred,
    EffectiveNumber,
    InverseFrequency,
    Uniform,
    class_weights,
    normalised,
)

QUESTION = np.array([198, 436, 710, 272])
NAMES = ["A", "B", "C", "D"]
COUNTS = st.lists(st.integers(1, 10**6), min_size=2, max_size=50).map(np.array)


def test_the_question_by_hand() -> None:
    weights = InverseFrequency()(QUESTION, NAMES)
    np.testing.assert_allclose(weights, 1616 / (4 * QUESTION))
    np.testing.assert_allclose(weights.round(2), [2.04, 0.93, 0.57, 1.49])


def test_inverse_frequency_is_scikit_learns_balanced() -> None:
    y = np.repeat(np.arange(4), QUESTION)
    balanced = compute_class_weight("balanced", classes=np.arange(4), y=y)
    np.testing.assert_array_equal(InverseFrequency()(QUESTION, NAMES), balanced)


@given(COUNTS, st.floats(0, 2))
def test_the_mean_weight_of_a_row_is_one_and_rare_classes_never_count_less(counts: np.ndarray, power: float) -> None:
    weights = InverseFrequency(power)(counts, [str(k) for k in range(len(counts))])
    assert weights.min() > 0
    assert weights @ counts / counts.sum() == pytest.approx(1)
    order = np.argsort(counts)
    assert np.all(np.diff(weights[order]) <= 1e-12 * weights.max())


@given(COUNTS)
def test_the_square_root_lies_between_none_and_inverse(counts: np.ndarray) -> None:
    names = [str(k) for k in range(len(counts))]
    ratios = [
        w[counts.argmin()] / w[counts.argmax()] for w in (InverseFrequency(p)(counts, names) for p in (0, 0.5, 1))
    ]
    assert ratios[0] == pytest.approx(1)
    assert ratios[1] == pytest.approx(np.sqrt(ratios[2]))


def test_inverse_weights_make_the_effective_prior_uniform() -> None:
    mass = InverseFrequency()(QUESTION, NAMES) * QUESTION
    np.testing.assert_allclose(mass / mass.sum(), 0.25)


def test_normalisations_by_hand() -> None:
    raw, counts = np.array([1.0, 3.0]), np.array([30, 10])
    np.testing.assert_allclose(normalised(raw, counts, "mean_one"), [2 / 3, 2])
    np.testing.assert_allclose(normalised(raw, counts, "sum_to_one"), [0.25, 0.75])
    np.testing.assert_allclose(normalised(raw, counts, "sum_to_classes"), [0.5, 1.5])


def test_uniform_is_one() -> None:
    np.testing.assert_array_equal(Uniform()(QUESTION, NAMES), 1)


def test_a_class_sampling_left_empty_gets_a_finite_weight() -> None:
    assert np.isfinite(InverseFrequency()(np.array([10, 0]), ["a", "b"])).all()


def test_by_hand() -> None:
    weights = ByHand({"A": 2, "D": 1.5}, normalise="sum_to_classes")(QUESTION, NAMES)
    np.testing.assert_allclose(weights, np.array([2, 1, 1, 1.5]) * 4 / 5.5)
    np.testing.assert_allclose(ByHand({1: 3})(np.array([1, 1]), ["0", "1"]), [0.5, 1.5])  # numbers name classes too


def test_by_hand_refuses_what_is_no_weight() -> None:
    with pytest.raises(ConfigError, match="'Aa', which does not exist; did you mean 'A'"):
        ByHand({"Aa": 2}).check(NAMES, QUESTION)
    for bad in (-1, 0, float("nan"), float("inf"), "much"):
        with pytest.raises(ValidationError):
            ByHand({"A": bad})


def test_frequencies_by_mistake_are_pointed_out() -> None:
    slip = dict(zip(NAMES, (QUESTION / 1616).round(2).tolist(), strict=True))
    assert slip == {"A": 0.12, "B": 0.27, "C": 0.44, "D": 0.17}
    with pytest.warns(LabWarning, match=r"grow with class frequency \('A', 198 rows: 0.12;.*class_weight=inv_freq"):
        ByHand(slip).check(NAMES, QUESTION)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ByHand({"A": 2, "D": 1.5}).check(NAMES, QUESTION)


def effective_number(n: np.ndarray, beta: float) -> np.ndarray:
    """Weights of Cui et al. (2019), equation 4, in long arithmetic: (1 - beta) / (1 - beta^n)."""
    return np.array([(1 - Decimal(beta)) / (1 - Decimal(beta) ** int(k)) for k in n], dtype=float)


@pytest.mark.parametrize("beta", [0.9, 0.999, 0.9999])
def test_effective_number_is_the_papers_formula(beta: float) -> None:
    raw = effective_number(QUESTION, beta)
    np.testing.assert_allclose(EffectiveNumber(beta, "sum_to_classes")(QUESTION, NAMES), raw * 4 / raw.sum(), rtol=1e-9)


@given(COUNTS)
def test_effective_number_ends_in_inverse_frequency_and_in_uniform(counts: np.ndarray) -> None:
    names = [str(k) for k in range(len(counts))]
    np.testing.assert_allclose(EffectiveNumber(1 - 1e-12)(counts, names), InverseFrequency()(counts, names), rtol=1e-3)
    np.testing.assert_allclose(EffectiveNumber(0)(counts, names), 1)


def test_deferred_weights_wait() -> None:
    deferred = Deferred(InverseFrequency(), weight_start=0.8)
    assert deferred.weight_start == 0.8
    np.testing.assert_array_equal(deferred(QUESTION, NAMES), InverseFrequency()(QUESTION, NAMES))
    with pytest.raises(ConfigError):
        Deferred(ByHand({"Z": 1})).check(NAMES, QUESTION)


@given(st.lists(st.integers(1, 300), min_size=2, max_size=12))
def test_weights_of_labels_are_scikit_learns_to_the_last_bit(counts: list[int]) -> None:
    y = np.repeat(np.arange(len(counts)), counts)
    balanced = compute_class_weight("balanced", classes=np.arange(len(counts)), y=y)
    assert class_weights(y) == dict(enumerate(balanced.tolist()))


@pytest.mark.parametrize(
    ("y", "expected"),
    [
        (["b", "a", "a", "a"], {"a": 2 / 3, "b": 2.0}),
        (pd.Series(["b", "a", "a", "a"], index=[9, 8, 7, 6], dtype="category"), {"a": 2 / 3, "b": 2.0}),
        (np.array([True, False, False, False]), {False: 2 / 3, True: 2.0}),
        ([1.5, 0.5, 0.5, 0.5], {0.5: 2 / 3, 1.5: 2.0}),
        (["one", 2, 2, 2], {"one": 2.0, 2: 2 / 3}),  # which cannot be sorted
    ],
)
def test_labels_of_any_type_have_weights(y, expected: dict) -> None:
    found = class_weights(y)
    assert found == expected
    assert [*found] == [*expected]
    assert {type(label) for label in found} == {type(label) for label in expected}


def test_schemes_of_labels_are_the_options() -> None:
    y = np.repeat(NAMES, QUESTION)
    for name, settings, scheme in (
        ("sqrt_inv", {}, InverseFrequency(0.5)),
        ("eff_num", {"beta": 0.99}, EffectiveNumber(0.99)),
        ("inv_freq", {"normalise": "sum_to_one"}, InverseFrequency(1, "sum_to_one")),
        ("by_hand", {"weights": {"A": 2}}, ByHand({"A": 2})),
    ):
        assert class_weights(y, name, **settings) == dict(zip(NAMES, scheme(QUESTION, NAMES), strict=True))
        assert class_weights(y, scheme) == class_weights(y, name, **settings)
    assert class_weights([True, False, False], "by_hand", weights={"true": 4}) == {False: 0.5, True: 2.0}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([],), "no labels"),
        (([1, None, 2],), "1 missing labels"),
        ((NAMES, "inv_frq"), "did you mean inv_freq"),
        ((["a", "b"], ByHand({"c": 2.0})), "'c', which does not exist"),
    ],
)
def test_labels_or_schemes_that_are_none_are_refused(arguments, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        class_weights(*arguments)


@with_settings(max_examples=100, deadline=None, database=None)
@given(st.lists(st.integers(1, 3000), min_size=2, max_size=8))
def test_inverse_frequency_is_balanced_to_the_last_bit(counts: list[int]) -> None:
    y = np.repeat(np.arange(len(counts)), counts)
    balanced = compute_class_weight("balanced", classes=np.arange(len(counts)), y=y)
    names = [str(k) for k in range(len(counts))]
    np.testing.assert_array_equal(InverseFrequency()(np.array(counts, dtype=float), names), balanced)


def test_the_weights_of_a_run_are_balanced_to_the_last_bit() -> None:
    classes = lab.run("four_classes", "inv_freq", "logreg", seed=1).classes
    y = np.repeat(np.arange(4), classes.sampled_rows.astype(int))
    balanced = compute_class_weight("balanced", classes=np.arange(4), y=y)
    np.testing.assert_array_equal(classes.weight.to_numpy(), balanced)


def test_an_empty_class_leaves_the_mean_weight_of_a_row_at_one() -> None:
    weights = InverseFrequency()(np.array([90.0, 10.0, 0.0]), ["a", "b", "c"])
    np.testing.assert_array_equal(weights, [100 / 180, 5.0, 50.0])
