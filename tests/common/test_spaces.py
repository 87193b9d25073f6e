"""The same contract for what every file in conf/ brings along to be tuned."""

from __future__ import annotations

import math
from typing import Any

import pytest

from imbalance_lab.options import CONF, SEARCH, Option, option
from imbalance_lab.runs.tuning.optuna_study import contained, distributions
from imbalance_lab.runs.tuning.space import TUNED, default_of
from tests.common.test_options import OPTIONS, skip_without_its_library

WITH_SPACE = [(group, name) for group, name in OPTIONS if SEARCH in (CONF / group / f"{name}.yaml").read_text()]
# Defaults of libraries that decide by themselves, or tell nobody.
NO_DEFAULT = {("catboost", "l2_leaf_reg"), ("xgboost", "min_child_weight"), ("xgboost", "reg_lambda")}


def ends(node: dict[str, Any]) -> list[Any]:
    """Return the extremes of a range, and what lies between."""
    if "choices" in node:
        return list(node["choices"])
    low, high = node["low"], node["high"]
    middle = math.sqrt(low * high) if node.get("log") else (low + high) / 2
    return [low, round(middle) if isinstance(low, int) else middle, high]


def loaded(group: str, name: str) -> Option:
    skip_without_its_library(name)
    return option(group, name)


def test_only_options_of_the_learning_bring_ranges() -> None:
    assert {group for group, _ in WITH_SPACE} == set(TUNED)


@pytest.mark.parametrize(("group", "name"), WITH_SPACE)
def test_defaults_lie_in_their_ranges(group: str, name: str) -> None:
    found = loaded(group, name)
    assert found.space and SEARCH not in found.settings
    for path, node in found.space.items():
        if (name, path.rpartition(".")[2]) not in NO_DEFAULT:
            assert contained(node, default_of(found, path)), path


@pytest.mark.parametrize(("group", "name"), WITH_SPACE)
def test_every_value_of_a_range_makes_an_option(group: str, name: str) -> None:
    found = loaded(group, name)
    distributions({path: dict(node) for path, node in found.space.items()})
    for path, node in found.space.items():
        for value in ends(dict(node)):
            found.with_settings({path: value}).build()
