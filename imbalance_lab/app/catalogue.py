"""Every option with a line on what it does: ``python -m imbalance_lab options [GROUP | OPTION]``.

The line is the first comment of the option's file, or the first line of its class's docstring.
"""

from __future__ import annotations

import ast
import importlib.util
import inspect
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from imbalance_lab import options
from imbalance_lab.app.arguments import search_folders, split_flags
from imbalance_lab.app.commands import ending_in_one_line
from imbalance_lab.app.lines import PROGRAM, wrapped
from imbalance_lab.errors import ConfigError, LabError
from imbalance_lab.options import CONF, SLOTS

NAME_WIDTH = 23
SETTINGS_INDENT = " " * 6
STRATEGY = "strategy"
NO_SETTINGS = {"_target_", "_partial_", "defaults", options.SEARCH}
HELP = f"""\
{PROGRAM} options [GROUP | OPTION] [--config-dir FOLDER]
What can be chosen.

Every option of a group, or of all of them, with its settings and their
defaults; of one option, its file.
"""
MEANINGS = MappingProxyType(
    {
        "dataset": "what is learnt from, as my.csv target=column",
        "split": "which rows are for training, validation and test",
        "stress": "what is made worse in training and validation rows",
        "prepare": "how columns become features",
        "model": "what learns",
        "training": "how a network is trained",
        STRATEGY: "fills the five slots below: a recipe, or an option of one",
        "sampler": "slot: which training rows?",
        "class_weight": "slot: how much does a row of each class count?",
        "loss": "slot: what shape is the penalty?",
        "representation": "slot: how do a network's layers learn?",
        "decision": "slot: how do scores become a class?",
        "tuning": "how much the settings of all these are tuned",
        "tracking": "who records the runs",
    }
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the options that are asked for."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    with ending_in_one_line():
        print(HELP if {"-h", "--help"} & set(given) else "\n".join(shown(given)))


def shown(arguments: Sequence[str]) -> Iterator[str]:
    """Yield what is printed.

    Parameters
    ----------
    arguments : sequence of str
        Names of groups and options, and ``--config-dir``.

    Raises
    ------
    ConfigError
        If there is no group or option of a name.

    Examples
    --------
    >>> next(shown(["prepare"]))
    'prepare=: how columns become features'
    """
    folders = search_folders(arguments)
    words = split_flags(arguments)[1]
    known = ordered_groups(folders)
    for word in words or known:
        group, _, name = word.rstrip("=").partition("=")
        if group in known and not name:
            yield from _group(group, folders)
        else:
            yield from _option(group, name, known, folders)


def ordered_groups(folders: Sequence[Path] = ()) -> list[str]:
    """Return the groups in the order in which a run uses them, those of others last."""
    found = options.groups(folders)
    return [*(group for group in MEANINGS if group in found), *(group for group in found if group not in MEANINGS)]


def line_of(file: Path) -> str:
    """Return the line on what an option does.

    >>> line_of(CONF / "loss" / "focal.yaml")
    '(1 - p)^gamma of the cross-entropy (Lin et al. 2017).'
    """
    for line in file.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            break
        comment = line.lstrip("# ").strip()
        if comment and not comment.startswith("@package"):
            return comment
    tree = _read(file)
    target = tree.get("estimator", tree) if isinstance(tree.get("estimator"), dict) else tree
    return _docstring(str(target.get("_target_", "")))


def settings_of(file: Path) -> list[str]:
    """Return the settings of an option as ``key=default``; those that must be given as ``key=``.

    >>> settings_of(CONF / "loss" / "focal.yaml")
    ['gamma=2.0', 'alpha=null']
    """
    leaves = [(key, value) for key, value in options.leaves(_read(file)) if key]
    kept = [(key, value) for key, value in leaves if value == "???" or not NO_SETTINGS & set(key.split("."))]
    return [f"{key}={'' if value == '???' else _typed(value)}" for key, value in kept]


def _group(group: str, folders: Sequence[Path]) -> Iterator[str]:
    meaning = f": {MEANINGS[group]}" if group in MEANINGS else ""
    yield wrapped(f"{group}={meaning}", others="  ")
    default = _defaults().get(group)
    for name in options.names(group, folders):
        file = options.find(group, name, folders)
        if file is not None:
            yield from _entry(name, line_of(file), settings_of(file), name == default)
    if group == STRATEGY:
        slots = ", ".join(SLOTS)
        yield wrapped(f"and every option of {slots} by its name, as in strategy=smote", "  ", "  ")
    yield ""


def _entry(name: str, line: str, settings: Sequence[str], default: bool) -> Iterator[str]:
    indent = " " * (NAME_WIDTH + 2)
    text = f"{line}{' (default)' if default else ''}".strip()
    first = f"  {name:<{NAME_WIDTH - 1}} "
    yield wrapped(text, first, indent) if text else first.rstrip()
    if settings:
        yield wrapped(" ".join(settings), SETTINGS_INDENT, SETTINGS_INDENT)


def _option(group: str, name: str, known: Sequence[str], folders: Sequence[Path]) -> Iterator[str]:
    """Yield the file of an option, typed as ``loss=focal`` or by its name alone."""
    where = [group] if name else list(known)
    wanted = name or group
    if group == STRATEGY and not options.find(group, name, folders) and (slot := options.slot_of(name, folders)):
        where = [slot]  # a recipe of one slot
    found = {one: file for one in where if one in known and (file := options.find(one, wanted, folders))}
    if not found and group in known:
        from imbalance_lab.app.messages import unknown_option

        raise ConfigError(unknown_option(group, name, options.names(group, folders), folders))
    if not found:
        words = [*known, *(option for one in known for option in options.names(one, folders))]
        near = options.nearest(wanted, words) or f"; the groups are {', '.join(known)}"
        raise ConfigError(f"there is no group or option '{wanted}'{near}")
    for one, file in found.items():
        yield f"{one}={wanted}"
        yield from (f"  {line}" for line in file.read_text(encoding="utf-8").rstrip().splitlines())
        yield ""


def _docstring(target: str) -> str:
    """Return the first line of a class's docstring, from its source where that is at hand: nothing heavy is loaded."""
    module, _, name = target.rpartition(".")
    if not module:
        return ""
    if target.startswith("imbalance_lab."):
        spec = importlib.util.find_spec(module)
        if spec is not None and spec.origin:
            for node in ast.parse(Path(spec.origin).read_text(encoding="utf-8")).body:
                if isinstance(node, ast.ClassDef) and node.name == name:
                    return (ast.get_docstring(node) or "").partition("\n")[0]
    try:
        return (inspect.getdoc(options.locate(target)) or "").partition("\n")[0]
    except LabError:
        return ""


@cache
def _defaults() -> dict[str, str]:
    entries = _read(CONF / "config.yaml")["defaults"]
    return {group: name for entry in entries if isinstance(entry, dict) for group, name in entry.items()}


def _read(file: Path) -> dict[str, Any]:
    try:
        tree = yaml.safe_load(file.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ConfigError(f"{file} is no YAML: {error}") from error
    return tree if isinstance(tree, dict) else {}


def _typed(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | dict):
        return yaml.safe_dump(value, default_flow_style=True, width=10_000).strip()
    return str(value)
