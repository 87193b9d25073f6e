"""Engines that run a sweep's jobs in other processes, on this machine or others, behind Hydra's `Launcher`.

Launchers from PyPI start each job as a program of its own would be: one worker for a job or a batch, its output on the
sweep's terminal, records wherever the worker happened to write. hydra-ray-launcher 1.2 wants a cloudpickle below 3,
which MLflow's and joblib's current releases are not installed with, and copies every line of every worker;
hydra-submitit-launcher pays the imports for each job. So there are launchers of our own on the engines' public API:

- `base` is the process that follows the sweep: it composes cells, gives them out, and takes back how they ended;
- `cells` is what that process knows of each cell, and records of it however it ends;
- `work` is a worker: many cells one after the other, with the caches of a sweep in a row;
- `noted` is a worker's tracker: it notes what is repeated where the store can be reached;
- `on_ray`, `on_slurm` are the engines.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from imbalance_lab.options import Option

if TYPE_CHECKING:
    from imbalance_lab.app.launchers.base import Engine

DOOR = "hydra_plugins.imbalance_lab_engine.Engine"


def make_engine(settings: Mapping[str, Any]) -> Engine:
    """Return the engine of a preset in ``conf/hydra/launcher``.

    Raises
    ------
    ConfigError
        If there is none, or a setting has a value it cannot take.
    """
    given = {str(key): value for key, value in settings.items() if key not in ("_target_", "engine")}
    engine: Engine = Option("hydra.launcher", "", {"_target_": settings["engine"], **given}).build()
    return engine
