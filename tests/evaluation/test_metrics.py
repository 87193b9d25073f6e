from __future__ import annotations

from math import inf

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from imblearn.metrics import geometric_mean_score
from scipy.special import log_softmax
from sklearn import metrics as sk

from imbalance_lab.data.rows import Priors
from imbalance_lab.errors import ConfigError
from imbalance_lab.evaluation.evaluate import evaluate as evaluate_all
from imbalance_lab.evaluation.evaluate import evaluate_task
from imbalance_lab.evaluation.metrics import METRICS, Metric, find, heading_of, shown_at, tunable
from imbalance_lab.evaluation.predictions import Predictions
from imbalance_lab.evaluation.scores import Confusion, Scores, confusion_matrix
from imbalance_lab.evaluation.settings import Evaluation

OF_TASKS = [metric for metric in METRICS.values() if metric.needs not in ("run", "labels")]


def evaluate(p: Predictions, names: list[str], bins: int) -> dict[str, float]:
    return evaluate_task(p, names, Priors(None, np.ones(len(names)) / len(names)), bins)


def ece(y: np.ndarray, log_proba: np.ndarray, bins: int) -> float:
    return METRICS["ece"](Scores(y, log_proba.argmax(1), log_proba, bins))


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
    assert ece(np.array([1, 0, 1]), log_proba, 2) == pytest.approx(abs(2 / 3 - 0.8))


def test_perfectly_calibrated_probabilities_have_little_calibration_error() -> None:
    rng = np.random.default_rng(0)
    p = rng.random(200_000)
    y = (rng.random(200_000) < p).astype(int)
    log_proba = np.log(np.column_stack([1 - p, p]))
    assert ece(y, log_proba, 15) < 0.005
    assert ece(1 - y, log_proba, 15) > 0.4


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
    predicted = np.array([[0, 1], [1, 0], [0, 1], [0, 1]])
    log_proba = np.log(np.where(predicted[:, :, None] == np.arange(2), 0.8, 0.2))
    prior = Priors(None, np.array([0.5, 0.5]))
    p = Predictions(np.arange(4), y, log_proba, predicted)
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


def scores_of(p: Predictions) -> Scores:
    return Scores(p.y, p.predicted, p.log_proba)


def perfect(classes: int) -> Scores:
    """Every row is predicted as its class, with a probability of 1 to the last bit."""
    y = np.repeat(np.arange(classes), 3)
    log_proba = np.where(y[:, None] == np.arange(classes), 0.0, -800.0)
    return Scores(y, log_proba.argmax(1), log_proba)


def test_every_metric_that_is_logged_has_an_entry_and_every_entry_is_logged(tiny, run) -> None:
    one = run(tiny("model=logreg", "sampler=ros")).metrics
    labels = run(tiny("dataset=two_labels", "model=logreg")).metrics
    assert [key for key in {**one, **labels} if find(key) is None] == []
    logged = {find(key).name for key in {**one, **labels}}
    assert logged == {metric.name for metric in METRICS.values()}
    assert {f"{m.name}_corrected" for m in METRICS.values() if m.needs == "probabilities"} <= set(one)
    assert {f"{m.name}/c" for m in METRICS.values() if m.by_class} <= set(one)


@pytest.mark.parametrize("name", [metric.name for metric in OF_TASKS])
@given(p=predictions())
@settings(max_examples=30, deadline=None)
def test_values_lie_within_bounds(name: str, p: Predictions) -> None:
    metric, scores = METRICS[name], scores_of(p)
    values = [metric(scores)] if metric.function else []
    values += list(metric.values_by_class(scores)) if metric.by_class else []
    assert values
    low, high = metric.bounds
    assert all(low - 1e-12 <= value <= high + 1e-12 for value in values)


@pytest.mark.parametrize("name", [metric.name for metric in OF_TASKS if metric.function])
@given(p=predictions())
@settings(max_examples=30, deadline=None)
def test_no_prediction_is_better_than_the_perfect_one(name: str, p: Predictions) -> None:
    metric = METRICS[name]
    best = metric(perfect(p.log_proba.shape[1]))
    assert best == pytest.approx(metric.bounds[1] if metric.larger_is_better else metric.bounds[0], abs=1e-12)
    assume(np.any(p.predicted != p.y))
    assert metric.sign * metric(scores_of(p)) <= metric.sign * best


@pytest.mark.parametrize("name", [metric.name for metric in OF_TASKS if metric.function])
def test_the_opposite_of_the_truth_is_worse_than_the_truth(name: str) -> None:
    right = perfect(2)
    wrong = Scores(right.y, 1 - right.predicted, right.log_proba[:, ::-1])
    assert METRICS[name].sign * METRICS[name](wrong) < METRICS[name].sign * METRICS[name](right)


@pytest.mark.parametrize("name", [m.name for m in METRICS.values() if m.needs == "confusion" and m.function])
@given(p=predictions())
@settings(max_examples=20, deadline=None)
def test_many_matrices_at_once_give_what_each_gives(name: str, p: Predictions) -> None:
    classes, rng = p.log_proba.shape[1], np.random.default_rng(0)
    predicted = [p.predicted, rng.permutation(p.predicted), np.zeros_like(p.y), p.y]
    each = [Confusion.of(confusion_matrix(p.y, one, classes)) for one in predicted]
    stacked = Confusion(np.stack([c.hits for c in each]), np.stack([c.predicted for c in each]), each[0].support)
    metric = METRICS[name]
    found = metric.function(stacked)
    assert found.tolist() == [float(metric.function(one)) for one in each]
    if metric.per_hit:
        np.testing.assert_allclose(stacked.hits @ metric.per_hit(stacked.support), found, rtol=1e-12)


def test_headings_and_places() -> None:
    assert heading_of("macro_f1") == "macro-F1"
    assert heading_of("timing/fit") == "fit (s)"
    assert heading_of("my_metric") == "my_metric"
    assert set(shown_at("report")) < set(shown_at("comparison"))
    assert (find("timing/decide").sign, find("rows/test").bounds) == (-1, (0, inf))


def f2() -> Metric:
    return Metric("f2", lambda s: sk.fbeta_score(s.y, s.predicted, beta=2, average="macro", zero_division=0))


def test_a_metric_of_ones_own_is_evaluated_with_the_others() -> None:
    y = np.array([0, 1, 1, 2])
    log_proba = log_softmax(np.eye(3)[[0, 1, 2, 2]], axis=1)
    p = Predictions(np.arange(4), y[:, None], log_proba[:, None], log_proba.argmax(1)[:, None])
    own = [
        f2(),
        Metric("surprise", lambda s: -s.log_proba[:, 0].min(), needs="probabilities", by_class=lambda s: s.proba[0]),
        Metric("misses", lambda c: (c.support - c.hits).sum(axis=-1), needs="confusion", larger_is_better=False),
    ]
    priors = [Priors(np.ones(3) / 3, np.array([0.5, 0.25, 0.25]))]
    found = evaluate_all(p, priors, ["abc"], (), 15, own)
    plain = evaluate_all(p, priors, ["abc"], (), 15)
    assert found["f2"] == sk.fbeta_score(y, [0, 1, 2, 2], beta=2, average="macro")
    assert found["misses"] == 1
    assert found["surprise"] == -log_proba[:, 0].min()
    assert found["surprise_corrected"] != found["surprise"]
    assert found["surprise/b"] == np.exp(log_proba[0, 1])
    added = {"f2", "misses", "surprise", "surprise_corrected", *(f"surprise/{name}" for name in "abc")}
    assert {key: value for key, value in found.items() if key not in added} == plain
    assert "surprise" not in evaluate_all(p, priors, ["abc"], (), None, own)


def test_labels_have_metrics_of_ones_own_each_and_together() -> None:
    y = np.array([[0, 1], [1, 0], [1, 1], [0, 0]])
    log_proba = np.log(np.where(y[:, :, None] == np.arange(2), 0.8, 0.2))
    p = Predictions(np.arange(4), y, log_proba, np.array([[0, 1], [1, 0], [0, 1], [0, 1]]))
    own = [
        Metric("misses", lambda c: (c.support - c.hits).sum(axis=-1), needs="confusion"),
        Metric("hamming", lambda p: (p.y != p.predicted).mean(), needs="labels", larger_is_better=False),
    ]
    prior = Priors(None, np.array([0.5, 0.5]))
    found = evaluate_all(p, [prior] * 2, [("not hat", "hat"), ("not bag", "bag")], ("hat", "bag"), 10, own)
    assert (found["misses/hat"], found["misses/bag"], found["misses"]) == (1, 1, 1)
    assert found["hamming"] == 2 / 8


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (lambda s: 1 / 0, "ZeroDivisionError: division by zero"),
        (lambda s: s.y, r"its values have shape \(2,\), not \(\)"),
        (lambda s: "high", "could not convert string to float"),
    ],
)
def test_a_metric_of_ones_own_that_fails_is_named(function, reason: str) -> None:
    p = Predictions(np.arange(2), np.array([0, 1]), np.log(np.full((2, 2), 0.5)), np.array([0, 1]))
    with pytest.raises(ConfigError, match=f"the metric mine cannot be computed: .*{reason}"):
        evaluate_task(p, "ab", Priors(None, np.ones(2) / 2), 15, [Metric("mine", function)])


@pytest.mark.parametrize(
    ("metrics", "reason"),
    [
        (5, "must be a list"),
        ([5], "one returned int"),
        ([f2(), f2()], "two metrics have the name 'f2'"),
        ([Metric("recall", lambda s: 0)], "'recall' is the name of a built-in metric"),
        ([Metric("f2_corrected", lambda s: 0)], "looks like one"),
        ([Metric("timing/mine", lambda s: 0)], "looks like one"),
        ([Metric("nothing")], "neither a function nor"),
    ],
)
def test_metrics_of_ones_own_are_checked(metrics, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Evaluation(metrics=metrics)


def test_a_metric_has_a_plain_name_and_known_needs() -> None:
    with pytest.raises(ConfigError, match=r"letters, digits, _ and \. only, not 'my metric'"):
        Metric("my metric", lambda s: 0)
    with pytest.raises(ConfigError, match=r"needs one of confusion, classes, .* not 'predictions'"):
        Metric("mine", lambda s: 0, needs="predictions")


def test_thresholds_are_tuned_on_metrics_of_the_predicted_classes_alone() -> None:
    assert tunable("macro_f1") is METRICS["macro_f1"]
    own = f2()
    assert tunable("f2", [own]) is own
    for name in ("f2", "roc_auc", "log_loss", "recall", "timing", "exact_match"):
        with pytest.raises(ConfigError, match=f"decision.metric={name} is no metric of .*it can be balanced_accuracy"):
            tunable(name)
