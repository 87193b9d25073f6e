from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from mlflow import MlflowClient

from imbalance_lab.app.border import job_of
from imbalance_lab.app.figures import draw_all, main

NAMES = {"confusion_matrix", "precision_recall", "recall_per_class", "reliability"}


def draw(capsys, *arguments: str) -> str:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    return capsys.readouterr().out + str(ended.value.code or "")


def drawn(folder: Path) -> dict[str, bytes]:
    return {file.stem: file.read_bytes() for file in (folder / "figures").glob("*.png")}


@pytest.mark.parametrize(
    "typed", [("model=linear",), ("model=logreg", "split=cv", "split.folds=3"), ("model=logreg", "dataset=two_labels")]
)
def test_figures_drawn_later_are_those_the_run_would_have_drawn(typed, tiny, run, capsys) -> None:
    config = tiny(*typed, "evaluation.figures=true")
    run(config)
    folder = Path(config.output_dir)
    at_once = drawn(folder)
    for file in (folder / "figures").iterdir():
        file.unlink()
    assert draw(capsys, str(folder)) == f"{folder}: figures of 1 run drawn\n"
    assert drawn(folder) == at_once
    assert at_once


def test_figures_of_a_run_in_mlflow_join_its_artifacts(tiny, run, store, capsys) -> None:
    run(tiny("tracking=mlflow", "model=logreg"))
    client = MlflowClient(f"sqlite:///{store}")
    (logged,) = client.search_runs([client.get_experiment_by_name("synthetic").experiment_id])
    before = {file.path for file in client.list_artifacts(logged.info.run_id)}
    capsys.readouterr()
    with pytest.raises(SystemExit):
        main([logged.info.run_id])
    shown = capsys.readouterr()
    assert "among its artifacts" in shown.out
    assert "artifacts:" not in shown.err  # MLflow draws a bar for each file
    after = {file.path for file in client.list_artifacts(logged.info.run_id)}
    assert after - before == {"figures"}
    assert {Path(f.path).stem for f in client.list_artifacts(logged.info.run_id, "figures")} == NAMES


@pytest.mark.parametrize(
    ("typed", "suffixes"),
    [
        ((), {".png", ".svg"}),
        (("format=pdf,svg",), {".pdf", ".svg"}),
        (("format=[PDF]",), {".pdf"}),
    ],
)
def test_figures_are_written_in_the_formats_asked_for(typed, suffixes, tiny, run, capsys) -> None:
    config = tiny("model=logreg")
    run(config)
    draw(capsys, config.output_dir, *typed)
    files = list(Path(config.output_dir, "figures").iterdir())
    assert {file.suffix for file in files} == suffixes
    starts = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF"}
    assert all(file.read_bytes().startswith(starts[file.suffix]) for file in files)


def test_an_unknown_format_is_one_line(capsys) -> None:
    assert draw(capsys, "run", "format=jpg") == "error: format: can be any of png, svg, pdf, not 'jpg'"
    assert "not ''" in draw(capsys, "run", "format=")


def test_a_record_of_before_is_drawn(tiny, run, capsys) -> None:
    """Version 0.1.0 recorded neither offsets nor the kept epoch."""
    config = tiny("model=linear", "decision=tuned_threshold")
    run(config)
    folder = Path(config.output_dir)
    record = json.loads((folder / "record.json").read_text())
    for row in record["classes"].values():
        del row["offset"]
    for fold in record["folds"]:
        del fold["decision"]
    (folder / "record.json").write_text(json.dumps(record))
    pd.read_csv(folder / "epochs.csv").drop(columns="kept").to_csv(folder / "epochs.csv", index=False)
    assert "figures of 1 run drawn" in draw(capsys, str(folder))
    assert set(drawn(folder)) == NAMES | {"epochs"}


def test_what_cannot_be_drawn_is_one_line(tiny, run, store, tmp_path: Path, capsys) -> None:
    assert "figures needs runs" in draw(capsys)
    assert "there is no folder 'nothing', and no such run in MLflow" in draw(capsys, "nothing")
    assert "no MLflow database away.db here" in draw(capsys, "nothing", "uri=sqlite:///away.db")
    assert not Path("away.db").exists()
    assert "holds no finished run" in draw(capsys, str(tmp_path))
    for text in (json.dumps({"outcome": "failed"}), json.dumps({"outcome": "finished"}), "{}"):
        (tmp_path / "record.json").write_text(text)
        assert "holds no finished run" in draw(capsys, str(tmp_path))
    for text, reason in {"[1]": "record.json is no record of a run", "not JSON": "record.json is damaged"}.items():
        (tmp_path / "record.json").write_text(text)
        assert f"error: {reason}" in draw(capsys, str(tmp_path))
    client = MlflowClient(f"sqlite:///{store}")
    other = client.create_run(client.create_experiment("others", artifact_location=(tmp_path / "far").as_uri())).info
    assert f"run {other.run_id} in MLflow is no finished run" in draw(capsys, other.run_id)


@pytest.mark.parametrize("damage", [b"", b"PK", b"no archive"])
def test_a_damaged_record_is_one_line(damage: bytes, tiny, run, capsys) -> None:
    config = tiny("model=logreg")
    run(config)
    folder = Path(config.output_dir)
    (folder / "predictions.npz").write_bytes(damage)
    message = draw(capsys, str(folder))
    assert message == f"error: the record in {folder.name} is damaged (it is no NumPy archive); repeat the run"


def test_only_runs_of_their_own_draw_at_once(tiny) -> None:
    assert tiny("evaluation.figures=${alone:}").evaluation.figures is True
    drawn, plain = (job_of(tiny(f"evaluation.figures={each}")) for each in ("true", "false"))
    assert drawn.identity.config_hash == plain.identity.config_hash


def test_a_sweep_leaves_figures_out(store, tmp_path: Path) -> None:
    typed = ["model=logreg", "evaluation.resamples=100", "seed=0,1", "hydra.sweep.dir=swept"]
    subprocess.run([sys.executable, "-m", "imbalance_lab", "-m", *typed], check=True, stdout=subprocess.DEVNULL)
    assert len(list((tmp_path / "swept").glob("*/predictions.npz"))) == 2
    assert not list((tmp_path / "swept").rglob("*.png"))


def test_a_sweep_over_levels_of_stress_is_drawn_against_them(tmp_path: Path) -> None:
    import imbalance_lab as lab

    levels = ["none", *(lab.option("stress", "imbalance", ratio=ratio) for ratio in (30, 90))]
    lab.sweep("four_classes", ["none", "inv_freq"], "logreg", stress=levels, folder=tmp_path, progress=False)
    told = draw_all(tmp_path, ["pdf", "svg"])
    assert told == f"figures of 6 runs drawn, and 1 against stress in {tmp_path / 'figures'}"
    assert {file.suffix for file in (tmp_path / "figures").iterdir()} == {".pdf", ".svg"}
