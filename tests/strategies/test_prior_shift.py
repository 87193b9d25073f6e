"""Class shares that are estimated of unlabelled rows, and decisions under them."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

import imbalance_lab as lab
from imbalance_lab import option
from imbalance_lab.data.rows import Priors
from imbalance_lab.errors import DataError
from imbalance_lab.strategies.calibration import fit_scaling
from imbalance_lab.strategies.decisions import PriorCorrection
from imbalance_lab.strategies.prior_shift import black_box_prior, most_likely_prior, prediction_shares

NAMES = ["a", "b", "c"]


def drawn(counts: list[int], prior: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return classes of so many rows each, and log-probabilities that are right under `prior`: Gaussian classes."""
    rng = np.random.default_rng(seed)
    centres = np.array([[0.0, 0.0], [2.0, 0.0], [0.0, 2.0]])[: len(counts)]
    y = np.repeat(np.arange(len(counts)), counts)
    X = rng.normal(size=(len(y), 2)) + centres[y]
    return y, log_softmax(X @ centres.T - (centres**2).sum(axis=1) / 2 + np.log(prior), axis=1)


SOURCE = np.array([0.7, 0.2, 0.1])
OTHER = np.array([0.2, 0.3, 0.5])


@pytest.fixture(scope="module")
def shifted() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Validation rows under one prior and others under another."""
    return *drawn([1400, 400, 200], SOURCE, seed=0), *drawn([400, 600, 1000], SOURCE, seed=1)


def test_it_is_the_prior_of_largest_likelihood() -> None:
    _, lp = drawn([150, 50], np.array([0.5, 0.5]), seed=0)
    ratio = np.exp(lp) / 0.5
    best = minimize_scalar(lambda q: -np.log(ratio @ [1 - q, q]).sum(), bounds=(0, 1), options={"xatol": 1e-10}).x
    assert most_likely_prior(lp, np.array([0.5, 0.5]))[1] == pytest.approx(best, abs=1e-5)


def test_expectation_maximisation_is_that_of_quapy(shifted) -> None:
    quapy = pytest.importorskip("quapy.method.aggregative")
    *_, lp = shifted
    theirs, _ = quapy.EMQ.EM(SOURCE, np.exp(lp), epsilon=1e-12)
    np.testing.assert_allclose(most_likely_prior(lp, SOURCE), theirs, atol=1e-6)


def test_the_black_box_estimate_is_that_of_quapy(shifted) -> None:
    quapy = pytest.importorskip("quapy.method.aggregative")
    y, known, _, lp = shifted
    rates = prediction_shares(known.argmax(1), y, 3)
    np.testing.assert_allclose(rates, quapy.ACC.getPteCondEstim(range(3), y, known.argmax(1)))
    counted = np.bincount(lp.argmax(1), minlength=3) / len(lp)
    theirs = quapy.ACC.solve_adjustment(rates, counted, method="inversion", solver="exact-raise")
    np.testing.assert_allclose(black_box_prior(rates, lp.argmax(1)), theirs, atol=1e-9)


def test_calibration_before_it_is_that_of_quapy(shifted) -> None:
    """quapy's ``EMQ(calib="bcts")`` scales by abstention, the code of Alexandari et al. (2020)."""
    quapy = pytest.importorskip("quapy.method.aggregative")
    calibration = pytest.importorskip("abstention.calibration")
    y, known, _, lp = shifted
    extreme, new = (log_softmax(4 * part + [0, 1, 2], axis=1) for part in (known, lp))
    scaling = calibration.TempScaling(bias_positions="all")
    theirs = scaling(np.exp(extreme), np.eye(3)[y], posterior_supplied=True)(np.exp(new))
    np.testing.assert_allclose(np.exp(fit_scaling(extreme, y)(new)), theirs, atol=1e-4)
    prior, _ = quapy.EMQ.EM(SOURCE, theirs, epsilon=1e-12)
    ours = PriorCorrection("estimate").fit(extreme, y, Priors(SOURCE, SOURCE)).on(new).prior
    np.testing.assert_allclose(ours, prior, atol=1e-4)


@pytest.mark.parametrize("estimator", ["em", "bcts_em", "bbse"])
def test_shares_of_other_rows_are_found(shifted, estimator: str) -> None:
    y, known, _, lp = shifted
    rule = PriorCorrection("estimate", estimator).fit(known, y, Priors(SOURCE, SOURCE))
    applied = rule.on(lp)
    np.testing.assert_allclose(applied.prior, OTHER, atol=0.04)
    np.testing.assert_allclose(rule.on(known).prior, SOURCE, atol=0.03)
    # What is decided is the likeliest class under the estimate.
    moved = lp + np.log(applied.prior / SOURCE)
    assert (rule(lp) == moved.argmax(1)).mean() > 0.99
    np.testing.assert_array_equal(applied(lp[:10]), rule(lp)[:10])


def test_calibration_first_finds_shares_that_extreme_scores_hide(shifted) -> None:
    y, known, _, lp = shifted
    extreme, new = (log_softmax(4 * part + [0, 1, 2], axis=1) for part in (known, lp))
    plain = PriorCorrection("estimate", "em").fit(extreme, y, Priors(SOURCE, SOURCE)).on(new).prior
    calibrated = PriorCorrection("estimate").fit(extreme, y, Priors(SOURCE, SOURCE)).on(new).prior
    np.testing.assert_allclose(calibrated, OTHER, atol=0.04)
    assert np.abs(calibrated - OTHER).max() < np.abs(plain - OTHER).max() / 2


def test_scores_that_carry_another_prior_are_moved_from_there(shifted) -> None:
    """Trained on even classes, with natural shares of .7, .2 and .1: the estimate is of the new rows all the same."""
    y, known, _, lp = shifted
    even, new = (log_softmax(part - np.log(SOURCE), axis=1) for part in (known, lp))
    for estimator in ("em", "bcts_em", "bbse"):
        rule = PriorCorrection("estimate", estimator).fit(even, y, Priors(np.ones(3) / 3, SOURCE))
        np.testing.assert_allclose(rule.on(new).prior, OTHER, atol=0.04)


def test_a_class_without_training_rows_has_no_share() -> None:
    lp = np.log([[0.6, 0.3, 0.1], [0.2, 0.7, 0.1]])
    prior = most_likely_prior(lp, np.array([0.5, 0.5, 0.0]))
    assert prior[2] == 0
    rule = PriorCorrection("estimate", "em").fit(lp, np.array([0, 1]), Priors(np.array([0.5, 0.5, 0]), np.ones(3) / 3))
    assert set(rule(lp)) <= {0, 1}
    assert rule(lp[:0]).tolist() == []


def test_what_cannot_be_estimated_is_one_line() -> None:
    with pytest.raises(DataError, match=r"needs validation rows of every class; use decision\.estimator=em"):
        prediction_shares(np.array([0, 1]), np.array([0, 0]), 2)
    with pytest.raises(DataError, match="do not tell all classes apart"):
        prediction_shares(np.zeros(4, int), np.array([0, 0, 1, 1]), 2)
    with pytest.raises(lab.ConfigError, match=r"decision: estimator=em is for target=estimate"):
        option("decision", "prior_correction", estimator="em").build()


def test_needs_follow_the_estimator() -> None:
    needs = {name: PriorCorrection("estimate", name) for name in ("em", "bcts_em", "bbse", None)}
    assert [needs[name].needs_validation for name in needs] == [False, True, True, True]
    assert [needs[name].needs_prior for name in needs] == [True, False, True, False]
    assert (PriorCorrection().needs_validation, PriorCorrection().needs_prior) == (False, True)


@pytest.mark.parametrize("estimator", ["em", "bcts_em", "bbse"])
def test_a_run_tested_under_other_shares_finds_and_records_them(tmp_path, estimator: str) -> None:
    data = option("dataset", "synthetic", rows=4000, priors={"no": 0.8, "yes": 0.2}, separation=2.0)
    decision = option("decision", "prior_correction", target="estimate", estimator=estimator)
    shift = {"test_prior": {"yes": 0.7, "no": 0.3}}
    record = lab.run(data, decision=decision, model="logreg", evaluation=shift, folder=tmp_path)
    assert record.metrics["support/yes"] / record.metrics["rows/test"] == pytest.approx(0.7, abs=0.01)
    (said,) = json.loads((tmp_path / "record.json").read_text())["folds"][0]["decision"]
    assert said["estimated_prior"]["yes"] == pytest.approx(0.7, abs=0.08)
    assert record.classes.offset["yes"] == pytest.approx(said["offsets"]["yes"] - said["offsets"]["no"])
    plain = lab.run(data, model="logreg", evaluation=shift)
    assert record.metrics["accuracy"] > plain.metrics["accuracy"] + 0.03
    assert set(record.test.rows) == set(plain.test.rows)


def test_test_rows_in_other_shares_are_part_of_what_a_run_is() -> None:
    data = option("dataset", "synthetic", rows=600, priors={"a": 0.6, "b": 0.3, "c": 0.1})
    runs = [
        lab.run(data, model="logreg", seed=seed, evaluation=evaluation)
        for seed in (0, 1)
        for evaluation in ({}, {"test_prior": {"a": 1, "b": 1, "c": 1}})
    ]
    assert len({record.identity.config_hash for record in runs[:2]}) == 2
    assert np.bincount(runs[1].test.y[:, 0]).tolist() == [12, 12, 12]
    assert len(lab.compare(runs).compared) == 2
    with pytest.raises(lab.ConfigError, match=r"evaluation.test_prior has no share for class c"):
        lab.run(data, model="logreg", evaluation={"test_prior": {"a": 1, "b": 1}})
    with pytest.raises(lab.Incompatible, match=r"evaluation.test_prior needs one class per row.*use one of the labels"):
        lab.run("two_labels", model="logreg", evaluation={"test_prior": {"yes": 1, "no": 1}})
