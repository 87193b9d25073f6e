"""Interleaved rounds of a program and its rivals, and what is to be made of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean, median, stdev
from typing import Literal

from experiments.benchmarks.blocks import Block, Broken, Scores, no_scores, run_block

Kind = Literal["times faster", "of the time", "s more"]
Clock = Literal["seconds", "cpu_seconds"]
Cost = Callable[[Sequence[Block], Clock], float]

# What two fits of the same thing may differ by on average: three standard errors, or this much.
TOLERANCE, ENOUGH, TOO_FEW = 0.01, 5, 0.1

VALUES: dict[Kind, Callable[[float, float], float]] = {
    "times faster": lambda ours, rival: rival / ours,
    "of the time": lambda ours, rival: ours / rival,
    "s more": lambda ours, rival: ours - rival,
}


def whole(blocks: Sequence[Block], clock: Clock) -> float:
    """Return the time of the first block."""
    return getattr(blocks[0], clock)


@dataclass(frozen=True)
class Side:
    """A program: its commands (``ROUND`` in them is the number of the round), what they cost, what was reached.

    Parameters
    ----------
    commands : tuple of sequence of str
        Run one after the other; the first is the program itself, others measure what `cost` takes away.
    cost : callable
        The time that counts, of all their blocks.
    scores : callable
        Of the first block.
    store : bool
        Whether the MLflow database exists before it starts.
    """

    commands: tuple[Sequence[str], ...]
    cost: Cost = whole
    scores: Scores = no_scores
    store: bool = True


@dataclass(frozen=True)
class Rival:
    """Someone to be compared with; `target` is the ratio of medians to reach (None: for information)."""

    title: str
    side: Side
    kind: Kind = "times faster"
    target: float | None = None


@dataclass(frozen=True)
class Comparison:
    """A program of this project and its rivals, who take turns for `rounds` rounds; `data` is made beforehand."""

    name: str
    ours: Side
    rivals: tuple[Rival, ...]
    rounds: int
    data: tuple[str, ...] = ()


@dataclass(frozen=True)
class Measured:
    """What a side did in each round."""

    seconds: list[float] = field(default_factory=list)
    cpu_seconds: list[float] = field(default_factory=list)
    peak_mb: list[float] = field(default_factory=list)
    scores: dict[str, float] = field(default_factory=dict)


def run_rounds(comparison: Comparison, folder: Path, store: Path) -> list[Measured]:
    """Run every side once per round, in an order that turns round from one to the next; ours comes first in the result.

    Raises
    ------
    Broken
    """
    sides = [comparison.ours, *(rival.side for rival in comparison.rivals)]
    measured = [Measured() for _ in sides]
    for number in range(comparison.rounds):
        for index in list(range(len(sides)))[:: -1 if number % 2 else 1]:
            place = folder / f"{number}-{index}"
            blocks = list(run_side(sides[index], number, place, store))
            measured[index].seconds.append(sides[index].cost(blocks, "seconds"))
            measured[index].cpu_seconds.append(sides[index].cost(blocks, "cpu_seconds"))
            measured[index].peak_mb.append(blocks[0].peak_mb)
            measured[index].scores.update(sides[index].scores(blocks[0]))
    return measured


def run_side(side: Side, number: int, folder: Path, store: Path) -> Iterator[Block]:
    """Run the commands of a side in round `number`."""
    for index, command in enumerate(side.commands):
        typed = [part.replace("ROUND", str(number)) for part in command]
        yield run_block(typed, folder / str(index), store if side.store else None)


def summarise(comparison: Comparison, rival: Rival, ours: Measured, theirs: Measured) -> dict:
    """Return a row of the table.

    Raises
    ------
    Broken
        If the two sides did not learn the same.
    """
    check_scores(comparison.ours, rival, ours, theirs)
    value = VALUES[rival.kind]
    pairs = [value(a, b) for a, b in zip(ours.seconds, theirs.seconds, strict=True)]
    both = sorted(ours.scores.keys() & theirs.scores.keys())
    return {
        "name": comparison.name,
        "rival": rival.title,
        "kind": rival.kind,
        "target": rival.target,
        "value": value(median(ours.seconds), median(theirs.seconds)),
        "cpu_value": value(median(ours.cpu_seconds), median(theirs.cpu_seconds)),
        "low": min(pairs),
        "middle": median(pairs),
        "high": max(pairs),
        "seconds": [median(ours.seconds), median(theirs.seconds)],
        "peak_mb": [max(ours.peak_mb), max(theirs.peak_mb)],
        "scores": [fmean(side.scores[key] for key in both) for side in (ours, theirs)] if both else None,
        "runs": len(both),
        "pairs": len(pairs),
    }


def check_scores(side: Side, rival: Rival, ours: Measured, theirs: Measured) -> None:
    """Refuse a comparison whose sides did not run the same runs or did not learn the same.

    Raises
    ------
    Broken
    """
    if no_scores in (side.scores, rival.side.scores):
        return
    if not theirs.scores or (missing := theirs.scores.keys() - ours.scores.keys()):
        what = ", ".join(sorted(missing)[:5]) if theirs.scores else "any run of the rival"
        raise Broken(f"against {rival.title}: one side has no result for {what}")
    differences = independent({key: ours.scores[key] - score for key, score in theirs.scores.items()})
    if abs(fmean(differences)) > (most := allowed(differences)):
        raise Broken(
            f"against {rival.title}: balanced accuracy differs by {fmean(differences):+.3f} over "
            f"{len(differences)} seeds or sets, and noise explains {most:.3f} at most"
        )


def independent(differences: dict[str, float]) -> list[float]:
    """Return the mean of the runs of each seed (or set), the last word of their names: they share a split and a start.

    >>> independent({"none 0": 1.0, "smote 0": 3.0, "none 1": 5.0})
    [2.0, 5.0]
    """
    groups: dict[str, list[float]] = {}
    for name, difference in differences.items():
        groups.setdefault(name.rpartition(" ")[2], []).append(difference)
    return [fmean(group) for group in groups.values()]


def allowed(differences: Sequence[float]) -> float:
    """Return how far the mean of paired differences may be from 0: three standard errors, if that is more than 0.01.

    Of fewer than five pairs, which tell little of their spread, 0.1.

    >>> allowed([0.1, -0.1])
    0.1
    >>> round(allowed([0.03, -0.03] * 8), 4)
    0.0232
    """
    if len(differences) < ENOUGH:
        return TOO_FEW
    return max(TOLERANCE, 3 * stdev(differences) / len(differences) ** 0.5)


def met(row: dict) -> bool | None:
    """Say whether a row reaches its target; None without one.

    >>> met({"kind": "times faster", "target": 4.0, "value": 4.2}), met({"kind": "s more", "target": 0.1, "value": 0.2})
    (True, False)
    """
    if row["target"] is None:
        return None
    return row["value"] >= row["target"] if row["kind"] == "times faster" else row["value"] <= row["target"]
