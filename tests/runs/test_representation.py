"""Representations in whole runs: identity, class table, decisions, models that are kept."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

import imbalance_lab as lab
from imbalance_lab.runs.identity import Identity
from imbalance_lab.runs.spec import specify

QUICK = {"training": {"epochs": 3}, "evaluation": {"resamples": 50}}


@pytest.fixture(scope="module")
def data() -> lab.Dataset:
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], [240, 40])
    return lab.Dataset.from_arrays(rng.normal(size=(280, 3)) + y[:, None], y)


def test_without_a_representation_a_run_is_what_it_was_before_there_were_any(data: lab.Dataset) -> None:
    identity = specify(data, "smote", "mlp")
    before = {key: value for key, value in identity.config.items() if key not in ("options", "save_model")}
    assert before.pop("representation") and before["training"].pop("device_memory")
    hashed = hashlib.sha256(json.dumps(before, sort_keys=True).encode()).hexdigest()[:16]
    assert identity.config_hash == hashed
    old = identity.summary()
    old["config"] = {key: value for key, value in old["config"].items() if key != "representation"}
    del old["config"]["options"]["representation"]
    assert Identity.from_summary(old).config_hash == hashed
    assert specify(data, "smote", "mlp", representation="mixup").config_hash != hashed


def test_a_strategy_fills_it_by_name_and_is_called_after_it(data: lab.Dataset) -> None:
    several = lab.Strategy(loss="focal", representation="crt", decision="tuned_threshold")
    assert specify(data, several, "mlp").strategy == "focal+crt+tuned_threshold"
    one = lab.option("representation", "mixup", alpha=1.0)
    assert specify(data, one, "mlp").strategy == "mixup(alpha=1)"
    with pytest.raises(lab.Incompatible, match="representation=mixup is a way to train a network"):
        lab.run(data, "mixup", "logreg")
    with pytest.raises(lab.ConfigError, match=r"representation\.alpha"):
        lab.run(data, lab.option("representation", "mixup", alpha=-1.0), "mlp")


def test_a_decision_goes_by_the_prior_of_the_second_stage(data: lab.Dataset) -> None:
    """Retrained scores carry even classes: correcting them to even ones changes nothing, unlike those of mixup."""
    for strategy, even in (("crt", True), ("mixup", False)):
        plain = lab.run(data, strategy, "mlp", **QUICK)
        corrected = lab.run(data, strategy, "mlp", decision="logit_adjust", **QUICK)
        prior = plain.folds[0].classes.effective_prior
        assert np.allclose(prior, 0.5) == even
        np.testing.assert_array_equal(plain.test.log_proba, corrected.test.log_proba)
        assert np.array_equal(plain.test.predicted, corrected.test.predicted) == even
    for strategy in ("remix", "lws", "tau_norm"):
        with pytest.raises(lab.Incompatible, match=f"representation={strategy} are none; use decision=tuned_threshold"):
            lab.run(data, strategy, "mlp", decision="logit_adjust", **QUICK)


@pytest.mark.parametrize("strategy", ["mixup", "crt", "lws", "tau_norm"])
def test_a_kept_model_predicts_the_same(strategy: str, data: lab.Dataset, tmp_path: Path) -> None:
    classifier = lab.Classifier(strategy, "mlp", training={"epochs": 2}).fit(data.X, data.y)
    again = lab.load(classifier.save(tmp_path / "model"))
    np.testing.assert_array_equal(again.predict_proba(data.X), classifier.predict_proba(data.X))
    assert again.get_params()["representation"] == strategy
    assert classifier.set_params(representation="none").fit(data.X, data.y).fitted_.history.kept.sum() == 1


def test_old_and_new_runs_stand_in_one_table(data: lab.Dataset) -> None:
    """Plain runs of a version that knew no representation beside plain ones and mixed ones of this version."""
    pairs = [(seed, strategy) for seed in (0, 1, 2, 3) for strategy in ("none", "mixup")]
    records = [lab.run(data, strategy, "mlp", seed=seed, **QUICK).summary() for seed, strategy in pairs]
    for record, (seed, strategy) in zip(records, pairs, strict=True):
        if seed < 2 and strategy == "none":
            config = record["identity"]["config"] = {**record["identity"]["config"]}
            del config["representation"]
            config["options"] = {k: v for k, v in config["options"].items() if k != "representation"}
    comparison = lab.compare(records)
    assert len(comparison.compared) == 1
    assert comparison.compared[0].group.runs.strategy.value_counts().to_dict() == {"none": 4, "mixup": 4}
