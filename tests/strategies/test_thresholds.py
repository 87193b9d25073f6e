"""Decisions that flag one class from a threshold on."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.special import log_softmax
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import precision_recall_curve, precision_score, recall_score
from sklearn.model_selection import FixedThresholdClassifier

import imbalance_lab as lab
from imbalance_lab import DecisionClassifier, Incompatible, option
from imbalance_lab.data.rows import Priors
from imbalance_lab.errors import ConfigError, DataError
from imbalance_lab.strategies.decisions import Budget, FixedThreshold, MaxPrecisionAtRecall, MaxRecallAtPrecision

EVEN = Priors(np.ones(2) / 2, np.ones(2) / 2)
NAMES = ["no", "yes"]


def log_proba(odds: np.ndarray) -> np.ndarray:
    return log_softmax(np.column_stack([0 * odds, odds]), axis=1)


@pytest.fixture(params=range(4))
def rows(request: pytest.FixtureRequest) -> tuple[np.ndarray, np.ndarray]:
    """Log-odds of 80 rows, of odd seeds with many ties, and their classes."""
    rng = np.random.default_rng(request.param)
    y = (np.arange(80) % 4 == 0).astype(int)
    return (rng.normal(1.5 * y, 1)).round(1 if request.param % 2 else 9), y


def test_the_largest_recall_at_a_precision_is_scikit_learns(rows) -> None:
    odds, y = rows
    rule = MaxRecallAtPrecision(precision=0.5).for_classes(NAMES).fit(log_proba(odds), y, EVEN)
    precision, recall, _ = precision_recall_curve(y, odds)
    assert recall_score(y, rule(log_proba(odds))) == pytest.approx(recall[precision >= 0.5].max())
    assert precision_score(y, rule(log_proba(odds))) >= 0.5


def test_the_largest_precision_at_a_recall_is_scikit_learns(rows) -> None:
    odds, y = rows
    rule = MaxPrecisionAtRecall(recall=0.7).for_classes(NAMES).fit(log_proba(odds), y, EVEN)
    precision, recall, _ = precision_recall_curve(y, odds)
    assert precision_score(y, rule(log_proba(odds))) == pytest.approx(precision[:-1][recall[:-1] >= 0.7].max())
    assert recall_score(y, rule(log_proba(odds))) >= 0.7
    everybody = MaxPrecisionAtRecall(recall=1.0).for_classes(NAMES).fit(log_proba(odds), y, EVEN)
    assert recall_score(y, everybody(log_proba(odds))) == 1


def test_a_budget_flags_the_highest_scores_and_never_more(rows) -> None:
    odds, y = rows
    flagged = Budget(share=0.2).for_classes(NAMES).fit(log_proba(odds), y, EVEN)(log_proba(odds))
    assert flagged.sum() <= 16
    assert odds[flagged == 1].min() > odds[flagged == 0].max()
    if len(np.unique(odds)) == len(odds):
        assert flagged.sum() == 16
    # Row by row it is the same rule.
    rule = Budget(share=0.2).for_classes(NAMES).fit(log_proba(odds), y, EVEN)
    np.testing.assert_array_equal([rule(log_proba(odds[i : i + 1]))[0] for i in range(80)], flagged)


def test_a_fixed_threshold_is_scikit_learns() -> None:
    X, y = make_classification(400, weights=[0.9], random_state=0)
    inner = LogisticRegression().fit(X, y)
    for threshold in (0.05, 0.3, 0.5):
        ours = DecisionClassifier(inner, option("decision", "fixed_threshold", threshold=threshold)).fit(X, y)
        theirs = FixedThresholdClassifier(inner, threshold=threshold, response_method="predict_proba").fit(X, y)
        np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))


def test_one_of_several_classes_is_flagged_and_the_others_are_decided_as_ever() -> None:
    rng = np.random.default_rng(0)
    lp = log_softmax(rng.normal(size=(200, 3)), axis=1)
    rule = FixedThreshold(threshold=0.2, positive="b").for_classes(["a", "b", "c"]).fit(lp[:0], np.empty(0, int), EVEN)
    flagged = np.exp(lp[:, 1]) >= 0.2
    np.testing.assert_array_equal(rule(lp), np.where(flagged, 1, np.where(lp[:, 0] >= lp[:, 2], 0, 2)))
    assert rule.describe("abc") == {"rule": "flagged from a probability on", "class": "b", "from_probability": 0.2}
    assert np.isnan(rule.relative_offsets(3, 0)).all()


def test_a_threshold_is_recorded_on_either_side() -> None:
    lp = log_proba(np.array([-2.0, 0.0, 1.0]))
    for name, offsets in (("yes", [0, np.log(4)]), ("no", [-np.log(4), 0])):
        share = 0.2 if name == "yes" else 0.8
        rule = FixedThreshold(threshold=share, positive=name).for_classes(NAMES).fit(lp[:0], np.empty(0, int), EVEN)
        np.testing.assert_allclose(rule.relative_offsets(2, 0), [0, np.log(4)])
        np.testing.assert_array_equal(rule(lp), (lp + offsets).argmax(1))
        json.dumps(rule.describe(NAMES), allow_nan=False)


@pytest.mark.parametrize(
    ("decision", "error", "reason"),
    [
        (
            FixedThreshold(threshold=0.99),
            DataError,
            r"no score reaches decision.threshold=0.99: the highest .* is 0.731",
        ),
        (
            MaxRecallAtPrecision(precision=0.9),
            DataError,
            r"reaches decision.precision=0.9 on 4 rows .*: the highest is 0.5",
        ),
        (
            Budget(share=0.1),
            DataError,
            r"decision.share=0.1 of 4 rows that were not trained on is not one row; raise it",
        ),
        (Budget(share=0.3), DataError, r"is 1 rows, and 2 share the highest score"),
        (Budget(share=0.3, positive="maybe"), ConfigError, "decision.positive names the class 'maybe', which does not"),
    ],
)
def test_what_no_threshold_does_is_one_line(decision, error, reason: str) -> None:
    lp = log_proba(np.array([1.0, 1.0, 0.0, -1.0]))
    with pytest.raises(error, match=reason) as refusal:
        decision.for_classes(NAMES).fit(lp, np.array([0, 1, 0, 0]), EVEN)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    "decision",
    [
        FixedThreshold(threshold=0.5),
        MaxRecallAtPrecision(precision=0.5),
        MaxPrecisionAtRecall(recall=0.5),
        Budget(share=0.5),
    ],
)
def test_several_classes_are_refused_by_name(decision) -> None:
    with pytest.raises(Incompatible, match=rf"decision={decision.option} flags one class and there are 3.*=c, or use"):
        decision.for_classes(["a", "b", "c"])


def test_validation_rows_without_the_class_are_one_line() -> None:
    with pytest.raises(DataError, match="the decision is fitted on no row of the class that it flags"):
        MaxPrecisionAtRecall(recall=0.5).for_classes(NAMES).fit(log_proba(np.zeros(3)), np.zeros(3, int), EVEN)


def test_from_a_run_to_its_record(tmp_path) -> None:
    data = option("dataset", "synthetic", rows=600, priors={"no": 0.8, "yes": 0.2}, separation=2.0)
    record = lab.run(data, lab.Strategy(decision=option("decision", "budget", share=0.1)), "logreg", folder=tmp_path)
    assert record.strategy == "budget(share=0.1)"
    (said,) = json.loads((tmp_path / "record.json").read_text())["folds"][0]["decision"]
    cut = np.exp(record.folds[0].validation.log_proba[:, 0, 1])
    assert (cut >= said["from_probability"]).sum() == round(0.1 * len(cut))
    assert record.thresholds["yes"] == pytest.approx(said["from_probability"])
    several = option("dataset", "synthetic", rows=300, priors={"a": 0.6, "b": 0.3, "c": 0.1})
    flagged = lab.run(several, decision=option("decision", "budget", share=0.1, positive="c"), model="logreg")
    assert flagged.classes.offset.isna().all()
    with pytest.raises(Incompatible, match=r"decision=budget flags one class.*decision.positive=c"):
        lab.run(several, decision=option("decision", "budget", share=0.1), model="logreg")
    with pytest.raises(ConfigError, match=r"decision needs decision.share="):
        lab.run(several, "budget", model="logreg")
