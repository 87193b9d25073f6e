"""What can be typed after a comparison: what is missing, more seeds, or what keeps the model to use."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path

import pandas as pd
from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from imbalance_lab.app import recipes
from imbalance_lab.app.typed import KEPT, Typist, apart, range_of, saves_model
from imbalance_lab.comparison import Compared, Comparison, Settings
from imbalance_lab.comparison.answer import ROLES
from imbalance_lab.comparison.compared import leading_of
from imbalance_lab.comparison.paired import FEW_RUNS
from imbalance_lab.comparison.report.layout import wrapped
from imbalance_lab.errors import LabError
from imbalance_lab.runs.table import RunTable

PROGRAM = "python -m imbalance_lab"
ENOUGH_RUNS, MOST_RUNS = 10, 20  # of ten runs one knows whether more would do
NAMES = ("dataset.name", "dataset.path")  # of sets of one source
PLACES = ("dataset", *NAMES, "model")
WHY = {
    "control": "the control {}, which every strategy must beat to be worth its trouble",
    "baseline": "plain training, {}, to learn what is gained over it",
}
WILL_NOT_RUN = ("failed", "skipped")  # the same command would have the same outcome


@dataclass(frozen=True)
class Step:
    """A command, and what it is for.

    Parameters
    ----------
    purpose : str
    arguments : list of str
        What is typed after the name of the program.
    """

    purpose: str
    arguments: list[str]

    def text(self, width: int | None) -> str:
        """Return purpose and command; in a terminal's width as lines that can be copied together."""
        lines, line = [], PROGRAM
        for argument in self.arguments:
            word = shlex.quote(argument)
            if width is None or len(line) + len(word) + 3 <= width:
                line += f" {word}"
                continue
            lines.append(f"{line} \\")
            *begun, last = _pieces(argument, width - 4)
            lines += [f"{'' if place else '  '}{piece}\\" for place, piece in enumerate(begun)]
            line = last if begun else f"  {last}"
        return "\n".join([*wrapped(f"Next, {self.purpose}:", width), *lines, line])


def _pieces(argument: str, width: int) -> list[str]:
    r"""Return a word of a shell in pieces of at most `width`, behind a comma if there is one.

    A shell joins them where each but the last ends in a backslash and the next begins its line.

    >>> _pieces("strategy=smote,tuned_threshold", 20), _pieces("a b", 20)
    (['strategy=smote,', 'tuned_threshold'], ["'a b'"])
    """
    pieces, rest = [], argument
    while len(shlex.quote(rest)) > width:
        length = next(size for size in range(len(rest), 0, -1) if len(shlex.quote(rest[:size])) <= width)
        comma = rest.rfind(",", 0, length) + 1
        pieces.append(rest[: comma or length])
        rest = rest[comma or length :]
    return [shlex.quote(piece) for piece in [*pieces, rest] if piece]


def next_step(comparison: Comparison, table: RunTable, search: Sequence[Path] | None = None) -> Step | None:
    """Return what to type next: only what the program takes, made of what the runs recorded.

    Parameters
    ----------
    comparison : Comparison
    table : RunTable
        The runs that were compared.
    search : sequence of Path
        Folders of options beside the registered ones; by default those that were named to this process.
    """
    typist = Typist(table, recipes.OptionFolders.search if search is None else search)
    try:
        return (
            _absent(comparison, typist)
            or _missing_seeds(comparison, typist)
            or _more_seeds(comparison, typist)
            or _model(comparison, typist)
        )
    except (HydraException, OmegaConfBaseException, LabError, KeyError):  # options of a place that is not known here
        return None


def _absent(comparison: Comparison, typist: Typist) -> Step | None:
    """Return the sweep of the control and of the baseline where they were not run.

    It is on all groups that lack them where those differ in dataset and model only.
    """
    settings = comparison.settings
    roles = {getattr(settings, role): role for role in ("baseline", "control")}
    lack = [(one, [name for name in roles if not _ran(one, name)]) for one in comparison.compared]
    without = [one for one, names in lack if names]
    names = [name for name in roles if any(name in absent for _, absent in lack)]
    if not names or (known := [_typed(one, typist, strategy=names[0]) for one in without])[0] is None:
        return None
    first: Mapping[str, str] = known[0]
    alike = [one for one in known if one is not None and apart(one, first) <= set(PLACES)]
    swept = {key: list(dict.fromkeys(one[key] for one in alike if key in one)) for key in PLACES}
    places = {tuple(one.get(key) for key in PLACES) for one in alike}
    if len(places) == prod(max(len(values), 1) for values in swept.values()) and len(alike) == len(known):
        first = {**first, **{key: ",".join(values) for key, values in swept.items() if values}}
    seeds = sorted({seed for one in without for seed in _seeds_of(one)})
    first = {**first, "strategy": ",".join(names)} | ({"seed": range_of(seeds)} if len(seeds) > 1 else {})
    purpose = ", and ".join(WHY[roles[name]].format(name) for name in reversed(names))
    return Step(purpose, typist.arguments(first, sweep=True))


def _ran(one: Compared, name: str) -> bool:
    return name in one.table.index or bool(one.group.of_strategy(name))


def _missing_seeds(comparison: Comparison, typist: Typist) -> Step | None:
    """Return the sweep of the runs that some strategies of a group have and others lack, unless those cannot run."""
    for one in comparison.compared:
        lacking = {name: seeds for name, seeds in _lacking(one, typist.table) if seeds}
        typed = {name: found for name in lacking if (found := _typed(one, typist, name))}
        if not typed:
            continue
        first = next(iter(typed.values()))
        alike = {name: found for name, found in typed.items() if apart(found, first) <= {"strategy", "seed"}}
        seeds = sorted(set().union(*(lacking[name] for name in alike)))
        strategies = [found.get("strategy", "none") for found in alike.values()]
        arguments = {**first, "strategy": ",".join(strategies), "seed": range_of(seeds)}
        if any(lacking[name] != set(seeds) for name in alike):
            arguments["resume"] = "true"
        runs = sum(len(lacking[name]) for name in alike)
        purpose = f"the {f'{runs} runs' if runs > 1 else 'run'} that others of the same seeds have"
        return Step(purpose, typist.arguments(arguments, sweep=len(strategies) > 1 or len(seeds) > 1))
    return None


def _lacking(one: Compared, table: RunTable) -> Iterator[tuple[str, set[int]]]:
    """Yield each strategy of a group with the seeds that others have and it could have."""
    known, seeds = table.runs, one.group.values.columns.get_level_values("seed")
    tried = known[known.outcome.isin(WILL_NOT_RUN)]
    for name, row in one.group.values.iterrows():
        like = known.loc[_first_run(one, str(name))]
        same = (tried[["strategy", "model", "dataset"]] == like[["strategy", "model", "dataset"]]).all(axis=1)
        ended = set(map(int, tried.seed[same].dropna()))
        yield str(name), {int(seed) for seed in seeds[row.isna()] if str(seed).isdecimal()} - ended


def _more_seeds(comparison: Comparison, typist: Typist) -> Step | None:
    """Return the sweep that may settle whether what leads is better than what it is held against, where it is open."""
    settings = comparison.settings
    found: list[list[dict[str, str]]] = []
    runs, seeds = 0, set[int]()
    for one in comparison.compared:
        name, roles = _open(one, settings)
        if not roles or not one.group.runs.seed.str.isdecimal().all():
            continue
        typed = [_typed(one, typist, each) for each in (name, *(getattr(settings, role) for role in roles))]
        known = [each for each in typed if each]
        first = found[0][0] if found else known[0] if known else None
        if first and len(known) == len(typed) and all(_alike(each, first) for each in known):
            found.append(known)
            seeds |= set(_seeds_of(one))
            row: pd.Series = one.table.loc[name]  # type: ignore[assignment]
            runs = max(runs, *(_further(row, role) for role in roles))
    if not found:
        return None
    strategies, datasets, *named = (
        list(dict.fromkeys(typed.get(key, empty) for every in found for typed in every))
        for key, empty in (("strategy", "none"), ("dataset", ""), *((name, "") for name in NAMES))
    )
    if "" in datasets:
        datasets = [dataset or typist.default["dataset"] for dataset in datasets] if datasets[1:] else []
    first = found[0][0] | ({"dataset": ",".join(datasets)} if datasets else {}) | {"strategy": ",".join(strategies)}
    first |= {name: ",".join(values) for name, values in zip(NAMES, named, strict=True) if values[1:]}
    start = max(seeds) + 1
    if len(found) == 1:
        purpose = f"more seeds, to learn whether {strategies[0]} is better than {' and '.join(strategies[1:])}"
    else:
        purpose = "more seeds, to learn whether the best is better than what it is held against"
    swept = first | {"seed": range_of(range(start, start + runs))}
    return Step(purpose, typist.arguments(swept, sweep=True))


def _open(one: Compared, settings: Settings) -> tuple[str, list[str]]:
    """Return what leads, or else what is to be used, and what more runs would show about it."""
    for name in dict.fromkeys([str(one.table.index[0]), one.answer.use]):
        row: pd.Series = one.table.loc[name]  # type: ignore[assignment]
        roles = {
            getattr(settings, role): role
            for role in ROLES
            if getattr(settings, role) != name and row.get(f"{role}_verdict") == FEW_RUNS
        }
        if roles:
            return name, list(roles.values())
    return "", []


def _alike(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    """Whether they are runs of one sweep over datasets, or over the names of those of one source."""
    source = next((name for name in NAMES if name in one and name in other), "dataset")
    return apart(one, other) <= {source, "strategy", "seed"}


def _further(row: pd.Series, role: str) -> int:
    """Return a number of runs that is likely to settle it, or to show that none does."""
    known = [row[f"{role}_{end}"] for end in ("most", "more")]
    likely = next((int(number) for number in known if pd.notna(number)), 0)
    return min(max(likely, ENOUGH_RUNS - int(row.runs), 1), MOST_RUNS)


def _model(comparison: Comparison, typist: Typist) -> Step | None:
    """Return what keeps the model of the strategy to use, unless its run did: of the models on a dataset the best.

    A model that was trained on rows made worse on purpose is none to keep.
    """
    unstressed = [one for one in comparison.compared if not _is_stressed(one, typist.table)]
    if not unstressed:
        return None
    first = unstressed[0].group.name.get("dataset")
    rivals = [one for one in unstressed if one.group.name.get("dataset") == first]
    one = leading_of(rivals, comparison.settings) or unstressed[0]
    use = one.answer.use
    if saves_model(typist.table, _first_run(one, use)):
        return None
    typed = _typed(one, typist, use)
    where = f" on {one.group.title}" if len(comparison.compared) > 1 else ""
    return None if typed is None else Step(f"keep the model of {use}{where}", typist.arguments(typed | {KEPT: "true"}))


def _is_stressed(one: Compared, table: RunTable) -> bool:
    """Whether the runs of a group were trained on rows made worse; those older than stress were not."""
    option = ("options", "stress")
    if option not in table.settings:
        return False
    chosen = table.settings.loc[one.group.runs.index[0], option]
    return bool(pd.notna(chosen)) and chosen != "none"


def _typed(one: Compared, typist: Typist, name: str = "", strategy: str | None = None) -> dict[str, str] | None:
    """Return what is typed for the first run of a contender, of the best by default."""
    return typist.typed(_first_run(one, name or str(one.table.index[0])), strategy)


def _first_run(one: Compared, name: str) -> str:
    return str(one.group.runs.index[one.group.runs.strategy == name][0])


def _seeds_of(one: Compared) -> list[int]:
    return [int(seed) for seed in one.group.runs.seed if str(seed).isdecimal()]
