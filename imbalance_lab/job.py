"""One job of the command line: a run on screen, on disk and in MLflow, whatever becomes of it."""

from __future__ import annotations

import os

# Before TensorFlow is imported: no start-up chatter.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")  # the same numbers on every machine

import traceback
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from imbalance_lab.config import plain, resolve, run_name
from imbalance_lab.experiment import run_experiment
from imbalance_lab.plan import build
from imbalance_lab.record import mark_untracked, write_outcome
from imbalance_lab.screen import Screen
from imbalance_lab.types import Incompatible, LabError, Tracker, TrackingError


def run_job(composed: DictConfig) -> str:
    """Run one job; in a sweep a failure is recorded and the others go on.

    Returns
    -------
    str
        ``finished``, ``skipped`` or ``failed``.

    Raises
    ------
    LabError
        In a single run.
    """
    sweeping = HydraConfig.get().mode == RunMode.MULTIRUN
    config = resolve(composed)
    folder, screen = Path(config.output_dir), Screen(quiet=sweeping)
    tracker: Tracker = build(config, "tracking")
    try:
        run_experiment(config, screen, tracker)
        return "finished"
    except KeyboardInterrupt:
        _abort(tracker, folder, config, "killed", "interrupted")
        raise
    except Incompatible as error:
        _abort(tracker, folder, config, "skipped", str(error))
        if not sweeping:
            raise
        screen.skipped(_name(config), str(error))
        return "skipped"
    except TrackingError as error:  # the record is complete and stays as it is
        if not sweeping:
            raise
        mark_untracked(folder, str(error))
        screen.warn(str(error))
        return "finished"
    except Exception as error:
        reason = str(error) if isinstance(error, LabError) else f"{type(error).__name__}: {error}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "error.txt").write_text(traceback.format_exc())
        _abort(tracker, folder, config, "failed", reason)
        if not sweeping:
            raise
        screen.warn(f"{_name(config)} failed: {reason}")
        return "failed"


def _name(config: DictConfig) -> str:
    return f"{config.options.dataset}, {run_name(config)}"


def _abort(tracker: Tracker, folder: Path, config: DictConfig, outcome: str, reason: str) -> None:
    write_outcome(folder, outcome, name=_name(config), reason=reason, config=plain(config))
    tracker.abort(outcome, reason, folder)
