from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from imbalance_lab.comparison import Comparison, compare
from tests.comparison.conftest import grid, table

C = {"low": 0.001, "high": 100.0, "log": True}
GAMMA = {"low": 0.5, "high": 5.0}
OPTIONS = {"options.model": "logreg", "options.sampler": "none", "options.class_weight": "none",
           "options.decision": "argmax", "options.loss": "cross_entropy", "model.estimator.C": "1.0"}  # fmt: skip
FOCAL = {"options.loss": "focal", "loss.gamma": "2.0"}


def tuning(space: Mapping[str, Mapping[str, Any]], trials: int = 50, **parts: str) -> dict[str, str]:
    """Return the settings that a tuned run records."""
    budget = {"name": "optuna", "trials": str(trials), "metric": "balanced_accuracy", "on": "validation"}
    budget |= {"pruner": "none"} | parts
    ranges = {f"space.{name}.{key}": str(value) for name, node in space.items() for key, value in node.items()}
    return {f"tuning.{key}": value for key, value in (budget | ranges).items()}


def fold(best: Mapping[str, Any], best_value: float, default_value: float | None, seconds: float = 2.0) -> dict:
    return {"best": dict(best), "best_value": best_value, "default_value": default_value, "finished": 49, "pruned": 1,
            "seconds": seconds}  # fmt: skip


def runs(
    strategy: str, values: Sequence[float], settings: Mapping[str, str], best: Sequence[dict] = (), **about: Any
) -> list[dict]:
    """Return a run for each seed, tuned where the settings say so."""
    own = FOCAL if strategy == "focal" else {"options.decision": "tuned"} if strategy == "tuned_threshold" else {}
    rows = grid(np.array([values]), [strategy], model="logreg", settings=OPTIONS | own | dict(settings), **about)
    for row, one in zip(rows, best, strict=False):
        row["tuned"] = json.dumps([one])
    return rows


def tuned(strategy: str, values: Sequence[float], trials: int = 50, best: Sequence[dict] = (), **parts: Any) -> list:
    space = {"model.estimator.C": C} | ({"loss.gamma": GAMMA} if strategy == "focal" else {})
    return runs(strategy, values, tuning(parts.pop("space", space), trials, **parts), best)


PLAIN = {"none": [0.6, 0.62, 0.61, 0.6], "tuned_threshold": [0.7, 0.71, 0.69, 0.7], "focal": [0.64, 0.66, 0.65, 0.65]}
TUNED = {"none": [0.61, 0.64, 0.62, 0.62], "tuned_threshold": [0.7, 0.73, 0.7, 0.71], "focal": [0.7, 0.73, 0.7, 0.72]}
BEST = [fold({"loss.gamma": gamma, "model.estimator.C": c}, high, 0.7)
        for gamma, c, high in ((1.0, 0.1, 0.75), (4.0, 10.0, 0.8), (2.0, 1.0, 0.73), (1.0, 0.1, 0.72))]  # fmt: skip


@pytest.fixture(scope="module")
def both() -> Comparison:
    """Return three strategies, each tuned and untuned."""
    rows = [row for name, values in PLAIN.items() for row in runs(name, values, {})]
    rows += [row for name, values in TUNED.items() for row in tuned(name, values, best=BEST if name == "focal" else ())]
    return compare(table(rows))


def test_budgets_have_tables_of_their_own_the_untuned_first(both: Comparison) -> None:
    assert [one.group.title for one in both.compared] == ["data, logreg, tuning=none", "data, logreg, tuning=50 trials"]
    for one, values in zip(both.compared, (PLAIN, TUNED), strict=True):
        assert {name: one.table["mean"][name] for name in values} == pytest.approx(
            {name: float(np.mean(row)) for name, row in values.items()}
        )
        assert one.table.control_difference["none"] == pytest.approx(
            np.mean(values["none"]) - np.mean(values["tuned_threshold"])
        )


def test_ranges_of_a_strategys_own_settings_are_no_other_budget() -> None:
    rows = tuned("none", TUNED["none"]) + tuned("focal", TUNED["focal"])
    (one,) = compare(table(rows)).compared
    assert list(one.table.index) == ["focal", "none"]
    assert one.group.budget == "50 trials"


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"trials": 20}, "20 trials"),
        ({"metric": "macro_f1"}, "50 trials, metric=macro_f1"),
        ({"on": "cv"}, "50 trials, on=cv"),
        ({"pruner": "median"}, "50 trials, pruner=median"),
    ],
)
def test_every_part_of_a_budget_sets_runs_apart(changed: dict[str, Any], named: str) -> None:
    rows = tuned("none", TUNED["none"]) + tuned("focal", TUNED["focal"], **changed)
    assert named in [one.group.name["tuning"] for one in compare(table(rows)).compared]


def test_budgets_stand_in_the_order_of_their_trials() -> None:
    rows = [row for trials in (100, 20) for row in tuned("none", TUNED["none"], trials)]
    rows += runs("none", PLAIN["none"], {})
    names = [one.group.name["tuning"] for one in compare(table(rows)).compared]
    assert names == ["none", "20 trials", "100 trials"]


def test_another_range_of_the_model_is_no_contest() -> None:
    wide = {"model.estimator.C": C | {"high": 1000.0}}
    rows = tuned("none", TUNED["none"]) + tuned("smote", TUNED["focal"], space=wide)
    found = [one.group.name.get("tuning.space.model.estimator.C") for one in compare(table(rows)).compared]
    assert sorted(map(str, found)) == ["0.001 to 100 log", "0.001 to 1000 log"]


def test_models_with_ranges_of_their_own_may_compete() -> None:
    trees = runs("none", TUNED["focal"], tuning({"model.estimator.max_depth": {"low": 2, "high": 9}}))
    for row in trees:
        row |= {"model": "hist_gb", "settings": row["settings"] | {"options.model": "hist_gb"}}
    (one,) = compare(table(tuned("none", TUNED["none"]) + trees), by=["dataset"], baseline="none logreg").compared
    assert sorted(one.table.index) == ["none hist_gb", "none logreg"]


def test_one_strategy_with_other_ranges_of_its_own_is_two_contenders() -> None:
    narrow = {"model.estimator.C": C, "loss.gamma": {"low": 1.0, "high": 2.0}}
    rows = tuned("focal", TUNED["focal"]) + tuned("focal", TUNED["none"], space=narrow)
    (one,) = compare(table(rows), baseline="focal(space.gamma=0.5 to 5)").compared
    assert set(one.table.index) == {"focal(space.gamma=0.5 to 5)", "focal(space.gamma=1 to 2)"}


def test_a_budget_is_named_even_where_another_setting_tells_the_runs_apart() -> None:
    rows = runs("none", PLAIN["none"], {"split.test": "0.2"}) + tuned("none", TUNED["none"])
    for row in rows[4:]:
        row["settings"] = row["settings"] | {"split.test": "0.3"}
    found = compare(table(rows))
    assert [one.group.name["tuning"] for one in found.compared] == ["none", "50 trials"]
    assert not found.tuned[0].gains.difference.notna().any()  # of other test rows
