"""The runs of a panel, round by round, as far as a budget reaches; what has finished is kept and not run again."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from joblib import cpu_count

from imbalance_lab.data.dataset import Dataset
from imbalance_lab.errors import DataError
from imbalance_lab.options import Option
from imbalance_lab.recommendation.panel import Candidate, Panel
from imbalance_lab.runs.cell import Outcome
from imbalance_lab.runs.grid import run_all
from imbalance_lab.runs.identity import Identity
from imbalance_lab.runs.spec import specify

LONGER = 1.2  # a round may take so much longer than the one before
# The intervals of single runs are not what is compared; few resamples are enough for the report's record of each.
RESAMPLES = 200

Advance = Callable[[Outcome], None]


@dataclass
class Trial:
    """Runs of the candidates, each round a cross-validation with other folds.

    Parameters
    ----------
    data : Dataset or Option
    panel : Panel
    folder : Path or None
        Where records are kept.
    seconds : float
        From now on.
    jobs : int
        Runs at once; -1 is one per core.
    settings : dict
        Further settings of each run.
    """

    data: Dataset | Option
    panel: Panel
    folder: Path | None
    seconds: float
    jobs: int = -1
    settings: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.outcomes: dict[tuple[str, int], Outcome] = {}
        self.started = time.monotonic()
        self._last_round = 0.0

    @property
    def left(self) -> float:
        """Seconds of the budget that are left."""
        return self.seconds - (time.monotonic() - self.started)

    def identity(self, candidate: Candidate, number: int) -> Identity:
        """Return what the run of a candidate in a round is."""
        given = {"split": self.panel.split, "seed": number, "evaluation": {"resamples": RESAMPLES}, **self.settings}
        return specify(self.data, candidate.strategy, candidate.model, **given)

    def reaches(self) -> bool:
        """Whether another round as long as the last one fits into the budget."""
        return self.left > LONGER * self._last_round

    def run_round(self, number: int, candidates: Sequence[Candidate], advance: Advance) -> bool:
        """Make a round's runs, and return whether all were made before the budget was spent.

        In the first round plain training and the control of the first model are made whatever it takes, as nothing can
        be said without them.
        """
        started = time.monotonic()
        waiting = list(candidates)
        certain = len(_first(self.panel)) if number == 0 else 0
        at_once = cpu_count() if self.jobs < 0 else self.jobs
        while waiting:
            if self.left <= 0 and len(candidates) - len(waiting) >= certain:
                return False
            batch, waiting = waiting[:at_once], waiting[at_once:]
            self._run(batch, number, advance)
        self._last_round = time.monotonic() - started
        return True

    def _run(self, batch: Sequence[Candidate], number: int, advance: Advance) -> None:
        identities = [self.identity(candidate, number) for candidate in batch]
        with warnings.catch_warnings():  # the same for every run of a kind; each record holds its own
            warnings.simplefilter("ignore")
            found = run_all(identities, self.folder, jobs=self.jobs, on_outcome=advance)
        for candidate, outcome in zip(batch, found, strict=True):
            self.outcomes[candidate.name, number] = outcome

    def finished(self, number: int) -> list[str]:
        """Return the candidates whose run of a round has finished."""
        return [name for (name, at), outcome in self.outcomes.items() if at == number and outcome.kind == "finished"]

    def of_rounds(self, rounds: int) -> tuple[list[str], list[Outcome]]:
        """Return the outcomes of the first rounds, and of each the candidate."""
        kept = {key: outcome for key, outcome in self.outcomes.items() if key[1] < rounds}
        return [name for name, _ in kept], list(kept.values())

    def require_reference(self) -> None:
        """Refuse to go on where plain training failed with every model.

        Raises
        ------
        DataError
        """
        done = self.finished(0)
        models = self.panel.control
        if any(self.panel.plain[model] in done and self.panel.control[model] in done for model in models):
            return
        reasons = [outcome.content.get("reason", "") for outcome in self.outcomes.values() if outcome.kind == "failed"]
        raise DataError(f"plain training failed with every model: {reasons[0] if reasons else 'no run has finished'}")


def ordered(panel: Panel) -> list[Candidate]:
    """Return the candidates in the order in which the first round makes them: what everything is held against first."""
    first = _first(panel)
    references = {*panel.plain.values(), *panel.control.values()} - set(first)
    rank = dict.fromkeys(first, 0) | dict.fromkeys(references, 1)
    return sorted(panel.candidates, key=lambda candidate: rank.get(candidate.name, 2))


def _first(panel: Panel) -> list[str]:
    model = next(iter(panel.control))
    return [panel.plain[model], panel.control[model]]
