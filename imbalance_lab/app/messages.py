"""Exceptions as one line that says what to do."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import ConfigCompositionException, HydraException, MissingConfigException, OverrideParseException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from imbalance_lab.app.arguments import SHORT, quoted, split_flags
from imbalance_lab.options import CONF, find, groups, leaves, names, nearest


def explain(error: BaseException, arguments: Sequence[str], folders: Sequence[Path] = ()) -> str:
    """Return `error` as one line, with the nearest option or key where a name was mistyped.

    Parameters
    ----------
    error : exception
    arguments : sequence of str
        The command line, without the program.
    folders : sequence of Path
        Of options besides those of this package and of installed ones.
    """
    if isinstance(error, OverrideParseException):
        return _unreadable(error)
    if isinstance(error, MissingConfigException):
        return _unknown_option(error)
    if isinstance(error, ConfigCompositionException | OmegaConfBaseException):
        return _unknown_key(arguments, folders) or _with_cause(error)
    if type(error).__module__.startswith("imbalance_lab") or isinstance(error, HydraException):
        return _one_line(error)
    name = type(error).__name__
    return f"{name}: {_one_line(error)} (HYDRA_FULL_ERROR=1 shows where)"


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())


def _with_cause(error: BaseException) -> str:
    """Return an error of Hydra's with the reason that it leaves to the one below."""
    lines = str(error.__cause__ or "").strip().splitlines()
    reason = lines[0].strip() if lines else ""
    message = _one_line(error)
    return f"{message}: {reason}" if reason and reason not in message else message or reason


def _unreadable(error: OverrideParseException) -> str:
    """Return what to type instead of a value that is not of Hydra's grammar."""
    key, _, value = error.override.partition("=")
    if not re.fullmatch(r"[+~]{0,2}[\w./@-]+", key):
        return _one_line(error)
    typed = f"{key}={quoted(value)}"
    shown = shlex.quote(typed) if re.search(r'["$`\\!]', typed) else f'"{typed}"'
    return f"{error.override} cannot be read; as text it is {shown}"


def _unknown_option(error: MissingConfigException) -> str:
    group, _, option = (error.missing_cfg_file or "").rpartition("/")
    known = list(error.options or [])
    if not known:
        return _one_line(error)
    return f"there is no {group}={option}{nearest(option, known)}; {group} can be {', '.join(known)}"


def _unknown_key(arguments: Sequence[str], folders: Sequence[Path]) -> str | None:
    """Find the first key on the command line that the configuration does not have."""
    parsed = OverridesParser.create().parse_overrides(split_flags(arguments)[1])
    known_groups = groups(folders)
    for chosen in _choices(parsed, known_groups):
        try:
            known = _keys(chosen, folders)
        except (HydraException, OmegaConfBaseException):  # the chosen options are what is wrong
            continue
        branches = {key[: match.start()] for key in known for match in re.finditer(r"\.", key)}
        paths = [*known, *branches, *known_groups]
        for override in parsed:
            key = override.key_or_group
            free = any(key.startswith(f"{k}.") for k, v in known.items() if isinstance(v, Mapping))
            if key not in paths and not key.startswith("hydra") and not override.is_add() and not free:
                near = nearest(key, [*paths, *SHORT])
                add = "" if near else f"; to add a setting its class takes, write +{key}="
                return f"there is no setting '{key}'{_elsewhere(key, folders) or near or add}"
    return None


def _elsewhere(key: str, folders: Sequence[Path]) -> str:
    """Say which other options of the group have a setting of this name."""
    group, _, rest = key.partition(".")
    files = {name: find(group, name, folders) for name in names(group, folders)} if rest else {}
    settings = {
        name: dict(leaves(OmegaConf.to_container(OmegaConf.load(file)))) for name, file in files.items() if file
    }
    owners = [name for name in settings if rest in settings[name]]
    chosen = " or ".join(f"{group}={name}" for name in owners[:3])
    return f" in the option chosen; {chosen} has it" if owners else ""


def _choices(parsed: Sequence[Override], known_groups: Sequence[str]) -> list[list[str]]:
    """Return the options that were chosen, in a sweep so that each is there once."""
    values = {
        override.key_or_group: list(override.sweep_string_iterator())
        if override.is_sweep_override()
        else [str(override.value())]
        for override in parsed
        if override.key_or_group in known_groups and not override.is_delete()
    }
    longest = max(map(len, values.values()), default=1)
    return [[f"{key}={some[min(k, len(some) - 1)]}" for key, some in values.items()] for k in range(longest)]


def _keys(chosen: Sequence[str], folders: Sequence[Path]) -> dict[str, Any]:
    """Return every path of the configuration with its value, as written."""
    from hydra import compose, initialize_config_dir

    search = f"hydra.searchpath=[{','.join(quoted(f'file://{folder}') for folder in folders)}]"
    with initialize_config_dir(str(CONF), version_base="1.3", job_name="imbalance_lab"):
        config = compose("config", [*chosen, *([search] if folders else [])])
    return dict(leaves(OmegaConf.to_container(config)))
