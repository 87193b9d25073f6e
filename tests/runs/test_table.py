"""Tables of runs from records in memory and on disk, of this version and of 0.1.0."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
import yaml

from imbalance_lab.runs.table import RunTable

CONFIG = {"dataset": {"_target_": "Keel", "name": "yeast", "path": None}, "split": {"folds": 2}, "seed": 3,
          "min_class_rows": 0, "options": {"dataset": "keel", "sampler": "smote"}}  # fmt: skip
RECORD = {
    "outcome": "finished", "name": "smote mlp seed=3", "strategy": "smote", "model": "mlp",
    "dataset": {"name": "yeast", "hash": "d0"}, "tags": {"config_hash": "c0", "data_hash": "d0",
    "version/imbalance_lab": "0.1.0"}, "metrics": {"balanced_accuracy": 0.75, "recall/a": 0.5, "ece": float("nan")},
    "intervals": {"recall/a": {"low": 0.4, "high": 0.6}},
    "folds": [{"metrics": {"balanced_accuracy": 0.7, "recall/a": 0.5}, "seconds": {}},
              {"metrics": {"balanced_accuracy": 0.8, "recall/a": 0.5}, "seconds": {}}],
}  # fmt: skip
IDENTITY = {"dataset": "yeast", "data_hash": "d0", "strategy": "smote", "model": "mlp", "name": "smote mlp seed=3",
            "seed": 3, "version": "0.2.0", "config_hash": "c0", "config": CONFIG}  # fmt: skip


def write(folder: Path, record: object, config: object = None, at: int | None = None) -> Path:
    folder.mkdir(parents=True)
    (folder / "record.json").write_text(record if isinstance(record, str) else json.dumps(record))
    if config is not None:
        (folder / "config.yaml").write_text(yaml.safe_dump(config))
    if at is not None:
        os.utime(folder / "record.json", (at, at))
    return folder


def check(table: RunTable, run: str, version: str) -> None:
    about = table.runs.loc[run]
    assert (about.outcome, about.strategy, about.model, about.dataset, about.seed) == (
        "finished", "smote", "mlp", "yeast", 3)  # fmt: skip
    assert (about.data_hash, about.config_hash, about.version) == ("d0", "c0", version)
    settings = table.settings.loc[run].dropna()
    assert settings["dataset", "path"] == "None"
    assert settings["options", "sampler"] == "smote"
    assert (settings["run", "seed"], settings["run", "min_class_rows"], settings["split", "folds"]) == ("3", "0", "2")
    assert table.metrics.loc[run].dropna().to_dict() == {
        "balanced_accuracy": 0.75, "recall/a": 0.5, "interval/low/recall/a": 0.4, "interval/high/recall/a": 0.6,
    }  # fmt: skip
    assert table.folds.loc[run].to_dict() == {
        ("balanced_accuracy", 0): 0.7, ("balanced_accuracy", 1): 0.8, ("recall/a", 0): 0.5, ("recall/a", 1): 0.5,
    }  # fmt: skip


def test_a_folder_of_version_0_1_0(tmp_path: Path) -> None:
    write(tmp_path / "multirun" / "0", RECORD, CONFIG, at=1000)
    (tmp_path / "multirun" / "sweep.json").write_text(json.dumps({"name": "a sweep", "parent": {"run_id": "p"}}))
    (tmp_path / "multirun" / "0" / "epochs.csv").write_text(
        "train/loss,val/loss,val/recall/a,val/called/0,fold,epoch\n1,2,0.5,7,0,1\n1,1,,8,0,2\n"
    )
    table = RunTable.from_folder(tmp_path)
    check(table, "multirun/0", "0.1.0")
    about = table.runs.loc["multirun/0"]
    assert (about.sweep, about.parent, about.start) == ("a sweep", "p", 1_000_000)
    assert table.epochs(["multirun/0"]).to_numpy().tolist() == [
        ["multirun/0", "loss", 1, 2.0],
        ["multirun/0", "loss", 2, 1.0],
        ["multirun/0", "recall/a", 1, 0.5],
    ]


def test_a_record_with_its_identity_and_one_in_memory(tmp_path: Path) -> None:
    record = {key: value for key, value in RECORD.items() if key != "tags"} | {"identity": IDENTITY}
    check(RunTable.from_folder(write(tmp_path / "run", record).parent), "run", "0.2.0")
    del record["outcome"]
    history = pd.DataFrame({"val/loss": [2.0], "fold": [0], "epoch": [1]})
    in_memory = RunTable.from_records([record, SimpleNamespace(summary=lambda: record, history=history)])
    check(in_memory, "1", "0.2.0")
    assert in_memory.epochs(["0", "1"]).to_numpy().tolist() == [["1", "loss", 1, 2.0]]


def test_runs_that_did_not_finish_are_there_with_their_reasons(tmp_path: Path) -> None:
    for place, outcome in enumerate(["skipped", "failed", "killed", "already finished"]):
        record = {"outcome": outcome, "name": "n", "reason": f"because {place}", "dataset": {"name": "yeast"},
                  "strategy": "smote", "model": "mlp", "tags": {"config_hash": "c0"}, "config": CONFIG}  # fmt: skip
        write(tmp_path / str(place), record, at=1000 + place)
    table = RunTable.from_folder(tmp_path)
    assert table.runs[["outcome", "reason"]].to_numpy().tolist() == [
        ["skipped", "because 0"], ["failed", "because 1"], ["killed", "because 2"], ["already finished", "because 3"],
    ]  # fmt: skip
    assert table.runs.seed.to_list() == [3] * 4
    assert set(table.setting("options.sampler")) == {"smote"}
    assert table.metrics.isna().all(axis=None) and not len(table.folds)


def test_what_is_no_record_is_left_out_and_noted(tmp_path: Path) -> None:
    write(tmp_path / "good", RECORD, CONFIG)
    foreign = {"cut": '{"outcome": "fin', "list": "[1, 2]", "theirs": {"outcome": "fine"}, "odd": RECORD | {"folds": 1}}
    for name, record in foreign.items():
        write(tmp_path / name, record)
    table = RunTable.from_folder(tmp_path)
    assert list(table.runs.index) == ["good"]
    assert sorted(Path(note.split(" is left out")[0]).parent.name for note in table.notes) == sorted(foreign)
    with pytest.raises(ValueError, match="no record of a run"):
        RunTable.from_records([{"outcome": "fine"}])


def test_ids_of_several_folders_are_relative_to_what_they_share(tmp_path: Path) -> None:
    write(tmp_path / "a" / "0", RECORD, CONFIG)
    write(tmp_path / "b" / "0", RECORD | {"metrics": {"timing/fit": 1.5}}, CONFIG)
    assert sorted(RunTable.from_folder(tmp_path / "a", tmp_path / "b").runs.index) == ["a/0", "b/0"]
    assert list(RunTable.from_folder(tmp_path / "a", tmp_path / "a" / "0").runs.index) == ["0"]
    assert list(RunTable.from_folder(tmp_path / "a" / "0").runs.index) == ["0"]


def test_the_copies_that_mlflow_keeps_are_no_runs(tmp_path: Path) -> None:
    write(tmp_path / "mlartifacts" / "yeast" / "run" / "artifacts", RECORD, CONFIG, at=1000)
    write(tmp_path / "multirun" / "0", RECORD, CONFIG, at=1000)
    assert list(RunTable.from_folder(tmp_path).runs.index) == ["multirun/0"]


def test_a_part_and_a_union(tmp_path: Path) -> None:
    write(tmp_path / "a" / "one", RECORD, CONFIG)
    write(tmp_path / "b" / "two", RECORD | {"folds": []}, CONFIG | {"loss": {"gamma": 2}})
    (tmp_path / "b" / "two" / "epochs.csv").write_text("val/loss,fold,epoch\n2,0,1\n")
    one, two = (RunTable.from_folder(tmp_path / name) for name in "ab")
    both = one.union(two)
    assert (len(both), list(both.runs.index), list(both.folds.index)) == (2, ["one", "two"], ["one"])
    assert both.setting("loss.gamma").fillna("").to_list() == ["", "2"]
    assert both.epochs(["one", "two"]).run.to_list() == ["two"]
    assert len(both.union(one)) == 2
    part = both.only(both.runs.index.to_series() == "two")
    assert (len(part), len(part.folds), list(part.metrics.index)) == (1, 0, ["two"])
    check(both, "one", "0.1.0")


def test_an_empty_folder_is_an_empty_table(tmp_path: Path) -> None:
    table = RunTable.from_folder(tmp_path)
    assert len(table) == 0
    assert "0 runs" in table._repr_html_()


def test_a_notebook_shows_what_one_looks_for_first_and_no_name_is_markup() -> None:
    shown = RunTable.from_records([RECORD | {"strategy": "<b>bold</b>", "config": CONFIG}])._repr_html_()
    for text in ("&lt;b&gt;bold", "mlp", "yeast", "finished", "0.750", "prefers-color-scheme: dark", "<td>3</td>"):
        assert text in shown
    assert "<b>bold" not in shown
