from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from imbalance_lab.comparison import Comparison, compare
from imbalance_lab.comparison.against_facts import against_facts
from imbalance_lab.comparison.report.facts import draw_against_fact
from tests.comparison.conftest import grid, table

RATIOS = {"one": 2.0, "two": 10.0, "three": 100.0, "four": 500.0, "unknown": 3.0}
FACTS = pd.DataFrame({"imbalance ratio": RATIOS, "rows": 100.0}).drop(index="unknown")


@pytest.fixture(scope="module")
def found() -> Comparison:
    noise = np.random.default_rng(0).normal(0, 0.004, (3, 6))
    means = {name: [0.7, 0.8, 0.8 - np.log(ratio) / 50] for name, ratio in RATIOS.items()}
    rows = [
        row
        for name, values in means.items()
        for row in grid(
            np.array(values)[:, None] + noise,
            ["none", "tuned_threshold", "smote"],
            dataset=name,
            data_hash=name,
            settings={"options.dataset": name},
        )
    ]
    return compare(table(rows))


def test_differences_are_those_of_the_comparison_beside_the_facts(found: Comparison) -> None:
    gains = against_facts(found.compared, FACTS)
    assert set(gains.dataset) == set(FACTS.index)
    assert set(gains.strategy) == {"none", "smote"}
    for one in found.compared:
        name = one.group.name["dataset"]
        own = gains[(gains.dataset == name) & (gains.strategy == "smote")]
        if name in FACTS.index:
            assert own.difference.item() == one.table.control_difference["smote"]
            assert own.verdict.item() == one.table.control_verdict["smote"]
            assert own["imbalance ratio"].item() == RATIOS[name]
        else:
            assert own.empty
    assert set(against_facts(found.compared, FACTS, "baseline").strategy) == {"tuned_threshold", "smote"}
    assert against_facts([], FACTS).empty


def test_one_dataset_is_not_taken_for_several(found: Comparison) -> None:
    with pytest.raises(ValueError, match="one is there 2 times; choose one model and setting"):
        against_facts([*found.compared, *found.compared], FACTS.loc[["one"]])


def test_a_panel_for_each_strategy_has_a_point_for_each_dataset(found: Comparison) -> None:
    gains = against_facts(found.compared, FACTS)
    figure = draw_against_fact(gains, "imbalance ratio", found.settings, "tuned_threshold", ["smote"])
    (axes,) = (axes for axes in figure.axes if axes.axison)
    assert axes.get_xscale() == "log"
    assert axes.get_title(loc="left").startswith("smote: rank correlation -1.00")
    assert sorted(x for bars in axes.containers for x in bars[0].get_xdata()) == [2.0, 10.0, 100.0, 500.0]
    assert len([axes for axes in draw_against_fact(gains, "rows", found.settings, "x").figure.axes if axes.axison]) == 2
