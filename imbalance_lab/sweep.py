"""What became of a sweep's jobs."""

from __future__ import annotations

import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig

_failed: list[str] = []


class SweepSummary(Callback):
    """Counts a sweep's finished, skipped and failed jobs from their records, wherever they ran."""

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Remember when the sweep began: a folder may hold records of an earlier one."""
        self._began = time.time()

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        """Print the counts, and each failure with its reason."""
        from imbalance_lab.record import RECORD, read_outcome

        files = sorted(Path(config.hydra.sweep.dir).rglob(RECORD))
        folders = [file.parent for file in files if file.stat().st_mtime >= self._began - 1]
        outcomes = [outcome for folder in folders if (outcome := read_outcome(folder))]
        counts = Counter(outcome["outcome"] for outcome in outcomes)
        print(", ".join(f"{counts[kind]} {kind}" for kind in ("finished", "skipped", "failed") if counts[kind]))
        for outcome in outcomes:
            if reason := outcome["reason"] if outcome["outcome"] == "failed" else outcome.get("untracked"):
                name = f"{outcome.get('dataset', {}).get('name', '')}, {outcome['name']}"
                _failed.append(name)
                print(f"failed: {name}: {reason}", file=sys.stderr)


def exit_status() -> int:
    """Return 1 if a job of this process's sweep failed."""
    return int(bool(_failed))
