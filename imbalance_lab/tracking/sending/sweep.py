"""A sweep in MLflow: its parent run, and its runs on their way there, by the process that sends."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imbalance_lab.tracking.address import DEFAULT, located
from imbalance_lab.tracking.sending.channel import channel_to
from imbalance_lab.tracking.sending.starting import start

if TYPE_CHECKING:
    from imbalance_lab.runs.table import RunTable
    from imbalance_lab.tracking.description import Parent, Result

SECONDS_TO_SEND = 5.0  # after an interruption
# For a store that is away at a sweep's end: a share of the time that the sweep took, and seconds.
PATIENCE, MIN_PATIENCE, MAX_PATIENCE = 0.15, 2.0, 20.0


class TrackedSweep:
    """Starts the process that sends, unless there is one, which loads MLflow meanwhile.

    Parameters
    ----------
    uri : str or None
        Of the store.
    folder : Path or None
        Of the sweep.

    Attributes
    ----------
    address : str
        Of the process, for trackers.
    parent : Parent or None
        Once it was created.
    """

    def __init__(self, uri: str | None, folder: Path | None) -> None:
        self.uri = uri or DEFAULT
        self._folder, self._began = folder, time.monotonic()
        self.address = start()
        self.parent: Parent | None = None

    def begin(self, artifacts: str, experiment: str, name: str, grid: Mapping[str, Sequence[str]]) -> Parent:
        """Create the parent run.

        Raises
        ------
        StoreError
            If the address is that of no store.
        TrackingError
            If the store cannot be reached.
        """
        parent: Parent = self._call("start_parent", self.uri, located(artifacts), experiment, name, dict(grid))
        self.parent = parent
        return parent

    def send_waiting(self) -> int:
        """Send what earlier sweeps left unsent, and return how many runs there were.

        Raises
        ------
        TrackingError
            If the process has ended.
        """
        return int(self._call("send_waiting", self.uri))

    def drain(self, finished: bool = True) -> dict[Path, str]:
        """Wait until the runs are sent, after an interruption for some seconds; return why runs are not, by folder.

        A store that is away is waited for as long as the sweep hardly gets longer by it.

        Raises
        ------
        TrackingError
            If the process has ended.
        """
        if self._folder is None:
            return {}
        patience = min(max(PATIENCE * (time.monotonic() - self._began), MIN_PATIENCE), MAX_PATIENCE)
        channel = channel_to(self.address)
        return (
            channel.drain(self._folder, patience=patience) if finished else channel.drain(self._folder, SECONDS_TO_SEND)
        )

    def links(self) -> dict[str, str]:
        """Return the addresses of the runs, by the hashes of their configurations."""
        found: dict[str, str] = {}
        return found if self.parent is None else self._call("find_links", self.parent.uri, self.parent.run_id)

    def earlier_runs(self) -> RunTable:
        """Return all runs of the store."""
        table: RunTable = self._call("read_runs", self.uri, "balanced_accuracy")
        return table

    def end(self, outcome: str, result: Result) -> str | None:
        """Describe the sweep and close its parent run; return what to type and to open to see its strategies.

        Raises
        ------
        TrackingError
            If the store cannot be reached.
        """
        where: str | None = self._call("end_parent", self.parent, outcome, result)
        return where

    def abandon(self, outcome: str) -> None:
        """Close the parent run at once, whatever is done with it."""
        self._call("abandon_parent", self.parent, outcome, urgent=True)

    def _call(self, name: str, *arguments: Any, urgent: bool = False) -> Any:
        return channel_to(self.address).call(name, *arguments, urgent=urgent)
