from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from imblearn.metrics import geometric_mean_score
from scipy.special import log_softmax
from sklearn import metrics as sk

from imbalance_lab.evaluation.metrics import confusion_matrix, evaluate_task, probabilistic
from imbalance_lab.evaluation.metrics import evaluate as evaluate_all
from imbalance_lab.evaluation.predictions import Predictions
from imbalance_lab.strategies.base import Priors


def evaluate(p: Predictions, names: list[str], bins: int) -> dict[str, float]:
    return evaluate_task(p, names, Priors(None, np.ones(len(names)) / len(names)), bins)


@st.composite
def predictions(draw: st.DrawFn) -> Predictions:
    classes, n = draw(st.integers(2, 6)), draw(st.integers(12, 80))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    y = np.r_[np.arange(classes), rng.integers(classes, size=n - classes)]
    logits = rng.normal(size=(n, classes)).round(draw(st.sampled_from([0, 1, 8])))  # rounded: with ties
    log_proba = log_softmax(logits, axis=1)
    return Predictions(np.arange(n), y, log_proba, log_proba.argmax(1))


@given(predictions())
@settings(max_examples=60, deadline=None)
def test_every_metric_is_scikit_learns(p: Predictions) -> None:
    classes = p.log_proba.shape[1]
    names = [f"c{k}" for k in range(classes)]
    found = evaluate(p, names, 15)
    proba = np.exp(p.log_proba)
    precision, recall, f1, support = sk.precision_recall_fscore_support(p.y, p.predicted, zero_division=0)
    expected = {
        "balanced_accuracy": sk.balanced_accuracy_score(p.y, p.predicted),
        "accuracy": sk.accuracy_score(p.y, p.predicted),
        "macro_f1": sk.f1_score(p.y, p.predicted, average="macro", zero_division=0),
        "mcc": sk.matthews_corrcoef(p.y, p.predicted),
        "kappa": sk.cohen_kappa_score(p.y, p.predicted),
        "g_mean": geometric_mean_score(p.y, p.predicted),
        "worst_class_recall": recall.min(),
        "log_loss": sk.log_loss(p.y, proba, labels=range(classes)),
        "brier": sk.brier_score_loss(p.y, proba if classes > 2 else proba[:, 1], labels=range(classes)),
    }
    score = p.log_proba if classes > 2 else p.log_proba - p.log_proba[:, ::-1]
    for k, name in enumerate(names):
        expected |= {f"recall/{name}": recall[k], f"precision/{name}": precision[k], f"f1/{name}": f1[k]}
        expected |= {f"support/{name}": support[k]}
        expected[f"roc_auc/{name}"] = sk.roc_auc_score(p.y == k, score[:, k])
        expected[f"average_precision/{name}"] = sk.average_precision_score(p.y == k, score[:, k])
    expected["roc_auc"] = np.mean([expected[f"roc_auc/{n}"] for n in names])
    each = [expected[f"average_precision/{n}"] for n in names]
    expected["average_precision"] = np.mean(each) if classes > 2 else each[1]
    assert set(found) == {*expected, "ece"}
    assert found == pytest.approx({**expected, "ece": found["ece"]}, abs=1e-9)


def test_calibration_error_by_hand() -> None:
    # Two bins: (0.5, 1] holds 0.6 (right), 0.8 (wrong), 1.0 (right): |2/3 - 0.8| over all three rows.
    log_proba = np.log(np.array([[0.4, 0.6], [0.2, 0.8], [1e-300, 1.0]]))
    assert probabilistic(np.array([1, 0, 1]), log_proba, 2)["ece"] == pytest.approx(abs(2 / 3 - 0.8))


def test_perfectly_calibrated_probabilities_have_little_calibration_error() -> None:
    rng = np.random.default_rng(0)
    p = rng.random(200_000)
    y = (rng.random(200_000) < p).astype(int)
    log_proba = np.log(np.column_stack([1 - p, p]))
    assert probabilistic(y, log_proba, 15)["ece"] < 0.005
    assert probabilistic(1 - y, log_proba, 15)["ece"] > 0.4


def test_what_is_undefined_is_left_out() -> None:
    log_proba = log_softmax(np.random.default_rng(0).normal(size=(5, 3)), axis=1)
    p = Predictions(np.arange(5), np.array([0, 0, 1, 1, 0]), log_proba, np.zeros(5, int))
    found = evaluate(p, ["a", "b", "c"], 15)
    assert "recall/c" not in found
    assert "roc_auc/c" not in found
    assert found["balanced_accuracy"] == 0.5  # over the classes that have rows
    assert found["precision/b"] == 0
    assert found["mcc"] == 0
    assert found["g_mean"] == 0


def test_one_class_only_in_the_rows() -> None:
    p = Predictions(np.arange(2), np.zeros(2, int), np.log(np.full((2, 2), 0.5)), np.zeros(2, int))
    found = evaluate(p, ["a", "b"], 15)
    assert found["balanced_accuracy"] == 1
    assert "kappa" not in found


def test_confusion_matrix_is_scikit_learns() -> None:
    rng = np.random.default_rng(0)
    y, predicted = rng.integers(7, size=(2, 500))
    np.testing.assert_array_equal(confusion_matrix(y, predicted, 7), sk.confusion_matrix(y, predicted))


def test_a_thousand_classes() -> None:
    rng = np.random.default_rng(0)
    y = np.r_[np.arange(1000), rng.integers(1000, size=2000)]
    log_proba = log_softmax(rng.normal(size=(3000, 1000)), axis=1)
    found = evaluate(Predictions(np.arange(3000), y, log_proba, log_proba.argmax(1)), [str(k) for k in range(1000)], 15)
    assert found["balanced_accuracy"] < 0.01
    assert 0.4 < found["roc_auc"] < 0.6


def test_corrected_probabilities_by_hand() -> None:
    # Scores of 1/2 under equal priors are 1/10 where the class has a tenth of the rows.
    p = Predictions(np.arange(2), np.array([0, 1]), np.log(np.full((2, 2), 0.5)), np.zeros(2, int))
    found = evaluate_task(p, ["no", "yes"], Priors(np.array([0.5, 0.5]), np.array([0.9, 0.1])), 10)
    assert found["log_loss"] == pytest.approx(np.log(2))
    assert found["log_loss_corrected"] == pytest.approx(-(np.log(0.9) + np.log(0.1)) / 2)
    assert found["brier_corrected"] == pytest.approx((0.1**2 + 0.9**2) / 2)


def test_labels_by_hand() -> None:
    y = np.array([[0, 1], [1, 0], [1, 1], [0, 0]])
    said = np.array([[0, 1], [1, 0], [0, 1], [0, 1]])
    log_proba = np.log(np.where(said[:, :, None] == np.arange(2), 0.8, 0.2))
    prior = Priors(None, np.array([0.5, 0.5]))
    p = Predictions(np.arange(4), y, log_proba, said)
    found = evaluate_all(p, [prior] * 2, [("not hat", "hat"), ("not bag", "bag")], ("hat", "bag"), 10)
    assert (found["recall/hat"], found["recall/not hat"]) == (0.5, 1)
    assert (found["recall/bag"], found["recall/not bag"]) == (1, 0.5)
    assert found["balanced_accuracy/hat"] == found["balanced_accuracy"] == 0.75
    assert found["exact_match"] == 0.5
    assert found["f1/hat"] == pytest.approx(2 / 3)
    assert found["average_precision"] == pytest.approx(
        np.mean([sk.average_precision_score(y[:, t], log_proba[:, t, 1]) for t in (0, 1)])
    )
    assert found["average_precision/hat"] == pytest.approx(sk.average_precision_score(y[:, 0], log_proba[:, 0, 1]))
