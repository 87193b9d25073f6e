"""Which strategy to use, and why: what terminal, page, notebook and MLflow say alike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from imbalance_lab.comparison.paired import BETTER, FEW_ROWS, FEW_RUNS, SAME, WORSE
from imbalance_lab.comparison.settings import Settings

PLAIN = "none"
ROLES = ("control", "baseline")
OPEN = (FEW_RUNS, FEW_ROWS)
VERBS = USE, STAY, LEADS, UNSETTLED = "Use", "Stay with", "Best mean:", "Not settled:"


@dataclass(frozen=True)
class Answer:
    """What to use, in a few words, and why.

    Parameters
    ----------
    verb : str
        How sure that is, one of `VERBS`.
    use : str
        A strategy.
    why : str
        Sentences.
    """

    verb: str
    use: str
    why: str

    @property
    def text(self) -> str:
        """All of it in a line."""
        return f"{self.verb} {self.use}. {self.why}"


def reference_of(table: pd.DataFrame, settings: Settings) -> str:
    """Return the role of what the strategies are held against first: the control, else the baseline, else nothing."""
    return next((role for role in ROLES if f"{role}_verdict" in table), "")


def answer_of(table: pd.DataFrame, settings: Settings) -> Answer:
    """Return what to use: the best of what beats baseline and control, else the control, else what beats the baseline.

    What is not shown to be better than the baseline is not recommended, but named where it leads.

    Parameters
    ----------
    table : DataFrame
        That of a `Compared`: a row per strategy, best mean first.
    settings : Settings
    """
    baseline, control, best = settings.baseline, settings.control, str(table.index[0])
    if len(table) == 1:
        return Answer(LEADS, best, "Nothing else was run.")
    if "baseline_verdict" not in table:
        return _without_baseline(table, settings, best)
    both = "control_verdict" in table and control != baseline
    gains = better_than(table, "baseline")
    if not gains:
        return _without_gain(table, settings, best, both)
    if not both:
        return Answer(USE, gains[0], f"It is {_by(table, gains[0], 'baseline', explained(baseline))}.")
    beating = [name for name in better_than(table, "control") if name in gains]
    if beating:
        than = _by(table, beating[0], "control", f"the control {control}")
        return Answer(USE, beating[0], f"It is {_by(table, beating[0], 'baseline', baseline)}, and {than}.")
    if control in gains:
        than = _by(table, control, "baseline", baseline)
        return Answer(USE, control, f"It is {than}, and nothing is shown to be better than it.{_leader(table, best)}")
    beside = _beside(table.loc[gains[0], "control_verdict"], f"the control {control}")
    return Answer(USE, gains[0], f"It is {_by(table, gains[0], 'baseline', baseline)}; {beside}.")


def explained(baseline: str) -> str:
    """Return the baseline, with what it is where that is known.

    >>> explained("none"), explained("smote")
    ('none, plain training,', 'smote')
    """
    return f"{baseline}, plain training," if baseline == PLAIN else baseline


def better_than(table: pd.DataFrame, role: str) -> list[str]:
    """Return what is shown to be better than the baseline or the control, best mean first."""
    verdicts = table.get(f"{role}_verdict", pd.Series(index=table.index, dtype=object))
    return [str(name) for name in table.index[verdicts == BETTER]]


def _without_baseline(table: pd.DataFrame, settings: Settings, best: str) -> Answer:
    unknown = f"what it gains is unknown, as {settings.baseline} was not run"
    if "control_verdict" not in table:
        return Answer(LEADS, best, f"Of {len(table)} strategies it has the best mean; {unknown}.")
    control = f"the control {settings.control}"
    if best == settings.control:
        return Answer(LEADS, best, f"Nothing is shown to be better than it; {unknown}.")
    if best in better_than(table, "control"):
        return Answer(LEADS, best, f"It is {_by(table, best, 'control', control)}; {unknown}.")
    beside = _beside(table.loc[best, "control_verdict"], control)
    return Answer(UNSETTLED, best, f"It has the best mean; {beside}, and {unknown}.")


def _without_gain(table: pd.DataFrame, settings: Settings, best: str, both: bool) -> Answer:
    baseline = settings.baseline
    if best == baseline or table.loc[best, "baseline_verdict"] not in OPEN:
        return Answer(STAY, baseline, "Nothing is shown to be better than it.")
    ahead = (
        f"It is {_by(table, best, 'control', f'the control {settings.control}')}"
        if both and best in better_than(table, "control")
        else "It has the best mean"
    )
    why = f"{ahead}, but nothing is shown to be better than {baseline}: {table['baseline_verdict'][best]}."
    return Answer(UNSETTLED, best, why)


def _by(table: pd.DataFrame, name: str, role: str, than: str) -> str:
    difference = float(table.loc[name, f"{role}_difference"])  # type: ignore[arg-type]
    by = f" by {abs(difference):.3f}" if np.isfinite(difference) else ""
    return f"better than {than}{by}" if by else f"better than {than.rstrip(',')}"


def _beside(verdict: object, name: str) -> str:
    """Return what is known of a strategy that is not shown to be better than `name`."""
    if verdict == SAME:
        return f"it is practically the same as {name}"
    return f"it is worse than {name}" if verdict == WORSE else f"whether it is better than {name} is open: {verdict}"


def _leader(table: pd.DataFrame, best: str) -> str:
    """Return what keeps the best mean from being what to use, where it is another."""
    verdict = table.loc[best, "control_verdict"]
    if verdict == SAME:
        return f" {best}, which has the best mean, is practically the same."
    return f" Whether {best}, which has the best mean, is better than it is open: {verdict}." if verdict in OPEN else ""
