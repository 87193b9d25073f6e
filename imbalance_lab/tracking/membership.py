"""Beside a run's record: its id in any store, and the sweep it belongs to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from imbalance_lab.tracking.long import PARENT

FILE = "tracking.json"


@dataclass(frozen=True)
class Membership:
    """What a run is called in any store.

    Parameters
    ----------
    record_id : str
        A tag that tells whether a store has the run.
    sweep : mapping
        Tags of the sweep it is one of.
    began : int or None
        When it was begun, in milliseconds.
    """

    record_id: str
    sweep: Mapping[str, str] = field(default_factory=dict)
    began: int | None = None

    def write(self, folder: Path) -> None:
        """Write it into a run's folder."""
        content = {"record_id": self.record_id, "sweep": dict(self.sweep), "began": self.began}
        (folder / FILE).write_text(json.dumps(content, indent=1))

    @classmethod
    def read(cls, folder: Path) -> Membership | None:
        """Return what a run's folder holds; None if the run was never sent."""
        file = folder / FILE
        if not file.is_file():
            return None
        kept = json.loads(file.read_text())
        return cls(kept["record_id"], kept["sweep"], kept.get("began"))


def sweep_tags(name: str, parent: Mapping[str, Any] | None) -> dict[str, str]:
    """Return the tags of a run of a sweep: its name, and the parent run if there is one.

    >>> sweep_tags("night", {"run_id": "abc"})
    {'sweep': 'night', 'mlflow.parentRunId': 'abc'}
    """
    return {"sweep": name} | ({PARENT: parent["run_id"]} if parent else {})
