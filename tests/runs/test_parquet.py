"""A table of runs in a Parquet file: nothing that a comparison reads is lost, and others can be added."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import imbalance_lab as lab
from imbalance_lab.app import compare as command
from imbalance_lab.errors import ConfigError, DataError
from imbalance_lab.runs.files import read_predictions
from imbalance_lab.runs.parquet import read_parquet, read_tests, write_parquet
from imbalance_lab.runs.table import RunTable

METRICS = ("balanced_accuracy", "macro_f1", "timing/fit")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    split = lab.option("split", "cv", folds=3)
    data = lab.option("dataset", "rare_binary", counts={"negative": 90, "positive": 30})
    strategies = ["none", "tuned_threshold", "focal"]
    lab.sweep(data, strategies, "logreg", split=split, seed=range(2), folder=folder, progress=False)
    return folder


@pytest.fixture(scope="module")
def file(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("table") / "board.parquet"
    table = RunTable.from_folder(folder)
    write_parquet(table, file, METRICS, {run: folder / run for run in table.runs.index})
    return file


def test_a_comparison_of_the_file_is_that_of_the_folder(folder: Path, file: Path) -> None:
    shown = [
        "dataset",
        "model",
        "strategy",
        "runs",
        "values",
        "mean",
        "low",
        "high",
        "baseline_difference",
        "baseline_p",
    ]
    one, other = lab.compare(folder), lab.compare(file)
    pd.testing.assert_frame_equal(one.to_frame()[shown], other.to_frame()[shown], check_exact=True)
    assert one.verdict == other.verdict
    pd.testing.assert_frame_equal(one.unfinished, other.unfinished)


def test_every_setting_and_fold_is_kept(folder: Path, file: Path) -> None:
    table, read = RunTable.from_folder(folder), read_parquet(file)
    pd.testing.assert_frame_equal(table.settings, read.settings)
    pd.testing.assert_frame_equal(table.folds_of("macro_f1"), read.folds_of("macro_f1"), check_exact=True)
    assert {"rows/test", *METRICS} <= set(read.metrics) and "log_loss" not in read.metrics


def test_predictions_are_those_of_the_runs(folder: Path, file: Path) -> None:
    runs = RunTable.from_folder(folder).runs
    run = runs.index[runs.outcome == "finished"][0]
    found = read_tests(file, run)
    assert len(found) == 3
    for fold, test in enumerate(found):
        kept = read_predictions(folder / run, fold)
        assert np.array_equal(test.rows, kept.rows) and np.array_equal(test.predicted, kept.predicted.ravel())
        assert np.array_equal(test.y, kept.y.ravel())
        np.testing.assert_allclose(np.exp(test.log_proba), np.exp(kept.log_proba.reshape(-1, 2)), atol=1e-6)
    skipped = runs.index[runs.outcome == "skipped"][0]
    with pytest.raises(DataError, match="no predictions"):
        read_tests(file, skipped)


def test_runs_of_ones_own_join_those_of_the_file(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    split, data = (
        lab.option("split", "cv", folds=3),
        lab.option("dataset", "rare_binary", counts={"negative": 90, "positive": 30}),
    )
    lab.sweep(data, "ros", "logreg", split=split, seed=range(2), folder=tmp_path / "mine", progress=False)
    command.main([str(file), f"folder={tmp_path / 'mine'}", "format=csv"])
    assert set(pd.read_csv(io.StringIO(capsys.readouterr().out)).strategy) >= {"none", "ros"}


def test_what_is_no_table_of_runs_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "other.parquet"
    pd.DataFrame({"a": [1]}).to_parquet(other)
    with pytest.raises(DataError, match="no table of runs"):
        lab.compare(other)
    other.write_text("no Parquet")
    with pytest.raises(DataError, match="cannot be read"):
        lab.compare(other)
    with pytest.raises(ConfigError, match="there is no file"):
        command.read(*command.parse([str(tmp_path / "missing.parquet")])[:2])


def test_what_tuning_chose_is_kept(tmp_path: Path) -> None:
    fold = {"best": {"loss.gamma": 1.5}, "best_value": 0.75, "default_value": 0.5, "finished": 2, "pruned": 0}
    budget = {"trials": 2, "metric": "balanced_accuracy", "space": {"loss.gamma": {"low": 0.5, "high": 5.0}}}
    record = {
        "name": "a run", "strategy": "focal", "model": "mlp", "dataset": {"name": "d"}, "config": {"tuning": budget},
        "metrics": {"balanced_accuracy": 0.5}, "folds": [{"metrics": {}, "tuning": fold | {"seconds": 1.5}}],
    }  # fmt: skip
    table = RunTable.from_records([record, {key: value for key, value in record.items() if key != "folds"}])
    write_parquet(table, tmp_path / "board.parquet", METRICS)
    found = read_parquet(tmp_path / "board.parquet")
    assert json.loads(found.runs.tuned.iloc[0]) == [fold | {"seconds": 1.5}]
    assert found.runs.tuned.iloc[1] is None
    assert found.setting("tuning.space.loss.gamma.high").to_list() == ["5.0", "5.0"]
