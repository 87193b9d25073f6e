"""What to use, given the last look at the rounds and what other sets say, and why."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pandas as pd

from imbalance_lab.comparison import Comparison, Settings
from imbalance_lab.comparison.answer import USE, Answer
from imbalance_lab.evaluation.metrics import heading_of
from imbalance_lab.recommendation.evidence import Evidence, evidence_for, expected, results_of
from imbalance_lab.recommendation.panel import Candidate, Panel, simplest
from imbalance_lab.recommendation.rounds import Look
from imbalance_lab.recommendation.stopping import Reference, better_than_control, worse_than_control

SMALLEST_SHOWN = 0.0005


@dataclass(frozen=True)
class Choice:
    """What to use, a row per candidate (see `Recommendation.candidates`), why, and whether it beats the control."""

    candidate: Candidate
    table: pd.DataFrame
    reason: str
    beats: bool


def choose(look: Look, panel: Panel, wanted: Settings, imbalance: float) -> Choice:
    """Return the simplest candidate that is expected to be as good as the best, and what speaks for it."""
    by_name = {candidate.name: candidate for candidate in panel.candidates}
    compared, sign = look.compared, wanted.sign
    values = compared.group.values
    candidates = [by_name[look.names[name]] for name in values.index]
    evidence = evidence_for(wanted.metric)
    results = results_of(sign * values, [candidate.titles for candidate in candidates], panel.ratio, imbalance)
    mean, _ = expected(results, evidence)
    table = pd.DataFrame({"mean": values.mean(axis=1), "folds": values.notna().sum(axis=1), "expected": sign * mean})
    table["verdict"] = compared.table.control_verdict.reindex(table.index)
    lead = pd.Series(mean, index=table.index).drop(worse_than_control(compared.table))
    costs = [by_name[look.names[str(name)]].cost for name in lead.index]
    chosen = lead.index[simplest(lead.to_numpy(), costs, wanted.rope)]
    beats = chosen in better_than_control(compared.table)
    reason = _reason(table, str(chosen), str(lead.idxmax()), look.held, wanted, evidence)
    table["contender"] = table.index
    table = table.rename(index=look.names).sort_values("expected", ascending=sign < 0, kind="stable")
    return Choice(by_name[look.names[chosen]], table, reason, beats)


def _reason(table: pd.DataFrame, chosen: str, best: str, held: Reference, wanted: Settings, evidence: Evidence) -> str:
    given = f"given these rounds and {evidence.sets} other sets" if evidence.sets else "given these rounds"
    gain = table.expected[chosen] - table.expected[held.control]
    more = f"{gain:+.3f} against" if abs(gain) >= SMALLEST_SHOWN else "as much as of"
    against = "" if chosen == held.control else f", {more} {held.control}"
    what = f"{heading_of(wanted.metric)} of {table.expected[chosen]:.3f} is expected of it{against}, {given}"
    others = f"; it is the simplest of those that are about as good as the best, {best}" if chosen != best else ""
    return f"{what[0].upper()}{what[1:]}{others}."


def answered(look: Look, chosen: Choice) -> Comparison:
    """Return the comparison with what is recommended as its answer, so that screen and page say it alike."""
    one = look.compared
    why = f"{_shown(one.table, look.held.control)} {chosen.reason}"
    contender = str(chosen.table.contender[chosen.candidate.name])
    answered = replace(one, answer=Answer(USE, contender, why))
    return replace(look.comparison, compared=[answered, *look.comparison.compared[1:]])


def _shown(table: pd.DataFrame, control: str) -> str:
    """Return what is shown to be better than the control."""
    found = better_than_control(table)
    if not found:
        return f"Nothing is shown to beat plain training with thresholds ({control})."
    gains = [f"{name} by {abs(table.control_difference[name]):.3f}" for name in found[:3]]
    more = f" and {len(found) - 3} more" if len(found) > 3 else ""
    return f"Plain training with thresholds ({control}) is beaten: {', '.join(gains)}{more}."
