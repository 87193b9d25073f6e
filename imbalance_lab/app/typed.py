"""What is typed to make a run of settings that were recorded."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from pathlib import Path
from typing import Any

from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import MISSING, OmegaConf

from imbalance_lab.app.arguments import is_table, quoted
from imbalance_lab.app.composing import QuickLoader
from imbalance_lab.app.config import compose, plain, resolved_as_job
from imbalance_lab.options import CONF, SEARCH, SLOTS, find, leaves
from imbalance_lab.runs.identity import GROUPS
from imbalance_lab.runs.reading import NO_GROUP, setting_name, settings_of
from imbalance_lab.runs.table import RunTable

KEPT, TUNED_BY = "save_model", "tuning.name"
SPACE = "tuning.space."


@dataclass(frozen=True)
class Typist:
    """Finds what is typed for runs: only what the program takes, and what makes the same settings again.

    Parameters
    ----------
    table : RunTable
    search : sequence of Path
        Folders of options beside the registered ones.
    """

    table: RunTable
    search: Sequence[Path] = ()

    def typed(self, run: str, strategy: str | None = None) -> dict[str, str] | None:
        """Return what is typed for a run, or for another strategy in its place, by key.

        None if the program does not make the same settings of it.

        Raises
        ------
        HydraException, OmegaConfBaseException, LabError, KeyError
            If its options are not known here.
        """
        row = self.table.settings.loc[run].dropna()
        recorded = {_as_typed(setting_name(key)): str(value) for key, value in row.items()}
        typed = self._choices(recorded, strategy)
        wanted = {
            key: value
            for key, value in recorded.items()
            if key not in (KEPT, TUNED_BY) and key.partition(".")[0] not in ("options", *(SLOTS if strategy else ()))
        }
        chosen = {f"options.{group}" for group in GROUPS if not (strategy and group in SLOTS)}
        for _ in range(2):  # what the options do not set by themselves, then whether that is all
            made = self.made(typed)
            differ = {key: value for key, value in wanted.items() if not _same(made.get(key), value)}
            if not differ:
                break
            typed |= _overrides(differ, made)
        made = self.made(typed)
        same = wanted | {key: recorded[key] for key in chosen if key in recorded}
        return typed if all(_same(made.get(key), value) for key, value in same.items()) else None

    @cached_property
    def default(self) -> dict[str, str]:
        """The option of each group for which nothing is typed."""
        chosen = OmegaConf.load(CONF / "config.yaml").defaults
        return {str(group): str(name) for one in chosen if one != "_self_" for group, name in one.items()}

    def made(self, typed: Mapping[str, str]) -> dict[str, str]:
        """Return the settings that the program makes of what is typed, as text by their dotted names."""
        every = tuple(typed.items())
        settings = [key for key in typed if "." in key]
        given = {key: value for key in settings if (value := _scalar(typed[key])) is not None}
        if not given or len(given) < len(settings):
            return self._composed(every)
        options = tuple((key, value) for key, value in every if key not in given)
        kind = options, tuple(given)
        if kind not in self._independent:
            self._independent[kind] = self._composed(every) == {**self._composed(options), **given}
        return {**self._composed(options), **given} if self._independent[kind] else self._composed(every)

    @cached_property
    def _independent(self) -> dict[Any, bool]:
        """Whether settings, by the options they are given beside, change nothing but themselves.

        It is found out once by composing, which need not be done for other values then.
        """
        return {}

    @cached_property
    def _composed(self) -> Callable[[tuple[tuple[str, str], ...]], dict[str, str]]:
        """Composing takes a while, and the same is asked for again and again."""

        @cache
        def composed(typed: tuple[tuple[str, str], ...]) -> dict[str, str]:
            words = [f"{key}={value}" for key, value in typed]
            with _aside() as loader:
                in_sweep = isinstance(loader, QuickLoader)
                made = resolved_as_job(loader.load_job(words)) if in_sweep else plain(compose(words, self.search))
            return {setting_name(key): value for key, value in settings_of(leaves(made)).items()}

        return composed

    def arguments(self, typed: Mapping[str, str], sweep: bool = False) -> list[str]:
        """Return what is typed after the program's name; a table by its name, as in ``my.csv target=label``."""
        return [*self._places(), *["-m"][: int(sweep)], *_words(typed)]

    def _places(self) -> list[str]:
        if len(self.search) == 1:
            place = os.path.relpath(self.search[0])
            return ["--config-dir", str(self.search[0]) if place.startswith("..") else place]
        places = ",".join(quoted(f"file://{folder}") for folder in self.search)
        return [f"hydra.searchpath=[{places}]"] if places else []

    def _choices(self, recorded: Mapping[str, str], strategy: str | None) -> dict[str, str]:
        """Return the options of a run that are not the program's own choice, its seed among them."""
        typed = {
            group: known
            for group in GROUPS
            if group not in SLOTS
            and recorded[f"options.{group}"] != self.default[group]
            and (known := _option(group, recorded[f"options.{group}"], self.search))
        }
        filled = {
            slot: known
            for slot, null in SLOTS.items()
            if recorded.get(f"options.{slot}", null) != null
            and (known := _option(slot, recorded[f"options.{slot}"], self.search))
        }
        if strategy is not None:
            typed["strategy"] = strategy
        elif len(filled) == 1:
            typed["strategy"] = next(iter(filled.values()))
        else:
            typed |= filled
        if TUNED_BY in recorded:
            typed["tuning"] = recorded[TUNED_BY]
        return typed | {"seed": recorded["seed"]}


def _as_typed(name: str) -> str:
    """Return how a recorded setting is typed: a range among the settings of its option.

    >>> _as_typed("tuning.space.loss.gamma.low"), _as_typed("tuning.trials")
    ('loss._search_.gamma.low', 'tuning.trials')
    """
    if not name.startswith(SPACE):
        return name
    group, _, path = name.removeprefix(SPACE).partition(".")
    return f"{group}.{SEARCH}.{path}"


def _same(one: str | None, other: str) -> bool:
    """Whether two recorded values are one: the ends of a range are numbers, 1 or 1.0.

    >>> _same("1", "1.0"), _same("a", "b"), _same(None, "1")
    (True, False, False)
    """
    try:
        return one == other or (one is not None and float(one) == float(other))
    except ValueError:
        return False


def _option(group: str, name: str, search: Sequence[Path] = ()) -> str:
    """Return the option that is typed for one of this name; for a class of the user's own that of all, if there is one.

    >>> _option("sampler", "smote"), _option("sampler", "BorderlineSMOTE"), _option("split", "Chronological")
    ('smote', 'custom', 'custom')
    """
    return next((known for known in (name, "custom") if find(group, known, search)), "")


def saves_model(table: RunTable, run: str) -> bool:
    """Whether a run kept its model."""
    key = NO_GROUP, KEPT
    return key in table.settings and table.settings[key][run] == "True"


def apart(one: Mapping[str, str], other: Mapping[str, str]) -> set[str]:
    """Return the keys in which two things that are typed differ."""
    return {key for key in {*one, *other} if one.get(key) != other.get(key)}


def range_of(seeds: Sequence[int]) -> str:
    """Return seeds as they are swept.

    >>> range_of([0, 1, 2, 3]), range_of([5, 6, 7]), range_of([1, 4])
    ('range(4)', 'range(5,8)', '1,4')
    """
    first, last = seeds[0], seeds[-1]
    if len(seeds) < 2 or list(seeds) != list(range(first, last + 1)):
        return ",".join(map(str, seeds))
    return f"range({last + 1})" if first == 0 else f"range({first},{last + 1})"


@contextmanager
def _aside() -> Iterator[Any]:
    """Lay aside the Hydra that runs a sweep, at whose end something else is composed, and yield its loader."""
    running, config = GlobalHydra.instance().hydra, HydraConfig.instance().cfg
    GlobalHydra.instance().clear()
    try:
        yield running and running.config_loader
    finally:
        GlobalHydra.instance().hydra, HydraConfig.instance().cfg = running, config


def _overrides(differ: Mapping[str, str], made: Mapping[str, str]) -> dict[str, str]:
    """Return what is typed for settings that are not as the program makes them; of a mapping, all of it."""
    found: dict[str, str] = {}
    mappings: dict[str, dict[str, str]] = {}
    for key, value in differ.items():
        if whole := next((known for known in made if key.startswith(f"{known}.")), None):
            inside, text = key.removeprefix(f"{whole}."), _value(value)
            items = mappings.setdefault(whole, {})
            if whole.endswith(".costs"):  # {truth: {predicted: cost}}
                inside, _, predicted = inside.partition(".")
                text = f"{items[inside][:-1]}, {predicted}: {text}}}" if inside in items else f"{{{predicted}: {text}}}"
            items[inside] = text
        else:
            found[key if key in made else f"++{key}"] = _value(value)
    written = {key: ", ".join(f"{name}: {text}" for name, text in items.items()) for key, items in mappings.items()}
    return found | {key: f"{{{text}}}" for key, text in written.items()}


def _value(text: str) -> str:
    """Return a recorded value as it is typed."""
    if text == "None":
        return "null"
    try:
        return text if str(_read(text)) == text else quoted(text)
    except HydraException:
        return quoted(text)


def _scalar(typed: str) -> str | None:
    """Return a single value as it is recorded; None for others, and for what is looked up elsewhere.

    >>> _scalar("0.50"), _scalar("null"), _scalar("'a b'"), _scalar("[1]"), _scalar("${seed}")
    ('0.5', 'None', 'a b', None, None)
    """
    value = _read(typed)
    is_plain = value is None or isinstance(value, str | int | float)
    return str(value) if is_plain and "${" not in typed and value != MISSING else None


@lru_cache(maxsize=4096)
def _read(typed: str) -> object:
    return OverridesParser.create().parse_override(f"x={typed}").value()


def _each(typed: str) -> list[str]:
    """Return the values that are typed for a key, of a sweep several.

    >>> _each("a.csv,'my data.csv'")
    ['a.csv', 'my data.csv']
    """
    override = OverridesParser.create().parse_override(f"x={typed}")
    swept = override.sweep_string_iterator() if override.is_sweep_override() else [typed]
    return [str(_read(str(value))) for value in swept]


def _words(typed: Mapping[str, str]) -> Iterator[str]:
    paths = _each(typed.get("dataset.path", ""))
    if typed.get("dataset") == "csv" and all(map(is_table, paths)):
        yield from paths
        typed = {key: value for key, value in typed.items() if key not in ("dataset", "dataset.path")}
    for key, value in typed.items():
        yield f"{'target' if key == 'dataset.target' else key}={value}"
