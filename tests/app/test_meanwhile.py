"""What happens while something else is going on: a send that is killed, a comparison of a sweep that is written."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import chdir
from functools import cache
from pathlib import Path

import pytest
from mlflow import MlflowClient

from tests.app.stops import Moment, statuses, stop_at
from tests.conftest import TINY, invoke

pytestmark = pytest.mark.slow

RUNS = 4
SWEEP = ("-m", *TINY, "model=logreg", "strategy=none,inv_freq", "seed=0,1", "hydra.sweep.dir=runs")
MOMENTS = {
    "creating the database": Moment("alembic.runtime.migration", "HeadMaintainer.update_to_step", 12),
    "sending files": Moment("imbalance_lab.tracking.bulk", "attach", 2),
    "in the middle of a run's files": Moment(
        "mlflow.store.artifact.local_artifact_repo", "LocalArtifactRepository.log_artifact", 7
    ),
    "writing runs": Moment("imbalance_lab.tracking.bulk", "_insert"),
    "in the middle of their rows": Moment("imbalance_lab.tracking.bulk", "_into", 4),
    "after they were written": Moment("imbalance_lab.tracking.deliver", "forget", 2),
}
WITH_MODELS = {  # which MLflow's client sends
    "creating a run": Moment("imbalance_lab.tracking.tracker", "MlflowTracker._create", 2),
    "sending its metrics": Moment("imbalance_lab.tracking.tracker", "MlflowTracker._flush", 2),
    "sending its files": Moment("imbalance_lab.tracking.tracker", "MlflowTracker._attach", 2),
    "closing it": Moment("mlflow.store.tracking.sqlalchemy_store", "SqlAlchemyStore.update_run_info", 2),
}


def metrics_and_files(store: Path) -> dict[str, tuple[dict[str, float], set[str]]]:
    """Return what a store holds of each finished run, by its name."""
    client = MlflowClient(f"sqlite:///{store}")
    ids = [experiment.experiment_id for experiment in client.search_experiments()]
    runs = [run for run in client.search_runs(ids, "tags.outcome = 'finished'") if "config_hash" in run.data.tags]
    found = {
        run.info.run_name: (run.data.metrics, {file.path for file in client.list_artifacts(run.info.run_id)})
        for run in runs
    }
    assert len(found) == len(runs), "a run was sent twice"
    return found


Sent = Callable[[bool], Path]


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> Sent:
    """Makes a folder with a store, to which the runs below ``runs`` were sent without being disturbed."""

    @cache
    def _sent(models: bool) -> Path:
        folder = tmp_path_factory.mktemp("sent")
        with chdir(folder):
            assert invoke(*SWEEP, f"save_model={str(models).lower()}") == 0
            assert invoke("send", "runs", "uri=sqlite:///mlflow.db") == 0
        return folder

    return _sent


@pytest.mark.parametrize("stage", [*MOMENTS, *WITH_MODELS])
def test_what_is_sent_after_a_send_was_killed_is_whole_and_there_once(stage: str, sent: Sent, tmp_path: Path) -> None:
    runs = sent(stage in WITH_MODELS)
    typed = ["send", str(runs / "runs"), "uri=sqlite:///mlflow.db"]
    stopped = stop_at((MOMENTS | WITH_MODELS)[stage], signal.SIGKILL, ["-m", "imbalance_lab", *typed], tmp_path)
    assert stopped.status == -signal.SIGKILL, stopped.shown
    assert invoke(*typed) == 0
    undisturbed = metrics_and_files(runs / "mlflow.db")
    assert len(undisturbed) == RUNS
    assert metrics_and_files(tmp_path / "mlflow.db") == undisturbed
    assert set(statuses(tmp_path / "mlflow.db")) == {"FINISHED"}


@pytest.fixture
def sweeping(store: Path, tmp_path: Path) -> Iterator[subprocess.Popen]:
    """A sweep of 24 runs that has begun, which are written into ``runs`` and sent to the store."""
    typed = [one for one in SWEEP if one not in ("tracking=none", "seed=0,1")]
    command = [sys.executable, "-m", "imbalance_lab", *typed, "seed=range(12)"]
    with open(tmp_path / "shown", "w") as shown:
        process = subprocess.Popen(command, cwd=tmp_path, stdout=shown, stderr=shown)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("where", ["uri=sqlite:///mlflow.db", "folder=runs"])
def test_a_sweep_can_be_compared_while_it_is_written(
    where: str, sweeping: subprocess.Popen, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    seen: list[int] = []
    while sweeping.poll() is None:
        status = invoke("compare", where, "format=json")
        shown = capfd.readouterr()
        assert "Traceback" not in shown.out + shown.err
        if status == 0:
            seen.append(shown.out.count('"strategy"'))
        else:
            assert isinstance(status, str) and "\n" not in status
            assert any(part in status for part in ("no finished runs", "there is no folder", "there is no file")), (
                status
            )
    assert sweeping.returncode == 0, (tmp_path / "shown").read_text()
    assert seen, "the sweep was over before it was compared"
    assert len(metrics_and_files(tmp_path / "mlflow.db")) == 24
    assert "RUNNING" not in statuses(tmp_path / "mlflow.db")
