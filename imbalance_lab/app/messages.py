"""Exceptions as text that says what to do."""

from __future__ import annotations

import difflib
import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, ValueType
from hydra.errors import ConfigCompositionException, HydraException, MissingConfigException, OverrideParseException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from imbalance_lab.app import recipes
from imbalance_lab.app.arguments import SHORT, quoted, split_flags
from imbalance_lab.app.lines import PROGRAM, listing
from imbalance_lab.errors import disk_reason
from imbalance_lab.options import CONF, SLOTS, find, groups, leaves, names, nearest, slot_of, strategies

SURELY_MEANT = 0.8  # how alike an option of another group must be
WITHOUT_SWEEP = r"Ambiguous value for argument '(.+?)'|Sweep parameters '(.+?)' requires"


def explain(error: BaseException, arguments: Sequence[str], folders: Sequence[Path] = ()) -> str:
    """Return what `error` is about, with the nearest option or key where a name was mistyped.

    Parameters
    ----------
    error : exception
    arguments : sequence of str
        The command line, without the program.
    folders : sequence of Path
        Of options besides those of this package and of installed ones.
    """
    if isinstance(error, OverrideParseException):
        return _unreadable(error, folders)
    if isinstance(error, MissingConfigException):
        return _missing_config(error, folders)
    if isinstance(error, ConfigCompositionException | OmegaConfBaseException):
        return unknown_name(arguments, folders) or _with_cause(error, folders)
    if type(error).__module__.startswith("imbalance_lab") or isinstance(error, HydraException):
        return _one_line(error)
    return unexpected(error)


def unexpected(error: BaseException) -> str:
    """Return what there is to say of an error that nobody foresaw."""
    if isinstance(error, OSError) and error.strerror:
        return disk_reason(error)
    return f"unexpected {type(error).__name__}: {_one_line(error)}; HYDRA_FULL_ERROR=1 shows where"


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())


def _with_cause(error: BaseException, folders: Sequence[Path]) -> str:
    """Return an error of Hydra's with the reason that it leaves to the one below."""
    lines = str(error.__cause__ or "").strip().splitlines()
    reason = lines[0].strip() if lines else ""
    message = _one_line(error)
    if found := re.match(WITHOUT_SWEEP, message):
        typed = found[1] or found[2]
        key, _, value = typed.partition("=")
        alone = (
            "" if key.startswith("seed") or key in groups(folders) else f"; as one value it is {_as_text(key, value)}"
        )
        return f"{typed} are several values, which make a sweep: add -m{alone}"
    if found := re.match(r"Error merging override (.+)", message):
        return f"{found[1].partition(': ')[0]} does not fit: {reason or message}"
    if found := re.search(r"raised while resolving interpolation: [\"']?(.+?)[\"']? full_key: (\S+)", message):
        return f"{found[2]}: {found[1]}"
    return f"{message}: {reason}" if reason and reason not in message else message or reason


def _unreadable(error: OverrideParseException, folders: Sequence[Path]) -> str:
    """Return what to type instead of a value that is not of Hydra's grammar."""
    key, _, value = error.override.partition("=")
    if not re.fullmatch(r"[+~]{0,2}[\w./@-]+", key):
        return _one_line(error)
    if key == recipes.GROUP and (slots := as_slots(value, folders)):
        return f"there is no {error.override}; it is typed {slots}"
    return f"{error.override} cannot be read; as text it is {_as_text(key, value)}"


def _as_text(key: str, value: str) -> str:
    typed = f"{key}={quoted(value)}"
    return shlex.quote(typed) if re.search(r'["$`\\!]', typed) else f'"{typed}"'


def _missing_config(error: MissingConfigException, folders: Sequence[Path]) -> str:
    group, _, option = (error.missing_cfg_file or "").rpartition("/")
    if not group:
        given = f"there is no configuration '{option}'; leave --config-name away, the program has its own"
        return given if option else _one_line(error)
    return unknown_option(group, option, list(error.options or []), folders)


def unknown_option(group: str, option: str, known: Sequence[str], folders: Sequence[Path] = ()) -> str:
    """Return what to type instead of an option that a group does not have: it may be one of another.

    Parameters
    ----------
    group, option : str
        As typed.
    known : sequence of str
        The group's options.
    folders : sequence of Path
        Of options besides those of this package and of installed ones.
    """
    if group == recipes.GROUP and (slots := as_slots(option, folders)):
        return f"there is no {group}={option}; it is typed {slots}"
    of_groups = {other: _options_of(other, folders) for other in groups(folders)}
    others = {f"{other}={name}": name for other in of_groups for name in of_groups[other] if name not in SLOTS.values()}
    owners = [typed for typed, name in others.items() if name == option]
    if owners:
        kind = owners[0].partition("=")[0]
        return f"there is no {group}={option}: {option} is a {kind}; did you mean {' or '.join(owners[:2])}?"
    wrong = f"there is no {group}={option}"
    if near := nearest(option, known):
        return f"{wrong}{near.removesuffix('?')}? {PROGRAM} options {group} shows all {len(known)}"
    if near_others := difflib.get_close_matches(option, others.values(), n=1, cutoff=SURELY_MEANT):
        return f"{wrong}; did you mean {next(typed for typed, name in others.items() if name == near_others[0])}?"
    return f"{wrong}; {group} can be {listing(known, f'{PROGRAM} options {group}')}"


def as_slots(name: str, folders: Sequence[Path] = ()) -> str:
    """Return what is typed for a strategy under the name that a run is shown by; nothing if it is no such name.

    >>> as_slots("smote+focal(gamma=1)")
    'sampler=smote loss=focal loss.gamma=1'
    """
    typed: list[str] = []
    for part in re.findall(r"[^+(]+(?:\([^()]*\))?", name):
        option, _, settings = part.rstrip(")").partition("(")
        slot = slot_of(option, folders)
        if slot is None or any(one.startswith(f"{slot}=") for one in typed):
            return ""
        given = [f"{slot}.{setting}" for setting in settings.split(",") if setting]
        typed += [f"{slot}={option}", *given]
    return " ".join(map(shlex.quote, typed)) if typed and name != typed[0].partition("=")[2] else ""


def unknown_name(arguments: Sequence[str], folders: Sequence[Path] = ()) -> str | None:
    """Return what to type instead of the first option or key on the command line that does not exist; None if all do.

    Of a sweep every option is looked at whose settings are given.
    """
    parsed = OverridesParser.create().parse_overrides(split_flags(arguments)[1])
    known_groups = groups(folders)
    for override in parsed:
        if (group := override.key_or_group) in known_groups and not override.is_delete():
            known = _options_of(group, folders)
            if wrong := [one for one in _values(override) if one not in known and not _is_nested(group, one, folders)]:
                return unknown_option(group, wrong[0], known, folders)
    always = dict.fromkeys(str(key) for key in OmegaConf.load(CONF / "config.yaml"))
    if not _first_unknown(parsed, always, known_groups):  # composing takes longer
        return None
    for chosen in _choices(parsed, known_groups):
        try:
            known_keys = _keys(chosen, folders)
        except (HydraException, OmegaConfBaseException):  # the chosen options are what is wrong
            continue
        if wrong_key := _first_unknown(parsed, known_keys, known_groups):
            return _of_some_swept(wrong_key, parsed, folders) or _no_setting(
                wrong_key, known_keys, known_groups, folders
            )
    return None


def _first_unknown(parsed: Sequence[Override], known: Mapping[str, Any], known_groups: Sequence[str]) -> str | None:
    paths = {*known, *_branches(known), *known_groups}
    for override in parsed:
        key = override.key_or_group
        free = any(key.startswith(f"{k}.") for k, v in known.items() if isinstance(v, Mapping))
        if key not in paths and not key.startswith("hydra") and not override.is_add() and not free:
            return str(key)
    return None


def _of_some_swept(key: str, parsed: Sequence[Override], folders: Sequence[Path]) -> str | None:
    """Return what to type where a sweep over the options of a group sets what only some of them have."""
    group, _, rest = key.partition(".")
    swept = [value for override in parsed if override.key_or_group == group for value in _values(override)]
    owners = [name for name in swept if rest in _settings_of(group, [name], folders)[name]]
    others = [name for name in swept if name not in owners]
    if not (owners and others):
        return None
    found = next(override for override in parsed if override.key_or_group == key)
    typed = f"{key}={','.join(values)}" if (values := _values(found)) else found.input_line
    return (
        f"only {group}={','.join(owners)} has a setting '{key}': type two sweeps, one with {group}={','.join(owners)} "
        f"{typed}, one with {group}={','.join(others)} and without {key}"
    )


def _settings_of(group: str, options: Sequence[str], folders: Sequence[Path]) -> dict[str, dict[str, Any]]:
    """Return the settings of each option as its file has them."""
    files = {name: find(group, name, folders) for name in options}
    return {
        name: dict(leaves(OmegaConf.to_container(OmegaConf.load(file)))) if file else {} for name, file in files.items()
    }


def _no_setting(key: str, known: Mapping[str, Any], known_groups: Sequence[str], folders: Sequence[Path]) -> str:
    wrong = f"there is no setting '{key}'"
    if key == "dataset.path":
        return f"{wrong} of this dataset: a table is dataset=csv dataset.path=, or its file alone: my.csv target=column"
    near = nearest(key, [*known, *_branches(known), *known_groups, *SHORT])
    title = f"{key.removesuffix('name')}title"
    naming = f"; {title}= only names the rows" if key.endswith(".name") and title in known else ""
    return f"{wrong}{_elsewhere(key, folders, naming) or near or f'; to add a setting its class takes, write +{key}='}"


def _branches(known: Mapping[str, Any]) -> set[str]:
    return {key[: match.start()] for key in known for match in re.finditer(r"\.", key)}


def _options_of(group: str, folders: Sequence[Path]) -> list[str]:
    return strategies(folders) if group == recipes.GROUP else names(group, folders)


def _is_nested(group: str, option: str, folders: Sequence[Path]) -> bool:
    return "/" in option and find(group, option, folders) is not None


def _values(override: Override) -> list[str]:
    """Return the options that an override names; none where only Hydra or a sweeper knows them, as of ``glob(*)``."""
    if override.value_type in (ValueType.CHOICE_SWEEP, ValueType.SIMPLE_CHOICE_SWEEP):
        return [str(value).strip("'\"") for value in override.sweep_string_iterator()]
    return [] if override.is_sweep_override() or isinstance(override.value(), dict) else [str(override.value())]


def _elsewhere(key: str, folders: Sequence[Path], naming: str = "") -> str:
    """Say which other options of the group have a setting of this name: those that leave it open, if any."""
    group, _, rest = key.partition(".")
    settings = _settings_of(group, names(group, folders) if rest else [], folders)
    owners = [name for name in settings if rest in settings[name]]
    owners = [name for name in owners if settings[name][rest] in (None, "???")] or owners
    chosen = " or ".join(f"{group}={name}" for name in owners[:3])
    return f" in the option chosen; {chosen} has it{naming}" if owners else ""


def _choices(parsed: Sequence[Override], known_groups: Sequence[str]) -> list[list[str]]:
    """Return the options that were chosen, those of a sweep each once where settings of theirs were given."""
    values = {
        override.key_or_group: some
        for override in parsed
        if override.key_or_group in known_groups and not override.is_delete() and (some := _values(override))
    }
    concerned = {override.key_or_group.partition(".")[0] for override in parsed if "." in override.key_or_group}
    if concerned & set(SLOTS):
        concerned.add(recipes.GROUP)
    longest = max((len(some) for group, some in values.items() if group in concerned), default=1)
    return [[f"{key}={some[min(k, len(some) - 1)]}" for key, some in values.items()] for k in range(longest)]


def _keys(chosen: Sequence[str], folders: Sequence[Path]) -> dict[str, Any]:
    """Return every path of the configuration with its value, as written."""
    from hydra import compose, initialize_config_dir

    search = f"hydra.searchpath=[{','.join(quoted(f'file://{folder}') for folder in folders)}]"
    with initialize_config_dir(str(CONF), version_base="1.3", job_name="imbalance_lab"):
        config = compose("config", [*chosen, *([search] if folders else [])])
    return dict(leaves(OmegaConf.to_container(config)))
