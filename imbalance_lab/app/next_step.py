"""What can be typed after a comparison: the control, more seeds, or what keeps the model of the best."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import pandas as pd
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from imbalance_lab.app.arguments import is_table, quoted
from imbalance_lab.app.config import compose, plain
from imbalance_lab.comparison import Compared, Comparison, Settings
from imbalance_lab.comparison.paired import FEW_RUNS
from imbalance_lab.comparison.report.layout import wrapped
from imbalance_lab.comparison.sentences import reference_of
from imbalance_lab.errors import LabError
from imbalance_lab.options import SLOTS, find, leaves
from imbalance_lab.runs.identity import GROUPS
from imbalance_lab.runs.reading import settings_of
from imbalance_lab.runs.table import RunTable

PROGRAM = "python -m imbalance_lab"
ENOUGH_RUNS, MOST_RUNS = 10, 20  # of ten runs one knows whether more would do
KEPT = "save_model"


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
        for word in map(shlex.quote, self.arguments):
            if width is not None and len(line) + len(word) + 3 > width:
                lines.append(f"{line} \\")
                line = f"  {word}"
            else:
                line += f" {word}"
        return "\n".join([*wrapped(f"Next, {self.purpose}:", width), *lines, line])


def next_step(comparison: Comparison, table: RunTable) -> Step | None:
    """Return what to type next: only what the program takes, made of what the runs recorded.

    Parameters
    ----------
    comparison : Comparison
    table : RunTable
        The runs that were compared.
    """
    settings = comparison.settings
    try:
        name = settings.control
        without = [
            one for one in comparison.compared if name not in one.table.index and not one.group.of_strategy(name)
        ]
        if without:
            return _control(without, table, settings)
        return _seeds(comparison, table) or _model(comparison.compared[0], table)
    except (HydraException, OmegaConfBaseException, LabError, KeyError):  # options of a place that is not known here
        return None


def _control(without: Sequence[Compared], table: RunTable, settings: Settings) -> Step | None:
    """Return the sweep of the control, on all groups that lack it where they differ in dataset and model only."""
    known = [_typed(one, table, str(one.table.index[0]), strategy=settings.control) for one in without]
    first = known[0]
    if first is None:
        return None
    alike = [one for one in known if one is not None and _apart(one, first) <= {"dataset", "model"}]
    swept = {key: list(dict.fromkeys(one[key] for one in alike if key in one)) for key in ("dataset", "model")}
    places = {(one.get("dataset"), one.get("model")) for one in alike}
    if len(places) == max(len(swept["dataset"]), 1) * max(len(swept["model"]), 1) and len(alike) == len(known):
        first = first | {key: ",".join(values) for key, values in swept.items() if values}
    seeds = sorted({int(seed) for one in without for seed in one.group.runs.seed if str(seed).isdecimal()})
    purpose = f"the control {settings.control}, which every strategy must beat to be worth its trouble"
    return Step(purpose, ["-m", *_arguments(first | {"seed": _range(seeds)} if len(seeds) > 1 else first)])


def _seeds(comparison: Comparison, table: RunTable) -> Step | None:
    """Return the sweep that may settle whether the best is better than what it is held against, where that is open."""
    settings = comparison.settings
    found: list[list[dict[str, str] | None]] = []
    runs, seeds = 0, set[int]()
    for one in comparison.compared:
        best, role = one.table.iloc[0], reference_of(one.table, settings)
        own = one.group.runs.seed
        if not role or best.get(f"{role}_verdict") != FEW_RUNS or not own.str.isdecimal().all():
            continue
        pair = [_typed(one, table, name) for name in (str(best.name), getattr(settings, role))]
        first = found[0][0] if found else pair[0]
        if all(typed and first and _apart(typed, first) <= {"dataset", "strategy", "seed"} for typed in pair):
            found.append(pair)
            seeds |= set(map(int, own))
            runs = max(runs, _further(best, role))
    if not found:
        return None
    every = [typed for pair in found for typed in pair if typed]
    strategies, datasets = (
        list(dict.fromkeys(typed.get(key, empty) for typed in every))
        for key, empty in (("strategy", "none"), ("dataset", ""))
    )
    if "" in datasets:
        datasets = [dataset or _made({})["options.dataset"] for dataset in datasets] if len(datasets) > 1 else []
    first = every[0] | ({"dataset": ",".join(datasets)} if datasets else {}) | {"strategy": ",".join(strategies)}
    start = max(seeds) + 1
    references = " or ".join(dict.fromkeys(strategies[1:]) if len(found) == 1 else ["what it is held against"])
    purpose = (
        f"more seeds, to learn whether {strategies[0] if len(found) == 1 else 'the best'} is better than {references}"
    )
    return Step(purpose, ["-m", *_arguments(first | {"seed": _range(range(start, start + runs))})])


def _further(best: pd.Series, role: str) -> int:
    """Return a number of runs that is likely to settle it, or to show that none does."""
    known = [best[f"{role}_{end}"] for end in ("most", "more")]
    likely = next((int(number) for number in known if pd.notna(number)), 0)
    return min(max(likely, ENOUGH_RUNS - int(best.runs), 1), MOST_RUNS)


def _model(one: Compared, table: RunTable) -> Step | None:
    """Return the run that keeps the best strategy's model, unless its runs did."""
    best = str(one.table.index[0])
    run = one.group.runs.index[one.group.runs.strategy == best][0]
    if table.settings.get(("run", KEPT), {}).get(run) == "True":
        return None
    typed = _typed(one, table, best)
    return None if typed is None else Step(f"keep the model of {best}", _arguments(typed | {KEPT: "true"}))


def _typed(one: Compared, table: RunTable, contender: str, strategy: str | None = None) -> dict[str, str] | None:
    """Return what is typed for the first run of a contender, or for another strategy in its place, by key.

    None if the program does not make the same settings of it.
    """
    run = one.group.runs.index[one.group.runs.strategy == contender][0]
    row = table.settings.loc[run].dropna()
    recorded = {f"{group}.{key}" if group != "run" else key: str(value) for (group, key), value in row.items()}
    typed = _choices(recorded, strategy)
    wanted = {
        key: value
        for key, value in recorded.items()
        if key != KEPT and key.partition(".")[0] not in ("options", *(SLOTS if strategy else ()))
    }
    for _ in range(2):  # what the options do not set by themselves, then whether that is all
        made = _made(typed)
        differ = {key: value for key, value in wanted.items() if made.get(key) != value}
        if not differ:
            return typed
        typed |= _overrides(differ, made)
    return typed if all(_made(typed).get(key) == value for key, value in wanted.items()) else None


def _overrides(differ: Mapping[str, str], made: Mapping[str, str]) -> dict[str, str]:
    """Return what is typed for settings that are not as the program makes them; of a mapping, all of it."""
    found: dict[str, str] = {}
    mappings: dict[str, list[str]] = {}
    for key, value in differ.items():
        if whole := next((known for known in made if key.startswith(f"{known}.")), None):
            mappings.setdefault(whole, []).append(f"{key.removeprefix(f'{whole}.')}: {_value(value)}")
        else:
            found[key if key in made else f"++{key}"] = _value(value)
    return found | {key: f"{{{', '.join(items)}}}" for key, items in mappings.items()}


def _choices(recorded: Mapping[str, str], strategy: str | None) -> dict[str, str]:
    """Return the options of a run that are not the program's own choice, its seed among them."""
    default = _made({})
    typed = {
        group: known
        for group in GROUPS
        if group not in SLOTS
        and recorded[f"options.{group}"] != default[f"options.{group}"]
        and (known := _option(group, recorded[f"options.{group}"]))
    }
    filled = {
        slot: known
        for slot, null in SLOTS.items()
        if recorded[f"options.{slot}"] != null and (known := _option(slot, recorded[f"options.{slot}"]))
    }
    if strategy is not None:
        typed["strategy"] = strategy
    elif len(filled) == 1:
        typed["strategy"] = next(iter(filled.values()))
    else:
        typed |= filled
    return typed | {"seed": recorded["seed"]}


def _option(group: str, name: str) -> str:
    """Return the option that is typed for one of this name; for a class of the user's own that of all, if there is one.

    >>> _option("sampler", "smote"), _option("sampler", "BorderlineSMOTE"), _option("split", "Chronological")
    ('smote', 'custom', '')
    """
    return next((known for known in (name, "custom") if find(group, known)), "")


def _made(typed: Mapping[str, str]) -> dict[str, str]:
    """Return the settings that the program makes of what is typed, as text."""
    with _aside():
        made = plain(compose([f"{key}={value}" for key, value in typed.items()]))
    found = settings_of(leaves(made))
    return {f"{group}.{key}" if group != "run" else key: value for (group, key), value in found.items()}


@contextmanager
def _aside() -> Iterator[None]:
    """Lay aside the Hydra that runs a sweep, at whose end something else is composed."""
    running, config = GlobalHydra.instance().hydra, HydraConfig.instance().cfg
    GlobalHydra.instance().clear()
    try:
        yield
    finally:
        GlobalHydra.instance().hydra, HydraConfig.instance().cfg = running, config


def _value(text: str) -> str:
    """Return a recorded value as it is typed."""
    if text == "None":
        return "null"
    try:
        return text if str(_read(text)) == text else quoted(text)
    except HydraException:
        return quoted(text)


def _read(typed: str) -> object:
    return OverridesParser.create().parse_override(f"x={typed}").value()


def _apart(one: Mapping[str, str], other: Mapping[str, str]) -> set[str]:
    return {key for key in {*one, *other} if one.get(key) != other.get(key)}


def _range(seeds: Sequence[int]) -> str:
    """Return seeds as they are swept.

    >>> _range([0, 1, 2, 3]), _range([5, 6, 7]), _range([1, 4])
    ('range(4)', 'range(5,8)', '1,4')
    """
    first, last = seeds[0], seeds[-1]
    if len(seeds) < 2 or list(seeds) != list(range(first, last + 1)):
        return ",".join(map(str, seeds))
    return f"range({last + 1})" if first == 0 else f"range({first},{last + 1})"


def _arguments(typed: Mapping[str, str]) -> list[str]:
    return list(_words(typed))


def _words(typed: Mapping[str, str]) -> Iterator[str]:
    """Yield what is typed; a table by its name, as in ``my.csv target=label``."""
    path = str(_read(typed.get("dataset.path", "")))
    if typed.get("dataset") == "csv" and is_table(path):
        yield path
        typed = {key: value for key, value in typed.items() if key not in ("dataset", "dataset.path")}
    for key, value in typed.items():
        yield f"{'target' if key == 'dataset.target' else key}={value}"
