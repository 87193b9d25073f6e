"""When a comparison that grows round by round is decided, and which candidates need no further rounds."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from imbalance_lab.comparison.paired import BETTER, FEW_RUNS, WORSE, corrected_t
from imbalance_lab.comparison.settings import Settings
from imbalance_lab.recommendation.looks import confidence_of_look, information

HOPELESS = 0.95  # one-sided confidence that a candidate is below the leader


class Reference(NamedTuple):
    """What everything is held against: plain training, and plain training with tuned thresholds, of one model."""

    plain: str
    control: str


def reference(means: pd.Series, plain: Mapping[str, str], control: Mapping[str, str], sign: int) -> Reference | None:
    """Return the pair of the model with which tuned thresholds have the best mean; None if no model has both.

    Whatever is better than the best of several controls has beaten all of them. That it is the best on the same rows
    makes it look better than it is, and so makes "better than the control" rarer where it is false, not more frequent.
    """
    models = [model for model in control if control[model] in means and plain[model] in means]
    if not models:
        return None
    best = max(models, key=lambda model: sign * means[control[model]])
    return Reference(plain[best], control[best])


def settings_of_look(
    settings: Settings, held: Reference, looks: Sequence[int], rounds: int, folds: int, tests: int
) -> Settings:
    """Return the settings of the comparison at the last of some looks.

    Parameters
    ----------
    settings : Settings
        ``confidence`` is that of all looks together.
    held : Reference
    looks : sequence of int
        After so many rounds each, this one last.
    rounds : int
        At most.
    folds : int
        Of a round.
    tests : int
        Candidates that were tried, less the one they are held against.
    """
    ratio = 1 / (folds - 1)
    shares = [information(look * folds, rounds * folds, ratio) for look in looks]
    confidence = confidence_of_look(shares, settings.confidence, max(tests, 1))
    return Settings(
        metric=settings.metric,
        baseline=held.plain,
        control=held.control,
        by=["dataset"],
        rope=settings.rope,
        confidence=confidence,
        larger_is_better=settings.larger_is_better,
    )


def decided(table: pd.DataFrame, control: str, alive: Collection[str]) -> bool:
    """Whether further rounds would hardly change the answer.

    Either the leader is better than the control, or of no candidate that is still tried it is open whether more rounds
    would show it better: all others are worse or practically the same, or there are not enough rows to tell.

    Parameters
    ----------
    table : DataFrame
        That of a `Compared`, best mean first.
    control : str
    alive : collection of str
    """
    verdicts = table.control_verdict.drop(index=control, errors="ignore")
    if verdicts.get(table.index[0]) == BETTER:
        return True
    return not any(verdict == FEW_RUNS for name, verdict in verdicts.items() if name in alive)


def hopeless(values: pd.DataFrame, kept: Collection[str], ratio: float, sign: int) -> list[str]:
    """Return the candidates that are in all likelihood not the best, so that their time is better spent on others.

    Those that are below the leader by a one-sided test of each by itself. Nothing is claimed by it: what is left out
    keeps its results, and its place among those over which Holm's method corrects.

    Parameters
    ----------
    values : DataFrame
        A row per candidate, a column per fold.
    kept : collection of str
        Never left out.
    ratio : float
        Test rows by other rows.
    sign : int
    """
    means = sign * values.mean(axis=1)
    leader = str(means.idxmax())
    behind = sign * (values.loc[leader] - values)
    mean, error, df = corrected_t(behind.to_numpy(), ratio)
    with np.errstate(invalid="ignore"):
        below = mean - stdtrit(df, HOPELESS) * error > 0
    return [str(name) for name, out in zip(values.index, below, strict=True) if out and name not in {*kept, leader}]


def better_than_control(table: pd.DataFrame) -> list[str]:
    """Return what is shown to be better than the control, best mean first."""
    return [str(name) for name in table.index[table.control_verdict == BETTER]]


def worse_than_control(table: pd.DataFrame) -> list[str]:
    """Return what is shown to be worse than the control."""
    return [str(name) for name in table.index[table.control_verdict == WORSE]]
