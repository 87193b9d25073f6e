"""MLflow. Nothing else imports it, and a sweep leaves it to the process that `sending` starts.

A server that cannot be reached does not stop a run: its record is on disk by then, and
``python -m imbalance_lab send FOLDER ...`` sends it later.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

# Loaded when it is first asked for: MLflow takes seconds.
_MODULES = {
    "MlflowTracker": "tracker",
    "add_artifacts": "artifacts",
    "open_store": "store",
}

__all__ = ["MlflowTracker", "add_artifacts", "open_store"]

if TYPE_CHECKING:
    from imbalance_lab.tracking.artifacts import add_artifacts
    from imbalance_lab.tracking.store import open_store
    from imbalance_lab.tracking.tracker import MlflowTracker


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
