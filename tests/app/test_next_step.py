"""What the comparison proposes to type next, typed."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hypothesis import given, settings
from hypothesis import strategies as st

from imbalance_lab.app.compare import main
from imbalance_lab.app.next_step import PROGRAM, Step, _lacking, next_step
from imbalance_lab.app.typed import Typist
from imbalance_lab.comparison import compare
from imbalance_lab.runs.table import RunTable
from tests.comparison.conftest import run, table
from tests.conftest import invoke, records

RESAMPLES = ["evaluation.resamples=200"]
RUNS = ("tracking=none", "evaluation.resamples=200", "evaluation.figures=false", "model=logreg")


def step(**settings: object) -> Step:
    runs = RunTable.from_folder("multirun")
    found = next_step(compare(runs, **settings), runs)
    assert found is not None
    return found


def typed(shown: Step, width: int | None = 60) -> list[str]:
    """Return the arguments that a shell makes of what is shown."""
    purpose, _, command = shown.text(width).partition(":\n")
    words = shlex.split(command.replace("\\\n", ""))
    assert " ".join(words).startswith(PROGRAM), purpose
    return words[len(PROGRAM.split()) :]


def take(shown: Step) -> list[dict]:
    """Type what is shown, and return the new records."""
    known = set(Path().rglob("record.json"))
    assert invoke(*typed(shown), "tracking=none", "evaluation.figures=false") == 0
    return [json.loads(file.read_text()) for file in Path().rglob("record.json") if file not in known]


@pytest.mark.slow
def test_control_then_seeds_then_the_model_lead_to_one_that_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        invoke("-m", *RUNS, "dataset=four_classes", "strategy=none,smote", "loss=cross_entropy", "seed=range(3)") == 0
    )
    found = take(step())
    assert [(one["strategy"], one["outcome"]) for one in found] == [("tuned_threshold", "finished")] * 3
    shown = step()
    found = take(shown)
    assert {one["outcome"] for one in found} == {"finished"}
    assert {one["identity"]["seed"] for one in found} == set(range(3, 10))
    assert {one["strategy"] for one in found} <= {"none", "smote", "tuned_threshold"}
    (one,) = compare("multirun").compared
    assert set(one.table.loc[list({record["strategy"] for record in found}), "runs"]) == {10}
    asked = 0
    while step().arguments[-1] != "save_model=true":  # more seeds, as long as they may settle it
        take(step())
        assert (asked := asked + 1) < 5
    (kept,) = take(step())
    (one,) = compare("multirun").compared
    assert kept["outcome"] == "finished" and kept["strategy"] == one.answer.use
    main(["folder=multirun"])
    assert capsys.readouterr().out.splitlines()[-1].startswith(PROGRAM)


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings",
    [
        ["strategy=smote", "sampler.k_neighbors=3", "seed=4"],
        ["sampler=smote", "class_weight=inv_freq", "split.test=0.3", "split.seed=7"],
        ["strategy=min_cost", "decision.costs={A: {B: 5, C: 3}, C: {D: 2}}", "evaluation.costs={A: {B: 5}}"],
        ["strategy=none", "evaluation.test_prior={A: 1, B: 1, C: 1, D: 1}", "evaluation.metrics=[h_measure]"],
        ["strategy=none", "model.estimator.C=10", "min_class_rows=2", "evaluation.confidence=0.9"],
        ["split=cv", "split.folds=3", "class_weight=by_hand", "class_weight.weights={A: 3, B: 1, C: 1, D: 1}"],
    ],
)
def test_the_model_of_any_settings_is_the_one_that_was_compared(settings: Sequence[str]) -> None:
    assert invoke("-m", *RUNS, *settings) == 0
    (before,) = records(Path())
    (after,) = take(step(control=before["strategy"], baseline=before["strategy"]))
    assert after["metrics"]["balanced_accuracy"] == before["metrics"]["balanced_accuracy"]
    left = {"save_model", "evaluation"}
    before, after = ({k: v for k, v in one["identity"]["config"].items() if k not in left} for one in (before, after))
    assert after == before


def test_a_table_is_typed_by_its_name(tmp_path: Path) -> None:
    rows = [f"{k % 7},{k * k % 11},{'rare' if k % 5 == 0 else 'common'}" for k in range(200)]
    (tmp_path / "my data (1).csv").write_text("\n".join(["a,b,the class", *rows]))
    assert invoke("-m", *RUNS, "my data (1).csv", "target=the class", "strategy=none,inv_freq") == 0
    shown = step()
    assert shown.arguments[1] == "my data (1).csv"
    (found,) = take(shown)
    assert (found["strategy"], found["outcome"]) == ("tuned_threshold", "finished")


@pytest.mark.slow
@pytest.mark.parametrize("target", ["label", "{a: label, my b: label}"])
def test_groups_that_differ_in_their_file_are_one_sweep(target: str, tmp_path: Path) -> None:
    for shift, name in enumerate(("a.csv", "my b.csv")):
        rows = [f"{k % 7},{k * k % 11 + shift},{'rare' if k % 5 == 0 else 'common'}" for k in range(200)]
        (tmp_path / name).write_text("\n".join(["a,b,label", *rows]))
    assert invoke("-m", *RUNS, "a.csv", "my b.csv", f"target={target}", "strategy=none,inv_freq", "seed=0,1") == 0
    shown = step()
    assert shown.arguments[:3] == ["-m", "a.csv", "my b.csv"]
    found = take(shown)
    cells = {(one["identity"]["dataset"], one["strategy"], one["identity"]["seed"]) for one in found}
    assert cells == {(name, "tuned_threshold", seed) for name in ("a", "my b") for seed in (0, 1)}
    assert step(control="inv_freq").arguments[:3] == ["-m", "a.csv", "my b.csv"]


@pytest.mark.slow
def test_plain_training_is_typed_by_its_name() -> None:
    assert invoke("-m", *RUNS, "strategy=none,tuned_threshold", "seed=range(6)") == 0
    runs = RunTable.from_folder("multirun")
    drawn = np.random.default_rng(0).normal(0.7, 0.03, len(runs)) + 0.02 * (runs.runs.strategy == "none")
    runs = replace(runs, metrics=runs.metrics.assign(balanced_accuracy=drawn))
    found = next_step(compare(runs), runs)
    assert found is not None
    assert "strategy=none,tuned_threshold" in found.arguments


def test_more_seeds_where_they_would_help() -> None:
    assert invoke("-m", *RUNS, "strategy=none,tuned_threshold,smote", "seed=range(2)") == 0
    shown = step(baseline="none")
    assert shown.arguments[0] == "-m" and shown.arguments[-2:] == ["seed=range(2,10)", "evaluation.resamples=200"]
    (strategies,) = [word for word in shown.arguments if word.startswith("strategy=")]
    assert {"smote", "tuned_threshold"} <= set(strategies.partition("=")[2].split(","))


@pytest.mark.slow
def test_groups_that_differ_in_their_dataset_are_one_sweep() -> None:
    assert invoke("-m", *RUNS, "dataset=wine_lt,breast_cancer", "strategy=none,inv_freq", "seed=0,1") == 0
    found = take(step())
    cells = {(one["identity"]["dataset"], one["strategy"], one["identity"]["seed"]) for one in found}
    assert cells == {(name, "tuned_threshold", seed) for name in ("wine_lt", "breast_cancer") for seed in (0, 1)}


def test_nothing_is_proposed_that_cannot_be_typed() -> None:
    runs = table([run("none", 0, 0.5), run("mine", 0, 0.6)])  # of records that name no options
    assert next_step(compare(runs), runs) is None


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_long_command_is_copied_as_one(width: int) -> None:
    shown = Step("the control", ["-m", "my data.csv", "strategy=a,b,c,d", "seed=range(5)", "training.epochs=100"])
    assert max(map(len, shown.text(width).splitlines())) <= width
    assert typed(shown, width) == shown.arguments
    assert len(shown.text(None).splitlines()) == 2


@pytest.mark.slow
def test_what_is_missing_comes_first_control_and_plain_training_then_seeds() -> None:
    """Neither control nor baseline, and one strategy lacks seeds that the other has."""
    assert invoke("-m", *RUNS, "strategy=smote", "seed=range(3)") == 0
    assert invoke("-m", *RUNS, "strategy=inv_freq", "seed=1") == 0
    shown = step()
    assert shown.arguments == ["-m", "model=logreg", "strategy=none,tuned_threshold", "seed=range(3)", *RESAMPLES]
    assert {(one["strategy"], one["identity"]["seed"]) for one in take(shown)} == {
        (name, seed) for name in ("none", "tuned_threshold") for seed in range(3)
    }
    shown = step()
    assert shown.purpose == "the 2 runs that others of the same seeds have"
    assert {(one["strategy"], one["identity"]["seed"]) for one in take(shown)} == {("inv_freq", 0), ("inv_freq", 2)}
    assert step().purpose != shown.purpose


def test_runs_that_failed_are_not_proposed_again() -> None:
    failed = run("smote", 2, outcome="failed", reason="too few rows")
    cells = [run(name, seed, 0.5 + 0.01 * seed) for name in ("none", "tuned_threshold") for seed in range(3)]
    runs = table([*cells, run("smote", 0, 0.6), run("smote", 1, 0.6), failed])
    (one,) = compare(runs).compared
    assert dict(_lacking(one, runs)) == {"none": set(), "tuned_threshold": set(), "smote": set()}
    runs = table([*cells, run("smote", 0, 0.6), run("smote", 1, 0.6)])
    assert dict(_lacking(compare(runs).compared[0], runs))["smote"] == {2}


@pytest.mark.slow
def test_what_is_to_be_used_is_kept_rather_than_the_best_mean() -> None:
    assert invoke("-m", *RUNS, "strategy=none,tuned_threshold,smote", "seed=range(3)") == 0
    runs = RunTable.from_folder("multirun")
    level = runs.runs.strategy.map({"none": 0.5, "tuned_threshold": 0.6, "smote": 0.6001})
    noise = 1e-4 * np.random.default_rng(0).random(len(runs))
    runs = replace(runs, metrics=runs.metrics.assign(balanced_accuracy=level + noise))
    found = next_step(compare(runs), runs)
    assert found is not None and found.purpose == "keep the model of tuned_threshold"
    assert found.arguments == ["model=logreg", "strategy=tuned_threshold", "seed=0", *RESAMPLES, "save_model=true"]


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """A folder with an option of one's own whose name needs quotes."""
    folder = tmp_path / "my options"
    (folder / "class_weight").mkdir(parents=True)
    target = "_target_: imbalance_lab.strategies.class_weights.InverseFrequency\npower: 0.25\n"
    (folder / "class_weight" / "fourth_root.yaml").write_text(target)
    return folder


def test_options_of_ones_own_are_typed_with_their_folder(mine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = ("--config-dir", "my options")
    assert invoke("-m", *RUNS, "strategy=fourth_root", "class_weight.power=0.3", "seed=0", *place) == 0
    shown = capsys.readouterr().out.partition("Next, ")[2].partition("\nreport")[0]
    command = shown.partition(":\n")[2].replace("\\\n", "")
    assert shlex.split(command)[len(PROGRAM.split()) :][:3] == [*place, "-m"]
    main(["folder=multirun", *place])
    assert command in capsys.readouterr().out
    alone = ("folder=multirun", "control=fourth_root", "baseline=fourth_root")
    main(alone)
    assert "Next, " not in capsys.readouterr().out  # what keeps its model cannot be typed without the folder
    main([*alone, *place])
    assert "strategy=fourth_root seed=0" in capsys.readouterr().out
    runs = RunTable.from_folder("multirun")
    kept = next_step(compare(runs, control="fourth_root", baseline="fourth_root"), runs, [mine])
    assert kept is not None and "class_weight.power=0.3" in kept.arguments
    (found,) = take(kept)
    assert (found["outcome"], found["strategy"]) == ("finished", "fourth_root(power=0.3)")


@pytest.mark.slow
def test_groups_that_differ_in_the_name_within_a_source_are_one_sweep() -> None:
    names = "dataset.name=balance,newthyroid"
    assert invoke("-m", *RUNS, "dataset=keel", names, "strategy=none,inv_freq", "seed=0,1") == 0
    assert {"dataset=keel", names, "strategy=tuned_threshold", "seed=range(2)"} <= set(step().arguments)
    shown = step(control="inv_freq")
    assert {"dataset=keel", names, "seed=range(2,10)"} <= set(shown.arguments)


def test_at_the_end_of_a_sweep_what_its_jobs_chose_is_not_composed_again(
    store: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    composed: list[str] = []
    own = ConfigLoaderImpl.load_configuration

    def counted(self: ConfigLoaderImpl, *given: Any, **named: Any) -> Any:
        composed.append(str(named.get("overrides") or given[1:]))
        return own(self, *given, **named)

    monkeypatch.setattr(ConfigLoaderImpl, "load_configuration", counted)
    assert invoke("-m", "model=logreg", "strategy=tuned_threshold,smote", "seed=range(2)") == 0
    assert "Next, plain training" in capsys.readouterr().out
    for name in ("tuned_threshold", "smote"):
        assert len([one for one in composed if f"strategy={name}'" in one]) <= 1, composed


def test_a_model_of_rows_made_worse_is_not_kept() -> None:
    import imbalance_lab as lab

    noise = lab.option("stress", "label_noise", rate=0.1)
    settings = {"seed": range(3), "evaluation": {"resamples": 200}, "progress": False}
    runs = lab.sweep("rare_binary", ["none", "tuned_threshold"], "logreg", stress=["none", noise], **settings)
    found = next_step(compare(runs), runs)
    assert found is not None and found.arguments[-1] == "save_model=true"
    assert not [word for word in found.arguments if word.startswith("stress")]
    stressed = runs.only(runs.setting("options.stress") == "label_noise")
    assert next_step(compare(stressed), stressed) is None


def test_a_tuned_run_is_typed_with_its_budget_and_ranges_that_are_not_the_files() -> None:
    tuned = ["tuning=optuna", "tuning.trials=2", "class_weight._search_.power.high=1.0"]
    assert invoke("-m", *RUNS, "dataset=rare_binary", "strategy=inv_power", *tuned, "seed=0,1") == 0
    assert {"strategy=none,tuned_threshold", "tuning=optuna", "tuning.trials=2"} <= set(step().arguments)
    runs = RunTable.from_folder("multirun")
    found = Typist(runs).typed(str(runs.runs.index[0]))
    assert found is not None
    assert float(found["class_weight._search_.power.high"]) == 1
    assert found["tuning"] == "optuna"
    assert not [key for key in found if key.startswith("++")]


@given(st.lists(st.text("abc,=_('[ $\\", min_size=1, max_size=120), min_size=1, max_size=4), st.integers(60, 90))
@settings(max_examples=25, deadline=None)
def test_a_shell_reads_the_words_whatever_the_width_of_the_terminal(words: list[str], width: int) -> None:
    _, *lines = Step("it", words).text(width).splitlines()
    assert max(map(len, lines)) <= width
    typed = "\n".join(lines).replace("python -m imbalance_lab", "printf '%s\\n'", 1)
    shown = subprocess.run(["sh"], input=typed, capture_output=True, text=True, check=True).stdout
    assert shown.splitlines() == words
