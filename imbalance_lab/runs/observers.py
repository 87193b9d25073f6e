"""Who is told of a run."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

import pandas as pd

from imbalance_lab.models.base import Progress
from imbalance_lab.runs.record import RunRecord


class Tracker(Protocol):
    """What an option of the ``tracking`` group instantiates to: told of a run as it happens, then given its record."""

    @property
    def where(self) -> str | None:
        """The command or address that shows the run."""

    def join_sweep(self, name: str, parent: Mapping[str, Any] | None) -> None:
        """Make the run to come one of a sweep."""

    def finished_on(self, dataset: str, config_hash: str, version: str) -> set[str]:
        """Return the hashes of the data on which this very configuration has ended well before."""

    def start(self, dataset: str, names: Mapping[str, str], config: dict[str, Any]) -> None:
        """Announce the run (`names` of ``run``, ``strategy`` and ``model``) on the dataset called `dataset`."""

    def describe(self, tags: dict[str, str], dataset: dict[str, Any]) -> None:
        """Take the run's tags and the summary of its dataset, once that is loaded."""

    def epoch(self, fold: int | None, epoch: int, metrics: Mapping[str, float]) -> None:
        """Take the figures of one epoch; `fold` is None if there is one only."""

    def finish(self, record: dict[str, Any], folder: Path) -> None:
        """Log what ``record.json`` in `folder` says, and the folder; raises TrackingError if the server is away."""

    def abort(self, outcome: str, reason: str, folder: Path) -> None:
        """End a run that did not finish: ``skipped``, ``failed`` or ``killed``."""


class Observer(Protocol):
    """Shows a run to a person."""

    def classes(self, table: pd.DataFrame, fold: int) -> None:
        """Show one row per class (rows, after sampling, weight), before the model of `fold` is trained."""

    def progress(self, fold: int, epochs: int | None) -> AbstractContextManager[Progress]:
        """Show a progress bar over `epochs`; of unknown length if None."""

    def say(self, text: str) -> None:
        """Show a line."""

    def result(self, record: RunRecord, where: str | None) -> None:
        """Show the result table, and where to look further."""
