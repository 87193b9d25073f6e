"""One job of the command line: a run on screen, on disk and in MLflow, whatever becomes of it."""

from __future__ import annotations

import os

# Before TensorFlow is imported: no start-up chatter.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")  # one order of additions, whatever the machine's kernels
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")  # an operation on a small batch is over before a thread wakes up

import traceback
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from imbalance_lab.app.config import config_hash, model_name, plain, resolve, run_name, strategy_name
from imbalance_lab.app.screen import Screen
from imbalance_lab.app.sweep import membership
from imbalance_lab.errors import AlreadyFinished, Incompatible, LabError, TrackingError
from imbalance_lab.process.signals import interrupted
from imbalance_lab.runs.files import mark_untracked, read_outcome, write_outcome
from imbalance_lab.runs.observers import Tracker
from imbalance_lab.runs.plan import build
from imbalance_lab.runs.run import run_experiment


def run_job(composed: DictConfig) -> str:
    """Run one job; in a sweep a failure is recorded and the others go on.

    Returns
    -------
    str
        ``finished``, ``skipped`` or ``failed``.

    Raises
    ------
    Exception
        In a single run, after it was recorded.
    """
    sweeping = HydraConfig.get().mode == RunMode.MULTIRUN
    folder, screen = Path(HydraConfig.get().runtime.output_dir), Screen(quiet=sweeping)
    job = Job(folder)
    try:
        job.run(composed, screen)
        return "finished"
    except AlreadyFinished as error:
        job.end("already finished", str(error))
        if not sweeping:
            screen.say(str(error))
        return "already finished"
    except TrackingError as error:  # the record is complete
        job.end("finished", str(error))
        failure: Exception = error
    except Incompatible as error:
        job.end("skipped", str(error))
        if sweeping:
            screen.skipped(job.name, str(error))
            return "skipped"
        failure = error
    except Exception as error:
        if interrupted():
            job.end("killed", "interrupted")
            raise KeyboardInterrupt from error
        job.end("failed", explain(error), traceback.format_exc())
        failure = error
    except BaseException as error:  # Ctrl-C, a signal, a closed pipe
        job.end("killed", str(error) or type(error).__name__)
        raise
    if not sweeping:
        raise failure
    screen.warn(f"{job.name}: {explain(failure)}")
    return "failed"


class Job:
    """One run, and what is left of it however it ends.

    Parameters
    ----------
    folder : Path
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.name = folder.name
        self._config: DictConfig | None = None
        self._tracker: Tracker | None = None

    def run(self, composed: DictConfig, screen: Screen) -> None:
        """Run to the end."""
        self._config = resolve(composed)
        self.name = f"{self._config.options.dataset}, {run_name(self._config)}"
        self._tracker = build(self._config, "tracking")
        if sweep := membership(self.folder.parent):
            self._tracker.join_sweep(sweep["name"], sweep["parent"])
        run_experiment(self._config, screen, self._tracker)

    def end(self, outcome: str, reason: str, details: str | None = None) -> None:
        """Record how the run ended; a record that is complete is kept and only annotated."""
        try:
            self._write(outcome, reason, details)
        finally:
            if self._tracker is not None:
                self._tracker.abort(outcome, reason, self.folder)

    def _write(self, outcome: str, reason: str, details: str | None) -> None:
        finished = (read_outcome(self.folder) or {}).get("outcome") == "finished"
        if finished:
            mark_untracked(self.folder, reason)
            return
        about: dict[str, Any] = {"name": self.name, "reason": reason}
        if self._config is not None:
            about = {"name": run_name(self._config), "reason": reason}
            about |= {"strategy": strategy_name(self._config), "model": model_name(self._config)}
            about |= {"tags": {"config_hash": config_hash(self._config)}}
            about |= {"dataset": {"name": self._config.options.dataset}, "config": plain(self._config)}
        write_outcome(self.folder, outcome, **about)
        if details:
            (self.folder / "error.txt").write_text(details)


def explain(error: Exception) -> str:
    """Return what went wrong in one line."""
    said = " ".join(str(error).split())
    return said if isinstance(error, LabError) else f"{type(error).__name__}: {said}"
