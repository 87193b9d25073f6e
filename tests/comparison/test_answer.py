from __future__ import annotations

import json
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from imbalance_lab.comparison import Settings, compare
from imbalance_lab.comparison.answer import answer_of
from imbalance_lab.comparison.overall import across_answer
from imbalance_lab.comparison.paired import BETTER, FEW_RUNS
from imbalance_lab.comparison.report.answer import tiles_of
from imbalance_lab.comparison.report.overview import DARKEST, overviews
from tests.comparison.conftest import made

LEVELS = {"none": 0.5, "tuned_threshold": 0.6, "smote": 0.7}
NOISE = np.array([0.0, 0.004, -0.003, 0.002, -0.001])


def answered(levels, noise=NOISE, **settings):
    cells = {("d", "mlp", name): mean + noise * (1 + 0.5 * k) for k, (name, mean) in enumerate(levels.items())}
    found = compare(made(cells), Settings(**settings))
    return answer_of(found.compared[0].table, found.settings)


@pytest.mark.parametrize(
    ("levels", "verb", "use"),
    [
        (LEVELS, "Use", "smote"),
        ({**LEVELS, "smote": 0.55}, "Use", "tuned_threshold"),
        ({**LEVELS, "smote": 0.6001}, "Use", "tuned_threshold"),
        ({**LEVELS, "tuned_threshold": 0.45}, "Use", "smote"),
        ({"none": 0.5, "smote": 0.6}, "Use", "smote"),
        ({"none": 0.7, "tuned_threshold": 0.5, "smote": 0.6}, "Stay with", "none"),
        ({"none": 0.5, "smote": 0.501}, "Stay with", "none"),
        ({"tuned_threshold": 0.5, "smote": 0.6}, "Best mean:", "smote"),
        ({"none": 0.5}, "Best mean:", "none"),
    ],
)
def test_what_is_proven_is_what_to_use(levels, verb: str, use: str) -> None:
    found = answered(levels)
    assert (found.verb, found.use) == (verb, use)


def test_what_leads_without_proof_is_not_settled() -> None:
    rng = np.random.default_rng(0)
    cells = {("d", "mlp", name): 0.5 + 0.02 * k + 0.1 * rng.random(3) for k, name in enumerate(["none", "smote"])}
    found = compare(made(cells), Settings())
    answer = answer_of(found.compared[0].table, found.settings)
    assert (answer.verb, answer.use) == ("Not settled:", found.compared[0].table.index[0])
    (tile,) = [tile for tile in tiles_of(found.compared[0], found.settings) if tile.name == "against none"]
    assert tile.kind == "open" and "not enough runs" in tile.beside


def test_of_a_metric_of_which_less_is_better_the_smaller_is_used() -> None:
    found = answered({"none": 0.6, "smote": 0.5}, metric="ece")
    assert found.use == "none"  # made runs of a higher accuracy have a lower calibration error


def test_the_numbers_of_the_answer_are_those_of_the_table() -> None:
    cells = {("d", "mlp", name): mean + NOISE for name, mean in LEVELS.items()}
    found = compare(made(cells), Settings())
    row = found.compared[0].table.loc["smote"]
    tiles = {tile.name: tile for tile in tiles_of(found.compared[0], found.settings)}
    assert tiles["balanced accuracy of smote"].value == f"{row['mean']:.3f}"
    assert tiles["against none"].value == f"{row.baseline_difference:+.3f}" == "+0.200"
    assert tiles["against tuned_threshold"].value == "+0.100"
    assert tiles["recall of rare, the rarest class"].beside == "0.500 under none"


def many():
    rng = np.random.default_rng(1)
    cells = {
        (f"d{at}", "mlp", name): mean - 0.02 * at * (name == "smote") + 0.001 * rng.random(5)
        for at in range(6)
        for name, mean in LEVELS.items()
    }
    del cells["d5", "mlp", "tuned_threshold"]
    return compare(made(cells), Settings())


def test_across_datasets_the_best_rank_is_what_to_start_with() -> None:
    found = many()
    answer = across_answer(found.across[0], found.settings)
    assert answer.use == str(found.across[0].ranks.index[0])
    across = found.across[0]
    assert across.friedman["p_F"] < 0.05 and answer.verb == "Start with"
    assert across.ranks["none"] > across.ranks.iloc[0] + across.critical_difference
    assert answer.why in found.text()


def test_what_ranks_best_but_like_plain_training_is_no_clear_winner() -> None:
    across = many().across[0]
    near = replace(across, critical_difference=across.ranks["none"] - across.ranks.iloc[0] + 0.01)
    assert near.friedman["p_F"] < 0.05
    answer = across_answer(near, Settings())
    assert answer.verb == "No clear winner; in the lead:"
    assert "cannot tell it from" in answer.why and "none" in answer.why


def test_the_overview_shades_by_the_difference_and_marks_what_is_proven() -> None:
    found = many()
    control, baseline = overviews(found.compared, found.settings)
    assert [name for _, name, _ in baseline.rows] == [f"d{k}" for k in range(6)]
    assert [name for _, name, _ in control.rows] == [f"d{k}" for k in range(5)]  # not where it was not run
    assert baseline.strategies[:1] == ["smote"]
    cells = {
        (name, strategy): row[at] for _, name, row in baseline.rows for at, strategy in enumerate(baseline.strategies)
    }
    first = cells["d0", "smote"]
    assert (first.text, first.kind, first.sign, first.direction, first.shade) == (
        "+0.200",
        "better",
        "▲",
        "up",
        DARKEST,
    )
    assert cells["d5", "tuned_threshold"].text == ""
    assert {cell.direction for _, _, row in control.rows for cell in row} == {"up", "down"}


def test_one_dataset_needs_no_overview() -> None:
    found = compare(made({("d", "mlp", name): mean + NOISE for name, mean in LEVELS.items()}), Settings())
    assert overviews(found.compared, found.settings) == []


KINDS = {
    "proven": LEVELS,
    "the control is enough": {**LEVELS, "smote": 0.55},
    "no better than the control": {**LEVELS, "smote": 0.6001},
    "without control": {"none": 0.5, "smote": 0.6},
    "without baseline": {"tuned_threshold": 0.5, "smote": 0.6},
    "without either": {"inv_freq": 0.5, "smote": 0.6},
    "nothing helps": {"none": 0.7, "tuned_threshold": 0.5, "smote": 0.6},
    "one strategy": {"none": 0.5},
}


@pytest.mark.parametrize("levels", [*KINDS.values(), "open"], ids=[*KINDS, "open"])
def test_terminal_page_notebook_and_text_give_the_same_answer(levels) -> None:
    if levels == "open":
        rng = np.random.default_rng(0)
        cells = {("d", "mlp", name): 0.5 + 0.02 * k + 0.1 * rng.random(3) for k, name in enumerate(LEVELS)}
    else:
        cells = {("d", "mlp", name): mean + NOISE * (1 + 0.5 * k) for k, (name, mean) in enumerate(levels.items())}
    found = compare(made(cells))
    answer = answer_of(found.compared[0].table, found.settings)
    assert answer.use in found.compared[0].table.index
    for text in (
        found.text(),
        found.to_markdown().replace("**", ""),
        found.verdict,
        json.loads(found.to_json())["groups"][0]["answer"],
    ):
        assert answer.text in text
    words = [
        " ".join(re.sub(r"<style>.*?</style>|<[^>]*>", " ", text, flags=re.DOTALL).split())
        for text in (found.to_html(), found._repr_html_())
    ]
    assert f"{answer.verb} {answer.use} {answer.why}" in words[0]
    assert f"{answer.verb} {answer.use}. {answer.why}" in words[1]


def test_what_is_better_than_the_control_alone_is_not_settled() -> None:
    table = pd.DataFrame(
        {
            "mean": [0.70, 0.68, 0.67],
            "baseline_verdict": [FEW_RUNS, np.nan, FEW_RUNS],
            "control_verdict": [BETTER, FEW_RUNS, np.nan],
            "control_difference": [0.03, 0.01, np.nan],
        },
        index=["inv_freq", "none", "tuned_threshold"],
    )
    assert answer_of(table, Settings()).text == (
        "Not settled: inv_freq. It is better than the control tuned_threshold by 0.030, but nothing is shown to be "
        "better than none: not enough runs."
    )


def test_a_baseline_is_called_plain_training_only_where_it_is() -> None:
    alone = {"none": 0.5, "smote": 0.6}
    assert answered(alone, noise=NOISE * 0.1).why == "It is better than none, plain training, by 0.100."
    other = {"inv_freq": 0.5, "smote": 0.6}
    found = answered(other, noise=NOISE * 0.1, baseline="inv_freq").why
    assert found == "It is better than inv_freq by 0.100."
