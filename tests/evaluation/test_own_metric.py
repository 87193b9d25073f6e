"""A metric of one's own, from the configuration to the comparison."""

from __future__ import annotations

import json

import numpy as np
import pytest
import yaml

import imbalance_lab as lab
from imbalance_lab.comparison import Settings, compare
from imbalance_lab.comparison.report import text
from imbalance_lab.errors import ConfigError
from imbalance_lab.evaluation.metrics import METRICS, Metric
from imbalance_lab.options import option
from tests.comparison.conftest import grid, table

COST = np.array([[0, 1, 1], [1, 0, 1], [20, 20, 0]])  # truth in rows
COSTLY = "evaluation.metrics=[{_target_: tests.evaluation.test_own_metric.cost}]"


def mean_cost(y: np.ndarray, predicted: np.ndarray) -> float:
    return float(COST[y, predicted].mean())


def cost() -> Metric:
    return Metric("cost", lambda s: mean_cost(s.y, s.predicted), larger_is_better=False, bounds=(0, COST.max()))


def test_it_is_recorded_and_tuned_on(tiny, run, tmp_path) -> None:
    hard = ("model=logreg", "dataset.separation=1", "dataset.rows=600")
    plain = run(tiny(*hard))
    tuned = run(tiny(*hard, COSTLY, "decision=tuned_threshold", "decision.metric=cost"))
    recorded = json.loads((tmp_path / "run" / "record.json").read_text())["metrics"]["cost"]
    assert recorded == mean_cost(tuned.test.y[:, 0], tuned.test.predicted[:, 0])
    assert recorded < mean_cost(plain.test.y[:, 0], plain.test.predicted[:, 0])
    # The rare class, which is expensive to miss, is predicted more often than under plain argmax.
    assert (tuned.test.predicted == 2).sum() > (plain.test.predicted == 2).sum()


def test_it_leaves_everything_else_as_it_is(tiny, run) -> None:
    with_it, without = run(tiny("model=logreg", COSTLY)), run(tiny("model=logreg"))
    same = {key for key in without.metrics if not key.startswith("timing/")}
    assert {key: with_it.metrics[key] for key in same} == {key: without.metrics[key] for key in same}
    assert set(with_it.metrics) - set(without.metrics) == {"cost"}


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        (["decision=tuned_threshold", "decision.metric=cost"], "decision.metric=cost is no metric of .* mcc, kappa$"),
        ([COSTLY, "decision=tuned_threshold", "decision.metric=costs"], "it can be .*, cost$"),
        (["evaluation.metrics=[{_target_: builtins.dict}]"], "evaluation.metrics: .* returned dict"),
    ],
)
def test_what_cannot_be_is_refused_before_training(tiny, run, silent, typed: list[str], reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        run(tiny("model=logreg", *typed))
    assert silent.tables == []


def test_a_notebook_gives_the_object(tmp_path) -> None:
    rules = option("decision", "tuned_threshold", metric="cost")
    data = option("dataset", "synthetic", rows=300, priors={"a": 0.6, "b": 0.3, "c": 0.1}, separation=1.0)
    record = lab.run(data, model="logreg", decision=rules, evaluation={"metrics": [cost()]}, folder=tmp_path / "run")
    assert record.metrics["cost"] == mean_cost(record.test.y[:, 0], record.test.predicted[:, 0])
    assert yaml.safe_load((tmp_path / "run" / "config.yaml").read_text())["evaluation"]["metrics"][0]["name"] == "cost"
    same = lab.run(data, model="logreg", decision=option("decision", "tuned_threshold", metric=cost()))
    np.testing.assert_array_equal(same.test.predicted, record.test.predicted)
    assert same.identity.strategy == record.identity.strategy == "tuned_threshold(metric=cost)"


def test_one_entry_is_all_that_a_new_built_in_metric_takes(tiny, run, monkeypatch) -> None:
    new = Metric(
        "errors",
        lambda c: (c.support - c.hits).sum(axis=-1),
        "confusion",
        larger_is_better=False,
        bounds=(0, np.inf),
        heading="wrong rows",
        shown=("screen", "comparison", "report"),
    )
    monkeypatch.setitem(METRICS, "errors", new)
    record = run(tiny("model=logreg", "decision=tuned_threshold", "decision.metric=errors"))
    assert record.metrics["errors"] == (record.test.y != record.test.predicted).sum()
    assert record.headline("errors") == f"wrong rows {record.metrics['errors']:.3f}"
    rows = grid(np.array([[9.0, 8, 9, 10], [4.0, 5, 4, 3]]), ["none", "smote"])
    (one,) = (comparison := compare(table(rows, metric="errors"), Settings(metric="errors"))).compared
    assert one.table.index[0] == "smote"
    assert one.table.low.min() >= 0
    assert "wrong rows" in text.markdown(comparison)
    beside = [row | {"metrics": {"errors": 7.0}} for row in grid(np.full((2, 3), 0.5), ["none", "smote"])]
    assert "wrong rows" in text.markdown(compare(table(beside), Settings()))


def test_it_is_compared_in_the_direction_that_is_given() -> None:
    values = np.array([[2.0], [1.0]]) + np.random.default_rng(0).normal(0, 0.01, size=(2, 8))
    runs = table(grid(values, ["none", "smote"]), metric="cost")
    (one,) = compare(runs, Settings(metric="cost", larger_is_better=False)).compared
    assert one.table.index[0] == "smote"
    assert one.table.loc["smote", "baseline_verdict"] == "better"
    (one,) = compare(runs, Settings(metric="cost", larger_is_better=True)).compared
    assert one.table.loc["smote", "baseline_verdict"] == "worse"
    assert one.table.low["none"] > 1.9  # costs are no shares: intervals are not cut at 1
    with pytest.raises(ConfigError, match="cost is not a built-in metric; larger_is_better=true or"):
        compare(runs, Settings(metric="cost"))
    with pytest.raises(ConfigError, match="of brier_corrected the smaller value is better"):
        _ = Settings(metric="brier_corrected", larger_is_better=True).sign
