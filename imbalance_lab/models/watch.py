"""What is kept of every epoch."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import keras

from imbalance_lab.models.base import Progress


class Watch(keras.callbacks.Callback):
    """Keep every epoch's figures and report progress.

    Parameters
    ----------
    progress : callable
        Receives the number of each epoch, from 1, and its figures.
    """

    def __init__(self, progress: Progress) -> None:
        super().__init__()
        self.epochs: list[dict[str, float]] = []
        self._progress = progress

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Keep one epoch."""
        row = {_slashed(k): float(v) for k, v in (logs or {}).items() if k != "val_score"}
        self.epochs.append(row)
        self._progress(epoch + 1, row)


def _slashed(key: str) -> str:
    """Return the name under which a figure is kept: that of a callback, in groups.

    >>> _slashed("loss"), _slashed("val_loss"), _slashed("val_recall_0"), _slashed("val_recall_at_precision_0.9")
    ('train/loss', 'val/loss', 'val/recall/0', 'val/recall_at_precision_0.9')
    """
    if key == "loss":
        return "train/loss"
    return re.sub(r"^val/(recall|predicted_count)_(\d+)$", r"val/\1/\2", re.sub("^val_", "val/", key))
