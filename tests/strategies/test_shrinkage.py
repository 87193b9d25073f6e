"""Thresholds from few rows, and the probabilities that are weighed against them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import log_softmax, logit
from sklearn.linear_model import LogisticRegression

import imbalance_lab as lab
from imbalance_lab import option
from imbalance_lab.data.rows import Priors
from imbalance_lab.evaluation.metrics import METRICS, Metric, expected_cost
from imbalance_lab.strategies.calibration import fit_scaling
from imbalance_lab.strategies.decisions import LogitAdjust, MinCost, TunedThreshold
from imbalance_lab.strategies.offsets import best_offsets
from imbalance_lab.strategies.shrinkage import expected_labels
from tests.strategies.test_decisions import REFERENCES, scores

TUNABLE = list(REFERENCES)


def log_proba(odds: np.ndarray) -> np.ndarray:
    return log_softmax(np.column_stack([0 * odds, odds]), axis=1)


def test_scaling_of_two_classes_is_logistic_regression() -> None:
    rng = np.random.default_rng(0)
    y = (np.arange(500) % 5 == 0).astype(int)
    odds = 3 * rng.normal(y, 1) + 1
    scaling = fit_scaling(log_proba(odds), y)
    library = LogisticRegression(C=np.inf, tol=1e-10).fit(odds[:, None], y)
    found = scaling(log_proba(odds))[:, 1]
    np.testing.assert_allclose(np.exp(found), library.predict_proba(odds[:, None])[:, 1], atol=1e-4)


def test_scaling_matches_the_share_of_every_class_and_a_strong_belief_leaves_scores_alone() -> None:
    y, lp = scores(400, 4)
    moved = lp + np.array([0, 1, -1, 2])
    shares = np.exp(fit_scaling(moved, y)(moved)).mean(axis=0)
    np.testing.assert_allclose(shares, np.bincount(y) / 400, atol=1e-3)
    np.testing.assert_allclose(fit_scaling(lp, y, precision=1e9)(lp), lp, atol=1e-5)


def test_no_worth_gives_the_classes_and_totals_are_always_the_number_of_rows() -> None:
    y, lp = scores(60, 3)
    priors = Priors(np.array([0.6, 0.3, 0.1]), np.array([0.6, 0.3, 0.1]))
    np.testing.assert_array_equal(expected_labels(lp, y, priors, rows_worth=0), np.eye(3)[y])
    for worth in (1, 50, 1e9):
        np.testing.assert_allclose(expected_labels(lp, y, priors, worth).sum(axis=0), np.bincount(y))


@pytest.mark.parametrize("name", TUNABLE)
@pytest.mark.parametrize("classes", [2, 4])
def test_rows_of_one_class_each_are_tuned_as_classes_are(name: str, classes: int) -> None:
    y, lp = scores(80, classes, seed=3)
    metric = METRICS[name]
    by_shares, by_class = best_offsets(lp, np.eye(classes)[y], metric), best_offsets(lp, y, metric)
    np.testing.assert_allclose(by_shares, by_class, atol=1e-9)


def test_rows_that_are_split_between_classes_count_as_copies_do() -> None:
    """A row that is half of one class and half of another is two rows of half the weight."""
    y, lp = scores(50, 3, seed=1)
    other = (y + np.arange(50) % 2) % 3
    labels = np.eye(3)[y] + np.eye(3)[other]
    costs = expected_cost(np.array([[0.0, 1, 2], [5, 0, 1], [9, 4, 0]]))
    for metric in (*(METRICS[name] for name in TUNABLE), costs):
        doubled = best_offsets(np.repeat(lp, 2, axis=0), np.column_stack([y, other]).ravel(), metric)
        np.testing.assert_allclose(best_offsets(lp, labels, metric), doubled, atol=1e-9)


def right_probabilities(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, Priors]:
    rng = np.random.default_rng(seed)
    odds = rng.normal(-2.5, 1.5, n)
    y = (rng.random(n) < 1 / (1 + np.exp(-odds))).astype(int)
    share = np.array([1 - y.mean(), y.mean()])
    return log_proba(odds), y, Priors(share, share)


def test_where_probabilities_are_all_it_goes_by_it_is_the_closed_form() -> None:
    """Believed without limit: logit adjustment for balanced accuracy, minimum cost for a cost."""
    lp, y, priors = right_probabilities(4000)
    implied = expected_labels(lp, y, priors, rows_worth=1e12, precision=1e12)
    cut = np.subtract(*best_offsets(lp, implied, METRICS["balanced_accuracy"]))
    assert cut == pytest.approx(np.subtract(*LogitAdjust().fit(lp, y, priors).offsets), abs=0.1)
    costs = np.array([[0.0, 1.0], [7.0, 0.0]])
    by_cost = np.subtract(*best_offsets(lp, implied, expected_cost(costs)))
    assert by_cost == pytest.approx(np.subtract(*MinCost(costs).fit(lp, y, priors).equivalent_offsets()), abs=0.1)


def test_many_rows_outweigh_wrong_probabilities() -> None:
    lp, y, priors = right_probabilities(40_000)
    wrong = log_proba(3 * (lp[:, 1] - lp[:, 0]) + 4)
    cut = -np.subtract(*TunedThreshold().fit(wrong, y, priors).offsets[::-1])
    assert cut == pytest.approx(3 * logit(priors.natural[1]) + 4, abs=0.5)


def test_an_even_effective_prior_is_not_corrected_twice() -> None:
    """Scores under even priors are moved to the prior of the data first; the best offsets for them are then none."""
    lp, y, priors = right_probabilities(3000)
    even = log_softmax(lp - np.log(priors.natural), axis=1)
    moved = TunedThreshold().fit(even, y, Priors(np.ones(2) / 2, priors.natural)).offsets
    plain = TunedThreshold().fit(lp, y, priors).offsets
    np.testing.assert_allclose(moved - np.log(priors.natural) + np.log(priors.natural[0]), plain, atol=1e-6)


def test_a_metric_of_ones_own_that_is_no_function_of_the_confusion_matrix_is_tuned_on_the_rows() -> None:
    y, lp = scores(60, 3)
    plain = Metric("mine", lambda s: REFERENCES["macro_f1"](s.y, s.predicted))
    priors = Priors(None, np.ones(3) / 3)
    np.testing.assert_array_equal(
        TunedThreshold(plain).fit(lp, y, priors).offsets, TunedThreshold(plain, shrink=False).fit(lp, y, priors).offsets
    )


def test_cross_validated_scores_add_the_training_rows(tmp_path) -> None:
    data = option("dataset", "synthetic", rows=300, priors={"no": 0.85, "yes": 0.15}, separation=2.0)
    tuned = option("decision", "tuned_threshold", cv=4)
    record = lab.run(data, decision=tuned, model="logreg", folder=tmp_path)
    plain = lab.run(data, decision="tuned_threshold", model="logreg")
    assert record.strategy == "tuned_threshold(cv=4)"
    assert record.thresholds != plain.thresholds
    np.testing.assert_array_equal(record.test.log_proba, plain.test.log_proba)
    again = lab.run(data, decision=tuned, model="logreg")
    assert again.thresholds == record.thresholds
    # Without validation rows there are the training rows.
    alone = lab.run(data, decision=tuned, model="logreg", split={"validation": 0.0})
    assert 0 < alone.thresholds["yes"] < 1
    with pytest.raises(lab.ConfigError, match=r"split.validation=0; set split.validation=0.2"):
        lab.run(data, decision="tuned_threshold", model="logreg", split={"validation": 0.0})


def test_all_rows_train_a_classifier_whose_decision_is_cross_validated() -> None:
    rng = np.random.default_rng(0)
    y = (np.arange(200) % 8 == 0).astype(int)
    X = rng.normal(size=(200, 3)) + y[:, None]
    fitted = lab.Classifier(lab.Strategy(decision=option("decision", "tuned_threshold", cv=3)), "logreg").fit(X, y)
    assert fitted.fitted_.classes.train_rows.sum() == 200
    own = lab.DecisionClassifier(LogisticRegression(), option("decision", "tuned_threshold", cv=3)).fit(X, y)
    same = lab.DecisionClassifier(LogisticRegression(), "tuned_threshold", cv=3).fit(X, y)
    np.testing.assert_array_equal(own.rule_.offsets, same.rule_.offsets)
    with pytest.raises(lab.ConfigError, match=r"decision.cv=3 fits the classifier anew, and a fitted one is left"):
        lab.DecisionClassifier(own.estimator_, option("decision", "tuned_threshold", cv=3)).fit(X, y)


def balanced_accuracy(log_proba: np.ndarray, y: np.ndarray, rule) -> float:
    predicted = rule(log_proba)
    return float(np.mean([(predicted[y == k] == k).mean() for k in (0, 1)]))


def simulated(rare: int, distort, repeats: int) -> dict[str, float]:
    """Return mean test balanced accuracy of each decision: logistic regression, Gaussian classes, 20 to 1."""
    found: dict[str, list[float]] = {"logit_adjust": [], "shrunk": [], "alone": []}
    for seed in range(repeats):
        rng = np.random.default_rng([seed, rare])

        def rows(few: int, many: int, rng=rng) -> tuple[np.ndarray, np.ndarray]:
            y = np.repeat([0, 1], [many, few])
            X = rng.normal(size=(few + many, 5))
            X[y == 1, 0] += 1.5
            return X, y

        train, validation, test = rows(3 * rare, 60 * rare), rows(rare, 20 * rare), rows(2000, 2000)
        model = LogisticRegression().fit(*train)
        held, new = (log_proba(distort(model.decision_function(part[0]))) for part in (validation, test))
        prior = np.array([20, 1]) / 21
        for name, decision in (
            ("logit_adjust", LogitAdjust()), ("shrunk", TunedThreshold()), ("alone", TunedThreshold(shrink=False))
        ):  # fmt: skip
            rule = decision.fit(held, validation[1], Priors(prior, prior))
            found[name].append(balanced_accuracy(new, test[1], rule))
    return {name: float(np.mean(values)) for name, values in found.items()}


@pytest.mark.slow
@pytest.mark.parametrize("rare", [2, 5, 10, 30])
def test_few_rare_rows_do_not_mislead_where_probabilities_are_right(rare: int) -> None:
    found = simulated(rare, lambda odds: odds, repeats=200)
    assert found["shrunk"] > found["logit_adjust"] - (0.015 if rare == 2 else 0.01), found
    assert found["shrunk"] > found["alone"] + (0.01 if rare < 10 else 0), found


@pytest.mark.slow
@pytest.mark.parametrize("rare", [2, 5, 10, 30])
@pytest.mark.parametrize(
    "distort", [lambda z: z + 2, lambda z: 4 * z, lambda z: 3 * z + 3], ids=["shifted", "extreme", "both"]
)
def test_few_rare_rows_are_heard_where_probabilities_are_off(rare: int, distort) -> None:
    found = simulated(rare, distort, repeats=100)
    assert found["shrunk"] > found["logit_adjust"] + 0.015, found
    assert found["shrunk"] > found["alone"], found


def test_a_class_of_one_training_row_is_not_left_out_of_a_fold() -> None:
    y = np.repeat(["a", "b", "c"], [40, 30, 3])
    data = lab.Dataset.from_arrays(np.random.default_rng(0).normal(size=(73, 2)), y)
    with pytest.raises(lab.DataError, match=r"decision.cv=5 is refused: class 'c' has one training row"):
        lab.run(data, decision=option("decision", "tuned_threshold", cv=5), model="logreg")


def test_labels_are_cross_validated_by_their_combinations() -> None:
    tuned = option("decision", "tuned_threshold", cv=3)
    record = lab.run("two_labels", decision=tuned, model="logreg", evaluation={"resamples": 50})
    assert len(record.thresholds) == 2
