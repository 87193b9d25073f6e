"""Rounds of cross-validation, added until their comparison is decided or a budget is spent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from imbalance_lab.comparison import Compared, Comparison, Settings, compare
from imbalance_lab.errors import ConfigError
from imbalance_lab.recommendation.budget import Bar
from imbalance_lab.recommendation.looks import planned_looks
from imbalance_lab.recommendation.stopping import Reference, decided, hopeless, reference, settings_of_look
from imbalance_lab.recommendation.trial import Trial, ordered
from imbalance_lab.runs.table import RunTable


@dataclass(frozen=True)
class Look:
    """The comparison after some rounds; `names` gives the candidate of each contender."""

    comparison: Comparison
    names: dict[str, str]
    held: Reference
    rounds: int
    looks: list[int]
    stopped: str = ""

    @property
    def compared(self) -> Compared:
        """The one table there is."""
        return self.comparison.compared[0]


def add_rounds(trial: Trial, wanted: Settings, earlier: Sequence[int], bar: Bar) -> Look:
    """Add rounds until the comparison is decided or the budget is spent, and return the last look at it.

    Parameters
    ----------
    trial : Trial
    wanted : Settings
    earlier : sequence of int
        After which rounds earlier calls looked, beside the planned looks, as their budget was spent.
    bar : Bar
    """
    panel, looks = trial.panel, list[int]()
    alive = ordered(panel)
    planned = sorted({*planned_looks(panel.rounds), *earlier})
    look: Look | None = None
    for number in range(panel.rounds):
        bar.begin(number, panel.rounds, len(alive) * (panel.rounds - number))
        whole = (number == 0 or trial.reaches()) and trial.run_round(number, alive, bar.advance)
        if number == 0:
            trial.require_reference()
            alive = [candidate for candidate in alive if candidate.name in trial.finished(0)]
        if not whole:
            rounds = max(number, 1)
            if look is None or look.rounds < rounds:
                look = _look_at(trial, wanted, rounds, [*looks, rounds])
            return replace(look, stopped=f"the budget is spent{_not_tried(trial)}")
        if number + 1 in planned:
            looks.append(number + 1)
            look = _look_at(trial, wanted, number + 1, looks)
            names = [candidate.name for candidate in alive]
            contenders = {contender for contender, name in look.names.items() if name in names}
            if decided(look.compared.table, look.held.control, contenders):
                return replace(look, stopped="further rounds would hardly change the verdict")
            values = look.compared.group.values.loc[sorted(contenders)]
            out = {look.names[name] for name in hopeless(values, look.held, panel.ratio, wanted.sign)}
            alive = [candidate for candidate in alive if candidate.name not in out]
    assert look is not None
    return replace(look, stopped="more rounds of the same rows would tell little more")


def _not_tried(trial: Trial) -> str:
    """Return which candidates the first round did not come to."""
    left = [candidate.name for candidate in trial.panel.candidates if (candidate.name, 0) not in trial.outcomes]
    return f", before {', '.join(left)} {'was' if len(left) == 1 else 'were'} tried" if left else ""


def _look_at(trial: Trial, wanted: Settings, rounds: int, looks: Sequence[int]) -> Look:
    """Compare what the first rounds made."""
    names, outcomes = trial.of_rounds(rounds)
    panel = trial.panel
    table = RunTable.from_records(outcomes)
    finished = table.runs.index[table.runs.outcome == "finished"]
    of_run = {run: names[int(run)] for run in finished}
    if wanted.metric not in table.metrics:
        raise ConfigError(f"no run logged the metric '{wanted.metric}'")
    means = table.metrics.loc[finished, wanted.metric].groupby(of_run).mean().dropna()
    held = reference(means, panel.plain, panel.control, wanted.sign)
    if held is None:
        raise ConfigError(f"the metric '{wanted.metric}' is not known of plain training and of the control")
    settings = settings_of_look(wanted, held, looks, panel.rounds, panel.folds, len(means) - 1)
    comparison = compare(table, settings)
    runs = comparison.compared[0].group.runs.strategy
    return Look(comparison, {runs[run]: of_run[run] for run in runs.index}, held, rounds, list(looks))
