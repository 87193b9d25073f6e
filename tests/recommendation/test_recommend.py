"""From a table to a recommendation: what must win wins, what cannot does not, and a later call goes on."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import imbalance_lab as lab
from imbalance_lab.data.base import Needs
from imbalance_lab.errors import LabWarning
from imbalance_lab.recommendation.panel import panel_for
from imbalance_lab.recommendation.splits import split_by
from tests.conftest import invoke

QUICK = {"budget": "300s", "jobs": 1, "progress": False}


def overlapping(rows=600, share=0.1, shift=1.5, seed=0):
    """Two normal classes: the best balanced accuracy moves the boundary to the middle."""
    rng = np.random.default_rng(seed)
    rare = np.arange(rows) < share * rows
    frame = pd.DataFrame(rng.normal(size=(rows, 3)) + shift * rare[:, None] / np.sqrt(3), columns=["a", "b", "c"])
    return frame.assign(label=np.where(rare, "rare", "common"))


@pytest.fixture(autouse=True)
def _quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LabWarning)
        yield


def test_what_must_win_wins(tmp_path):
    # A full-grown tree says 0 or 1, so that no threshold moves it; of balanced rows it learns the boundary needed.
    data = lab.Dataset.from_frame(overlapping(2000, share=0.05, shift=2.0), "label", name="trees")
    found = lab.recommend(data, strategies=["rus"], models=["decision_tree"], folder=tmp_path / "out", **QUICK)
    assert found.beats_control and found.name == "rus decision_tree"
    assert found.candidates.index[0] == "rus decision_tree"
    assert "is beaten: rus decision_tree" in found.verdict
    answer = re.search(r"<h1>(.*?)</h1>", (tmp_path / "out" / "report.html").read_text(), re.DOTALL)
    assert re.sub(r"\s*<.*?>\s*", " ", answer[1]).strip() == "Use rus decision_tree"
    loaded = lab.load(tmp_path / "out" / "model")
    frame = overlapping(50, seed=1).drop(columns="label")
    assert (loaded.predict(frame) == found.classifier.predict(frame)).all()
    assert json.loads((tmp_path / "out" / "recommendation.json").read_text())["beats_control"] is True


def test_where_nothing_can_win_plain_training_stays():
    # Classes of one size: weights, samplers and computed thresholds change nothing.
    data = lab.Dataset.from_frame(overlapping(300, share=0.5), "label", name="even")
    found = lab.recommend(data, strategies=["logit_adjust", "inv_freq"], models=["logreg"], **QUICK)
    assert not found.beats_control
    assert "Nothing is shown to beat plain training with thresholds (tuned_threshold logreg)." in found.verdict
    assert found.name == "none logreg"


def test_a_later_call_goes_on_where_the_budget_ended(tmp_path):
    data = lab.Dataset.from_frame(overlapping(200, share=0.3), "label", name="short")
    panel = {"strategies": ["inv_freq"], "models": ["logreg"], "folder": tmp_path / "out"}
    first = lab.recommend(data, budget=0.001, jobs=1, progress=False, **panel)
    assert first.rounds == 1
    assert first.stopped == "the budget is spent, before inv_freq logreg was tried"
    assert {"none logreg", "tuned_threshold logreg"} <= set(first.candidates.index)  # made whatever they take
    before = {file: file.stat().st_mtime_ns for file in tmp_path.glob("out/runs/*/record.json")}
    second = lab.recommend(data, **panel, **QUICK)
    assert second.rounds >= 2
    assert all(file.stat().st_mtime_ns == stamp for file, stamp in before.items())
    assert json.loads((tmp_path / "out" / "recommendation.json").read_text())["looks"][0] == 1  # it has been spent


def test_an_identifier_is_no_feature_unless_it_is_asked_for(tmp_path, capsys, monkeypatch):
    """A model that goes by the numbers of its rows says nothing of new rows, whose numbers are all larger."""
    monkeypatch.chdir(tmp_path)
    number = np.random.default_rng(0).permutation(200) + 5000
    overlapping(200, share=0.3).assign(customer=number).to_csv("my.csv", index=False)
    typed = ["my.csv", "target=label", "models=logreg", "strategies=none", "jobs=1", "budget=0.001"]
    assert invoke("recommend", *typed) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "'customer' looks like an identifier (whole numbers, each once); it is left out" in shown
    assert shown.count("looks like an identifier") == 1
    assert list(lab.load("recommended/my/model").columns_) == ["a", "b", "c"]
    assert invoke("recommend", *typed, "identifiers=true", "out=all") == 0
    assert "drop=[customer] leaves it out" in " ".join(capsys.readouterr().out.split())
    assert list(lab.load("all/model").columns_) == ["a", "b", "c", "customer"]
    data = lab.Dataset.from_frame(pd.read_csv("my.csv"), "label")
    found = lab.recommend(data, strategies=["none"], models=["logreg"], **{**QUICK, "budget": 0.001})
    assert found.facts.left_out == ("customer",) and list(found.classifier.columns_) == ["a", "b", "c"]


def test_the_metric_decides_what_thresholds_are_tuned_for():
    data = lab.Dataset.from_frame(overlapping(200, share=0.3), "label")
    found = lab.recommend(data, metric="macro_f1", strategies=["none"], models=["logreg"], **QUICK)
    assert found.control == "tuned_threshold(metric=macro_f1) logreg"
    assert found.comparison.settings.metric == "macro_f1"


def test_a_single_model_is_compared_over_all_candidates_that_were_tried():
    data = lab.Dataset.from_frame(overlapping(200, share=0.3), "label")
    found = lab.recommend(data, strategies=["inv_freq", "rus"], models=["logreg"], **QUICK)
    compared = found.comparison.compared[0].table
    assert len(compared) == 4 and compared.control_p.notna().sum() == 3
    assert found.comparison.settings.confidence > 0.95  # of one look of several


def splits_of(folder):
    """Which splits the runs had, each of which refuses what it is to keep out, and by which groups."""
    configs = [json.loads(file.read_text())["identity"]["config"] for file in folder.glob("runs/*/record.json")]
    return {(config["split"]["_target_"], config["split"].get("groups")) for config in configs}


def test_groups_stay_together_from_the_rounds_to_the_model(tmp_path):
    patient = np.arange(240) // 4
    data = lab.Dataset.from_frame(overlapping(240, share=0.3).assign(patient=patient), "label")
    found = lab.recommend(
        data, groups="patient", strategies=["none"], models=["logreg"], folder=tmp_path / "out", **QUICK
    )
    assert found.rounds >= 2
    assert "patient" not in found.classifier.feature_names_in_
    assert splits_of(tmp_path / "out") == {("imbalance_lab.data.split.GroupCrossValidation", "patient")}
    with pytest.raises(lab.ConfigError, match="is for other data"):
        lab.recommend(data, strategies=["none"], models=["logreg"], folder=tmp_path / "out", **QUICK)


def test_what_is_tested_is_later_than_what_trains(capsys):
    rng = np.random.default_rng(0)
    frame = overlapping(240, share=0.3).sample(frac=1, random_state=1, ignore_index=True)
    frame.assign(day=rng.permutation(240)).to_csv("my.csv", index=False)
    typed = ["my.csv", "target=label", "order=day", "models=logreg", "strategies=none", "jobs=1", "budget=60s"]
    assert invoke("recommend", *typed) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "One round of 5 folds, each later than what it trains on, within 60s" in shown
    assert "After 1 round: more rounds of the same rows would tell little more" in shown
    assert splits_of(Path("recommended/my")) == {("imbalance_lab.data.split.TimeCrossValidation", None)}


def test_fewer_folds_where_a_class_is_in_few_groups():
    frame = overlapping(240, share=0.3)
    rare = (frame.label == "rare").to_numpy()
    frame["site"] = np.where(rare, np.arange(240) % 3, np.arange(240) % 12)
    panel = panel_for(lab.Dataset.from_frame(frame, "label").for_split(Needs(("site",))), split=split_by("site", None))
    assert panel.folds <= 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["my.csv"], "give one table and its target, as in my.csv target=label"),
        (["target=label"], "give one table and its target, as in my.csv target=label"),
        (["my.csv", "target=lable"], "did you mean 'label'?"),
        (["none.csv", "target=label"], "there is no file none.csv"),
        (["my.csv", "target=label", "budget=abc"], "budget=abc is no time; 90s, 10m and 2h are"),
        (["my.csv", "target=label", "metric=macro_f"], "there is no metric 'macro_f'; did you mean macro_f1?"),
        (["my.csv", "target=label", "strategies=[smot]"], "did you mean smote"),
        (["my.csv", "target=label", "models=[logrge]"], "did you mean logreg"),
        (["my.csv", "target=label", "budgte=3m"], "recommend has no setting 'budgte'; did you mean budget?"),
        (["my.csv", "target=label", "jobs=0"], "jobs=0 runs nothing"),
        (["one.csv", "target=label"], "one class only (yes)"),
        (["two.csv", "target=label"], "class 'rare' has too few rows (2)"),
        (["my.csv", "target=label", "out=foreign"], "out=foreign holds other files"),
        (["my.csv", "target=label", "out=my.csv"], "out=my.csv is a file"),
        (["my.csv", "target=label", "out=others"], "out=others is for other data"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(arguments, message, tmp_path):
    frame = overlapping(60, share=0.3)
    frame.to_csv("my.csv", index=False)
    frame.assign(label="yes").to_csv("one.csv", index=False)
    frame[(frame.label == "common") | (frame.groupby("label").cumcount() < 2)].to_csv("two.csv", index=False)
    for folder, name, content in (
        ("foreign", "letter.txt", "mine"),
        ("others", "recommendation.json", '{"data": "x", "data_hash": "0"}'),
    ):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).write_text(content)
    status = invoke("recommend", *arguments)
    assert isinstance(status, str) and status.startswith("error: ") and "\n" not in status
    assert message in status
    assert not (tmp_path / "recommended").exists()
    assert [file.name for file in (tmp_path / "foreign").iterdir()] == ["letter.txt"]


def test_from_the_command_line_to_predictions(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    frame = overlapping(120, share=0.3)
    frame.assign(code=np.where(frame.label == "rare", "x", "y")).to_csv("my.csv", index=False)
    frame.drop(columns="label").assign(code="x").to_csv("new.csv", index=False)
    typed = ["my.csv", "target=label", "models=logreg", "strategies=inv_freq", "jobs=1", "budget=0.01s", "drop=code"]
    assert invoke("recommend", *typed) == 0
    shown = capsys.readouterr().out
    assert "my: 120 rows, 2 classes: common 84 (70 %), rare 36 (30 %)" in shown
    assert "Nothing is shown to beat plain training" in shown or "is beaten" in shown
    assert invoke(*shown.strip().splitlines()[-1].removeprefix("python -m imbalance_lab ").split()) == 0
    assert len(pd.read_csv("predictions.csv")) == 120


def test_a_leak_is_said_again_beside_the_verdict(capsys):
    frame = overlapping(120, share=0.3)
    frame.assign(code=np.where(frame.label == "rare", "x", "y")).to_csv("my.csv", index=False)
    typed = ["my.csv", "target=label", "models=logreg", "strategies=none", "jobs=1", "budget=0.01s"]
    assert invoke("recommend", *typed) == 0
    lines = capsys.readouterr().out
    assert "'code' alone decides the class" in lines
    assert "Do not rely on it before you know why 'code' decides the class: drop=[code]" in " ".join(lines.split())


def test_help_shows_every_setting(capsys):
    assert invoke("recommend", "--help") == 0
    shown = capsys.readouterr().out
    assert all(f"{key}=" in shown for key in ("budget", "metric", "out", "strategies", "models", "jobs", "target"))
    assert max(map(len, shown.splitlines())) <= 120


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_killed_it_goes_on_where_it_was(number, tmp_path):
    overlapping(400, share=0.2).to_csv("my.csv", index=False)
    typed = [sys.executable, "-m", "imbalance_lab", "recommend", "my.csv", "target=label", "models=logreg", "jobs=1"]
    typed += ["strategies=[inv_freq,ros]", "out=out", "budget=10m", "rope=0"]
    with subprocess.Popen(typed, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as started:
        while len(kept := finished(tmp_path)) < 2 and started.poll() is None:
            time.sleep(0.05)
        started.send_signal(number)
        _, said = started.communicate(timeout=120)
    assert started.returncode != 0
    if number == signal.SIGINT:
        assert said.strip() == "interrupted; what has finished is kept in out, and the same command goes on"
    again = subprocess.run(typed, text=True, capture_output=True, timeout=300, check=True)
    assert "\nUse " in again.stdout
    assert kept.items() <= finished(tmp_path).items()
    assert lab.load(tmp_path / "out" / "model").predict(overlapping(20).drop(columns="label")).shape == (20,)


def finished(folder):
    """The records of finished runs, and when they were written."""
    files = folder.glob("out/runs/*/record.json")
    return {file: file.stat().st_mtime_ns for file in files if '"outcome": "finished"' in file.read_text()}
