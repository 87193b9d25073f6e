"""Probabilities under the class shares that are asked for."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import imbalance_lab as lab
from imbalance_lab.runs.predict import predictions
from imbalance_lab.runs.sample import MAX_VALUES, Sample


@pytest.fixture(scope="module")
def rows() -> tuple[pd.DataFrame, pd.Series]:
    rng = np.random.default_rng(0)
    y = pd.Series(rng.choice(["well", "ill"], 600, p=[0.9, 0.1]))
    return pd.DataFrame({"a": rng.standard_normal(600) + 2 * (y == "ill"), "b": rng.standard_normal(600)}), y


@pytest.fixture(scope="module")
def balanced(rows) -> lab.Classifier:
    return lab.Classifier("inv_freq", "logreg").fit(*rows)


def odds(table: pd.DataFrame) -> np.ndarray:
    return (table["probability/ill"] / table["probability/well"]).to_numpy()


def test_natural_shares_undo_what_the_weights_did(rows, balanced) -> None:
    X, y = rows
    table = predictions(balanced, X)
    share = (y == "ill").mean()
    trained = odds(predictions(balanced, X, "trained"))
    np.testing.assert_allclose(odds(table), trained * share / (1 - share))  # weighted to equal shares
    assert table["probability/ill"].mean() == pytest.approx(share, abs=0.02)
    np.testing.assert_allclose(table.filter(like="probability/").sum(axis=1), 1)


def test_the_trained_ones_are_those_of_predict_proba_to_the_bit(rows, balanced) -> None:
    table = predictions(balanced, rows[0], "trained")
    assert list(table) == ["class", "probability/ill", "probability/well"]
    np.testing.assert_array_equal(table.iloc[:, 1:].to_numpy(), balanced.predict_proba(rows[0]))


def test_without_sampling_nothing_is_moved(rows) -> None:
    plain = lab.Classifier("none", "logreg").fit(*rows)
    np.testing.assert_array_equal(
        predictions(plain, rows[0]).iloc[:, 1:].to_numpy(), plain.predict_proba(rows[0])
    )  # fmt: skip


def test_given_shares_and_the_class_that_is_left_out(rows, balanced) -> None:
    both, one = (predictions(balanced, rows[0], prior) for prior in ({"ill": 0.3, "well": 0.7}, {"ill": 0.3}))
    pd.testing.assert_frame_equal(both, one)
    trained = odds(predictions(balanced, rows[0], "trained"))
    np.testing.assert_allclose(odds(one), trained * 3 / 7)


def test_the_class_is_the_decisions_whatever_the_shares(rows, balanced) -> None:
    for prior in ("natural", "trained", "estimate", {"ill": 0.9}):
        np.testing.assert_array_equal(predictions(balanced, rows[0], prior)["class"], balanced.predict(rows[0]))


def test_estimated_shares_follow_the_rows(rows, balanced) -> None:
    X, y = rows
    ill = X[y == "ill"]
    many = pd.concat([ill] * 9 + [X[y == "well"]])  # as many of both
    table = predictions(balanced, many, "estimate")
    assert table["probability/ill"].mean() == pytest.approx(0.5, abs=0.06)


def test_several_labels_have_a_column_each(rows) -> None:
    X, _ = rows
    y = pd.DataFrame({"hat": (X.a > 1).astype(int), "bag": (X.b > 1.5).astype(int)})
    classifier = lab.Classifier("inv_freq", "logreg").fit(X, y)
    table = predictions(classifier, X)
    assert list(table) == ["class/hat", "class/bag", "probability/hat", "probability/bag"]
    np.testing.assert_array_equal(table.iloc[:, :2].to_numpy(), classifier.predict(X))
    given = predictions(classifier, X, {"hat": 0.5, "bag": 0.5})  # the shares it was weighted to
    np.testing.assert_allclose(given.iloc[:, 2:].to_numpy(), classifier.predict_proba(X))


@pytest.mark.parametrize(
    ("prior", "reason"),
    [
        ({"il": 0.3}, "names 'il', which the model does not know; did you mean ill?"),
        ({"ill": 0}, "gives 'ill' the share 0; it is above 0"),
        ({"ill": 1.5}, "no share for class well, and nothing is left for it"),
        ({"ill": float("nan")}, "the share nan"),
        ("natrual", "prior=natrual: natural, trained, estimate"),
    ],
)
def test_shares_that_are_none_are_refused(prior, reason: str, rows, balanced) -> None:
    with pytest.raises(lab.ConfigError, match=reason):
        predictions(balanced, rows[0], prior)


def test_scores_that_are_no_probabilities_are_not_moved(rows) -> None:
    svm = lab.Classifier("none", "svm").fit(*rows)
    np.testing.assert_array_equal(predictions(svm, rows[0]).iloc[:, 1:].to_numpy(), svm.predict_proba(rows[0]))
    with pytest.raises(lab.Incompatible, match="the scores of none svm seed=0 are none"):
        predictions(svm, rows[0], "estimate")


def test_a_sample_is_bounded_and_of_all_parts() -> None:
    sample, most = Sample(), MAX_VALUES // 2
    for part in range(8):
        sample.add(np.full((most // 2, 1, 2), float(part)))
    assert (sample.seen, sample.scores.shape) == (4 * most, (most, 1, 2))
    share = np.bincount(sample.scores[:, 0, 0].astype(int)) / most
    np.testing.assert_allclose(share, 1 / 8, atol=0.002)
