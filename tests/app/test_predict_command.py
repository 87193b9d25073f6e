"""The commands refit and predict, as they are typed."""

from __future__ import annotations

import json
import pickle
import re
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import imbalance_lab as lab
from imbalance_lab.app import predict
from tests.conftest import invoke
from tests.runs.test_saving import Owned, edit, rehash

RUN = ("hydra.run.dir=run", "tracking=none", "evaluation.resamples=50", "evaluation.figures=false")
MODEL = ("train.csv", "target=label", "model=logreg", "strategy=ros", *RUN)


def table(rows: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    ill = rng.random(rows) < 0.2
    frame = pd.DataFrame(
        {
            "lab": rng.standard_normal(rows) + 2 * ill,
            "age": rng.integers(20, 90, rows),
            "place": rng.choice(["north", "south"], rows),
            "label": np.where(ill, "ill", "well"),
        }
    )
    frame.loc[::9, "lab"] = np.nan
    return frame


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        table(400, 0).to_csv("train.csv", index=False)
        table(300, 1).drop(columns="label").assign(id=range(300)).to_csv("new.csv", index=False)
        assert invoke(*MODEL, "save_model=true") == 0
        assert invoke("refit", "run=run", "out=model") == 0
    return folder


@pytest.fixture(autouse=True)
def _there(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("train.csv", "new.csv", "run", "model"):
        (tmp_path / name).symlink_to(trained / name)


def test_predictions_are_those_of_the_model(capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke("predict", "new.csv", "model=model", "keep=[id]") == 0
    written = pd.read_csv("predictions.csv", dtype={"id": int})
    new = pd.read_csv("new.csv")
    classifier = lab.load("model")
    rows = new[["lab", "age", "place"]].astype({"lab": float, "age": float})
    assert written["class"].tolist() == classifier.predict(rows).tolist()
    assert written.id.tolist() == new.id.tolist()
    # Oversampled to equal shares, and moved back to those of the training rows.
    share = (pd.read_csv("train.csv").label == "ill").mean()
    proba = classifier.predict_proba(rows)[:, list(classifier.classes_).index("ill")]
    odds = proba / (1 - proba) * share / (1 - share)
    np.testing.assert_allclose(written["probability/ill"], odds / (1 + odds))
    shown = capsys.readouterr().out
    assert re.search(r"predictions.csv: 300 rows; predicted well \d+, ill \d+", shown)
    assert f"probabilities are for the class shares well {1 - share:.3g}, ill {share:.3g}" in shown


def test_a_runs_own_model_predicts_and_parquet_is_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    pd.read_csv("new.csv").to_parquet("new.parquet")
    assert invoke("predict", "new.csv", "model=run", "prior=trained", "out=a.csv") == 0
    assert invoke("predict", "new.parquet", "model=run/models/0", "prior=trained", "out=b.parquet") == 0
    pd.testing.assert_frame_equal(pd.read_csv("a.csv"), pd.read_parquet("b.parquet"), check_dtype=False)


def test_shares_are_given_or_estimated(capsys: pytest.CaptureFixture[str]) -> None:
    many = table(3000, 2).query("label == 'ill'").assign(place="west")
    many.to_csv("ill.csv", index=False)
    assert invoke("predict", "ill.csv", "model=model", "prior=estimate") == 0
    shown = capsys.readouterr()
    found = re.search(r"class shares estimated from (\d+) of \d+ rows: well .*, ill (\S+)\n", shown.out)
    assert int(found[1]) == len(many) and float(found[2]) > 0.9
    assert "column 'place' holds categories that the model was not trained on, in" in shown.err
    assert "columns that are not used: label" in shown.out
    assert invoke("predict", "ill.csv", "model=model", "prior={ill: .01}") == 0
    assert "class shares well 0.99, ill 0.01" in capsys.readouterr().out


def test_rows_unlike_all_that_was_trained_on_are_warned_of(capsys: pytest.CaptureFixture[str]) -> None:
    new = pd.read_csv("new.csv")
    assert invoke("predict", "new.csv", "model=model") == 0
    assert "warning" not in capsys.readouterr().err
    new.assign(age=new.age + 1000).to_csv("other.csv", index=False)
    assert invoke("predict", "other.csv", "model=model") == 0
    warned = capsys.readouterr().err
    assert "values lie outside the range the model was trained on, in 'age' (300 of 300 rows)" in warned


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        (["model=model"], "predict needs one file"),
        (["new.csv"], "predict needs a model: model= names its folder"),
        (["new.csv", "model=gone"], "there is no folder gone"),
        (["new.csv", "model=."], ". is no saved model"),
        (["gone.csv", "model=model"], "there is no file gone.csv"),
        (["empty.csv", "model=model"], "empty.csv is empty"),
        (["head.csv", "model=model"], "head.csv has no rows"),
        (["less.csv", "model=model"], "less.csv lacks the column 'age'; it has"),
        (["text.csv", "model=model"], "column 'lab' must hold numbers, as in training, and has 'high' in row 3"),
        (["new.csv", "model=model", "out=new.csv"], "out=new.csv is the file that is read"),
        (["new.csv", "model=model", "out=p.json"], "out=p.json ends in neither .csv nor .parquet"),
        (["new.csv", "model=model", "prior={il: .3}"], "names 'il', which the model does not know; did you mean ill?"),
        (["new.csv", "model=model", "prior=soon"], "prior"),
        (["new.csv", "model=model", "keep=[name]"], "lacks the column 'name'"),
        (["new.csv", "model=models:/churn@champion"], "no MLflow database mlflow.db here; uri= names another"),
        (["new.csv", "model=half"], "half is not whole: model.skops is missing"),
        (["new.csv", "model=later"], "later has format 2, and imbalance_lab"),
        (["new.csv", "model=disguised"], "model.skops is no model in skops' format, whatever its name says"),
    ],
)  # fmt: skip
def test_what_cannot_be_predicted_is_one_line_and_writes_nothing(typed: list[str], reason: str, tmp_path: Path) -> None:
    Path("empty.csv").write_text("")
    Path("head.csv").write_text("lab,age,place\n")
    new = pd.read_csv("new.csv")
    new.drop(columns="age").to_csv("less.csv", index=False)
    new.assign(lab=new.lab.astype(object).where(new.index != 2, "high")).to_csv("text.csv", index=False)
    lab.load("model").save("half")
    (tmp_path / "half" / "model.skops").unlink()
    lab.load("model").save("later")
    edit(tmp_path / "later", lambda manifest: manifest.update(format=2))
    lab.load("model").save("disguised")
    (tmp_path / "disguised" / "model.skops").write_bytes(pickle.dumps(Owned()))
    rehash(tmp_path / "disguised")
    before = {file: file.stat().st_mtime_ns for file in tmp_path.iterdir()}
    line = str(invoke("predict", *typed))
    assert line.startswith("error: ") and "\n" not in line
    assert reason in line
    assert {file: file.stat().st_mtime_ns for file in tmp_path.iterdir()} == before


@pytest.mark.parametrize("estimator", ["em", "bcts_em", "bbse"])
def test_a_decision_by_the_shares_of_a_file_is_the_same_in_parts(estimator: str, monkeypatch) -> None:
    """The file is sorted by class, so that each part by itself has other shares than the whole."""
    decision = lab.option("decision", "prior_correction", target="estimate", estimator=estimator)
    train, new = pd.read_csv("train.csv"), table(900, 5).sort_values("label", ignore_index=True)
    classifier = lab.Classifier("none", "logreg", decision=decision).fit(train.drop(columns="label"), train.label)
    classifier.save("shares")
    new.to_csv("sorted.csv", index=False)
    rows = new.drop(columns="label")
    whole = classifier.predict(rows)
    sizes, log_proba = [], lab.Classifier.log_proba
    monkeypatch.setattr(predict, "Chunks", partial(predict.Chunks, rows=100))
    monkeypatch.setattr(lab.Classifier, "log_proba", lambda *given: sizes.append(len(given[1])) or log_proba(*given))
    assert invoke("predict", "sorted.csv", "model=shares") == 0
    assert len(sizes) >= 2 * 5
    assert pd.read_csv("predictions.csv")["class"].tolist() == whole.tolist()
    alone = np.concatenate([classifier.predict(rows[at : at + 100]) for at in range(0, 900, 100)])
    assert (alone != whole).any()


def test_a_threshold_that_no_score_reaches_leaves_no_model() -> None:
    typed = ["decision=fixed_threshold", "decision.threshold=0.9999999"]
    given = ["train.csv", "target=label", "model=logreg", *RUN[1:], "hydra.run.dir=high", "save_model=true", *typed]
    line = str(invoke(*given))
    assert line.startswith("error: ") and "\n" not in line
    assert "no score reaches decision.threshold=0.9999999: the highest probability of the class on" in line
    assert not [file for file in Path("high").rglob("*") if file.suffix in (".skops", ".npz")]
    line = str(invoke("refit", "run=high", "out=refitted"))
    assert "holds no finished run" in line and "\n" not in line
    assert not Path("refitted").exists()


def test_refit_trains_on_all_rows_and_says_how_it_decides(capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke("refit", "run=run", "out=all") == 0
    shown = capsys.readouterr().out
    assert "trained on all 400 rows" in shown
    assert "decision: ill from a probability of 0.5\n" in shown
    assert "next: python -m imbalance_lab predict new.csv model=all" in shown
    assert json.loads(Path("all/manifest.json").read_text())["class_table"][0]["train_rows"] + (
        json.loads(Path("all/manifest.json").read_text())["class_table"][1]["train_rows"]
    ) == 400  # fmt: skip


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ([], "refit needs a run: run="),
        (["run=gone"], "gone holds no finished run"),
        (["run=model"], "model holds no finished run"),
        (["run=run", "alias=champion"], "register= names it"),
        (["run=run", "out=thesis"], "thesis is there and no saved model"),
        (["run=0123456789abcdef0123456789abcdef"], "no MLflow database mlflow.db here"),
    ],
)
def test_what_cannot_be_refitted_is_one_line(typed: list[str], reason: str) -> None:
    Path("thesis").mkdir()
    Path("thesis/thesis.tex").write_text("mine")
    line = str(invoke("refit", *typed))
    assert line.startswith("error: ") and "\n" not in line and reason in line


def test_data_that_have_changed_are_not_refitted(trained: Path) -> None:
    changed = pd.read_csv("train.csv")
    changed.loc[0, "age"] += 1
    Path("train.csv").unlink()
    changed.to_csv("train.csv", index=False)
    record = json.loads((trained / "run" / "record.json").read_text())
    Path("other").mkdir()
    Path("other/record.json").write_text(json.dumps(record))
    assert "the data of 'train' have changed since the run was made" in str(invoke("refit", "run=other"))


@pytest.mark.parametrize("command", ["predict", "refit"])
def test_help_fits_a_terminal(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(command, "--help") == 0
    assert max(map(len, capsys.readouterr().out.splitlines()[1:])) <= 90


@pytest.mark.slow
def test_memory_does_not_grow_with_the_file(trained: Path) -> None:
    rng = np.random.default_rng(0)
    peaks = []
    for rows in (200_000, 2_000_000):
        frame = {"lab": rng.standard_normal(rows), "age": rng.integers(20, 90, rows), "place": ["north"] * rows}
        pd.DataFrame(frame).to_parquet("big.parquet", row_group_size=100_000)
        code = (
            "import re, sys; from imbalance_lab.app import cli\n"
            "try: cli.main(['predict', 'big.parquet', 'model=model', 'out=big.csv'])\n"
            "except SystemExit as stop: assert not stop.code, stop.code\n"
            "print(int(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1]) // 1024)"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr[-2000:]
        peaks.append(int(done.stdout.splitlines()[-1]))
    assert len(pd.read_csv("big.csv", usecols=["class"])) == 2_000_000
    assert peaks[1] < peaks[0] + 50, peaks  # MB; the table alone has ten times as much as before, 48 MB more
