from __future__ import annotations

import math
from pathlib import Path

import matplotlib
import pandas as pd
import pytest

import imbalance_lab as lab
from imbalance_lab.runs.tuning.figures import draw_tuning, read_trials
from imbalance_lab.runs.tuning.report import central
from tests.conftest import invoke


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> lab.RunRecord:
    folder = tmp_path_factory.mktemp("tuned")
    return lab.run("four_classes", "smote", "decision_tree", tuning={"trials": 8}, folder=folder)


def test_optuna_draws_history_and_importance(run: lab.RunRecord) -> None:
    settings = {key: value for key, value in matplotlib.rcParams.items() if key != "backend"}  # which pyplot looks for
    figures = run.figures()
    assert {key: matplotlib.rcParams[key] for key in settings} == settings
    assert {"tuning_history", "tuning_importance", "confusion_matrix"} <= set(figures)
    (history,) = figures["tuning_history"].axes
    drawn = dict(history.collections[0].get_offsets().tolist())
    assert drawn == dict(zip(run.trials.number, run.trials.value, strict=True))
    assert {label.get_text() for label in figures["tuning_importance"].axes[0].get_yticklabels()} == set(
        run.tuning["space"]
    )


def test_figures_are_drawn_of_the_record_too(run: lab.RunRecord) -> None:
    assert run.folder is not None
    assert invoke("figures", str(run.folder), "format=svg") == 0
    assert {"tuning_history.svg", "tuning_importance.svg"} <= {file.name for file in run.folder.glob("figures/*")}
    one, other = run.figures(), draw_tuning(read_trials(run.folder / "trials.csv"), run.tuning)
    widths = [[bar.get_width() for bar in drawn["tuning_importance"].axes[0].patches] for drawn in (one, other)]
    assert widths[0] == widths[1]


def test_trials_are_written_as_they_were(run: lab.RunRecord) -> None:
    assert run.folder is not None
    depth = pd.read_csv(run.folder / "trials.csv", dtype=str, keep_default_na=False)["model.estimator.max_depth"]
    told = [trial.values["model.estimator.max_depth"] for trial in run.folds[0].tuning.trials]
    assert list(depth) == ["" if value is None else str(value) for value in told]
    assert told[0] is None


def test_of_several_folds_the_settings_nearest_to_all_others_are_taken() -> None:
    space = {"a": {"low": 1, "high": 11}, "b": {"low": 0.01, "high": 100.0, "log": True}, "c": {"choices": [None, "x"]}}
    chosen = [{"a": 1, "b": 1.0, "c": None}, {"a": 3, "b": 1.0, "c": None}, {"a": 11, "b": 100.0, "c": "x"}]
    # Distances by hand: 1-2 is .2; 1-3 is 1 + .5 + 1; 2-3 is .8 + .5 + 1. The sums are 2.7, 2.5 and 4.8.
    assert central(chosen, space) == chosen[1]
    assert math.isclose((math.log(100) - math.log(1)) / (math.log(100) - math.log(0.01)), 0.5)


def test_few_trials_have_no_importance(tmp_path: Path) -> None:
    assert "tuning_importance" not in lab.run("four_classes", "none", "logreg", tuning={"trials": 2}).figures()
