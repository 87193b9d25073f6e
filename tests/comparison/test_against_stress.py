from __future__ import annotations

import io
import json

import numpy as np
import pandas as pd
import pytest

from imbalance_lab.comparison import Comparison, compare
from imbalance_lab.comparison.report.answer import tiles_over
from imbalance_lab.comparison.report.stress import curves_of, draw_stress, stress_table
from tests.comparison.conftest import grid, table

STRATEGIES = ["none", "tuned_threshold", "smote"]
NONE = {"stress._target_": "imbalance_lab.data.stress.NoStress", "options.stress": "none"}


def stressed(ratio: int, **more: str) -> dict[str, str]:
    target = {"stress._target_": "imbalance_lab.data.stress.Imbalance", "options.stress": "imbalance"}
    return target | {"stress.ratio": str(float(ratio)), "stress.profile": "step", "stress.keep": "2"} | more


def runs(means: list[float], settings: dict[str, str], dataset: str = "d", seeds: int = 6, **about: str) -> list[dict]:
    noise = np.random.default_rng(0).normal(0, 0.01, (len(means), seeds))
    options = {"settings": settings | {"options.dataset": dataset}, "dataset": dataset, "data_hash": dataset, **about}
    return grid(np.array(means)[:, None] + noise, STRATEGIES[: len(means)], **options)


@pytest.fixture(scope="module")
def three_levels() -> Comparison:
    rows = runs([0.8, 0.85, 0.84], NONE)
    rows += runs([0.7, 0.82, 0.7], stressed(1000)) + runs([0.75, 0.84, 0.8], stressed(30))
    return compare(table(rows))


def test_levels_are_groups_of_their_own_and_stand_in_the_order_of_their_numbers(three_levels: Comparison) -> None:
    assert [one.group.name.get("stress.ratio") for one in three_levels.compared] == [None, "30.0", "1000.0"]
    (found,) = three_levels.stressed
    assert (found.name, found.setting, found.levels) == ("d, mlp", "stress.ratio", ["none", "30.0", "1000.0"])


def test_values_and_verdicts_are_those_of_the_groups(three_levels: Comparison) -> None:
    (found,) = three_levels.stressed
    assert found.reference == "tuned_threshold"
    for level, one in zip(found.levels, three_levels.compared, strict=True):
        part = found.values.xs(level, level="level")
        for name in STRATEGIES:
            for key in ("mean", "low", "high"):
                assert part[key][name] == one.table[key][name]
        assert part.verdict["smote"] == one.table.control_verdict["smote"]
    assert found.values.verdict["1000.0", "smote"] == "worse"


def test_a_dataset_at_three_levels_is_not_three_datasets() -> None:
    rows = [
        row
        for at, name in enumerate(["one", "two"])
        for settings in (NONE, stressed(30), stressed(1000))
        for row in runs([0.8 - at / 10, 0.85 - at / 10, 0.84], settings, name)
    ]
    found = compare(table(rows))
    assert len(found.across) == 3
    assert [list(one.means.index) for one in found.across] == [["one", "two"]] * 3
    assert len(found.stressed) == 2
    alone = compare(table([row for row in rows if row["dataset"] == "one"]))
    assert alone.across == []


def test_one_level_besides_none_is_named_by_how_strong_it_is() -> None:
    found = compare(table(runs([0.8, 0.85], NONE) + runs([0.7, 0.8], stressed(50)))).stressed
    assert [(one.setting, one.levels) for one in found] == [("stress.ratio", ["none", "50.0"])]


def test_runs_without_stress_are_the_first_level_of_each_kind() -> None:
    noise = {"stress._target_": "imbalance_lab.data.stress.LabelNoise", "options.stress": "label_noise"}
    rows = runs([0.8, 0.85], NONE) + runs([0.7, 0.8], stressed(50)) + runs([0.6, 0.7], noise | {"stress.rate": "0.2"})
    found = compare(table(rows)).stressed
    assert {one.setting: one.levels for one in found} == {
        "stress.ratio": ["none", "50.0"],
        "stress.rate": ["none", "0.2"],
    }


def test_settings_beside_the_level_are_told_apart() -> None:
    rows = runs([0.8, 0.85], NONE)
    rows += [
        row
        for profile in ("step", "tail")
        for ratio in (50, 500)
        for row in runs([0.7, 0.8], stressed(ratio, **{"stress.profile": profile}))
    ]
    found = compare(table(rows)).stressed
    assert [one.name for one in found] == ["d, mlp, stress.profile=step", "d, mlp, stress.profile=tail"]
    assert [one.levels for one in found] == [["none", "50.0", "500.0"]] * 2


def test_runs_older_than_the_group_are_runs_without_stress() -> None:
    old = runs([0.8], {"options.split": "holdout"})
    new = grid(np.full((1, 6), 0.85), ["smote"], settings=NONE | {"options.dataset": "d", "options.split": "holdout"},
               dataset="d", data_hash="d")  # fmt: skip
    assert len(compare(table(old + new), control="none").compared) == 1


def test_without_stress_nothing_is_said_of_it() -> None:
    found = compare(table(runs([0.8, 0.85, 0.84], NONE)))
    assert found.stressed == []
    assert "stress" not in found.text() + found.to_markdown()


def test_thinned_rows_do_not_widen_intervals() -> None:
    few = {"metrics": {"rows/train": 6.0, "rows/validation": 2.0, "rows/before_stress": 80.0}}
    rows = grid(np.random.default_rng(0).normal(0.8, 0.02, (2, 6)), ["none", "smote"], settings=stressed(50), **few)
    assert compare(table(rows)).compared[0].group.ratio == 20 / 80


def test_every_format_has_the_numbers(three_levels: Comparison) -> None:
    text = three_levels.text(80)
    assert max(map(len, text.splitlines())) <= 80
    assert "d, mlp against stress.ratio" in text
    (found,) = three_levels.stressed
    shown = stress_table(found)
    mean = found.values["mean"]["1000.0", "smote"]
    assert shown["1000.0"]["smote"].startswith(f"{mean:.3f} [")
    assert shown["1000.0"]["smote"].endswith("▼")
    assert shown["1000.0"]["smote"] in three_levels.to_markdown()
    (told,) = json.loads(three_levels.to_json())["stress"]
    assert told["setting"] == "stress.ratio"
    assert len(told["values"]) == 9
    lines = pd.read_csv(io.StringIO(three_levels.to_csv()))
    assert set(lines["stress.ratio"].dropna()) == {30.0, 1000.0}
    page, cell = three_levels.to_html(), three_levels._repr_html_()
    for html in (page, cell):
        assert 'aria-label="d, mlp against stress.ratio' in html
        assert shown["1000.0"]["smote"].split(" ")[0] in html


def test_the_picture_has_a_curve_and_intervals_for_each_strategy(three_levels: Comparison) -> None:
    (found,) = three_levels.stressed
    figure = draw_stress(found, three_levels.settings)
    axes = figure.axes[0]
    curves = {line.get_label(): line for line in axes.lines if not line.get_label().startswith("_")}
    assert set(STRATEGIES) < set(curves)
    for name in STRATEGIES:
        wanted = found.values["mean"].xs(name, level="strategy").reindex(found.levels)
        np.testing.assert_allclose(curves[name].get_ydata(), wanted)
    assert len(axes.collections) == len(STRATEGIES)  # of each the intervals
    assert {"worse than ◆"} < set(curves)
    assert [text.get_text() for text in axes.get_xticklabels()] == found.levels
    figure.draw_without_rendering()
    assert figure.legends[0].get_window_extent().x0 >= 0
    assert figure.legends[0].get_window_extent().x1 <= figure.bbox.x1


def test_baseline_and_control_are_drawn_whatever_they_reach() -> None:
    rows = [
        row
        for settings in (NONE, stressed(50))
        for at in range(12)
        for row in grid(np.full((1, 3), 0.6 + at / 50), ["none" if at == 0 else f"s{at}"], settings=settings)
    ]
    found = compare(table(rows))
    assert "none" in curves_of(found.stressed[0], found.settings)
    assert len(curves_of(found.stressed[0], found.settings)) == 8


NOISE = np.array([0.0, 0.004, -0.003, 0.002, -0.001])


def levels(means: dict[int, list[float]], dataset: str = "d", noise: float = 1.0) -> list[dict]:
    """Return runs at levels of stress: of each the means of plain training, the control and smote."""
    wide = [noise * NOISE * (1 + 0.5 * place) for place in range(3)]
    return [
        row
        for ratio, own in means.items()
        for row in grid(
            np.array([mean + wide[place] for place, mean in enumerate(own)]), STRATEGIES[: len(own)],
            settings=stressed(ratio) | {"options.dataset": dataset}, dataset=dataset, data_hash=dataset,
        )
    ]  # fmt: skip


ALIKE = {30: [0.5, 0.6, 0.7], 300: [0.5, 0.6, 0.8]}
TWO_OF_THREE = {30: [0.5, 0.6, 0.55], 300: [0.5, 0.6, 0.7], 1000: [0.5, 0.6, 0.7]}
NOTHING = {30: [0.7, 0.6, 0.5], 300: [0.7, 0.65, 0.6]}


@pytest.mark.parametrize(
    ("means", "text"),
    [
        (
            ALIKE,
            "Use smote at every level of stress.ratio. It is better than none, plain training, by 0.200 to 0.300, and "
            "better than the control tuned_threshold by 0.100 to 0.200.",
        ),
        (
            TWO_OF_THREE,
            "Use smote at stress.ratio=300.0 and 1000.0. It is better than none, plain training, by 0.200, and better "
            "than the control tuned_threshold by 0.100. At 30.0: use tuned_threshold.",
        ),
        (
            NOTHING,
            "Stay with none at every level of stress.ratio. Nothing is shown to be better than none at any level of "
            "stress.ratio.",
        ),
    ],
)
def test_levels_of_stress_have_one_answer_that_says_where_it_holds(means: dict, text: str) -> None:
    assert compare(table(levels(means))).overall.text == text


def test_what_leads_without_proof_at_each_level_is_proven_at_none() -> None:
    rng = np.random.default_rng(0)
    rows = [
        row
        for ratio in (30, 300)
        for row in grid(0.5 + np.array([[0.0], [0.02]]) + 0.1 * rng.random((2, 3)), ["none", "smote"],
                        settings=stressed(ratio))
    ]  # fmt: skip
    found = compare(table(rows))
    assert {one.table.baseline_verdict["smote"] for one in found.compared} <= {"not enough runs", "not enough rows"}
    assert "Nothing is shown to be better than none at any level of stress.ratio." in found.overall.text
    assert not found.overall.text.startswith("Use")


@pytest.mark.parametrize("means", [ALIKE, TWO_OF_THREE, NOTHING])
def test_every_format_begins_with_that_answer(means: dict) -> None:
    found = compare(table(levels(means)))
    answer, where = found.overall.answer, found.overall.where
    assert found.text().startswith(found.overall.text)
    assert found.verdict.startswith(found.overall.text)
    assert json.loads(found.to_json())["answer"] == found.overall.text
    assert found.to_markdown("Next, so:\npython -m x").startswith(
        f"**{answer.verb} {answer.use} {where}.** {answer.why}\n\nNext, so:\n\n    python -m x\n"
    )
    page, cell = found.to_html(), found._repr_html_()
    assert f"<h1><span>{answer.verb}</span> {answer.use} <span>{where}</span></h1>" in page
    assert page.index("<h1>") < page.index('<section id="groups">')
    assert f"<strong>{answer.verb} {answer.use} {where}.</strong>" in cell
    assert cell.index(where) < cell.index("<table")


def test_the_tiles_are_of_the_first_and_the_last_level_that_it_holds_for() -> None:
    found = compare(table(levels(TWO_OF_THREE)))
    tiles = {tile.name: tile.value for tile in tiles_over(found.overall, found.settings)}
    assert tiles["300.0: against none"] == tiles["1000.0: against none"] == "+0.200"
    assert tiles["1000.0: against tuned_threshold"] == "+0.100"
    assert not any(name.startswith("30.0") for name in tiles)


def test_levels_of_several_datasets_have_one_answer() -> None:
    rows = levels({30: [0.5, 0.6, 0.55], 300: [0.5, 0.6, 0.7]}, "one")
    found = compare(table(rows + levels({30: [0.5, 0.6, 0.7], 300: [0.5, 0.6, 0.7]}, "two")))
    assert found.overall.text == (
        "Use smote on two stress.ratio=30.0, one stress.ratio=300.0 and two stress.ratio=300.0. It is better than "
        "none, plain training, by 0.200, and better than the control tuned_threshold by 0.100. On one "
        "stress.ratio=30.0: use tuned_threshold."
    )
    assert found.text().startswith(found.overall.text)


def test_datasets_too_few_for_ranks_are_answered_by_what_is_proven_on_each() -> None:
    two = compare(table(levels({30: [0.5, 0.6]}, "one") + levels({30: [0.5, 0.6]}, "two")))
    assert two.overall.text == (
        "Use tuned_threshold on every dataset. It is better than none, plain training, by 0.100, and nothing is shown "
        "to be better than it."
    )
