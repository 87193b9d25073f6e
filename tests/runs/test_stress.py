from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import imbalance_lab as lab
from imbalance_lab.data.stress import content_of
from imbalance_lab.errors import ConfigError
from imbalance_lab.runs.identity import Identity
from imbalance_lab.runs.refit import refit

STRONG = {
    "imbalance": {"ratio": 60},
    "label_noise": {"rate": 0.3},
    "missing": {"cells": 0.3},
    "feature_noise": {"deviations": 1.0},
    "fewer_rows": {"rows": 0.2},
}
NONE = {
    "label_noise": {"rate": 0},
    "missing": {"cells": 0},
    "feature_noise": {"deviations": 0},
    "fewer_rows": {"rows": 1},
}


def run(stress: object = "none", **given: object) -> lab.RunRecord:
    return lab.run("four_classes", "inv_freq", "logreg", **{"seed": 1, "stress": stress, **given})


@pytest.fixture(scope="module")
def plain() -> lab.RunRecord:
    return run()


@pytest.mark.parametrize("name", NONE)
def test_stress_of_nothing_equals_none_to_the_bit(name: str, plain: lab.RunRecord) -> None:
    stressed = run(lab.option("stress", name, **NONE[name]))
    np.testing.assert_array_equal(stressed.test.log_proba, plain.test.log_proba)
    assert {k: v for k, v in stressed.metrics.items() if not k.startswith(("timing/", "rows/"))} == {
        k: v for k, v in plain.metrics.items() if not k.startswith(("timing/", "rows/"))
    }


@pytest.mark.parametrize("name", STRONG)
def test_records_hold_exact_counts_and_test_rows_are_the_same(name: str, plain: lab.RunRecord, tmp_path: Path) -> None:
    stressed = run(lab.option("stress", name, **STRONG[name]), folder=tmp_path / "run")
    told = json.loads((tmp_path / "run" / "record.json").read_text())["folds"][0]["stress"]
    assert told["test_hash"] == content_of(plain.dataset, plain.folds[0].test.rows)
    np.testing.assert_array_equal(stressed.test.rows, plain.test.rows)
    np.testing.assert_array_equal(stressed.test.y, plain.test.y)
    assert told["train"]["before"] == plain.folds[0].classes.train_rows.to_dict()
    assert told["train"]["after"] == stressed.folds[0].classes.train_rows.to_dict()
    assert (stressed.test.log_proba != plain.test.log_proba).any()
    assert stressed.metrics["rows/before_stress"] == plain.metrics["rows/train"] + plain.metrics["rows/validation"]
    assert "stress" not in plain.summary()["folds"][0]


def test_the_effective_prior_is_that_of_the_rows_that_are_left() -> None:
    record = lab.run("four_classes", "none", "logreg", stress=lab.option("stress", "imbalance", ratio=60))
    after = np.array([*record.folds[0].stress["train"]["after"].values()])
    np.testing.assert_allclose(record.folds[0].effective_prior[0], after / after.sum())


def test_test_rows_change_nothing_that_is_learnt(plain: lab.RunRecord) -> None:
    data, rows = plain.dataset, plain.folds[0].test.rows
    poisoned = data.X.copy()
    poisoned.iloc[rows] = 1e6
    stress = lab.option("stress", "feature_noise", deviations=1.0)
    clean = lab.run(data, "smote", "logreg", decision="tuned_threshold", stress=stress, seed=1)
    other = lab.run(replace(data, X=poisoned), "smote", "logreg", decision="tuned_threshold", stress=stress, seed=1)
    np.testing.assert_array_equal(clean.folds[0].validation.log_proba, other.folds[0].validation.log_proba)
    assert clean.folds[0].classes.offset.equals(other.folds[0].classes.offset)


def test_strategies_of_a_seed_are_compared_on_the_same_stressed_rows() -> None:
    stress = lab.option("stress", "label_noise", rate=0.2)
    one, other = (lab.run("four_classes", name, "logreg", stress=stress, seed=3) for name in ("none", "smote"))
    assert one.folds[0].stress == other.folds[0].stress


def test_folds_are_stressed_each() -> None:
    record = run(lab.option("stress", "imbalance", ratio=60), split="cv")
    assert len(record.folds) == 5
    for fold in record.folds:
        left = fold.stress["train"]["after"].values()
        assert max(left) / min(left) == pytest.approx(60, rel=0.2)


def test_a_stressed_run_is_named_by_it_and_is_not_refitted() -> None:
    record = run(lab.option("stress", "imbalance", ratio=60))
    assert record.name == "inv_freq logreg imbalance(ratio=60) seed=1"
    assert record.tags["stress"] == "imbalance(ratio=60)"
    with pytest.raises(ConfigError, match="make the run with stress=none, and refit that"):
        refit(record)


def test_a_record_older_than_the_group_is_one_without_stress(plain: lab.RunRecord) -> None:
    summary = plain.identity.summary()
    config = {key: value for key, value in summary["config"].items() if key != "stress"}
    config["options"] = {key: value for key, value in config["options"].items() if key != "stress"}
    assert Identity.from_summary(summary | {"config": config}) == plain.identity
