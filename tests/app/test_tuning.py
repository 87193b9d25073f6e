from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from experiments.benchmarks import tuning as benchmark
from imbalance_lab.app.config import compose
from imbalance_lab.runs.tuning import objective
from tests.conftest import invoke, records

TYPED = ("tracking=none", "evaluation.figures=false", "model=logreg", "strategy=inv_power", "tuning=optuna",
         "tuning.trials=4")  # fmt: skip


def trials(folder: Path) -> list[pd.DataFrame]:
    files = sorted(folder.glob("outputs/*/*/trials.csv")) + sorted(folder.glob("multirun/*/*/*/trials.csv"))
    return [pd.read_csv(file).drop(columns="seconds") for file in files]


def test_the_command_line_tunes_and_says_what_it_bought(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(*TYPED, "class_weight._search_.power.high=0.9") == 0
    (record,) = records(tmp_path)
    assert record["tuning"]["space"]["class_weight.power"] == {"low": 0.0, "high": 0.9}
    assert record["identity"]["config"]["tuning"] == {
        key: record["tuning"][key] for key in ("name", "trials", "metric", "on", "pruner", "space")
    }
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("tuned: "))
    assert f"balanced accuracy {record['tuning']['best_value']:.3f} on validation rows" in line
    assert f"({record['tuning']['default_value']:.3f} as given; 4 trials)" in line


def test_the_same_command_goes_on_from_a_killed_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    evaluate = objective.Objective.__call__

    def killed(self: Any, *given: Any) -> float:
        made.append(1)
        if len(made) == 3:
            raise KeyboardInterrupt
        return evaluate(self, *given)

    monkeypatch.setattr(objective.Objective, "__call__", killed)
    assert invoke(*TYPED) == "interrupted"
    assert len(list(Path("outputs/.trials").glob("*.jsonl"))) == 1
    assert invoke(*TYPED) == 0
    assert len(made) == 5  # the two that were whole were not made again
    assert not list(Path("outputs/.trials").glob("*.jsonl"))
    monkeypatch.setattr(objective.Objective, "__call__", evaluate)
    assert invoke("-m", *TYPED, "seed=0,1") == 0
    resumed, swept, _ = trials(tmp_path)
    pd.testing.assert_frame_equal(resumed, swept, check_exact=True)
    assert sorted(record["outcome"] for record in records(tmp_path)) == ["finished"] * 3 + ["killed"]


def test_a_run_without_tuning_is_recorded_as_ever(tmp_path: Path) -> None:
    assert invoke(*TYPED[:4]) == 0
    (record,) = records(tmp_path)
    assert "tuning" not in record and "tuning" not in record["identity"]["config"]
    (folder,) = tmp_path.glob("outputs/*/*")
    assert "_search_" not in (folder / "config.yaml").read_text() + json.dumps(record)
    assert not (folder / "trials.csv").exists() and not Path("outputs/.trials").exists()


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("class_weight._search_.pover.high=2", "did you mean class_weight._search_.power.high?"),
        ("+class_weight._search_.pover={low: 1, high: 2}", "has no setting 'pover'; did you mean power?"),
        ("+class_weight._search_.power.logg=true", "has no 'logg'; did you mean log?"),
        ("tuning.trails=3", "did you mean tuning.trials?"),
        ("tuning.pruner=mean", "tuning.pruner: Input should be"),
        ("split.validation=0", "use tuning.on=cv"),
    ],
)
def test_what_is_mistyped_is_refused_in_one_line(typed: str, reason: str) -> None:
    status = invoke(*TYPED, typed)
    assert isinstance(status, str) and reason in status and "\n" not in status


def test_ranges_stand_beside_the_defaults() -> None:
    assert compose(["loss=focal"]).loss["_search_"] == {"gamma": {"low": 0.5, "high": 5.0}}


def test_tuning_adds_less_than_ten_milliseconds_to_a_fit(capsys: pytest.CaptureFixture[str]) -> None:
    assert benchmark.main(["--sets=ecoli1", "--models=logreg,decision_tree", "--trials=15", "--allowed=10"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 3
