"""What may be typed beside Hydra's own grammar: tables by their names, ``target=`` and ``drop=``."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Sequence
from importlib.util import find_spec
from itertools import pairwise
from math import ceil
from pathlib import Path

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType, Quote, QuotedString, RangeSweep
from hydra.errors import HydraException

from imbalance_lab.app.cli import COMMANDS
from imbalance_lab.app.lines import listing
from imbalance_lab.errors import ConfigError
from imbalance_lab.options import SLOTS, groups, nearest

TABLE = re.compile(r"\.(csv|tsv|txt|parquet|pq)(\.(gz|bz2|xz|zip|zst))?$", re.IGNORECASE)
TABLES = ("dataset.path", "split.test_path")
SHORT = {"target": "dataset.target", "drop": "dataset.drop"}
PLAIN_FLAGS = ("--help", "-h", "--hydra-help", "--version", "--resolve", "--run", "-r", "--multirun", "-m")
VALUE_FLAGS = ("--cfg", "-c", "--package", "-p", "--config-path", "-cp", "--config-name", "-cn", "--config-dir", "-cd")
RARE_FLAGS = ("--experimental-rerun", "--info", "-i", "--shell-completion", "-sc")  # the first two take a value
FLAGS = (*PLAIN_FLAGS, *VALUE_FLAGS, *RARE_FLAGS)
SWEEP = {"-m", "--multirun"}
SHOWN_CONFIGS = ("job", "hydra", "all")
MOST_VALUES = 100_000  # of a range
FOLDERS = ("output_dir", "hydra.run.dir", "hydra.sweep.dir")


def expand(arguments: Sequence[str]) -> list[str]:
    """Return arguments as Hydra takes them: overrides in its grammar, then flags.

    Parameters
    ----------
    arguments : sequence of str
        As typed; a table stands for ``dataset=csv dataset.path=``.

    Raises
    ------
    ConfigError
        If an argument is neither a flag, a setting nor a file.

    Examples
    --------
    >>> expand(["-m", "my data (1).csv", "target=label", "strategy=none,smote"])
    ['dataset=csv', "dataset.path='my data (1).csv'", 'dataset.target=label', 'strategy=none,smote', '-m']
    """
    flags, rest = split_flags(arguments)
    _check_flags(flags)
    tables = [argument for argument in rest if is_table(argument)]
    if len(tables) > 1 and not SWEEP & set(flags):
        raise ConfigError(f"{len(tables)} tables are a sweep: add -m, or name one")
    overrides = [_override(argument) for argument in rest if not is_table(argument)]
    if tables:
        others = [override for override in overrides if override != "dataset=csv"]
        overrides = ["dataset=csv", f"dataset.path={','.join(map(quoted_path, tables))}", *others]
        if not flags or set(flags) <= SWEEP:
            _check_target(tables, overrides)
    _check_keys(overrides)
    return [*(_by_job(overrides) if SWEEP & set(flags) else overrides), *flags]


def split_flags(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return Hydra's flags with their values, and the other arguments.

    Raises
    ------
    ConfigError
        If there is no such flag.
    """
    flags, rest, waiting = [], [], list(arguments)
    while waiting:
        argument = waiting.pop(0)
        name = argument.partition("=")[0]
        if not argument.startswith("-"):
            rest.append(argument)
            continue
        if not any(flag == name or (name.startswith("--") and flag.startswith(name)) for flag in FLAGS):
            raise ConfigError(f"there is no flag {name}{nearest(name, FLAGS)}; settings are key=value, without dashes")
        flags.append(argument)
        if name in (*VALUE_FLAGS, *RARE_FLAGS[:3]) and "=" not in argument and waiting:
            flags.append(waiting.pop(0))
    return flags, rest


def search_folders(typed: Sequence[str]) -> list[Path]:
    """Return the folders of options that ``--config-dir`` and ``hydra.searchpath`` name.

    Raises
    ------
    ConfigError
        If one does not exist.
    """
    flags, rest = split_flags(typed)
    places = [value for flag, value in pairwise(flags) if flag in ("--config-dir", "-cd")]
    places += [flag.partition("=")[2] for flag in flags if flag.startswith("--config-dir=")]
    for argument in rest:
        if re.match(r"\+{0,2}hydra\.searchpath=", argument) and _parses(argument):
            places += _searchpath(argument)
    return [folder for place in places if (folder := _folder(place))]


def is_table(argument: str) -> bool:
    """Whether an argument names a table: a file, or a name that ends as those of tables and is no ``key=value``.

    >>> is_table("my.csv"), is_table("dataset.path=my.csv"), is_table("smote")
    (True, False, False)
    """
    if argument.startswith(("-", "dataset.path=")):
        return False
    if "=" not in argument and TABLE.search(argument):
        return True
    return os.path.isfile(os.path.expanduser(argument))


def quoted_path(path: str) -> str:
    """Return a file's path, its ``~`` expanded, quoted where Hydra's grammar needs it.

    >>> quoted_path("my.csv"), quoted_path("my data (1).csv")
    ('my.csv', "'my data (1).csv'")
    """
    return quoted(os.path.expanduser(path))


def quoted(text: str) -> str:
    """Return text as Hydra's grammar takes it."""
    plain = re.fullmatch(r"[A-Za-z_/.][\w/.-]*", text, re.ASCII)
    return text if plain and _reads_as(text) else QuotedString(text, Quote.single).with_quotes()


def _check_flags(flags: Sequence[str]) -> None:
    """Refuse what Hydra would refuse with its own usage."""
    values = dict(pairwise(flags)) | {
        flag: value for flag, equals, value in (f.partition("=") for f in flags) if equals
    }
    shown = [values[flag] for flag in ("--cfg", "-c") if flag in values]
    if shown and shown[0] not in SHOWN_CONFIGS:
        raise ConfigError(f"--cfg={shown[0]}: {', '.join(SHOWN_CONFIGS)} can be shown")
    if "--resolve" in flags and not shown and not {"--help", "-h"} & set(flags):
        raise ConfigError("--resolve goes with --cfg job")


def _check_target(tables: Sequence[str], overrides: Sequence[str]) -> None:
    """Refuse tables of which no column is to be predicted."""
    if any(override.lstrip("+").startswith(SHORT["target"]) for override in overrides):
        return
    from imbalance_lab.data.sources.files import columns_of  # which takes a second

    columns = listing(columns_of(tables[0]), "in its first row")
    raise ConfigError(f"{tables[0]}: which column is to be predicted? target= names it, one of {columns}")


def _check_keys(overrides: Sequence[str]) -> None:
    """Refuse a setting that is given twice: Hydra would take the last without a word."""
    keys = Counter(override.partition("=")[0].lstrip("+") for override in overrides)
    if repeated := [key for key, count in keys.items() if count > 1]:
        raise ConfigError(f"{repeated[0]}= is given twice; several values are a sweep: -m {repeated[0]}=a,b")


def _check_value(key: str, value: str) -> None:
    """Refuse values that Hydra or OmegaConf would take, and that make no sense."""
    key = key.lstrip("+")
    if key.partition(".")[0] == "options":
        raise ConfigError(f"{key}= is filled in by the program; choose an option by its group, as in loss=focal")
    if key in FOLDERS and value in ("", "null", "''", '""'):
        raise ConfigError(f"{key}={value} names no folder; {key}=my/folder does, or leave it away")
    if key == "hydra.verbose" and value.lower() not in ("true", "false") and not value.startswith("["):
        raise ConfigError(f"hydra.verbose={value}: true, false, or loggers as a list, as in hydra.verbose=[hydra]")


def _override(argument: str) -> str:
    key, equals, value = argument.partition("=")
    if equals and len(words := key.split()) > 1 and (is_table(words[0]) or words[0] in COMMANDS):
        raise ConfigError(f"'{argument}' is typed as one word: leave out the quotes around it")
    if not key or (not equals and not key.startswith("~")):
        raise ConfigError(_what_is(argument))
    key = SHORT.get(key, key)
    _check_value(key, value)
    if key in groups() and (value in ("", "null") or value.startswith("[") or _is_number(value)):
        raise ConfigError(
            f"{argument}: {key} is one of python -m imbalance_lab options {key}; several are a sweep: -m {key}=a,b"
        )
    if key in TABLES and os.path.isfile(os.path.expanduser(value)):
        return f"{key}={quoted_path(value)}"
    if key in SHORT.values() and not value.startswith(("[", "'", '"')) and not _parses(f"{key}={value}"):
        return f"{key}={quoted(value)}"
    return f"{key}={value}" if equals else argument


def _by_job(overrides: Sequence[str]) -> list[str]:
    """Leave the settings of a group whose option is swept to the jobs: ``-m loss=focal,poly loss.gamma=1``.

    Hydra would look for them in the options that are chosen without the sweep; a sweep of one value waits for the job.
    """
    try:
        parsed = OverridesParser.create().parse_overrides(list(overrides))
    except HydraException:  # which Hydra reports
        return list(overrides)
    for override in parsed:
        _check_range(override)
    swept = {override.key_or_group for override in parsed if override.is_sweep_override()}
    swept |= set(SLOTS) if "strategy" in swept else set()
    return [
        f"{override.key_or_group}=choice({typed.partition('=')[2]})"
        if override.type is OverrideType.CHANGE
        and not override.is_sweep_override()
        and override.value() is not None  # which cannot be swept
        and override.key_or_group.partition(".")[0] in swept - {override.key_or_group}
        else typed
        for typed, override in zip(overrides, parsed, strict=True)
    ]


def _check_range(override: Override) -> None:
    """Refuse a range of no values, with which a sweep would end at once, and one that no memory takes."""
    found = override.value() if override.is_range_sweep() else None
    if not isinstance(found, RangeSweep) or None in (found.start, found.stop):
        return
    size = ceil((found.stop - (found.start or 0)) / found.step) if found.step else 0  # type: ignore[operator]
    if not 0 < size <= MOST_VALUES:
        reason = f"of {size:,} values, more than {MOST_VALUES:,}" if size > 0 else "of no values: range(start,stop)"
        raise ConfigError(f"{override.input_line} is a range {reason}")


def _what_is(word: str) -> str:
    if not word:
        return "an argument is empty; arguments are key=value, a file, or a command"
    if word in groups():
        return f"'{word}' has no value: {word}=...; python -m imbalance_lab options {word} shows what it can be"
    if word in COMMANDS:
        return f"a command comes first: python -m imbalance_lab {word} key=value ..."
    if os.path.isdir(os.path.expanduser(word)):
        return f"'{word}' is a folder; a table is a file, as in my.csv target=label"
    near = nearest(word, [*COMMANDS, "help", "--help"])
    return f"'{word}' is no command, no file and no key=value{near or '; --help lists the commands and settings'}"


def _parses(override: str) -> bool:
    try:
        OverridesParser.create().parse_override(override)
    except HydraException:
        return False
    return True


def _is_number(text: str) -> bool:
    return _parses(f"x={text}") and isinstance(_value(f"x={text}"), bool | int | float)


def _reads_as(text: str) -> bool:
    return _parses(f"x={text}") and _value(f"x={text}") == text


def _value(override: str) -> object:
    return OverridesParser.create().parse_override(override).value()


def _searchpath(override: str) -> list[str]:
    value = _value(override)
    return [str(place) for place in value] if isinstance(value, list) else []


def _folder(place: str) -> Path | None:
    """Return the folder that an element of a search path names; None for a package that is not there."""
    scheme, _, path = place.rpartition("://")
    if scheme == "pkg":
        spec = find_spec(path) if find_spec(path.partition(".")[0]) else None
        return Path(spec.submodule_search_locations[0]) if spec and spec.submodule_search_locations else None
    if not os.path.isdir(path):
        raise ConfigError(f"there is no folder {path} of options")
    return Path(path).absolute()
