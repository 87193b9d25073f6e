"""Sending beside computing: one process takes the records of a sweep and sends them while the next runs are made.

Nothing here loads MLflow but the process itself.
"""

from imbalance_lab.tracking.sending.channel import Channel, channel_to
from imbalance_lab.tracking.sending.starting import start
from imbalance_lab.tracking.sending.tracker import QueuedTracker

__all__ = ["Channel", "QueuedTracker", "channel_to", "start"]
