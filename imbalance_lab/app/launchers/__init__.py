"""Engines that run a sweep's jobs, here, in other processes or on other machines, behind Hydra's `Launcher`.

Hydra's plugins on PyPI start a job as a program of its own: its output goes to the sweep's terminal, its records to
wherever the worker is, and what it has loaded and traced is lost with it. hydra-ray-launcher 1.2 wants a cloudpickle
below 3 besides, hydra-submitit-launcher pays the imports for each job, and joblib's gives up where a worker dies. So
there are engines of our own on the public API of Ray, submitit and multiprocessing:

- `in_a_row` runs the jobs in the process that follows the sweep, which is what a sweep does unless an engine is chosen;
- `base` is that process where there are workers: it composes cells, gives them out, and takes back how they ended;
- `cells` is what that process knows of each cell, and records of it however it ends;
- `work` is a worker: many cells one after the other, with the caches of a sweep in a row;
- `noted` is a worker's tracker: it notes what is repeated where the store can be reached;
- `on_processes`, `on_ray` (both fed by `feeding`) and `on_slurm` (which submits `packs` to a `queue`) are the engines.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imbalance_lab.options import Option

if TYPE_CHECKING:
    from imbalance_lab.app.launchers.base import Engine

DOOR = "hydra_plugins.imbalance_lab_engine.Engine"
PATH = str(Path(__file__).with_name("path"))


def register() -> None:
    """Let Hydra find the engines: it takes launchers of its plugins' namespace only."""
    from hydra.core.plugins import Plugins

    if PATH not in sys.path:
        sys.path.append(PATH)
    module, _, name = DOOR.rpartition(".")
    Plugins.instance().register(getattr(import_module(module), name))


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
