"""The leaderboard: what takes part, that it resumes and shards, and that its page comes from its runs alone."""

from __future__ import annotations

import doctest
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import imbalance_lab as lab
from experiments.leaderboard import __main__ as program
from experiments.leaderboard import gather, reasons, summary, table, tuned
from experiments.leaderboard.earlier import Earlier, joined, up_to_date
from imbalance_lab.errors import DataError
from imbalance_lab.runs.parquet import read_parquet, read_tests, write_parquet
from imbalance_lab.runs.spec import specify
from imbalance_lab.runs.table import PARTS, RunTable

BOARD = replace(gather.read("quick"), sets=["newthyroid"], models=["logreg"], strategies=["none", "inv_freq"])


@pytest.mark.parametrize("module", [reasons, table])
def test_the_examples_hold(module: object) -> None:
    assert doctest.testmod(module).failed == 0  # type: ignore[arg-type]


def test_every_set_in_the_race_has_rows_enough() -> None:
    board = replace(gather.read("quick"), sets=["newthyroid", "glass", "haberman"])
    assert [data.name for _, data in gather.taking_part(board)] == [
        "newthyroid",
        "haberman",
    ]  # glass: 9 rows of a class


def test_shards_are_a_partition(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ran: list[str] = []
    monkeypatch.setattr(gather, "_run", lambda name, *rest: ran.append(name))
    board = replace(gather.read("quick"), models=["logreg"])
    for part in (1, 2):
        gather.run(board, tmp_path, (part, 2))
    assert sorted(ran) == sorted(board.sets)


def test_a_shard_without_sets_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(gather, "taking_part", lambda board: [])
    gather.run(gather.read("quick"), tmp_path, (9, 9))
    assert capsys.readouterr().out == "shard 9/9 has no set: only 0 take part\n"


def test_gains_by_kind_are_means_over_thirds() -> None:
    means = pd.DataFrame({"none": [0.5] * 6, "ros": [0.5, 0.6, 0.7, 0.7, 0.8, 0.9]}, index=list("abcdef"))
    one = table.OfModel.__new__(table.OfModel)
    across = type("Ranked", (), {"ranks": pd.Series({"ros": 1.0, "none": 2.0})})
    comparison = type("Compared", (), {"settings": table.Settings()})
    for name, value in {"model": "m", "means": means, "across": across, "comparison": comparison}.items():
        object.__setattr__(one, name, value)
    kinds = table.by_kind(one, pd.DataFrame({"rows": [1, 2, 3, 4, 5, 6]}, index=list("abcdef"), dtype=float))
    assert kinds.loc["ros"].round(10).to_list() == [0.05, 0.2, 0.35]
    assert [third for _, third in kinds] == ["1 to 2", "3 to 4", "5 to 6"]


def test_messages_that_differ_in_names_and_counts_are_one_reason() -> None:
    records = [
        left_out("adasyn", f"ADASYN cannot resample these rows (class '{name}' has {n} training rows): No luck.", at)
        for at, (name, n) in enumerate([("0", 130), ("positive", 23)])
    ]
    records += [
        left_out(
            "focal", f"loss=focal cannot train model={model}, which has a loss of its own; use model=mlp", 2, model
        )
        for model in ("knn", "svm")
    ]
    found = reasons.reasons(RunTable.from_records(records))
    assert found.sets.to_dict() == {
        "the sampler cannot resample these rows (a class has few training rows): No luck.": 2,
        "the loss cannot train the model, which has a loss of its own": 1,
    }
    assert sorted(found.models) == ["knn", "knn, svm"]


def left_out(strategy: str, reason: str, number: int, model: str = "knn") -> dict[str, object]:
    return {
        "outcome": "skipped", "name": "a run", "strategy": strategy, "model": model, "dataset": {"name": f"d{number}"},
        "reason": reason,
        "config": {
            "seed": 0, "sampler": {"_target_": "imblearn.over_sampling.ADASYN"}, "loss": {"_target_": "x.Focal"},
            "options": {"sampler": "adasyn", "loss": "focal"},
        },
    }  # fmt: skip


@pytest.fixture(scope="module")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> RunTable:
    """Two strategies on one set, as a table that was written and read, from before there was a group stress."""
    folder = tmp_path_factory.mktemp("runs")
    gather.run(BOARD, folder)
    write_parquet(RunTable.from_folder(folder), folder / "t.parquet", ["balanced_accuracy"])
    found = read_parquet(folder / "t.parquet")
    return replace(found, settings=found.settings.drop(columns=[("stress", "_target_"), ("options", "stress")]))


def test_what_a_table_holds_is_not_run_again(
    earlier: RunTable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, list[str]]] = []
    monkeypatch.setattr(gather, "_run", lambda name, left, *rest: asked.append((name, left)))
    gather.run(BOARD, tmp_path, earlier=earlier)
    assert asked == []
    gather.run(replace(BOARD, strategies=["none", "sqrt_inv"], repeats=2), tmp_path, earlier=earlier)
    assert asked == [("newthyroid", ["sqrt_inv"]), ("newthyroid", ["none", "sqrt_inv"])]  # of the other seed all


@pytest.mark.parametrize(
    "other",
    [
        {"split": lab.option("split", "cv", folds=4)},
        {"model": lab.option("model", "logreg", estimator={"C": 2.0})},
        {"stress": "missing"},
        {"tuning": lab.option("tuning", "optuna", trials=2)},
        {"min_class_rows": 3},
    ],
)
def test_runs_of_other_settings_versions_and_data_are_not_those_of_the_table(
    earlier: RunTable, other: dict[str, object]
) -> None:
    held = Earlier(earlier)
    given = {"model": "logreg", "seed": 0, "split": lab.option("split", "cv", folds=5), "evaluation": gather.SPEED}
    name = earlier.runs.dataset.iloc[0]
    data_hash = earlier.runs.data_hash.iloc[0]
    one = specify(lab.option("dataset", "keel", name=name), "none", **given).on_data(name, data_hash)
    assert held.holds(one)
    assert not held.holds(one.on_data(name, "0123456789abcdef"))
    assert not held.holds(replace(one, version="0.0.1"))
    assert not held.holds(specify(lab.option("dataset", "keel", name=name), "none", **given | other))


def test_of_a_cell_with_two_runs_the_new_one_counts(earlier: RunTable) -> None:
    ids = earlier.runs.index
    new = earlier.only(pd.Series(ids == ids[0], index=ids))
    renamed = replace(new, **{part: getattr(new, part).rename(index={ids[0]: "new"}) for part in PARTS})
    assert sorted(joined(renamed, earlier).runs.index) == sorted(["new", *ids[1:]])
    assert joined(None, earlier) is earlier and joined(earlier, None) is earlier


def test_runs_of_a_loss_from_before_it_changed_are_left_out() -> None:
    days = [date(2026, 11, 28), date(2026, 11, 30)]
    records = [
        {
            "outcome": "finished", "name": "a run", "strategy": loss, "model": "mlp", "dataset": {"name": "d"},
            "start": datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000,
            "config": {"seed": 0, "options": {"loss": loss}},
        }
        for loss in ("ldam", "focal")
        for day in days
    ]  # fmt: skip
    table = RunTable.from_records(records)
    starts = [int(record["start"]) for record in records]  # type: ignore[call-overload]
    table = replace(table, runs=table.runs.assign(start=starts))
    kept = up_to_date(table, {"ldam": date(2026, 11, 29)})
    assert list(zip(kept.runs.strategy, kept.runs.start, strict=True)) == [
        ("ldam", starts[1]), ("focal", starts[2]), ("focal", starts[3])
    ]  # fmt: skip


def test_predictions_that_a_table_holds_stay_in_it(tmp_path: Path) -> None:
    gather.run(BOARD, tmp_path / "runs")
    table, file = RunTable.from_folder(tmp_path / "runs"), tmp_path / "t.parquet"
    places = {run: tmp_path / "runs" / run for run in table.runs.index}
    write_parquet(table, file, ["balanced_accuracy"], places)
    before = {run: read_tests(file, run) for run in table.runs.index}
    one = table.runs.index[0]
    write_parquet(read_parquet(file), file, ["balanced_accuracy"], {one: places[one]}, keep_tests=True)
    for run, folds in before.items():
        for was, kept in zip(folds, read_tests(file, run), strict=True):
            for a, b in zip(was, kept, strict=True):
                np.testing.assert_array_equal(a, b)
    write_parquet(read_parquet(file), file, ["balanced_accuracy"])
    with pytest.raises(DataError, match="holds no predictions"):
        read_tests(file, one)


def test_strategies_are_of_the_kind_of_the_slots_they_fill(earlier: RunTable) -> None:
    assert summary.kind_of_strategies(earlier).to_dict() == {"none": "", "inv_freq": "class weights"}
    unknown = earlier.settings.copy()
    unknown["options", "representation"] = None  # runs of a version without it, beside later ones
    older = replace(earlier, settings=unknown)
    assert summary.kind_of_strategies(older).to_dict() == {"none": "", "inv_freq": "class weights"}


def test_a_tuned_run_is_another_cell_than_the_same_run_untuned(earlier: RunTable) -> None:
    trials = pd.Series(["20"] * len(earlier), index=earlier.runs.index, dtype=object)
    settings = earlier.settings.copy()
    settings[("tuning", "trials")] = trials
    later = replace(earlier, settings=settings)
    renamed = replace(later, **{part: getattr(later, part).rename(index=lambda run: f"tuned {run}") for part in PARTS})
    assert len(joined(renamed, earlier)) == 2 * len(earlier)


def test_what_tuning_bought_is_a_mean_over_sources() -> None:
    bought = {"ecoli1": 0.1, "ecoli2": 0.3, "pima": 0.0}  # two cuts of one source count once
    tuning = {"name": "optuna", "trials": 20, "metric": "balanced_accuracy", "on": "validation", "pruner": "none"}
    fold = {"best": {"model.C": 1.0}, "best_value": 0.75, "default_value": 0.5, "seconds": 2.0}
    records = [
        {"name": "a run", "strategy": name, "model": "logreg", "dataset": {"name": data}, "tags": {"data_hash": data},
         "metrics": {"balanced_accuracy": 0.5 + seed / 100 + (gain if trials and name == "none" else 0.0),
                     "rows/train": 60, "rows/validation": 20, "rows/test": 20},
         "config": {"seed": seed} | ({"tuning": tuning} if trials else {}),
         "folds": [{"metrics": {}} | ({"tuning": fold} if trials else {})]}
        for data, gain in bought.items() for trials in (0, 20) for name in ("none", "tuned_threshold")
        for seed in range(3)
    ]  # fmt: skip
    found = tuned.bought(RunTable.from_records(records), table.Settings())
    assert found[found.strategy == "none"].set_index("dataset").difference.round(10).to_dict() == bought
    assert set(found.validation) == {0.25}
    page = "\n".join(tuned.section(RunTable.from_records(records), table.Settings()))
    assert "### logreg, 20 trials" in page
    assert (
        "On 3 sets of 2 sources, tuning logreg bought `none` most, +0.100, and `tuned_threshold` least, +0.000" in page
    )
    assert "it had looked like +0.250 on average, and was +0.067" in page  # of six: 0.4 / 6
    assert tuned.section(RunTable.from_records(records).only(pd.Series(False, range(0))), table.Settings()) == []


@pytest.mark.slow
def test_the_tuned_leaderboard_says_what_tuning_bought(tmp_path: Path) -> None:
    arguments = ["preset=tuned", "trials=2", "models=logreg", "strategies=none,tuned_threshold", "largest=1100"]
    program.main([*arguments, f"folder={tmp_path / 'runs'}", f"out={tmp_path}"])
    page = (tmp_path / "README.md").read_text()
    assert "### logreg, 2 trials" in page and "On 2 sets of 2 sources" in page
    runs = read_parquet(tmp_path / "leaderboard.parquet").runs
    assert runs.tuned.notna().sum() == 4 and len(runs) == 8


@pytest.mark.parametrize("wrong", ["shard=0/2", "shard=x", "presett=quick", "preset=none", "trials=x"])
def test_what_is_typed_wrong_is_said(wrong: str) -> None:
    with pytest.raises(SystemExit, match="error"):
        program.main([wrong])


@pytest.mark.slow
def test_the_quick_leaderboard_from_command_to_page(tmp_path: Path) -> None:
    arguments = ["preset=quick", f"folder={tmp_path / 'runs'}", f"out={tmp_path}"]
    program.main([*arguments, "predictions=true"])
    page = (tmp_path / "README.md").read_text()
    runs = RunTable.from_folder(tmp_path / "runs").runs
    assert (runs.outcome == "finished").all() and len(runs) == 3 * 2 * 6
    assert "loss=ldam" not in page  # which was not asked for
    assert "36 runs" in page and "## logreg" in page and "## decision_tree" in page
    assert len(read_parquet(tmp_path / "leaderboard.parquet")) == 36
    assert all((tmp_path / "pictures" / f"{kind}-logreg.png").is_file() for kind in ("ranks", "kinds"))
    before = {file: file.stat().st_mtime_ns for file in (tmp_path / "runs").rglob("record.json")}
    program.main(arguments)  # nothing runs again
    assert {file: file.stat().st_mtime_ns for file in (tmp_path / "runs").rglob("record.json")} == before
