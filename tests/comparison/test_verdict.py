from __future__ import annotations

import csv
import io
import json

import numpy as np
import pytest

from imbalance_lab.comparison import Settings, compare
from imbalance_lab.comparison.paired import paired_differences
from imbalance_lab.comparison.report import text
from imbalance_lab.comparison.report.latex import latex
from imbalance_lab.comparison.report.terminal import terminal
from imbalance_lab.errors import ConfigError
from tests.comparison.conftest import grid, run, table


def three(rng: np.random.Generator, seeds: int = 10) -> np.ndarray:
    """Return values of none, tuned_threshold (.1 above) and smote (.1 above as well)."""
    return 0.6 + np.array([[0.0], [0.1], [0.1]]) + rng.normal(0, 0.003, size=(3, seeds))


NAMES = ["none", "tuned_threshold", "smote"]


def test_a_strategy_is_held_against_baseline_and_control() -> None:
    (one,) = compare(table(grid(three(np.random.default_rng(0)), NAMES)), Settings()).compared
    smote = one.table.loc["smote"]
    assert (smote.baseline_verdict, smote.control_verdict) == ("better", "practically the same")
    assert smote.baseline_difference == pytest.approx(0.1, abs=0.005)
    assert one.table.loc["none", "control_verdict"] == "worse"
    assert (smote.runs, smote["values"]) == (10, 10)
    assert "Against none: better:" in one.verdict
    assert "Against tuned_threshold: worse: none -0." in one.verdict


def test_a_missing_control_is_noted() -> None:
    comparison = compare(table(grid(three(np.random.default_rng(0))[::2], ["none", "smote"])), Settings())
    assert "the control tuned_threshold was not run anywhere" in comparison.notes[0]
    assert "Not compared with tuned_threshold, of which there is no run" in comparison.verdict


def test_the_number_of_further_runs_is_in_runs_not_folds() -> None:
    differences = np.array([0.0, 0.02, 0.04, 0.06, 0.03, -0.03, 0.02, 0.05, 0.08, 0.0]).reshape(2, 5)
    few = {"rows/test": 4.0}  # of 84
    rows = [run("smote", seed, folds=0.5 + differences[seed], metrics=few) for seed in (0, 1)]
    rows += [run("none", seed, folds=[0.5] * 5, metrics=few) for seed in (0, 1)]
    loose = compare(table(rows), Settings(rope=0.0)).compared[0]
    folds = loose.table.loc["smote"]
    assert (folds.runs, folds["values"], folds.baseline_pairs) == (2, 10, 10)
    of_pairs = paired_differences(loose.group.values, "none", 0.05, Settings(rope=0.0))
    assert folds.baseline_verdict == of_pairs.verdict["smote"] == "not enough runs"
    assert folds.baseline_more == np.ceil(of_pairs.more["smote"] / 5)


def test_a_single_run_has_the_interval_it_logged() -> None:
    metrics = {"interval/low/balanced_accuracy": 0.4, "interval/high/balanced_accuracy": 0.6}
    rows = [run(name, 0, 0.5, metrics=metrics) for name in ("none", "smote")]
    (one,) = compare(table(rows), Settings()).compared
    assert one.table.loc["smote", ["mean", "low", "high"]].to_list() == [0.5, 0.4, 0.6]
    assert one.table.loc["smote", "baseline_verdict"] == "not enough runs"
    assert "0.500 [0.400, 0.600]" in terminal(compare(table(rows), Settings()))


def test_the_interval_of_a_share_ends_where_shares_do() -> None:
    values = np.array([[0.99, 1.0, 0.9], [0.0, 0.1, 0.0]])
    (one,) = compare(table(grid(values, ["none", "smote"])), Settings()).compared
    assert (one.table.high["none"], one.table.low["smote"]) == (1.0, 0.0)
    losses = table(grid(values, ["none", "smote"]), metric="log_loss")
    assert compare(losses, Settings(metric="log_loss")).compared[0].table.high["none"] > 1


def test_cells_that_did_not_finish_are_listed_unless_made_up_for() -> None:
    rows = [
        *grid(three(np.random.default_rng(0)), NAMES),
        run("focal", 0, outcome="skipped", reason="focal has no forest", model="random_forest"),
        run("focal", 1, outcome="skipped", reason="focal has no forest", model="random_forest"),
        run("smote", 0, outcome="failed", reason="out of memory"),  # finished above
        run("adasyn", 3, outcome="failed", reason="out of memory"),
    ]
    found = compare(table(rows), Settings()).unfinished
    assert found[["strategy", "outcome", "reason", "runs"]].to_numpy().tolist() == [
        ["adasyn", "failed", "out of memory", 1],
        ["focal", "skipped", "focal has no forest", 2],
    ]
    assert "focal has no forest" in text.markdown(compare(table(rows), Settings()))


def test_a_failure_is_not_made_up_for_by_other_settings() -> None:
    rows = [
        run("smote", 0, 0.5, config_hash="c10", settings={"training.epochs": "10"}),
        run("smote", 0, outcome="failed", reason="too long", config_hash="c100", settings={"training.epochs": "100"}),
    ]
    assert compare(table(rows), Settings()).unfinished.reason.to_list() == ["too long"]


def test_datasets_under_other_settings_do_not_stand_side_by_side() -> None:
    rng = np.random.default_rng(0)
    rows = [
        row
        for dataset, epochs in (("a", ("10", "100")), ("b", ("10",)))
        for e in epochs
        for row in grid(three(rng), NAMES, dataset=dataset, data_hash=dataset, settings={"training.epochs": e})
    ]
    (across,) = compare(table(rows), Settings()).across
    assert (across.name, list(across.means.index)) == ("mlp, training.epochs=10", ["a", "b"])


def test_a_real_and_a_synthetic_set_of_one_name_are_two_datasets() -> None:
    rng = np.random.default_rng(0)
    rows = [
        row
        for source in ("keel", "four_classes")
        for title in ("yeast", "ecoli")
        for row in grid(
            three(rng),
            NAMES,
            dataset=title,
            data_hash=f"{source}{title}",
            settings={"options.dataset": source, "dataset.name": title},
        )
    ]
    comparison = compare(table(rows), Settings())
    names = ["ecoli (four_classes)", "ecoli (keel)", "yeast (four_classes)", "yeast (keel)"]
    assert sorted(one.group.name["dataset"] for one in comparison.compared) == names
    (across,) = comparison.across
    assert sorted(across.means.index) == names


def test_draws_of_a_dataset_are_one_dataset() -> None:
    rows = [row for k in range(6) for row in grid(three(np.random.default_rng(k)), NAMES, data_hash=f"d{k}")]
    comparison = compare(table(rows), Settings())
    assert (len(comparison.compared), comparison.across) == (6, [])


def test_means_over_different_seeds_are_noted_in_the_verdict() -> None:
    rows = grid(np.array([[0.9, 0.8, 0.7, 0.6], [0.85, 0.8, 0.7, 0.6]]), ["none", "smote"])[:-3]
    (one,) = compare(table(rows), Settings()).compared
    assert one.verdict.endswith("Means are over different seeds, differences over those that both have.")


def test_fifty_strategies_pay_for_fifty_tests() -> None:
    values = np.random.default_rng(2).normal(0.5, 0.05, size=(51, 10))
    names = ["none", *(f"s{k}" for k in range(50))]
    (one,) = compare(table(grid(values, names)), Settings(rope=0.0)).compared
    assert len(one.table) == 51
    assert not one.table.baseline_verdict.isin(["better", "worse"]).any()
    assert "and 4" in one.verdict  # names six, and says how many more there are


def test_a_thousand_classes() -> None:
    recalls = {f"recall/c{k}": 0.5 for k in range(1000)} | {f"support/c{k}": float(k) for k in range(1000)}
    rows = [run(name, seed, 0.5, metrics=recalls) for name in ("none", "smote") for seed in range(3)]
    (one,) = compare(table(rows), Settings()).compared
    assert one.recalls.shape == (2, 1000)
    assert list(one.recalls.columns[:2]) == ["c0", "c1"]  # the rarest first
    assert len(terminal(compare(table(rows), Settings()))) < 5000


def test_datasets_are_compared_across() -> None:
    rng = np.random.default_rng(3)
    rows = [
        row for number in range(8) for row in grid(three(rng), NAMES, dataset=f"data{number}", data_hash=f"d{number}")
    ]
    comparison = compare(table(rows), Settings())
    assert len(comparison.compared) == 8
    (across,) = comparison.across
    assert across.ranks["none"] == 3
    assert across.signed_rank.loc["smote", "better"] > 0.99
    assert "across 8 datasets, mlp:" in comparison.verdict


def test_a_baseline_that_ran_with_other_settings_only_is_found_by_its_options() -> None:
    options = {"options.sampler": "none", "options.class_weight": "none", "options.loss": "cross_entropy"}
    rows = [run("none logreg", seed, 0.5, settings=options | {"options.decision": "argmax"}) for seed in (0, 1)]
    (one,) = compare(table([*rows, run("smote", 0, 0.6)]), Settings()).compared
    assert "which 'none' is the baseline? baseline= can be none logreg" in one.notes
    assert "Not compared with none, of which there is no run as such." in one.verdict


def test_one_object_has_every_form() -> None:
    comparison = compare(table(grid(three(np.random.default_rng(0)), NAMES)), metric="balanced_accuracy", rope=0.02)
    assert comparison.settings.rope == 0.02
    assert str(comparison) == repr(comparison) == comparison.text() == terminal(comparison)
    assert "Use tuned_threshold. " in comparison.text()
    assert (comparison.to_latex(), comparison.to_matrix().shape) == (latex(comparison), (1, 8))
    assert comparison.to_frame().equals(text.flat(comparison))
    assert (comparison.to_markdown(), comparison.to_json()) == (text.markdown(comparison), text.to_json(comparison))
    assert comparison.to_html().startswith("<!DOCTYPE html>")


def test_a_notebook_shows_the_answer_first_and_no_name_is_markup() -> None:
    comparison = compare(table(grid(three(np.random.default_rng(0)), ["none", "tuned_threshold", "<b>x</b>"])))
    shown = comparison._repr_html_()
    places = [shown.index(words) for words in ("<strong>Use ", "<table>", '<td class="better">better</td>')]
    assert places == sorted(places)
    assert "prefers-color-scheme: dark" in shown
    assert "&lt;b&gt;x&lt;/b&gt;" in shown and "<b>x" not in shown


def test_runs_are_a_folder_or_records_too(tmp_path) -> None:
    records = [
        {"outcome": "finished", "name": f"{name} {seed}", "strategy": name, "model": "mlp", "dataset": {"name": "d"},
         "metrics": {"balanced_accuracy": 0.5 + seed / 10}, "config": {"seed": seed}}
        for name in ("none", "smote") for seed in (0, 1)
    ]  # fmt: skip
    for place, record in enumerate(records):
        (tmp_path / str(place)).mkdir()
        (tmp_path / str(place) / "record.json").write_text(json.dumps(record))
    (tmp_path / "record.json").write_text("{}")
    from_memory, from_disk = compare(records), compare(tmp_path)
    assert from_memory.to_frame().equals(compare(str(tmp_path)).to_frame())
    assert from_disk.to_frame().equals(from_memory.to_frame())
    assert "record.json is left out: it is no record of a run" in from_disk.notes[-1]
    with pytest.raises(ConfigError, match="there is no folder nowhere"):
        compare("nowhere")
    with pytest.raises(ConfigError, match="rope: Input should be greater than or equal to 0"):
        compare(records, rope=-1)


def test_formats_say_the_same() -> None:
    comparison = compare(table(grid(three(np.random.default_rng(0)), NAMES)), Settings())
    best = comparison.compared[0].table.iloc[0]
    shown = f"{best['mean']:.3f} [{best.low:.3f}, {best.high:.3f}]"
    assert shown in terminal(comparison)
    assert f"| {shown} |" in text.markdown(comparison)
    first = next(csv.DictReader(io.StringIO(text.csv(comparison))))
    assert (first["strategy"], float(first["mean"])) == (best.name, best["mean"])
    tree = json.loads(text.to_json(comparison))
    assert tree["groups"][0]["strategies"][0]["mean"] == best["mean"]
    assert tree["groups"][0]["strategies"][0]["strategy"] == best.name


def test_names_cannot_break_a_markdown_table() -> None:
    comparison = compare(table(grid(three(np.random.default_rng(0)), ["none", "a|b", "[red]x"])), Settings())
    assert "a\\|b" in text.markdown(comparison)
    assert "[red]x" in terminal(comparison)


def test_nothing_finished_is_an_error() -> None:
    with pytest.raises(ConfigError, match="no finished runs"):
        compare(table([run("none", 0, outcome="failed")]), Settings())
