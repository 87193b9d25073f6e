"""A worker's tracker: the store may be out of its reach, and a database in a file has one writer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from imbalance_lab.runs.identity import Identity
from imbalance_lab.runs.observers import Tracker


class NotedTracker(Tracker):
    """Notes what a run says, for the process that follows the sweep to repeat.

    Whether the run has finished before was asked there, before it was given out.

    Parameters
    ----------
    other_versions : int
        How many finished runs of other versions there are.
    """

    def __init__(self, other_versions: int = 0) -> None:
        self._other_versions = other_versions
        self._said: list[tuple[str, tuple[Any, ...]]] = []

    def repeat(self, tracker: Tracker, folder: Path) -> None:
        """Say it all to another tracker, of the run whose files are in `folder`.

        Raises
        ------
        TrackingError
            Where that tracker does.
        """
        for name, arguments in self._said:
            getattr(tracker, name)(*arguments, *([folder] if name in ("finish", "abort") else []))

    def finished_by_other_versions(self, identity: Identity) -> int:
        """Return how many finished runs of other versions there are."""
        return self._other_versions

    def start(self, identity: Identity, config: Mapping[str, Any]) -> None:
        """Note the run and its settings."""
        self._note("start", identity, json.loads(json.dumps(config, default=str)))

    def describe(self, tags: Mapping[str, str], dataset: Mapping[str, Any]) -> None:
        """Note the tags and the dataset."""
        self._note("describe", dict(tags), dict(dataset))

    def epoch(self, fold: int | None, epoch: int, metrics: Mapping[str, float]) -> None:
        """Note an epoch's metrics."""
        self._note("epoch", fold, epoch, dict(metrics))

    def finish(self, record: Mapping[str, Any], folder: Path) -> None:
        """Note the record."""
        self._note("finish", json.loads(json.dumps(record, default=str)))

    def abort(self, outcome: str, reason: str, folder: Path) -> None:
        """Note how a run ended that did not finish."""
        self._note("abort", outcome, reason)

    def _note(self, name: str, *arguments: Any) -> None:
        self._said.append((name, arguments))
