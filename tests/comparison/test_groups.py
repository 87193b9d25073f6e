from __future__ import annotations

import numpy as np
import pytest

from imbalance_lab.comparison import compare
from imbalance_lab.comparison.groups import group_runs
from imbalance_lab.errors import ConfigError
from tests.comparison.conftest import grid, run, table

BY = ["dataset", "model"]
VALUES = np.array([[0.5, 0.6, 0.7], [0.6, 0.7, 0.8]])


def only(rows, by=BY):
    (group,) = group_runs(table(rows), "balanced_accuracy", by)
    return group


def test_runs_are_paired_by_seed() -> None:
    group = only(reversed(grid(VALUES, ["none", "smote"])))
    assert group.values.loc[["none", "smote"]].to_numpy().tolist() == VALUES.tolist()
    assert group.values.columns.to_list() == [("0", 0), ("1", 0), ("2", 0)]
    assert (group.title, group.ratio, group.notes) == ("data, mlp", 0.25, [])


def test_seeds_stand_in_the_order_of_numbers() -> None:
    group = only([run("none", seed, seed / 10) for seed in (10, 9, 2)])
    assert group.values.columns.get_level_values("seed").to_list() == ["2", "9", "10"]


def test_folds_are_paired_too() -> None:
    group = only(
        [run("none", 0, folds=[0.5, 0.6]), run("none", 1, folds=[0.7, 0.8]), run("smote", 0, folds=[0.1, 0.2])]
    )
    assert group.values.loc["none"].to_list() == [0.5, 0.6, 0.7, 0.8]
    assert group.values.loc["smote"].iloc[:2].to_list() == [0.1, 0.2]
    assert group.notes == [
        "means are over different seeds: smote lacks 1; differences are taken over the seeds that both have"
    ]


def test_a_missing_seed_is_noted() -> None:
    (note,) = only(grid(VALUES, ["none", "smote"])[:-1]).notes
    assert "smote lacks 2" in note


def test_runs_that_did_not_finish_have_no_value() -> None:
    group = only(
        [*grid(VALUES, ["none", "smote"]), run("focal", 0, outcome="failed"), run("focal", 1, outcome="running")]
    )
    assert list(group.values.index) == ["none", "smote"]


def test_the_latest_run_of_a_cell_counts() -> None:
    group = only([run("none", 0, 0.1), run("none", 0, 0.9)])
    assert group.values.to_numpy().tolist() == [[0.9]]
    assert "1 of 1 cells ran again later with another result: the last counts" in group.notes


def test_what_ran_again_with_the_same_result_is_no_news() -> None:
    """A sweep of four cells that is resumed finds them in every earlier sweep that had them."""
    rows = [run(name, seed, 0.5 + seed / 10) for _ in range(3) for name in ("none", "smote") for seed in (0, 1)]
    skipped = [run("smote", 0, outcome="skipped"), run("focal", 0, outcome="failed"), run("none", 0, outcome="killed")]
    group = only([*rows, *skipped])
    assert not any("again" in note for note in group.notes)
    changed = only([run("none", 0, 0.9), run("none", 0, 0.8), *rows])
    assert "1 of 4 cells ran again later with another result: the last counts" in changed.notes


def options_of(strategy: str, **settings: str) -> dict[str, str]:
    null = {"options.sampler": "none", "options.class_weight": "none", "options.loss": "cross_entropy"}
    return null | {"options.decision": "argmax", "options.model": "mlp", **settings}


def test_every_setting_of_an_option_is_shown_where_its_settings_differ() -> None:
    focal = {"options.loss": "focal"}
    rows = [
        run("none", 0, 0.5, settings=options_of("none")),
        run("focal", 0, 0.5, settings=options_of("focal", **focal, **{"loss.gamma": "2.0"})),
        run("focal(gamma=1)", 0, 0.5, settings=options_of("focal", **focal, **{"loss.gamma": "1.0"})),
        run(
            "smote+focal", 0, 0.5, settings=options_of("", **focal, **{"options.sampler": "smote", "loss.gamma": "2.0"})
        ),
    ]
    group = only(rows)
    assert list(group.values.index) == ["none", "focal(gamma=2)", "focal(gamma=1)", "smote+focal(gamma=2)"]


def test_what_is_asked_for_by_name_keeps_it() -> None:
    tuned = {"options.decision": "tuned_threshold"}
    rows = [
        run(name, 0, 0.5, settings=options_of(name, **tuned, **{"decision.metric": metric}))
        for name, metric in (("tuned_threshold", "a"), ("tuned_threshold(metric=b)", "b"))
    ]
    (group,) = group_runs(table(rows), "balanced_accuracy", ["dataset", "model"], {"tuned_threshold"})
    assert list(group.values.index) == ["tuned_threshold", "tuned_threshold(metric=b)"]


def test_the_best_of_several_settings_is_noted_to_be_optimistic() -> None:
    rows = [
        run(
            f"focal(gamma={g})",
            seed,
            0.5 + g / 10,
            settings=options_of("", **{"options.loss": "focal", "loss.gamma": str(g)}),
        )
        for g in (1, 2, 3)
        for seed in (0, 1)
    ]
    plain = [run("none", seed, 0.5, settings=options_of("none")) for seed in (0, 1)]
    (one,) = compare(table([*rows, *plain])).compared
    assert any(note.startswith("focal ran with 3 settings") and "optimistic" in note for note in one.notes)
    (one,) = compare(table([*rows[:2], *plain])).compared
    assert not any("optimistic" in note for note in one.notes)


@pytest.mark.parametrize("key", ["training.epochs", "split.test", "prepare.scale", "dataset.separation"])
def test_other_settings_are_other_groups(key: str) -> None:
    rows = [run("none", seed, 0.5, settings={key: value}) for seed in (0, 1) for value in ("1", "2")]
    groups = group_runs(table(rows), "balanced_accuracy", BY)
    assert [group.name[key] for group in groups] == ["1", "2"]
    assert [group.values.shape for group in groups] == [(1, 2), (1, 2)]


def test_a_setting_that_others_do_not_have_is_one_too() -> None:
    cv, holdout = {"split.folds": "5", "split._target_": "CV"}, {"split.test": "0.2", "split._target_": "Holdout"}
    rows = [run("none", seed, 0.5, settings=split) for seed in (0, 1) for split in (cv, holdout)]
    groups = group_runs(table(rows), "balanced_accuracy", BY)
    assert [group.title for group in groups] == ["data, mlp", "data, mlp, split.folds=5"]
    assert [group.values.shape for group in groups] == [(1, 2), (1, 2)]


@pytest.mark.parametrize("key", ["training.device_memory", "dataset.cache"])
def test_where_rows_lie_puts_no_runs_apart(key: str) -> None:
    older = run("smote", 0, 0.6)  # of a version that had no such setting
    rows = [*(run("none", seed, 0.5, settings={key: str(seed)}) for seed in (0, 1)), older]
    assert only(rows).values.shape == (2, 2)


def test_settings_that_go_together_are_named_once() -> None:
    rows = [
        run("none", seed, 0.5, data_hash=value, settings={"dataset.separation": value, "dataset.path": f"/{value}"})
        for seed in (0, 1) for value in ("1", "2")
    ]  # fmt: skip
    names = [group.name for group in group_runs(table(rows), "balanced_accuracy", BY)]
    assert names == [{"dataset": "data", "model": "mlp", "dataset.separation": value} for value in ("1", "2")]


@pytest.mark.parametrize("key", ["save_model", "options.loss", "evaluation.resamples", "dataset.path"])
def test_what_changes_no_result_splits_nothing(key: str) -> None:
    assert only([run("none", seed, 0.5, settings={key: f"/{seed}"}) for seed in (0, 1)]).values.shape == (1, 2)


def test_splits_that_draw_nothing_are_one_split_for_all_seeds() -> None:
    def notes(**settings: str) -> list[str]:
        rows = [run("none", seed, 0.5 + seed / 10, settings={"options.split": "x"} | settings) for seed in (0, 1)]
        return only(rows).notes

    shared = ["all seeds share one split: intervals show how training varies, not how other test rows would"]
    assert notes(**{"split.seed": None}) == notes(**{"split.seed": "0"}) == shared
    assert notes() == []
    rows = [
        run("none", seed, 0.5, settings={"split.seed": None, "split.splitter.random_state": str(seed)})
        for seed in (0, 1)
    ]
    assert only(rows).notes == []


def test_other_data_under_the_same_name_are_another_group() -> None:
    rows = [run("none", seed, 0.5, data_hash=data) for seed in (0, 1) for data in ("abcdefgh", "ijklmnop")]
    assert [group.name["data"] for group in group_runs(table(rows), "balanced_accuracy", BY)] == ["abcdef", "ijklmn"]


def test_data_redrawn_for_every_seed_are_independent() -> None:
    rows = [
        run(strategy, seed, 0.5, data_hash=f"d{seed}", settings={"dataset.seed": str(seed)})
        for strategy in ("none", "smote") for seed in (0, 1, 2)
    ]  # fmt: skip
    group = only(rows)
    assert group.ratio == 0
    assert group.values.shape == (2, 3)
    assert "the runs are independent" in group.notes[0]


def test_data_that_changed_from_seed_to_seed_are_not_taken_for_fresh_ones() -> None:
    rows = [run(name, seed, 0.5, data_hash=f"d{seed}") for name in ("none", "smote") for seed in (0, 1)]
    groups = group_runs(table(rows), "balanced_accuracy", BY)
    assert [group.values.shape for group in groups] == [(2, 1), (2, 1)]
    assert [group.name["data"] for group in groups] == ["d0", "d1"]


def test_fresh_data_stay_together_under_each_setting() -> None:
    rows = [
        run(name, seed, 0.5, data_hash=f"{far}{seed}", settings={"dataset.seed": str(seed), "dataset.separation": far})
        for name in ("none", "smote") for seed in (0, 1, 2) for far in ("1", "2")
    ]  # fmt: skip
    groups = group_runs(table(rows), "balanced_accuracy", BY)
    assert [(group.title, group.values.shape, group.ratio) for group in groups] == [
        ("data, mlp, dataset.separation=1", (2, 3), 0),
        ("data, mlp, dataset.separation=2", (2, 3), 0),
    ]


def test_folds_of_fresh_data_are_one_value_a_seed() -> None:
    rows = [
        run(
            "none", seed, folds=[seed / 10, seed / 10 + 0.2], data_hash=f"d{seed}", settings={"dataset.seed": str(seed)}
        )
        for seed in (1, 2, 3)
    ]
    group = only(rows)
    np.testing.assert_allclose(group.values.to_numpy(), [[0.2, 0.3, 0.4]])
    assert group.ratio == 0


def test_settings_differ_over_datasets_too() -> None:
    rows = [run("none", 0, 0.5, dataset=name, data_hash=name, settings={"training.epochs": epochs})
            for name, epochs in (("a", "10"), ("b", "100"))]  # fmt: skip
    titles = [group.title for group in group_runs(table(rows), "balanced_accuracy", BY)]
    assert titles == ["a, mlp, training.epochs=10", "b, mlp, training.epochs=100"]


def test_several_seeds_on_several_data() -> None:
    rows = [
        run(strategy, seed, 0.5, settings={"dataset.seed": data}, data_hash=f"d{data}")
        for strategy in ("none", "smote") for seed in (0, 1) for data in ("0", "1")
    ]  # fmt: skip
    groups = group_runs(table(rows), "balanced_accuracy", BY)
    assert [group.values.shape for group in groups] == [(2, 2), (2, 2)]  # apart by data, paired by seed


SOURCES = {
    "four_classes": {"options.dataset": "four_classes", "dataset._target_": "imbalance_lab.data.GaussianClusters",
                     "dataset.counts.A": "198", "dataset.seed": "0", "dataset.path": None},
    "keel": {"options.dataset": "keel", "dataset._target_": "imbalance_lab.data.sources.keel.Keel",
             "dataset.path": "None"},
}  # fmt: skip


def labelled(source: str, title: str, seed: int, strategy: str = "none", **more):
    """Return a run on data of a source that are labelled `title`, whatever they are."""
    settings = SOURCES[source] | {"dataset.name": title} | more.pop("settings", {})
    settings = {key: value for key, value in settings.items() if value is not None}
    about = {"dataset": title, "data_hash": f"{source}{title}"} | more
    return run(strategy, seed, 0.5 + 0.1 * len(strategy), settings=settings, **about)


def test_data_of_two_sources_under_one_label_are_two_datasets() -> None:
    rows = [labelled(source, title, seed) for source in SOURCES for title in ("yeast", "ecoli") for seed in (0, 1)]
    groups = group_runs(table(rows), "balanced_accuracy", BY)
    assert sorted(group.name["dataset"] for group in groups) == [
        "ecoli (four_classes)", "ecoli (keel)", "yeast (four_classes)", "yeast (keel)",
    ]  # fmt: skip
    assert all(group.values.shape == (1, 2) and group.runs.data_hash.nunique() == 1 for group in groups)


def test_data_of_two_sources_are_apart_even_if_drawn_for_every_seed() -> None:
    rows = [
        labelled(source, "yeast", seed, data_hash=f"{source}{seed}", settings={"dataset.seed": str(seed)})
        for source in SOURCES for seed in (0, 1, 2)
    ]  # fmt: skip
    rows = [row | {"settings": {k: v for k, v in row["settings"].items() if k != "dataset.counts.A"}} for row in rows]
    groups = group_runs(table(rows), "balanced_accuracy", BY)
    assert [(group.name["dataset"], group.values.shape, group.ratio) for group in groups] == [
        ("yeast (four_classes)", (1, 3), 0),
        ("yeast (keel)", (1, 3), 0),
    ]


def test_a_class_that_moved_to_another_module_is_the_same_source() -> None:
    moved = {"dataset._target_": "imbalance_lab.keel.Keel", "split._target_": "imbalance_lab.split.Holdout"}
    now = {"split._target_": "imbalance_lab.data.split.Holdout"}
    rows = [labelled("keel", "yeast", seed, settings=settings) for seed in (0, 1) for settings in (moved, now)]
    assert only(rows).title == "yeast, mlp"


def test_files_of_one_name_in_several_folders_are_several_datasets_unless_they_are_equal() -> None:
    rows = [
        run("none", seed, 0.5, dataset="data", data_hash=content, settings={"dataset.path": path})
        for seed in (0, 1) for path, content in (("a/data.csv", "one"), ("b/data.csv", "two"), ("/b/data.csv", "two"))
    ]  # fmt: skip
    groups = group_runs(table(rows), "balanced_accuracy", BY)
    assert [group.name for group in groups] == [
        {"dataset": "data (a/data.csv)", "model": "mlp"},
        {"dataset": "data (b/data.csv)", "model": "mlp"},
    ]


def test_a_seed_of_true_is_the_seed_1() -> None:
    group = only([run("none", 1, 0.25, settings={"seed": "True", "split.seed": "True"}), run("none", 1, 0.75)])
    assert group.values.to_numpy().tolist() == [[0.75]]
    assert group.values.columns.to_list() == [("1", 0)]


def test_seeds_are_found_by_the_last_part_of_their_key() -> None:
    settings = {"model.estimator.random_state": "7", "prepare.seedling": "x"}
    rows = [run("none", 0, 0.5), run("none", 0, 0.6, settings=settings)]
    assert [group.title for group in group_runs(table(rows), "balanced_accuracy", BY)] == [
        "data, mlp", "data, mlp, prepare.seedling=x",
    ]  # fmt: skip


def test_the_bare_strategy_is_that_of_the_options() -> None:
    options = {"options.sampler": "smote", "options.class_weight": "none", "options.loss": "focal",
               "options.decision": "argmax"}  # fmt: skip
    plain = {"options.sampler": "none", "options.loss": "cross_entropy"}
    rows = [run("a (b) name", 0, 0.5, settings=options), run("x", 0, 0.5, settings=options | plain), run("y z", 0, 0.5)]
    group = only(rows)
    assert group.of_strategy("smote+focal") == ["a (b) name"]
    assert (group.of_strategy("none"), group.of_strategy("y z"), group.of_strategy("y")) == (["x"], ["y z"], [])


def test_one_split_for_all_seeds_is_noted() -> None:
    group = only([run("none", seed, 0.5, settings={"split.seed": "0"}) for seed in (0, 1)])
    assert "all seeds share one split" in group.notes[0]


def test_models_compete_where_by_leaves_them_out() -> None:
    rows = [run(strategy, 0, 0.5, model=model) for strategy in ("none", "smote") for model in ("mlp", "logreg")]
    assert set(only(rows, ["dataset"]).values.index) == {"none mlp", "none logreg", "smote mlp", "smote logreg"}


def test_datasets_never_share_a_group() -> None:
    rows = [run("none", 0, 0.5, dataset=name, data_hash=name) for name in ("a", "b")]
    assert [group.name["dataset"] for group in group_runs(table(rows), "balanced_accuracy", ["model"])] == ["a", "b"]
    assert len(group_runs(table(rows), "balanced_accuracy", [])) == 2


def test_options_of_the_users_own_are_separated_by_their_settings() -> None:
    rows = [run("mine", seed, 0.5, settings={"loss.gamma": gamma}) for seed in (0, 1) for gamma in ("1", "2")]
    assert list(only(rows).values.index) == ["mine(loss.gamma=1)", "mine(loss.gamma=2)"]


def test_versions_are_noted() -> None:
    (note,) = only([run("none", 0, 0.5), run("none", 1, 0.5, version="2")]).notes
    assert note == "runs of 2 versions of the program: 1, 2"


@pytest.mark.parametrize(("metric", "by"), [("nothing", BY), ("balanced_accuracy", ["nothing"])])
def test_what_no_run_has_is_refused(metric: str, by: list[str]) -> None:
    with pytest.raises(ConfigError, match="nothing"):
        group_runs(table([run("none", 0, 0.5)]), metric, by)
