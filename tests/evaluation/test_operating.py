"""Metrics of an operating point, held against libraries."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from scipy.special import log_softmax, logit
from sklearn import metrics as sk
from sklearn.linear_model import LogisticRegression

import imbalance_lab as lab
from imbalance_lab import option
from imbalance_lab.data.rows import Priors
from imbalance_lab.errors import ConfigError
from imbalance_lab.evaluation.evaluate import evaluate_task
from imbalance_lab.evaluation.metrics import METRICS, Metric, expected_cost, find, heading_of, named, shown_at, tunable
from imbalance_lab.evaluation.predictions import Predictions
from imbalance_lab.evaluation.scores import Scores
from imbalance_lab.evaluation.settings import Evaluation
from imbalance_lab.evaluation.test_prior import at_prior
from tests.evaluation.test_metrics import predictions


def scores_of(p: Predictions) -> Scores:
    return Scores(p.y, p.predicted, p.log_proba)


def ranking(s: Scores, k: int) -> np.ndarray:
    return s.log_proba[:, k] - s.log_proba[:, 1 - k] if s.log_proba.shape[1] == 2 else s.log_proba[:, k]


@pytest.fixture(scope="module")
def rare() -> Scores:
    """Scores of 600 rows of two classes, without ties, too extreme and shifted."""
    rng = np.random.default_rng(0)
    y = (rng.random(600) < 0.15).astype(int)
    z = 1.7 * rng.normal(2 * y - 1, 1.2) - 1
    return Scores(y, (z > 0).astype(int), log_softmax(np.column_stack([0 * z, z]), axis=1))


@given(predictions())
@settings(max_examples=40, deadline=None)
def test_recall_and_precision_where_the_other_is_given_are_scikit_learns(p: Predictions) -> None:
    scores = scores_of(p)
    for share in (0.3, 0.8, 1.0):
        at_precision, at_recall = named(f"recall_at_precision_{share}"), named(f"precision_at_recall_{share}")
        for k in range(p.log_proba.shape[1]):
            precision, recall, _ = sk.precision_recall_curve(p.y == k, ranking(scores, k))
            # scikit-learn adds a point without predictions: precision 1, recall 0.
            assert at_precision.values_by_class(scores)[k] == pytest.approx(recall[precision >= share].max())
            assert at_recall.values_by_class(scores)[k] == pytest.approx(precision[:-1][recall[:-1] >= share].max())


def test_of_two_classes_it_is_that_of_the_second_and_of_more_the_mean(rare: Scores) -> None:
    metric = named("precision_at_recall_0.5")
    assert metric(rare) == metric.values_by_class(rare)[1]
    rng = np.random.default_rng(0)
    y, log_proba = np.arange(60) % 3, log_softmax(rng.normal(size=(60, 3)), axis=1)
    scores = Scores(y, log_proba.argmax(1), log_proba)
    assert metric(scores) == pytest.approx(metric.values_by_class(scores).mean())


@pytest.mark.parametrize(("first", "rows"), [("30", 30), ("5pct", 30), ("1pct", 6), ("0.01pct", 1), ("9000", 600)])
def test_the_first_rows_are_what_sorting_puts_first(rare: Scores, first: str, rows: int) -> None:
    flagged = np.zeros(600, int)
    flagged[np.argsort(-ranking(rare, 1))[:rows]] = 1
    assert named(f"precision_at_top_{first}")(rare) == pytest.approx(sk.precision_score(rare.y, flagged))
    assert named(f"recall_at_top_{first}")(rare) == pytest.approx(sk.recall_score(rare.y, flagged))


def test_equal_scores_count_as_their_mean_over_all_orders() -> None:
    # First a hit, then a tie of one hit and two others: of the tie a third of a row is found, whatever the order.
    z = np.array([2.0, 1.0, 1.0, 1.0, 0.0])
    scores = Scores(np.array([1, 0, 1, 0, 0]), np.zeros(5, int), log_softmax(np.column_stack([0 * z, z]), axis=1))
    assert named("precision_at_top_2")(scores) == pytest.approx((1 + 1 / 3) / 2)
    assert named("recall_at_top_2")(scores) == pytest.approx((1 + 1 / 3) / 2)
    assert named("precision_at_top_3")(scores) == pytest.approx((1 + 2 / 3) / 3)


@pytest.mark.slow
def test_net_benefit_is_that_of_dcurves(rare: Scores) -> None:
    dcurves = pytest.importorskip("dcurves")
    import pandas as pd

    p = rare.proba[:, 1]
    grid = np.round(np.arange(0.01, 0.6, 0.01), 2)
    frame = pd.DataFrame({"y": rare.y, "p": p})
    table = dcurves.dca(data=frame, outcome="y", modelnames=["p"], thresholds=grid)
    theirs = table[table.model == "p"].set_index("threshold").net_benefit
    for threshold in (0.05, 0.1, 0.33, 0.5):
        assert named(f"net_benefit_{threshold}")(rare) == pytest.approx(theirs[threshold], abs=1e-12)
    fine = np.linspace(0.05, 0.3, 2001)
    curve = dcurves.dca(data=frame, outcome="y", modelnames=["p"], thresholds=fine)
    mean = np.trapezoid(curve[curve.model == "p"].net_benefit.to_numpy(float), fine) / 0.25
    assert named("net_benefit_0.05_to_0.3")(rare) == pytest.approx(mean, abs=1e-4)


def test_the_decision_curve_is_that_of_dcurves(rare: Scores) -> None:
    dcurves = pytest.importorskip("dcurves")
    import pandas as pd

    from imbalance_lab.evaluation.plots.decision_curve import THRESHOLDS, decision_curve

    frame = pd.DataFrame({"y": rare.y, "p": rare.proba[:, 1]})
    table = dcurves.dca(data=frame, outcome="y", modelnames=["p"], thresholds=THRESHOLDS)
    ours = decision_curve(rare.y == 1, rare.proba[:, 1])
    for column, model in (("model", "p"), ("all", "all")):
        np.testing.assert_allclose(ours[column], table[table.model == model].net_benefit.astype(float), atol=1e-12)


def test_h_measure_is_that_of_the_library(rare: Scores) -> None:
    hmeasure = pytest.importorskip("hmeasure")
    rng = np.random.default_rng(1)
    tied = np.round(rng.normal(size=300) + (np.arange(300) % 4 == 0), 1)
    pairs = [(rare.y, ranking(rare, 1)), ((np.arange(300) % 4 == 0).astype(int), tied)]
    for y, z in pairs:
        scores = Scores(y, y, log_softmax(np.column_stack([0 * z, z]), axis=1))
        theirs = hmeasure.h_score(y, 1 / (1 + np.exp(-z)), severity_ratio=-1)  # Beta(1 + pi, 2 - pi)
        assert named("h_measure")(scores) == pytest.approx(theirs, abs=1e-9)


def test_h_measure_at_its_ends() -> None:
    y = np.array([0, 0, 0, 1, 1])
    for z, value in ((np.array([1.0, 2, 3, 4, 5]), 1), (np.zeros(5), 0)):
        scores = Scores(y, y, log_softmax(np.column_stack([0 * z, z]), axis=1))
        assert named("h_measure")(scores) == pytest.approx(value, abs=1e-12)


def test_calibration_slope_and_intercept_are_those_of_logistic_regression(rare: Scores) -> None:
    log_odds = logit(rare.proba[:, 1])
    by_library = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(log_odds[:, None], rare.y)
    assert named("calibration_slope")(rare) == pytest.approx(by_library.coef_[0, 0], abs=1e-5)
    # With its maximum-likelihood intercept, probabilities promise as many rows as there are.
    intercept = named("calibration_intercept")(rare)
    assert (1 / (1 + np.exp(-log_odds - intercept))).mean() == pytest.approx(rare.y.mean(), abs=1e-9)
    models = pytest.importorskip("statsmodels.api")
    theirs = models.GLM(rare.y, np.ones(600), family=models.families.Binomial(), offset=log_odds).fit()
    assert intercept == pytest.approx(theirs.params[0], abs=1e-6)


def test_calibration_of_right_probabilities_and_of_separated_classes() -> None:
    rng = np.random.default_rng(0)
    z = rng.normal(-1, 2, 100_000)
    y = (rng.random(100_000) < 1 / (1 + np.exp(-z))).astype(int)
    scores = Scores(y, y, log_softmax(np.column_stack([0 * z, z]), axis=1))
    assert named("calibration_slope")(scores) == pytest.approx(1, abs=0.02)
    assert named("calibration_intercept")(scores) == pytest.approx(0, abs=0.03)
    apart = Scores(np.array([0, 0, 1, 1]), np.zeros(4, int), np.log([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.2, 0.8]]))
    assert np.isnan(named("calibration_slope")(apart))
    assert "calibration_slope" not in evaluate_task(
        Predictions(np.arange(4), apart.y, apart.log_proba, apart.predicted), "ab", Priors(None, np.ones(2) / 2), 15,
        [named("calibration_slope")],
    )  # fmt: skip


def test_expected_cost_by_hand_and_by_tuning() -> None:
    costs = np.array([[0.0, 1.0, 2.0], [5.0, 0.0, 1.0], [20.0, 20.0, 0.0]])
    rng = np.random.default_rng(0)
    y = rng.integers(3, size=90)
    log_proba = log_softmax(rng.normal(size=(90, 3)) + np.eye(3)[y], axis=1)
    scores = Scores(y, log_proba.argmax(1), log_proba)
    metric, matrix = expected_cost(costs), sk.confusion_matrix(y, scores.predicted)
    assert metric(scores) == pytest.approx((costs * matrix).sum() / 90)
    from imbalance_lab.strategies.offsets import best_offsets

    plain = Metric("plain", lambda s: costs[s.y, s.predicted].mean(), larger_is_better=False)
    np.testing.assert_allclose(best_offsets(log_proba, y, metric), best_offsets(log_proba, y, plain))


def test_names_are_looked_up_wherever_a_metric_is_named() -> None:
    assert find("recall_at_precision_0.9/rare").name == "recall_at_precision_0.9"
    assert find("net_benefit_0.05_to_0.3_corrected").bounds == (-np.inf, 1)
    assert find("expected_cost").larger_is_better is False
    assert heading_of("recall_at_precision_0.9") == "recall at precision 0.9"
    assert shown_at("screen", ["h_measure", "h_measure/a"])[-1] == "h_measure"
    assert not set(shown_at("screen")) - set(METRICS)
    assert [m.name for m in Evaluation(metrics=["h_measure", "precision_at_top_50"]).metrics] == [
        "h_measure",
        "precision_at_top_50",
    ]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("recall_at_precision_1.2", "recall_at_precision_1.2: write a number between 0 and 1"),
        ("recall_at_precision", "write a number between 0 and 1, as in recall_at_precision_0.2"),
        ("net_benefit_1", "write a number between 0 and 1"),
        ("net_benefit_0.3_to_0.1", "a range is written as net_benefit_0.05_to_0.3"),
        ("precision_at_top_0", "write a number of rows, or a percentage, as precision_at_top_5pct"),
        ("recall_at_top_200pct", "write a number of rows, or a percentage"),
        ("h_mesure", "there is no metric h_mesure; did you mean h_measure"),
        ("macro_f1", "macro_f1 is computed in any case"),
        ("expected_cost", "expected_cost needs the costs: evaluation.costs="),
    ],
)
def test_names_that_are_none_are_refused(name: str, reason: str) -> None:
    assert "'" not in name
    with pytest.raises(ConfigError, match=reason):
        named(name)
    with pytest.raises(ValueError, match=reason):
        Evaluation(metrics=[name])


def test_thresholds_are_not_tuned_on_what_they_do_not_change() -> None:
    with pytest.raises(ConfigError, match="decision=max_recall_at_precision sets the threshold by it"):
        tunable("recall_at_precision_0.9")
    with pytest.raises(ConfigError, match=r"expected_cost needs the costs: evaluation\.costs="):
        tunable("expected_cost")
    costly = expected_cost(1 - np.eye(2))
    assert tunable("expected_cost", [costly]) is costly


def test_test_rows_are_drawn_in_exact_shares_without_replacement() -> None:
    y = np.repeat([0, 1, 2], [70, 20, 10])
    rows = np.arange(100) + 1000
    chosen = at_prior(rows, y, {"a": 0.5, "b": 0.3, "c": 0.2}, seed=3)
    assert np.bincount(y[chosen - 1000]).tolist() == [25, 15, 10]
    assert len(np.unique(chosen)) == 50
    np.testing.assert_array_equal(chosen, at_prior(rows, y, {"a": 5, "b": 3, "c": 2}, seed=3))
    assert not np.array_equal(chosen, at_prior(rows, y, {"a": 5, "b": 3, "c": 2}, seed=4))
    thirds = at_prior(rows, y, {"a": 1, "b": 1, "c": 0.2}, seed=0)
    assert np.bincount(y[thirds - 1000]).tolist() == [20, 20, 4]
    from imbalance_lab.errors import DataError

    with pytest.raises(DataError, match=r"leaves no test row of class 'c'"):
        at_prior(rows, y, {"a": 1, "b": 1, "c": 1e-4}, seed=0)


def test_from_the_request_to_the_comparison() -> None:
    data = option("dataset", "synthetic", rows=400, priors={"no": 0.8, "yes": 0.2}, separation=1.5)
    asked = {
        "metrics": ["recall_at_precision_0.6", "h_measure", "calibration_slope"],
        "costs": {"yes": {"no": 20}},
    }
    runs = lab.sweep(data, ["none", "tuned_threshold"], "logreg", seed=range(3), evaluation=asked, progress=False)
    record = lab.run(data, model="logreg", evaluation=asked)
    y, predicted = record.test.y[:, 0], record.test.predicted[:, 0]
    assert record.metrics["expected_cost"] == np.array([[0, 1], [20, 0]])[y, predicted].mean()
    assert {"h_measure/yes", "recall_at_precision_0.6", "calibration_slope_corrected"} <= set(record.metrics)
    assert lab.compare(runs, metric="recall_at_precision_0.6").compared[0].table.shape[0] == 2
    (one,) = lab.compare(runs, metric="expected_cost").compared
    assert one.table.index[0] == "tuned_threshold"
    with pytest.raises(ConfigError, match=r"calibration_slope is best at 1: .* compare by metric=log_loss"):
        lab.compare(runs, metric="calibration_slope")
    assert "decision_curve" not in record.figures()
    drawn = lab.run(data, model="logreg", evaluation={"metrics": ["net_benefit_0.1"]}).figures()["decision_curve"]
    assert drawn.axes[0].get_ylabel() == "net benefit per row"
    costly = lab.option("decision", "tuned_threshold", metric="expected_cost")
    tuned = lab.run(data, decision=costly, model="logreg", evaluation=asked)
    assert tuned.metrics["expected_cost"] < record.metrics["expected_cost"]
