from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from imbalance_lab.app.compare import select
from imbalance_lab.comparison import Comparison, compare
from imbalance_lab.comparison.report.budgets import draw_gains
from imbalance_lab.comparison.report.terminal import terminal
from imbalance_lab.errors import ConfigError
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


def test_what_tuning_bought_is_the_paired_difference_of_test_rows(both: Comparison) -> None:
    (found,) = both.tuned
    gains = found.gains.loc["focal"]
    # 0.06, 0.07, 0.05, 0.07: mean 0.0625, variance 0.000275 / 3, and test rows are a quarter of the others.
    error = np.sqrt(0.000275 / 3 * (1 / 4 + 0.25))
    assert (gains.pairs, gains.untuned, gains.tuned) == (4, pytest.approx(0.65), pytest.approx(0.7125))
    assert gains.difference == pytest.approx(0.0625)
    # Holm's method over three strategies: the smallest p is tested at 0.05 / 3, for which t with 3 degrees is 4.857.
    assert gains.high - gains.difference == pytest.approx(4.857 * error, abs=5e-5)
    assert gains.verdict == "better"
    assert list(found.gains.index) == list(both.compared[1].table.index)


def test_the_gain_of_trials_is_the_mean_of_best_less_given(both: Comparison) -> None:
    # 0.05, 0.1, 0.03, 0.02
    assert both.tuned[0].gains.validation["focal"] == pytest.approx(0.05)
    assert np.isnan(both.tuned[0].gains.validation["none"])  # whose trials are not recorded


def test_a_trial_of_the_settings_as_given_that_failed_has_no_gain() -> None:
    best = [fold({}, 0.8, None), fold({}, 0.75, 0.7), *BEST[2:]]
    found = compare(table(tuned("focal", TUNED["focal"], best=best)))
    assert found.tuned[0].gains.validation["focal"] == pytest.approx((0.05 + 0.03 + 0.02) / 3)


def test_best_settings_are_put_together_over_runs(both: Comparison) -> None:
    rows = both.tuned[0].settings.set_index("setting")
    gamma, c = rows.loc["loss.gamma"], rows.loc["model.estimator.C"]
    assert (gamma.strategy, gamma.given, gamma.searched, gamma["values"]) == ("focal", "2.0", "0.5 to 5", 4)
    assert (gamma["median"], gamma.low, gamma.high) == (1.5, 1.0, 4.0)
    assert (c["median"], c.low, c.high, c.searched) == (0.55, 0.1, 10.0, "0.001 to 100 log")
    assert both.tuned[0].chosen[["strategy", "seed", "fold"]].to_numpy().tolist() == [["focal", s, 0] for s in "0123"]


def test_choices_are_counted() -> None:
    space = {"model.estimator.penalty": {"choices": ["l1", "l2"]}}
    best = [fold({"model.estimator.penalty": name}, 0.8, 0.7) for name in ("l1", "l2", "l2", "l2")]
    (row,) = compare(table(tuned("none", TUNED["none"], space=space, best=best))).tuned[0].settings.to_dict("records")
    assert (row["frequent"], row["share"], row["searched"]) == ("l2", 0.75, "l1, l2")


def test_folds_have_best_settings_of_their_own() -> None:
    rows = tuned("focal", TUNED["focal"][:1])
    rows[0] |= {"folds": [0.7, 0.74], "tuned": json.dumps(BEST[:2])}
    found = compare(table(rows)).tuned[0]
    assert found.chosen.fold.to_list() == [0, 1]
    assert [best["loss.gamma"] for best in found.chosen.best] == [1.0, 4.0]


def test_seeds_on_other_data_are_no_pairs() -> None:
    rows = runs("focal", PLAIN["focal"], {}) + tuned("focal", TUNED["focal"], best=BEST)
    for row in rows[4:]:
        row["data_hash"] = "other"
    found = compare(table(rows)).tuned[0]
    assert not found.gains.difference.notna().any()
    assert "tuning=none" in found.notes[0]


def test_only_seeds_that_both_have_are_pairs() -> None:
    rows = runs("none", PLAIN["none"][:2], {}) + tuned("none", TUNED["none"])
    gains = compare(table(rows)).tuned[0].gains.loc["none"]
    assert (gains.pairs, gains.untuned, gains.tuned) == (2, pytest.approx(0.61), pytest.approx(0.625))


def test_settings_that_a_table_shows_beside_a_name_do_not_hide_its_untuned_runs() -> None:
    other = {"loss.gamma": "1.0"}
    rows = runs("focal", PLAIN["focal"], {}) + tuned("focal", TUNED["focal"])
    rows += [row | {"strategy": "focal(gamma=1)"} for row in runs("focal", PLAIN["none"], other)]
    found = compare(table(rows))
    assert "focal(gamma=2)" in found.compared[0].table.index
    assert found.tuned[0].gains.untuned["focal"] == pytest.approx(0.65)


def test_budgets_that_differ_are_noted_in_a_line(both: Comparison) -> None:
    (note,) = both.notes
    assert note.startswith("runs were tuned with different budgets (none: 12 runs; 50 trials: 12 runs)")
    mixed = compare(table(runs("none", PLAIN["none"], {}) + tuned("focal", TUNED["focal"])))
    assert mixed.notes[0].endswith(
        "no two strategies were tuned alike yet: give all of them tuning=optuna tuning.trials=50 "
        "tuning.metric=balanced_accuracy tuning.on=validation tuning.pruner=none"
    )


def test_the_control_is_asked_for_with_the_same_budget() -> None:
    rows = [row for name in ("none", "tuned_threshold") for row in runs(name, PLAIN[name], {})]
    rows += tuned("none", TUNED["none"], 20) + tuned("focal", TUNED["focal"], 20)
    note = next(note for note in compare(table(rows)).notes if note.startswith("the control"))
    assert "was not run on data, logreg, tuning=20 trials" in note
    assert "add strategy=tuned_threshold tuning=optuna tuning.trials=20 " in note


def test_without_tuning_nothing_is_said_of_it() -> None:
    found = compare(table([row for name, values in PLAIN.items() for row in runs(name, values, {})]))
    assert found.tuned == []
    for text in (found.text(80), found.to_markdown(), found.to_csv(), found._repr_html_()):
        assert "tuning" not in text
    assert "What tuning" not in found.to_html()


def test_every_format_has_the_numbers(both: Comparison) -> None:
    text = terminal(both, 80)
    assert max(map(len, text.splitlines())) <= 80
    assert "+0.062 [+0.030, +0.095]" in text
    assert "loss.gamma" not in text
    for every in (terminal(both, 80, every_column=True), terminal(both, None, every_column=True)):
        assert "loss.gamma" in every
        assert "1 to 4" in every
    markdown, page, cell = both.to_markdown(), both.to_html(), both._repr_html_()
    for shown in (markdown, page, cell):
        assert "+0.062" in shown
        assert "1 to 4" in shown
    assert "optimistic" in markdown
    assert "loss.gamma=4, model.C=10" in page
    (told,) = json.loads(both.to_json())["tuning"]
    assert told["strategies"][0]["difference"] == pytest.approx(0.0625)
    assert told["runs"][1]["best"] == {"loss.gamma": 4.0, "model.estimator.C": 10.0}
    lines = pd.read_csv(io.StringIO(both.to_csv()), keep_default_na=False)
    assert lines.tuning.to_list() == ["none"] * 3 + ["50 trials"] * 3
    (focal,) = lines[(lines.strategy == "focal") & (lines.tuning != "none")].to_dict("records")
    assert float(focal["tuning_difference"]) == pytest.approx(0.0625)


def test_a_store_of_tuned_runs_only_says_how_they_were_tuned() -> None:
    found = compare(table(tuned("none", TUNED["none"]) + tuned("focal", TUNED["focal"], best=BEST)))
    assert found.compared[0].group.title == "data, logreg"
    text = found.text(80)
    assert "tuned, 50 trials" in " ".join(text.split())
    assert "What tuning chose" in text


def test_the_picture_shows_differences_and_what_trials_gained(both: Comparison) -> None:
    (one,) = both.tuned
    axes = draw_gains(one, both.settings).axes[0]
    drawn = {tuple(np.asarray(line.get_xdata(), float).round(4)) for line in axes.lines}
    assert (0.0625,) in drawn
    assert "validation" in [line.get_label() for line in axes.lines]
    other = replace(one, judged_by="macro_f1")
    assert "validation" not in [line.get_label() for line in draw_gains(other, both.settings).axes[0].lines]
    assert draw_gains(replace(one, gains=one.gains.assign(difference=np.nan)), both.settings) is None


def test_a_filter_takes_runs_of_one_budget() -> None:
    rows = table(runs("none", PLAIN["none"], {}) + tuned("none", TUNED["none"]))
    assert len(select(rows, {"tuning": ["none"]})) == 4
    assert len(select(rows, {"tuning.trials": ["50"]})) == 4
    with pytest.raises(ConfigError, match="did you mean tuning=none"):
        select(rows, {"tuning": ["nome"]})
