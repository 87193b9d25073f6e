"""Trials that have ended, and the file that keeps them while a run goes on."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from imbalance_lab.runs.claims import CLAIMS, claim, release

if TYPE_CHECKING:
    from imbalance_lab.runs.identity import Identity

State = Literal["finished", "pruned", "failed"]


@dataclass(frozen=True)
class Trial:
    """One trial that has ended.

    Parameters
    ----------
    number : int
        From 0, which is of the settings as they are given.
    state : str
    value : float or None
        Of the metric; None unless it finished.
    values : dict
        Of each setting, as ``loss.gamma``.
    seconds : float
    reports : list of (int, float)
        Figures by epoch, as the pruner was told them.
    reason : str
        Why it failed.
    """

    number: int
    state: State
    value: float | None
    values: dict[str, Any]
    seconds: float
    reports: list[tuple[int, float]] = field(default_factory=list)
    reason: str = ""


@dataclass(frozen=True)
class Tuned:
    """What tuning came to in one fold.

    Parameters
    ----------
    trials : list of Trial
    larger_is_better : bool
        Of the metric.
    """

    trials: list[Trial]
    larger_is_better: bool

    @property
    def best(self) -> Trial | None:
        """The trial of the best value, of equal ones the earliest."""
        ended = [one for one in self.trials if one.value is not None]
        sign = 1 if self.larger_is_better else -1
        return max(ended, key=lambda one: sign * float(one.value or 0), default=None)

    def count(self, state: State) -> int:
        """Return how many trials ended so."""
        return sum(one.state == state for one in self.trials)

    def summary(self) -> dict[str, Any]:
        """Return what ``record.json`` holds of it."""
        best, first = self.best, self.trials[0] if self.trials else None
        return {
            "finished": self.count("finished"),
            "pruned": self.count("pruned"),
            "failed": self.count("failed"),
            "best": {} if best is None else best.values,
            "best_value": None if best is None else best.value,
            "default_value": None if first is None else first.value,
            "seconds": sum(one.seconds for one in self.trials),
        }

    def line(self, metric: str, on: str) -> str:
        """Return the best settings and what they bought, in a line; empty if nothing was tuned."""
        if (best := self.best) is None or best.value is None:
            return ""
        chosen = ", ".join(f"{name}={shown(value)}" for name, value in best.values.items())
        first = self.trials[0].value
        before = "the settings given failed" if first is None else f"{first:.3f} as given"
        rows = "folds of the training rows" if on == "cv" else "validation rows"
        return f"{chosen}: {metric} {best.value:.3f} on {rows} ({before}; {len(self.trials)} trials)"

    def table(self) -> pd.DataFrame:
        """Return a row for each trial: number, state, value, each setting as it was tried, seconds."""
        names = list(dict.fromkeys(name for one in self.trials for name in one.values))
        columns = {name: _column([one.values.get(name) for one in self.trials]) for name in names}
        told = {key: [getattr(one, key) for one in self.trials] for key in ("number", "state", "value", "seconds")}
        seconds = told.pop("seconds")
        return pd.DataFrame({**told, **columns, "seconds": seconds}).astype({"value": float})


def _column(values: list[Any]) -> pd.Series:
    """Return values as a column: of numbers where all are, else as they are, so that 20 beside null stays 20."""
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    return pd.Series(values) if numbers else pd.Series(values, dtype=object)


def shown(value: Any) -> str:
    """Return a value of a setting as text, a number of four digits.

    >>> shown(0.123456), shown(None), shown(12)
    ('0.1235', 'null', '12')
    """
    return f"{value:.4g}" if isinstance(value, float) else "null" if value is None else str(value)


class Journal:
    """A file of the trials of a run that has not ended: a line for each, added as it ends.

    Parameters
    ----------
    identity : Identity
        Of the run, on its data.
    folder : Path or None
        None keeps nothing.
    shared : bool
        Whether other processes have files there: then it is of one at a time, and to any other that makes the same run
        meanwhile there is none.
    """

    def __init__(self, identity: Identity, folder: Path | None, shared: bool) -> None:
        self._file = None if folder is None else _file(identity, folder)
        self._shared, self._is_open = shared, False

    def open(self) -> None:
        """Take the file, if nobody else has it."""
        if self._file is not None:
            with suppress(OSError):  # where nothing can be written the run itself says so
                self._file.parent.mkdir(parents=True, exist_ok=True)
                self._is_open = not self._shared or claim(self._file.parent / CLAIMS, self._file.name)

    def close(self) -> None:
        """Let the file go."""
        if self._file is not None and self._is_open and self._shared:
            release(self._file.parent / CLAIMS, self._file.name)
        self._is_open = False

    def read(self, fold: int) -> list[Trial]:
        """Return the trials of a fold that have ended; of two of one number the later one."""
        if self._file is None or not self._is_open or not self._file.is_file():
            return []
        found: dict[int, Trial] = {}
        for line in self._file.read_text(encoding="utf-8").splitlines():
            with suppress(ValueError, TypeError, KeyError):  # the line that was written as the process ended
                entry = json.loads(line)
                reports = [(int(epoch), float(figure)) for epoch, figure in entry["trial"]["reports"]]
                trial = Trial(**entry["trial"] | {"reports": reports})
                if entry["fold"] == fold:
                    found[trial.number] = trial
        return [found[number] for number in range(len(found)) if number in found]

    def append(self, fold: int, trial: Trial) -> None:
        """Keep one trial more."""
        if self._file is not None and self._is_open:
            with self._file.open("a", encoding="utf-8") as opened:
                opened.write(json.dumps({"fold": fold, "trial": asdict(trial)}) + "\n")


def forget(identity: Identity, folder: Path | None) -> None:
    """Delete what is left of the trials of a run that has ended well."""
    if folder is not None and identity.tuning:
        _file(identity, folder).unlink(missing_ok=True)


def _file(identity: Identity, folder: Path) -> Path:
    return folder / f"trials-{identity.config_hash}-{identity.data_hash[:8]}-{identity.version}.jsonl"
