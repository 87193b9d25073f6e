"""PostgreSQL as the store, started by the test itself where its programs and a driver are installed."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
from mlflow import MlflowClient

from experiments.server.postgres import Cluster
from imbalance_lab.runs.files import read_outcome
from tests.conftest import invoke
from tests.server.conftest import TYPED

pytestmark = pytest.mark.slow


def test_a_sweep_its_report_and_a_comparison(
    database: Cluster, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    server = database.uri
    password = server.partition("mlflow:")[2].partition("@")[0]
    assert invoke("-m", *TYPED, f"tracking.uri={server}", "strategy=none,inv_freq", "seed=0,1") == 0
    shown = capfd.readouterr()
    assert "4 finished" in shown.out and "report: " in shown.out
    assert "warning" not in shown.err
    assert password not in shown.out + shown.err
    assert invoke("compare", f"uri={server}", "format=html") == 0
    assert "none has the best mean" in capfd.readouterr().out
    assert "4 runs of 2 strategies in 1 group" in (tmp_path / "comparison.html").read_text()
    again = invoke("-m", *TYPED, f"tracking.uri={server}", "strategy=none,inv_freq", "seed=0,1", "resume=true")
    assert again == 0
    assert "4 already finished" in capfd.readouterr().out
    client = MlflowClient(server)
    (experiment,) = (found for found in client.search_experiments() if found.name == "synthetic")
    assert {run.info.status for run in client.search_runs([experiment.experiment_id])} == {"FINISHED"}
    assert "mlflow.sharedViewState.strategies" in experiment.tags


def test_a_server_that_is_down_is_one_line_at_once(tmp_path: Path) -> None:
    pytest.importorskip("psycopg", reason="psycopg is not installed: pip install 'imbalance-lab[postgres]'")
    address = "postgresql+psycopg://lab:geheim@127.0.0.1:9/x"
    command = [sys.executable, "-m", "imbalance_lab", *TYPED, f"tracking.uri={address}"]
    began = time.monotonic()
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert time.monotonic() - began < 60
    assert ended.returncode != 0
    (line,) = ended.stderr.splitlines()
    assert "could not take it" in line and "127.0.0.1" in line
    assert "geheim" not in ended.stdout + ended.stderr
    assert len(line) < 700


@pytest.mark.parametrize("sweep", [["-m", "seed=0,1"], []])
def test_a_wrong_password_is_one_line_and_the_runs_can_be_sent(
    sweep: list[str], database: Cluster, tmp_path: Path
) -> None:
    head, _, tail = database.uri.partition("@")
    name = f"refused {len(sweep)}"
    typed = [*sweep, *TYPED, f"tracking.uri={head}geheim@{tail}", f"tracking.experiment={name}"]
    command = [sys.executable, "-m", "imbalance_lab", *typed]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert ended.returncode != 0
    lines = [line for line in ended.stderr.splitlines() if "send it" in line]
    assert len(lines) == 1, ended.stderr
    assert "could not take it (FATAL" in lines[0]
    assert len(ended.stderr.splitlines()) <= 2, ended.stderr  # and that the sweep has no parent run
    assert "geheim" not in ended.stdout + ended.stderr
    folder = lines[0].partition("imbalance_lab send ")[2]
    found = [file.parent for file in tmp_path.rglob("record.json")]
    assert {(read_outcome(one) or {})["outcome"] for one in found} == {"finished"}
    reasons = {(read_outcome(one) or {})["untracked"].partition("(")[2].partition(")")[0] for one in found}
    assert reasons == {'FATAL: password authentication failed for user "mlflow"'}
    assert invoke("send", folder, f"uri={database.uri}") == 0
    client = MlflowClient(database.uri)
    experiment = client.get_experiment_by_name(name)
    assert experiment is not None
    statuses = [run.info.status for run in client.search_runs([experiment.experiment_id])]
    assert statuses == ["FINISHED"] * len(found)
