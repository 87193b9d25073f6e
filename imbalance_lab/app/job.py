"""One job of the command line: a run on screen, on disk and in MLflow, whatever becomes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from imbalance_lab.app.border import job_of
from imbalance_lab.app.config import resolved, searched
from imbalance_lab.app.screen import Screen
from imbalance_lab.app.sweep import follows, membership
from imbalance_lab.options import Option
from imbalance_lab.process import interrupted
from imbalance_lab.runs.cell import Cell, Ending
from imbalance_lab.runs.observers import Tracker
from imbalance_lab.runs.record import RunRecord
from imbalance_lab.runs.run import run

MLFLOW, QUEUED = "imbalance_lab.tracking.MlflowTracker", "imbalance_lab.tracking.sending.QueuedTracker"


def run_job(composed: DictConfig) -> Ending:
    """Run one job; in a sweep a failure is recorded and the others go on.

    Raises
    ------
    Exception
        In a single run, after it was recorded.
    """
    sweeping = HydraConfig.get().mode == RunMode.MULTIRUN
    folder = Path(HydraConfig.get().runtime.output_dir)
    swept = (membership(folder.parent) or {}).get("swept", ()) if sweeping else ()
    screen = Screen(quiet=sweeping, behind_bar=follows(), swept=swept)
    cell = Cell(folder, folder.name)

    def make() -> RunRecord:
        job = job_of(resolved(composed), searched(HydraConfig.get()))
        cell.identity = job.identity
        cell.tracker = tracker_of(job.tracking, membership(folder.parent))
        return run(job.identity, screen, cell.tracker, job.folder, job.settings, job.figures, job.trials)

    ending = cell.attempt(make)
    if interrupted():  # and something has swallowed it: the run is recorded, no other starts
        raise KeyboardInterrupt
    if cell.error is None:
        return ending
    if sweeping:
        screen.ended(ending, title_of(cell, swept), cell.reason)
    elif ending == "already finished":
        screen.message(str(cell.error))
    else:
        raise cell.error
    return ending


def title_of(cell: Cell, swept: Sequence[str]) -> str:
    """Return how a cell of a sweep is called on the screen."""
    identity = cell.identity
    return cell.name if identity is None else f"{identity.dataset}, {identity.name_showing(swept)}"


def tracker_of(tracking: Option, sweep: Mapping[str, Any] | None) -> Tracker:
    """Return what follows the run: in a sweep it hands the record to the process that sends."""
    if not sweep:
        return tracking.build()
    if sweep.get("sender") and tracking.settings.get("_target_") == MLFLOW:
        settings = {**tracking.settings, "_target_": QUEUED, "address": sweep["sender"]}
        tracking = replace(tracking, settings=settings)
    tracker: Tracker = tracking.build()
    tracker.join_sweep(sweep["name"], sweep["parent"])
    return tracker
