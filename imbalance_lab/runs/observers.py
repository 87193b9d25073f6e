"""Who follows a run: a person's screen, and a tracking server."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import pandas as pd

from imbalance_lab.models.base import Progress
from imbalance_lab.runs.identity import Identity
from imbalance_lab.runs.record import RunRecord


class Observer:
    """Shows a run to a person; this one shows nothing."""

    def classes(self, table: pd.DataFrame, fold: int) -> None:
        """Show one row per class (rows, after sampling, weight), before the model of `fold` is trained."""

    def progress(self, fold: int, epochs: int | None) -> AbstractContextManager[Progress]:
        """Show a progress bar over `epochs`; of unknown length if None."""
        return nullcontext(lambda epoch, metrics: None)

    def tuning(self, fold: int, trials: int) -> AbstractContextManager[Progress]:
        """Show a progress bar over `trials`, given the number of those that ended and the best value, by metric."""
        return nullcontext(lambda trial, best: None)

    def message(self, text: str) -> None:
        """Show a line."""

    def result(self, record: RunRecord, where: str | None) -> None:
        """Show the result, and where to look further."""


class Tracker:
    """Follows a run as it happens, then takes its record; this one, an option of ``tracking``, does neither."""

    @property
    def where(self) -> str | None:
        """The command or address that shows the run."""
        return None

    @property
    def has_record(self) -> bool:
        """Whether nothing of a finished run is left to be sent."""
        return True

    def join_sweep(self, name: str, parent: Mapping[str, Any] | None) -> None:
        """Make the run to come one of a sweep."""

    def finished_on(self, identity: Identity) -> set[str]:
        """Return the hashes of the data on which a run of this configuration and version has ended well before."""
        return set()

    def claim(self, identity: Identity) -> bool:
        """Claim a run on data that are known, until it ends; False if another process is making it."""
        return True

    def finished_by_other_versions(self, identity: Identity) -> int:
        """Return how many runs on these data other versions of the program have finished."""
        return 0

    def start(self, identity: Identity, config: Mapping[str, Any]) -> None:
        """Announce the run, with every setting it was given."""

    def describe(self, tags: Mapping[str, str], dataset: Mapping[str, Any]) -> None:
        """Take the run's tags and the summary of its dataset, once that is loaded."""

    def epoch(self, fold: int | None, epoch: int, metrics: Mapping[str, float]) -> None:
        """Take the figures of one epoch; `fold` is None if there is one only."""

    def finish(self, record: Mapping[str, Any], folder: Path) -> None:
        """Log what ``record.json`` in `folder` says, and its files; raises TrackingError if the server is away."""

    def abort(self, outcome: str, reason: str, folder: Path) -> None:
        """End a run that did not finish: ``skipped``, ``failed`` or ``killed``."""
