"""The one answer of a comparison: of a group, of several models, across datasets, or over the levels of a stress."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from imbalance_lab.comparison.across import FEWEST_DATASETS, Across
from imbalance_lab.comparison.against_stress import AgainstStress
from imbalance_lab.comparison.answer import OPEN, USE, Answer, better_than, explained
from imbalance_lab.comparison.compared import Compared, leading_of
from imbalance_lab.comparison.settings import Settings
from imbalance_lab.comparison.side_by_side import alike_in_rank, summary

START, TIED = "Start with", "No clear winner; in the lead:"
MOST_NAMED = 6
Labelled = tuple[str, Compared]


@dataclass(frozen=True)
class Overall:
    """What to use, over all that was compared.

    Parameters
    ----------
    answer : Answer
    where : str
        For what part it holds, as ``with mlp`` or ``at stress.ratio=300``; empty where there is but one.
    groups : sequence of (str, Compared)
        The groups for which it holds, each with what tells it from the others; empty where it goes by ranks.
    across : Across or None
        The ranks that it goes by.
    """

    answer: Answer
    where: str = ""
    groups: Sequence[Labelled] = field(default=(), repr=False)
    across: Across | None = field(default=None, repr=False)

    @property
    def text(self) -> str:
        """All of it in a line."""
        where = f" {self.where}" if self.where else ""
        return f"{self.answer.verb} {self.answer.use}{where}. {self.answer.why}"


def overall_of(
    compared: Sequence[Compared], across: Sequence[Across], stressed: Sequence[AgainstStress], settings: Settings
) -> Overall:
    """Return the one answer of groups, of the ranks across their datasets, and of their levels of stress.

    Fewer datasets than tests across them need are answered by what is proven on each.
    """
    if len(compared) == 1:
        return Overall(compared[0].answer, "", [("", compared[0])])
    if ranked := [one for one in across if len(one.means) >= FEWEST_DATASETS]:
        return _by_ranks(ranked, settings)
    if len(stressed) == 1 and len(stressed[0].groups) == len(compared):
        one = stressed[0]
        return _over(list(one.groups.items()), f"level of {one.setting}", "at", f"{one.setting}=", settings)
    leading = None if stressed else leading_of(compared, settings)
    if leading is not None:
        return _of_leading(compared, leading)
    datasets = {one.group.name.get("dataset") for one in compared}
    what = "dataset" if len(datasets) == len(compared) else "group"
    return _over(list(zip(told_apart(compared), compared, strict=True)), what, "on", "", settings)


def told_apart(compared: Sequence[Compared]) -> list[str]:
    """Return of each group what tells it from the others."""
    return [" ".join(value if key in ("dataset", "model") else f"{key}={value}" for key, value in own.items())
            for own in _own(compared)]  # fmt: skip


def across_answer(one: Across, settings: Settings) -> Answer:
    """Return what to use where nothing is known of a dataset: the best average rank.

    It is recommended where ranks differ, and its rank from the baseline's.
    """
    best, found = str(one.ranks.index[0]), summary(one, settings)
    differ = one.friedman["p_F"] < 1 - settings.confidence
    tied = settings.baseline != best and settings.baseline in alike_in_rank(one)
    why = found[0].upper() + found[1:] if not differ else found
    return Answer(START if differ and not tied else TIED, best, f"{why}.")


def _own(compared: Sequence[Compared]) -> list[dict[str, str]]:
    names = [one.group.name for one in compared]
    return [
        {key: value for key, value in name.items() if any(other.get(key) != value for other in names)} for name in names
    ]


def _of_leading(compared: Sequence[Compared], one: Compared) -> Overall:
    own = _own(compared)[next(place for place, other in enumerate(compared) if other is one)]
    beside = ", ".join(value if key == "model" else f"{key}={value}" for key, value in own.items())
    why = f"{one.answer.why} Its mean is the best of {len(compared)} groups, which are not tested against each other."
    return Overall(replace(one.answer, why=why), f"with {beside}", [("", one)])


def _by_ranks(across: Sequence[Across], settings: Settings) -> Overall:
    """Return the answer that most kinds of groups (models, levels of a stress) have, and what others have."""
    answers = [across_answer(one, settings) for one in across]
    if len(across) == 1:
        return Overall(answers[0], across=across[0])
    names = [one.name for one in across]
    chosen = _most(answers, START)
    held = [name for name, answer in zip(names, answers, strict=True) if _key(answer) == chosen]
    first = names.index(held[0])
    why = " ".join([answers[first].why, *_others(names, answers, chosen, "with")])
    where = f"with {_listed(held)}" if len(held) < len(names) else f"with each of {len(names)} models or settings"
    return Overall(replace(answers[first], why=why), where, across=across[first])


def _over(groups: Sequence[Labelled], what: str, word: str, named: str, settings: Settings) -> Overall:
    """Return the answer that most groups have, those that prove something before others, and what the others have."""
    labels, answers = [label for label, _ in groups], [one.answer for _, one in groups]
    chosen = _most(answers, USE)
    held = [(label, one) for label, one in groups if _key(one.answer) == chosen]
    every = len(held) == len(groups)
    where = f"{word} every {what}" if every else f"{word} {named}{_listed([label for label, _ in held])}"
    proven = any(answer.verb == USE for answer in answers)
    sentences = (
        [_gain(held, settings), *_open(held, word, settings)]
        if proven
        else [_nothing(groups, f"{word} any {what}", settings)]
    )
    sentences += _others(labels, answers, chosen, word)
    return Overall(Answer(*chosen, " ".join(sentences)), where, held)


def _key(answer: Answer) -> tuple[str, str]:
    return answer.verb, answer.use


def _most(answers: Sequence[Answer], proving: str) -> tuple[str, str]:
    """Return the verb and strategy of most answers; those that prove something first, of equally many the last."""
    counts = Counter(map(_key, answers))
    last = {_key(answer): place for place, answer in enumerate(answers)}
    return max(counts, key=lambda key: (key[0] == proving, counts[key], last[key]))


def _others(labels: Sequence[str], answers: Sequence[Answer], chosen: tuple[str, str], word: str) -> list[str]:
    """Return in sentences what the answers are where they are others."""
    found: dict[tuple[str, str], list[str]] = {}
    for label, answer in zip(labels, answers, strict=True):
        if _key(answer) != chosen:
            found.setdefault(_key(answer), []).append(label)
    return [f"{word.capitalize()} {_listed(held)}: {verb.lower()} {use}." for (verb, use), held in found.items()]


def _nothing(groups: Sequence[Labelled], where: str, settings: Settings) -> str:
    if not any("baseline_verdict" in one.table for _, one in groups):
        return f"Nothing is proven {where}: what is gained is unknown, as {settings.baseline} was not run."
    return f"Nothing is shown to be better than {settings.baseline} {where}."


def _gain(held: Sequence[Labelled], settings: Settings) -> str:
    """Return by how much what is used is better than baseline and control, in a sentence."""
    use = held[0][1].answer.use
    than = f"It is better than {explained(settings.baseline)} by {_range(held, use, 'baseline')}"
    if use == settings.control:
        return f"{than}, and nothing is shown to be better than it."
    beaten = [(label, one) for label, one in held if use in better_than(one.table, "control")]
    if not beaten:
        return f"{than}; it is not shown to be better than the control {settings.control}."
    where = "" if len(beaten) == len(held) else f"{_listed([label for label, _ in beaten])}: "
    more = f"better than the control {settings.control} by {_range(beaten, use, 'control')}"
    return f"{than}, and {more}." if not where else f"{than}, and on {where}{more}."


def _open(held: Sequence[Labelled], word: str, settings: Settings) -> list[str]:
    """Return in a sentence where another strategy has the best mean, and it is open whether that is better."""
    leaders: dict[str, list[str]] = {}
    for label, one in held:
        best = str(one.table.index[0])
        if best != one.answer.use == settings.control and one.table["control_verdict"][best] in OPEN:
            leaders.setdefault(best, []).append(label)
    return [
        f"Whether {best}, which has the best mean {word} {_listed(labels)}, is better than it is open there."
        for best, labels in leaders.items()
    ]


def _range(held: Iterable[Labelled], use: str, role: str) -> str:
    """Return the smallest and the largest difference."""
    found = [abs(float(one.table[f"{role}_difference"][use])) for _, one in held if f"{role}_difference" in one.table]
    ends = [f"{value:.3f}" for value in (np.nanmin(found), np.nanmax(found))]
    return ends[0] if ends[0] == ends[1] else " to ".join(ends)


def _listed(names: Sequence[str]) -> str:
    shown = list(names[:MOST_NAMED]) if len(names) > MOST_NAMED + 1 else list(names)
    if more := len(names) - len(shown):
        return f"{', '.join(shown)} and {more} more"
    return " and ".join(filter(None, [", ".join(shown[:-1]), shown[-1]]))
