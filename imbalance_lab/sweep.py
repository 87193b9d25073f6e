"""What became of a sweep's jobs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig

_failed: list[str] = []


class SweepSummary(Callback):
    """Counts a sweep's finished, skipped and failed jobs from their records, wherever they ran."""

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        """Print the counts, and each failure with its reason."""
        from imbalance_lab.record import RECORD, read_outcome

        folders = sorted(file.parent for file in Path(config.hydra.sweep.dir).glob(f"*/{RECORD}"))
        outcomes = [outcome for folder in folders if (outcome := read_outcome(folder))]
        counts = {kind: sum(o["outcome"] == kind for o in outcomes) for kind in ("finished", "skipped", "failed")}
        print(", ".join(f"{count} {kind}" for kind, count in counts.items() if count))
        for outcome in outcomes:
            if reason := outcome["reason"] if outcome["outcome"] == "failed" else outcome.get("untracked"):
                _failed.append(outcome["name"])
                print(f"failed: {outcome['name']}: {reason}", file=sys.stderr)


def exit_status() -> int:
    """Return 1 if a job of this process's sweep failed."""
    return int(bool(_failed))
