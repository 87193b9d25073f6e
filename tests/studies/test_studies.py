"""Studies: what their presets say, and that one command answers each."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from experiments import study
from imbalance_lab import options
from imbalance_lab.app import recipes
from imbalance_lab.app.border import job_of
from imbalance_lab.app.config import compose
from imbalance_lab.app.sweep import sweep_overrides

ROOT = Path(study.__file__).resolve().parent.parent
STUDIES = study.names()
TINY = ["training.epochs=2", "evaluation.resamples=50"]
# Less than the preset asks for, but every strategy of it.
SMALLER = {
    "collapse": ["seed=0,1", "dataset=synthetic", "dataset.counts={negative: 300, positive: 30}"],
    "four_classes": ["seed=0,1", "dataset.counts={A: 40, B: 87, C: 142, D: 54}"],
    "real_world": ["dataset.name=newthyroid,kr-vs-k-zero_vs_eight", "split.folds=2"],
    "stress": ["seed=0,1"],
    "thresholds": ["dataset.name=haberman,newthyroid", "split.folds=2"],
}


def typed(preset: study.Study, sweep: list[str]) -> list[list[str]]:
    """Return what one would type for each run of a sweep, seeds and datasets aside."""
    grid = sweep_overrides(sweep)
    some = {key: values[:1] if key in ("seed", "dataset.name") else values for key, values in grid.items()}
    alike = [override for override in sweep if study.key_of(override) not in grid]
    path = [f"hydra.searchpath=[file://{preset.options}]"] if preset.options else []
    return [
        [*path, *alike, *(f"{key}={value}" for key, value in zip(some, values, strict=True))]
        for values in product(*some.values())
    ]


@pytest.mark.parametrize("name", STUDIES)
def test_every_option_and_setting_of_a_preset_exists(name: str) -> None:
    preset = study.read(name)
    folders = [preset.options] if preset.options else []
    for sweep in preset.sweeps:
        compose(typed(preset, sweep)[0])  # settings that do not exist are refused
        for key, values in sweep_overrides(sweep).items():
            known = options.strategies(folders) if key == recipes.GROUP else options.names(key, folders)
            missing = [value for value in values if value not in known]
            assert key not in options.groups(folders) or not missing


@pytest.mark.parametrize("name", STUDIES)
def test_datasets_of_a_preset_exist(name: str) -> None:
    from imbalance_lab.data.sources.keel import names

    asked = [n for sweep in study.read(name).sweeps for n in sweep_overrides(sweep).get("dataset.name", [])]
    assert set(asked) <= set(names())


@pytest.mark.parametrize("name", STUDIES)
def test_the_answer_speaks_of_runs_under_names_they_have(name: str) -> None:
    preset = study.read(name)
    called = set(preset.names.values())
    assert len(called) == len(preset.names)
    assert {line for spec in preset.epochs for line in spec["lines"]} <= called
    for spec in preset.compare:
        competing = set(spec.get("competing", {}).get("names", {}).values())
        for role in ("baseline", "control"):
            assert role not in spec or not called or spec[role] in called | competing


def test_the_answers_are_checked_in() -> None:
    for name in STUDIES:
        preset = study.read(name)
        page = (preset.folder / "README.md").read_text()
        assert preset.question.strip() in page
        for spec in preset.compare:
            assert list((preset.folder / "tables").glob(f"{spec['file']}-*.csv")), spec["title"]


def test_overrides_take_the_place_of_the_presets() -> None:
    preset = study.Study("a", "A", "?", [["seed=range(9)", "model=mlp"], ["model=linear"]])
    assert preset.with_overrides(["seed=0,1"]).sweeps == [["model=mlp", "seed=0,1"], ["model=linear", "seed=0,1"]]


def test_a_changed_question_needs_another_place_for_its_answer() -> None:
    from experiments.__main__ import main

    with pytest.raises(SystemExit, match="out="):
        main(["collapse", "seed=0"])
    with pytest.raises(SystemExit, match="Studies: "):
        main(["no_such_study"])


@pytest.mark.parametrize("program", ["", "leaderboard", "replications", "server", "choice", "ensembles"])
def test_help_is_printed_where_it_is_asked_for(program: str, capfd) -> None:
    module = f"experiments.{program}.__main__" if program else "experiments.__main__"
    importlib.import_module(module).main(["--help"])
    shown = capfd.readouterr()
    assert shown.out.startswith("python -m experiments") and shown.err == ""


def test_a_study_without_mlflow_is_refused_before_anything_runs() -> None:
    command = [sys.executable, "-m", "experiments", "thresholds", "tracking=none", "out=x"]
    shown = subprocess.run(command, capture_output=True, text=True, env=study.environment())
    assert shown.returncode == 1 and shown.stdout == ""
    assert shown.stderr.startswith("error: a study's answer is made of its runs in MLflow: leave tracking=none out")
    assert len(shown.stderr.splitlines()) == 1


def test_the_loss_of_the_questions_is_what_tensorflow_calls_weighted_cross_entropy() -> None:
    from experiments.wrong import PerChannel

    rng = np.random.default_rng(0)
    z, y, weight = rng.normal(size=(6, 3)), np.array([0, 1, 2, 0, 1, 2]), np.array([3.0, 1.0, 0.5])
    positive, sigmoid = np.eye(3)[y], 1 / (1 + np.exp(-z))
    terms = -(weight * positive * np.log(sigmoid) + (1 - positive) * np.log(1 - sigmoid))
    loss = PerChannel(pos_weight={"a": 3.0, "c": 0.5}).for_classes(["a", "b", "c"])
    np.testing.assert_allclose(loss(y, z, None), terms.mean(axis=1), rtol=1e-12)


def test_two_channels_are_two_outputs() -> None:
    from experiments.wrong import TwoChannels
    from imbalance_lab.data.rows import Seeds
    from imbalance_lab.models.scorer import Scorer

    net = TwoChannels([4]).build((3,), np.array([[0.9, 0.1]]), Seeds.spawn(0, 0))
    np.testing.assert_allclose(net.layers[-1].bias, [np.log(9), -np.log(9)], rtol=1e-6)
    X = np.ones((5, 3), np.float32)
    logits = Scorer(net, tasks=1, classes=2)(net, X)
    np.testing.assert_allclose(logits[:, 0], net(X))
    assert logits.shape == (5, 1, 2)


def test_gains_are_mean_differences_the_worst_model_first() -> None:
    from experiments.tables import SHOWN
    from imbalance_lab.comparison import Comparison, Settings
    from imbalance_lab.comparison.across import across_datasets

    settings = Settings(metric="roc_auc")
    sets = [f"set {k}" for k in range(6)]
    weak = pd.DataFrame({"none": 0.6, "smote": [0.7, 0.7, 0.7, 0.8, 0.8, 0.8]}, index=sets)
    strong = pd.DataFrame({"none": 0.9, "smote": 0.9, "ros": 0.88}, index=sets)
    across = [across_datasets(name, means, settings) for name, means in (("boosted", strong), ("tree", weak))]
    found = Comparison(settings, [], across, pd.DataFrame(), [], None)
    title, table = SHOWN["gains"]([found])
    assert title == "### ROC-AUC: gain over none (P(better))"
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
    assert rows[0] == ["model", "datasets", "none", "smote", "ros"]
    assert [row[0] for row in rows[2:]] == ["tree", "boosted"]
    assert rows[2][1:3] == ["6", "0.600"] and rows[2][3].startswith("+0.150 (") and rows[2][4] == ""
    assert rows[3][3:] == ["+0.000 (0.00)", "-0.020 (0.00)"]


@pytest.mark.slow
@pytest.mark.parametrize("name", STUDIES)
def test_one_command_answers_a_study(name: str, tmp_path: Path) -> None:
    preset, out = study.read(name), tmp_path / "answer"
    command = [sys.executable, "-m", "experiments", name, *TINY, *SMALLER[name], f"out={out}"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    subprocess.run(command, cwd=tmp_path, env=environment, check=True, stdout=subprocess.DEVNULL)
    page = (out / "README.md").read_text()
    assert page.startswith(f"# {preset.title}\n\n{preset.question.strip()}")
    assert not preset.reading or preset.reading.strip() not in page
    asked = {
        preset.names.get(f"{identity.strategy} {identity.model}", identity.strategy)
        for sweep in preset.sweeps
        for identity in (job_of(compose(overrides)).identity for overrides in typed(preset, sweep))
    }
    tables = [pd.read_csv(file) for file in (out / "tables").glob("*.csv")]
    shown = {strategy for table in tables for strategy in table.strategy}
    # Where an option runs with several settings, each name shows all that differ, be they its file's.
    options_shown = {strategy.partition("(")[0] for strategy in shown}
    assert {name for name in asked - shown if name.partition("(")[0] not in options_shown} == set()
    assert "Versions: " in page
    for spec in preset.epochs:
        assert (out / "pictures" / f"{spec['file']}.png").stat().st_size < 150_000
