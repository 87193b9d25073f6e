"""MLflow. Nothing else imports it.

A server that cannot be reached does not stop a run: its record is on disk by then, and
``python -m imbalance_lab send FOLDER ...`` sends it later.
"""

from imbalance_lab.tracking.artifacts import add_artifacts
from imbalance_lab.tracking.description import rows_of
from imbalance_lab.tracking.parent import Parent, Result, abandon_parent, end_parent, start_parent
from imbalance_lab.tracking.store import open_store
from imbalance_lab.tracking.tracker import MlflowTracker

__all__ = [
    "MlflowTracker",
    "Parent",
    "Result",
    "abandon_parent",
    "add_artifacts",
    "end_parent",
    "open_store",
    "rows_of",
    "start_parent",
]
