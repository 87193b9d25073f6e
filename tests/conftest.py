from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.pop("MLFLOW_TRACKING_URI", None)
if "PYTEST_XDIST_WORKER" in os.environ:  # processes beside each other: their threads would wait for one another
    os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
from hydra.core.global_hydra import GlobalHydra
from omegaconf import DictConfig, OmegaConf

from imbalance_lab import options, process
from imbalance_lab.app import cli, launch, sweep
from imbalance_lab.app.border import job_of
from imbalance_lab.app.config import compose
from imbalance_lab.runs.observers import Observer

# Few rows, few epochs, nothing written but the record: what most runs of the tests need.
TINY = (
    "tracking=none",
    "dataset=synthetic",
    "dataset.rows=240",
    "dataset.priors={a: 0.6, b: 0.3, c: 0.1}",
    "training.epochs=2",
    "evaluation.resamples=200",
    "evaluation.figures=false",
)


def replaced(defaults: Sequence[str], overrides: Sequence[str]) -> list[str]:
    """Put `overrides` in the place of the defaults of the same key (mappings would be merged otherwise)."""
    given = {override.split("=")[0] for override in overrides}
    kept = [default for default in defaults if default.split("=")[0] not in given]
    if any(override.startswith("dataset=") and override != "dataset=synthetic" for override in overrides):
        kept = [default for default in kept if not default.startswith("dataset.")]
    return [*kept, *overrides]


def built(config: DictConfig, group: str) -> Any:
    """Make what the option of a group stands for, in a resolved configuration."""
    job = job_of(config)
    if group == "tuning":
        return options.make(group, config.options.tuning, OmegaConf.to_container(config.tuning)).build()
    return (job.tracking if group == "tracking" else job.identity.options[group]).build()


def invoke(*arguments: str) -> int | str:
    """Run the command line in this process and return its exit status (0, or what sys.exit was given)."""
    before, argv = os.environ.copy(), sys.argv
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    sys.argv = ["imbalance_lab", *arguments]
    try:
        cli.main()
    except SystemExit as stop:
        return stop.code or 0
    finally:
        sys.argv = argv
        os.environ.clear()
        os.environ.update(before)
        for number, handler in handlers.items():
            signal.signal(number, handler)
        launch._errors.clear()
        sweep._failed.clear()
        sweep._lacking.clear()
        GlobalHydra.instance().clear()
    return 0


def records(folder: Path) -> list[dict]:
    return [
        json.loads(file.read_text())
        for file in [*folder.glob("outputs/*/*/record.json"), *sorted(folder.glob("multirun/*/*/*/record.json"))]
    ]


@pytest.fixture(scope="session", autouse=True)
def _session() -> Iterator[None]:
    """Share data, preparations and graphs among all tests, as runs of a sweep do."""
    with process.session():
        yield


@pytest.fixture(scope="session", autouse=True)
def _state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what belongs to the user's state out of their home."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def tiny(tmp_path: Path):
    """Compose a tiny run; later overrides win."""

    def _compose(*overrides: str):
        config = compose(replaced(TINY, overrides))
        config.output_dir = str(tmp_path / "run")
        return config

    return _compose


class Silent(Observer):
    """An observer that keeps what it is shown."""

    def __init__(self) -> None:
        self.tables, self.epochs, self.lines, self.record = [], [], [], None

    def classes(self, table, fold):
        self.tables.append(table)

    def progress(self, fold, epochs):
        from contextlib import nullcontext

        return nullcontext(lambda epoch, metrics: self.epochs.append((fold, epoch, dict(metrics))))

    def message(self, text):
        self.lines.append(text)

    def result(self, record, where):
        self.record = record


@pytest.fixture
def silent() -> Silent:
    return Silent()


@pytest.fixture
def run(silent):
    """Run a resolved configuration without a tracking server."""
    from imbalance_lab.runs import run as runs

    def _run(config):
        job = job_of(config)
        return runs.run(job.identity, silent, job.tracking.build(), job.folder, job.settings, job.figures)

    return _run


@pytest.fixture(scope="session")
def _migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from imbalance_lab.tracking import open_store

    store = tmp_path_factory.mktemp("store") / "mlflow.db"
    open_store(f"sqlite:///{store}")
    return store


@pytest.fixture
def store(_migrated: Path, tmp_path: Path) -> Path:
    """An empty MLflow store in the test's folder, where runs find it by default."""
    return Path(shutil.copy(_migrated, tmp_path / "mlflow.db"))
