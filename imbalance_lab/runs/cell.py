"""One run, and what is left of it however it ends."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from imbalance_lab.errors import AlreadyFinished, ConfigError, DataError, Incompatible, TrackingError, one_line
from imbalance_lab.process import interrupted, let_go
from imbalance_lab.runs.files import RECORD, mark_untracked, read_outcome, write_outcome, write_resumed
from imbalance_lab.runs.identity import Identity
from imbalance_lab.runs.observers import Tracker
from imbalance_lab.runs.record import RunRecord

Ending = Literal["finished", "already finished", "skipped", "failed"]


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Parameters
    ----------
    content : dict
        What ``record.json`` holds.
    history : DataFrame or None
        One row per fold and epoch.
    folder : Path or None
        Where it was written.
    """

    content: dict[str, Any]
    history: pd.DataFrame | None = None
    folder: Path | None = None

    @property
    def kind(self) -> str:
        """``finished``, ``skipped``, ``failed`` or ``killed``."""
        return str(self.content["outcome"])

    def summary(self) -> dict[str, Any]:
        """Return what ``record.json`` holds."""
        return self.content


class Cell:
    """A run that is recorded in its folder and with its tracker whether it finishes or not.

    Parameters
    ----------
    folder : Path or None
        None writes nothing.
    name : str
        How the run is called as long as nothing else is known of it.

    Attributes
    ----------
    identity : Identity or None
        Set by the caller as soon as it is known.
    tracker : Tracker or None
        Likewise.
    record : RunRecord or None
        Of a run that finished.
    error : Exception or None
        What it failed with, or what it was skipped for.
    """

    def __init__(self, folder: Path | None, name: str = "run") -> None:
        self.folder, self.name = folder, name
        self.identity: Identity | None = None
        self.tracker: Tracker | None = None
        self.record: RunRecord | None = None
        self.error: Exception | None = None
        self._content: dict[str, Any] = {}
        self._found: tuple[int, int] | None = None

    def attempt(self, make: Callable[[], RunRecord]) -> Ending:
        """Make the run, record how it ended, and return that; `error` holds the reason.

        Raises
        ------
        KeyboardInterrupt
            If the process was interrupted, once that is recorded.
        """
        self._found = self._stamp()
        try:
            self.record = make()
            return "finished"
        except AlreadyFinished as error:
            return self._end("already finished", error)
        except TrackingError as error:  # the record is complete
            self._end("finished", error)
            return "failed"
        except Incompatible as error:
            return self._end("skipped", error)
        except Exception as error:
            if interrupted():
                let_go(error)
                self._close("killed", "interrupted")
                raise KeyboardInterrupt from error
            return self._end("failed", error, traceback.format_exc())
        except SystemExit as error:  # in a class of somebody else's
            return self._end("failed", ConfigError(f"code of the run's own options called sys.exit({error.code})"))
        except BaseException as error:  # Ctrl-C, a signal, a closed pipe
            let_go(error)
            self._close("killed", str(error) or type(error).__name__)
            raise

    @property
    def outcome(self) -> Outcome:
        """How the run ended, whether it was written or not."""
        if self.record is None:
            return Outcome(self._content, folder=self.folder)
        return Outcome(self.record.summary(), self.record.history, self.folder)

    @property
    def reason(self) -> str:
        """Why the run did not finish, in one line; empty if it did."""
        return "" if self.error is None else one_line(self.error)

    def _end(self, outcome: Ending, error: Exception, details: str | None = None) -> Ending:
        self.error = error
        self._close(outcome, one_line(error), details)
        return outcome

    def _close(self, outcome: str, reason: str, details: str | None = None) -> None:
        """Write how the run ended; a record that this run completed is kept and only annotated."""
        self._content = {"outcome": outcome, **self._about(), "reason": reason}
        if self.folder is None:
            return
        try:
            if self._has_recorded():
                whole = self.tracker is None or self.tracker.has_record
                self._content = (read_outcome(self.folder) or {}) if whole else self._mark_untracked(outcome, reason)
                return
            write = write_resumed if outcome == "already finished" and self._holds_this_run() else write_outcome
            write(self.folder, **self._content)
            if details:
                (self.folder / "error.txt").write_text(details)
        finally:
            if self.tracker is not None:
                self.tracker.abort(outcome, reason, self.folder)

    def _mark_untracked(self, outcome: str, reason: str) -> dict[str, Any]:
        assert self.folder is not None
        if outcome == "killed":
            reason = f"{reason} before it was sent; send it with python -m imbalance_lab send {self.folder}"
        return mark_untracked(self.folder, reason)

    def _has_recorded(self) -> bool:
        """Whether the folder holds a finished record that was not there before."""
        return self._stamp() != self._found and (read_outcome(self.folder or Path()) or {}).get("outcome") == "finished"

    def _holds_this_run(self) -> bool:
        """Whether the folder holds the finished record of this very run, by which it is known to have finished."""
        if self.folder is None or self.identity is None:
            return False
        try:
            record = read_outcome(self.folder) or {}
        except DataError:
            return False
        same = record.get("tags", {}).get("config_hash") == self.identity.config_hash
        return record.get("outcome") == "finished" and same

    def _stamp(self) -> tuple[int, int] | None:
        file = None if self.folder is None else self.folder / RECORD
        return (file.stat().st_ino, file.stat().st_mtime_ns) if file is not None and file.is_file() else None

    def _about(self) -> dict[str, Any]:
        identity = self.identity
        if identity is None:
            return {"name": self.name}
        return {
            "name": identity.name,
            "strategy": identity.strategy,
            "model": identity.model,
            "identity": identity.summary(),
            "tags": {"config_hash": identity.config_hash},
            "dataset": {"name": identity.dataset},
        }
