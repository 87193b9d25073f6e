"""Sweeps in MLflow: their parent run, what is left out the second time, and what a killed process leaves behind."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient

from imbalance_lab import process
from imbalance_lab.comparison import Settings, compare
from imbalance_lab.comparison.answer import VERBS
from imbalance_lab.tracking.parent import close_dead, is_dead, process_tags
from imbalance_lab.tracking.read import read_runs
from tests.conftest import TINY, invoke

TRACKED = [*(typed for typed in TINY if typed != "tracking=none"), "model=logreg"]


@pytest.fixture
def client(store: Path) -> MlflowClient:
    return MlflowClient(f"sqlite:///{store}")


def runs(client: MlflowClient, experiment: str = "synthetic") -> list:
    found = client.get_experiment_by_name(experiment)
    return client.search_runs([found.experiment_id], order_by=["attributes.start_time"]) if found else []


def children(client: MlflowClient) -> list:
    return [run for run in runs(client) if "sweep_parent" not in run.data.tags]


def test_a_sweep_has_a_parent_run_that_counts_its_jobs(client: MlflowClient, capsys) -> None:
    assert invoke("-m", *TRACKED, "strategy=none,focal", "seed=range(2)") == 0
    (parent,) = (run for run in runs(client) if "sweep_parent" in run.data.tags)
    assert parent.info.status == "FINISHED"
    best = {"best/strategy": "none", "best/model": "logreg"}
    assert parent.data.params == {"sweep/strategy": "none,focal", "sweep/seed": "0,1"} | best
    logged = [run.data.metrics for run in children(client) if run.info.status == "FINISHED"]
    assert set(parent.data.metrics) == {"test/balanced_accuracy", *(f"test/recall/{name}" for name in "abc")}
    for key, value in parent.data.metrics.items():
        assert value == pytest.approx(np.mean([metrics[key] for metrics in logged]), abs=1e-12)
    assert parent.info.run_name == f"best mean none {parent.data.metrics['test/balanced_accuracy']:.3f}"
    verdict, *table, report, counts = filter(None, parent.data.tags["mlflow.note.content"].splitlines())
    assert verdict.startswith("synthetic, logreg: Best mean: none. Nothing else was run. none has the best mean, 0.727")
    assert table[0] == "| strategy | model | dataset | runs | balanced accuracy | recall c | recall b | recall a |"
    assert table[2].startswith("| none | logreg | synthetic | 2 | 0.727 |")
    assert report == f"[Report](#/experiments/1/runs/{parent.info.run_id}/artifacts/comparison.html)"
    assert counts == "2 finished, 2 skipped"
    assert [artifact.path for artifact in client.list_artifacts(parent.info.run_id)] == ["comparison.html"]
    for run in children(client):
        assert run.data.tags["mlflow.parentRunId"] == parent.info.run_id
        assert run.data.tags["sweep"] == parent.data.tags["sweep"]
        assert "class_weight._target_" in run.data.params  # nothing depends on nesting
    shown = capsys.readouterr().out
    assert "4 runs" in shown
    assert "2 finished, 2 skipped" in shown
    key = parent.data.tags["sweep"]
    link = f"http://localhost:5000/#/experiments/1/runs?viewStateShareKey={key}&workflowType=machine_learning"
    assert shown.splitlines()[-1] == f"browse: mlflow ui, then {link}"
    tags = client.get_experiment("1").tags
    assert {tag.removeprefix("mlflow.sharedViewState.") for tag in tags if "View" in tag} == {"strategies", key}
    first = tags["mlflow.note.content"].splitlines()[0]
    path = link.partition("5000/")[2]
    assert first.startswith(
        f"Best mean: **none**. [Strategies]({path}) balanced accuracy (recall of c): **none 0.727 ("
    )


def test_a_sweep_without_mlflow_ends_with_its_comparison(tmp_path: Path, capsys) -> None:
    assert invoke("-m", *TINY, "model=logreg", "strategy=none,inv_freq,focal", "seed=range(2)") == 0
    shown = capsys.readouterr().out
    assert "4 finished, 2 skipped" in shown
    assert any(f"\n{verb} {name}. " in shown for verb in VERBS for name in ("none", "inv_freq"))
    assert "focal cannot train model=logreg" in shown
    (page,) = (tmp_path / "multirun").rglob("comparison.html")
    assert f"report: {page}" in shown
    assert "4 runs of 2 strategies in 1 group" in page.read_text()
    assert not (tmp_path / "mlflow.db").exists()


def test_runs_show_what_is_swept_also_where_it_is_as_in_the_options_file(capsys) -> None:
    assert invoke("-m", *TINY, "strategy=focal", "loss.gamma=1,2", "seed=0,1") == 0
    shown = capsys.readouterr().out
    lines = [line for line in shown.splitlines() if "seed=" in line and ": balanced" in line]
    names = [line.partition(", ")[2].partition(":")[0] for line in lines]
    assert names == [f"focal(gamma={gamma}) mlp seed={seed}" for gamma in (1, 2) for seed in (0, 1)]
    assert {line.split()[0] for line in shown.splitlines() if re.match(r"focal\S* ", line)} == {
        "focal(gamma=1)",
        "focal(gamma=2)",
    }


def test_a_comparison_is_of_the_sweeps_own_runs(client: MlflowClient, tmp_path: Path, capsys) -> None:
    assert invoke("-m", *TRACKED, "strategy=none,smote") == 0
    assert invoke("-m", *TRACKED, "strategy=none,inv_freq") == 0
    shown = capsys.readouterr().out.partition("2 finished")[2].partition("2 finished")[2]
    assert "inv_freq" in shown
    assert "smote" not in shown and "ran again later" not in shown
    pages = sorted((tmp_path / "multirun").rglob("comparison.html"), key=lambda file: file.stat().st_mtime)
    last = {run.info.run_id for run in children(client)[-2:]}
    assert {run for run in last if f"/runs/{run}" in pages[-1].read_text()} == last


def test_a_sweep_over_datasets_has_its_parent_in_an_experiment_of_its_own(client: MlflowClient) -> None:
    typed = ["training.epochs=2", "evaluation.resamples=200", "evaluation.figures=false", "model=logreg"]
    assert invoke("-m", *typed, "dataset=breast_cancer,wine_lt") == 0
    assert [run.data.tags["sweep_parent"] for run in runs(client, "sweeps")] == ["true"]


def test_a_pattern_is_a_sweep_too(client: MlflowClient, capsys) -> None:
    assert invoke("-m", *TRACKED, "strategy=glob(inv_*)") == 0
    (parent,) = (run for run in runs(client) if "sweep_parent" in run.data.tags)
    assert parent.data.params["sweep/strategy"] == "inv_freq,inv_power"
    assert "2 finished" in capsys.readouterr().out


def test_failures_are_named_in_the_parent(client: MlflowClient) -> None:
    assert invoke("-m", *TRACKED, "model.estimator.C=1,-1") == 1
    (parent,) = (run for run in runs(client) if "sweep_parent" in run.data.tags)
    assert parent.info.status == "FAILED"
    assert "The 'C' parameter of LogisticRegression must be" in parent.data.tags["mlflow.note.content"]
    (failed,) = (run for run in children(client) if run.info.status == "FAILED")
    assert "error.txt" in {artifact.path for artifact in client.list_artifacts(failed.info.run_id)}


@pytest.mark.parametrize("sweep", [["-m", "seed=0,1"], []])
def test_a_mistake_found_before_training_is_no_run_in_mlflow(sweep: list[str], client: MlflowClient, capsys) -> None:
    mistaken = ["decision=tuned_threshold", "split.validation=0"]
    assert invoke(*sweep, *TRACKED, *mistaken) != 0
    assert children(client) == []
    if sweep:
        (parent,) = runs(client)
        assert "split.validation=0; set split.validation=0.2" in parent.data.tags["mlflow.note.content"]
    assert invoke(*TRACKED, "decision=tuned_threshold") == 0
    capsys.readouterr()
    assert invoke("compare") == 0
    assert "Not finished" not in capsys.readouterr().out


def test_a_run_that_failed_alone_is_not_listed_beside_later_runs_of_its_data(client: MlflowClient, capsys) -> None:
    assert invoke(*TRACKED, "model.estimator.C=-1") != 0
    assert invoke(*TRACKED) == 0
    capsys.readouterr()
    assert invoke("compare") == 0
    assert "Not finished" not in capsys.readouterr().out
    assert invoke(*TRACKED, "model.estimator.C=-2") != 0
    capsys.readouterr()
    assert invoke("compare") == 0
    assert "C=-2" in capsys.readouterr().out.partition("Not finished")[2]


def test_resume_runs_only_what_is_missing(client: MlflowClient, capsys) -> None:
    assert invoke("-m", *TRACKED, "strategy=none,focal", "seed=0,1") == 0
    before = len(children(client))
    assert invoke("-m", *TRACKED, "strategy=none,focal,inv_freq", "seed=0,1", "resume=true") == 0
    assert "2 finished, 4 already finished" in capsys.readouterr().out
    assert [run.data.tags["strategy"] for run in children(client)[before:]] == ["inv_freq", "inv_freq"]
    page = max(Path("multirun").rglob("comparison.html"), key=lambda file: file.stat().st_mtime).read_text()
    assert "4 runs of 2 strategies in 1 group" in page  # with those of the sweep before
    assert invoke(*TRACKED, "strategy=none", "seed=1", "resume=true") == 0
    assert "has finished before" in capsys.readouterr().out
    assert len(children(client)) == before + 2


def test_resuming_in_the_same_folder_keeps_the_records_of_finished_runs(
    client: MlflowClient, tmp_path: Path, capsys
) -> None:
    sweep = ("-m", *TRACKED, "strategy=none,inv_freq", "hydra.sweep.dir=swept")
    assert invoke(*sweep, "seed=0,1") == 0
    records = {file: file.read_bytes() for file in sorted(Path("swept").glob("*/record.json"))}
    assert len(records) == 4
    for seeds, counts in (("0,1", "4 already finished"), ("0,1", "4 already finished"), ("0,1,2", "2 finished, 4 ")):
        capsys.readouterr()
        assert invoke(*sweep, f"seed={seeds}", "resume=true") == 0
        shown = capsys.readouterr().out
        assert counts in shown
        assert "none" in shown.partition(counts)[2] and "inv_freq" in shown.partition(counts)[2]  # they are compared
        if seeds == "0,1":
            assert {file: file.read_bytes() for file in records} == records
    assert invoke("compare", "folder=swept") == 0
    assert len(children(client)) == 6


def test_resuming_counts_the_runs_of_other_versions_that_it_does_not_count(
    client: MlflowClient, capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process._sessions, "caches", {})  # of a process of its own
    assert invoke("-m", *TRACKED, "strategy=none", "seed=0,1") == 0
    for run in children(client):
        client.set_tag(run.info.run_id, "version/imbalance_lab", "0.1.0")
    capsys.readouterr()
    assert invoke("-m", *TRACKED, "strategy=none", "seed=0,1", "resume=true") == 0
    printed = capsys.readouterr()
    note = "not 2 finished runs of other versions"
    assert (printed.out + printed.err).count(note) == 1
    assert "2 finished" in printed.out


@pytest.mark.parametrize("changed", [["evaluation.resamples=201"], ["dataset.seed=1"], ["seed=5"]])
def test_another_configuration_is_another_run(changed: list[str], client: MlflowClient) -> None:
    assert invoke(*TRACKED, "resume=true") == 0
    kept = [typed for typed in TRACKED if typed.split("=")[0] != changed[0].split("=")[0]]
    assert invoke(*kept, *changed, "resume=true") == 0
    assert len(runs(client)) == 2


def test_other_data_under_the_same_name_are_run_again(client: MlflowClient, tmp_path: Path) -> None:
    typed = [
        "dataset=csv",
        "dataset.path=t.csv",
        "dataset.target=y",
        "model=logreg",
        "evaluation.figures=false",
        "resume=true",
    ]
    for shift in (0, 0, 1):
        rows = "".join(f"{(i * 7 + shift) % 13},{'b' if i % 5 == 0 else 'a'}\n" for i in range(60))
        (tmp_path / "t.csv").write_text("x,y\n" + rows)
        assert invoke(*typed) == 0
    assert len(runs(client, "t")) == 2


def test_runs_of_dead_processes_are_closed_and_others_left_alone(client: MlflowClient) -> None:
    experiment = client.create_experiment("leftovers")
    ended = subprocess.run(
        [sys.executable, "-c", "from imbalance_lab.tracking.parent import process_tags as p; print(p()['process'])"],
        capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    processes = {"dead": ended, "mine": process_tags()["process"], "elsewhere": "another-host/1/1", "unknown": ""}
    ids = {name: client.create_run(experiment, tags={"process": p}).info.run_id for name, p in processes.items()}
    assert close_dead(client, [experiment]) == [ids["dead"]]
    assert client.get_run(ids["dead"]).info.status == "KILLED"
    assert {client.get_run(ids[name]).info.status for name in ("mine", "elsewhere", "unknown")} == {"RUNNING"}
    assert not is_dead(process_tags()["process"])


@pytest.mark.slow
def test_jobs_side_by_side_give_the_bits_of_jobs_in_a_row(client: MlflowClient, tmp_path: Path) -> None:
    typed = [
        *(t for t in TRACKED if not t.startswith("model=")),
        "strategy=none,smote",
        "model=mlp,logreg,random_forest",
    ]
    found = []
    for launcher in ([], ["hydra/launcher=parallel", "hydra.launcher.n_jobs=2"]):
        command = [sys.executable, "-m", "imbalance_lab", "-m", *typed, *launcher]
        shown = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
        assert "6 finished" in shown
        found.append(children(client)[-6:])
    in_a_row, side_by_side = (
        {run.info.run_name: {k: v for k, v in run.data.metrics.items() if not k.startswith("timing/")} for run in runs}
        for runs in found
    )
    assert in_a_row == side_by_side
    assert len({run.data.tags["process"] for run in found[1]}) == 1  # one writes for all that compute


@pytest.mark.slow
def test_a_sweep_killed_ten_times_gives_the_table_of_one_that_was_not(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "imbalance_lab", "-m", *TRACKED]
    command += ["strategy=none,inv_freq,smote", "seed=range(20)", "resume=true"]
    moments = np.random.default_rng(0).uniform(1, 12, size=10)  # seconds; before, in and between runs
    results = {}
    for kills in (0, 10):
        folder = tmp_path / str(kills)
        folder.mkdir()
        for moment in moments[:kills]:
            process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=moment)
            process.kill()
            process.wait()
        shown = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout
        assert "inv_freq" in shown  # the comparison, of earlier sweeps' runs too
        table = read_runs(f"sqlite:///{folder}/mlflow.db", "balanced_accuracy")
        assert (table.runs.outcome == "finished").sum() == 60  # one of each cell
        assert not (table.runs.outcome == "running").any()
        (one,) = compare(table, Settings()).compared
        results[kills] = one.table.drop(columns="timing/fit"), sorted(table.runs.name[table.runs.outcome == "finished"])
    pd.testing.assert_frame_equal(results[0][0], results[10][0], check_exact=True)
    assert results[0][1] == results[10][1]
    assert len(set(results[0][1])) == 60


@pytest.mark.slow
def test_eight_sweeps_start_at_once_where_there_is_nothing_yet(tmp_path: Path) -> None:
    def start(seed: int) -> subprocess.Popen:
        command = [sys.executable, "-m", "imbalance_lab", "-m", *TRACKED, "strategy=none,inv_freq", f"seed={seed}"]
        return subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    sweeps = [start(seed) for seed in range(8)]
    shown = [sweep.communicate(timeout=300)[0] for sweep in sweeps]
    assert [sweep.returncode for sweep in sweeps] == [0] * 8, shown
    table = read_runs(f"sqlite:///{tmp_path}/mlflow.db", "balanced_accuracy")
    assert (len(table.runs), set(table.runs.outcome)) == (16, {"finished"})
    assert table.runs.sweep.nunique() == 8


def test_the_process_that_sends_has_the_environment_of_runs(store: Path, tmp_path: Path) -> None:
    script = """
import os
from imbalance_lab import process
from imbalance_lab.app import cli
from imbalance_lab.tracking.sending import starting
real = starting._start
def started():
    assert {key: os.environ[key] for key in process.MLFLOW} == process.MLFLOW
    print("as in runs", flush=True)
    return real()
starting._start = started
cli.main()
"""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("MLFLOW")}
    typed = [*(text for text in TINY if text != "tracking=none"), "model=logreg", "seed=0,1"]
    command = [sys.executable, "-c", script, "-m", *typed]
    ended = subprocess.run(command, cwd=tmp_path, env=clean, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert "as in runs" in ended.stdout
