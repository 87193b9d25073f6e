"""Whatever a sweep is doing when it is stopped, nothing is left RUNNING and no process stays behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from mlflow import MlflowClient

from imbalance_lab.tracking.read import read_runs
from tests.conftest import TINY

TRACKED = [typed for typed in TINY if typed != "tracking=none"]
SWEEP = ["-m", *TRACKED, "model=logreg", "strategy=none,inv_freq", "seed=0,1"]

# Runs the command line with one function that stops to wait for a signal, which something may swallow.
WAITING = """
import importlib, sys, time
from pathlib import Path
where, name, swallow = sys.argv[1:4]
owner = importlib.import_module(where)
for part in name.split(".")[:-1]:
    owner = getattr(owner, part)
name = name.split(".")[-1]
real = getattr(owner, name)
def waiting(*args, **settings):
    Path("waiting").touch()
    try:
        for _ in range(600):
            time.sleep(0.1)
    except BaseException:
        if swallow != "True":
            raise
    return real(*args, **settings)
setattr(owner, name, waiting)
from imbalance_lab.app.cli import main
main(sys.argv[4:])
"""
STAGES = {
    "loading": ("imbalance_lab.runs.run", "load"),
    "training": ("imbalance_lab.runs.run", "fit"),
    "recording": ("imbalance_lab.runs.run", "write_record"),
    "sending": ("imbalance_lab.tracking.tracker", "MlflowTracker._send"),
    "comparing": ("imbalance_lab.comparison", "compare"),
    "writing the page": ("imbalance_lab.comparison", "Comparison.to_html"),
    "closing": ("imbalance_lab.tracking.parent", "_describe"),
    "saving views": ("imbalance_lab.tracking.parent", "save_view"),
}


def statuses(store: Path) -> list[str]:
    client = MlflowClient(f"sqlite:///{store}")
    ids = [experiment.experiment_id for experiment in client.search_experiments()]
    return [run.info.status for run in client.search_runs(ids)]


def wait_for(condition, seconds: float = 120) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.1)
    return bool(condition())


@pytest.mark.slow
@pytest.mark.parametrize("swallow", [False, True])
@pytest.mark.parametrize("stage", STAGES)
def test_a_sweep_that_is_stopped_leaves_nothing_running(stage: str, swallow: bool, store: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", WAITING, *STAGES[stage], str(swallow), *SWEEP]
    process = subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    assert wait_for((tmp_path / "waiting").exists)
    process.send_signal(signal.SIGTERM)
    shown, _ = process.communicate(timeout=120)
    assert process.returncode != 0, shown
    assert "Traceback" not in shown
    assert "RUNNING" not in statuses(store), shown
    assert "KILLED" in statuses(store), shown


@pytest.mark.slow
@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGKILL])
def test_workers_end_with_the_process_that_started_them(stop: signal.Signals, store: Path, tmp_path: Path) -> None:
    typed = ["-m", *TRACKED, "model=linear", "training.epochs=1000000", "training.patience=null", "seed=0,1"]
    typed += ["hydra/launcher=parallel", "hydra.launcher.n_jobs=2"]
    typed = [text for text in typed if text != "training.epochs=2"]
    process = subprocess.Popen([sys.executable, "-m", "imbalance_lab", *typed], cwd=tmp_path, stderr=subprocess.DEVNULL)
    assert wait_for(lambda: statuses(store).count("RUNNING") == 3)
    workers = psutil.Process(process.pid).children(recursive=True)
    assert len(workers) >= 2
    process.send_signal(stop)
    process.wait(timeout=60)
    _, alive = psutil.wait_procs(workers, timeout=30)
    assert alive == []
    left = statuses(store)
    assert left.count("RUNNING") == (1 if stop == signal.SIGKILL else 0)  # the parent run, for which nobody is left


@pytest.mark.slow
@pytest.mark.parametrize("launcher", [[], ["hydra/launcher=parallel", "hydra.launcher.n_jobs=2"]])
def test_a_sweep_killed_at_any_moment_is_completed_by_the_next(launcher: list[str], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "imbalance_lab", *SWEEP, "resume=true", *launcher]
    for moment in np.random.default_rng(1).uniform(0.5, 12, size=6):  # the database does not exist at first
        process = subprocess.Popen(
            command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        try:
            process.wait(timeout=moment)
        except subprocess.TimeoutExpired:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
    shown = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert "strategies" in shown or "inv_freq" in shown
    runs = read_runs(f"sqlite:///{tmp_path}/mlflow.db", "balanced_accuracy").runs
    finished = runs.name[runs.outcome == "finished"]
    assert sorted(finished) == sorted(f"{name} logreg seed={seed}" for name in ("none", "inv_freq") for seed in (0, 1))
    assert "RUNNING" not in statuses(tmp_path / "mlflow.db")
