"""Where options are found: a group is a folder, an option is a YAML file in it with ``_target_`` and its settings.

The folders are this package's own (``conf``), those of other packages, which an entry point ``imbalance_lab.options``
names as ``package:folder``, and any that are named.
"""

from __future__ import annotations

import difflib
import importlib.util
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from imbalance_lab.errors import ConfigError

# The slots of a strategy, and the option of each that leaves it empty.
SLOTS: Mapping[str, str] = MappingProxyType(
    {
        "sampler": "none",
        "class_weight": "none",
        "loss": "cross_entropy",
        "representation": "none",
        "decision": "argmax",
    }
)
MAX_NAME = 200
ENTRY_POINT = "imbalance_lab.options"
# Libraries that an option needs and the package does not install by itself: the extra that does.
EXTRAS: Mapping[str, str] = MappingProxyType(
    {
        "boto3": "s3",
        "catboost": "boosting",
        "lightgbm": "boosting",
        "xgboost": "boosting",
        "optuna": "tuning",
        "psycopg": "postgres",
        "ray": "ray",
        "submitit": "slurm",
    }
)

_PACKAGE = Path(__file__).resolve().parents[1]
CONF = next(path for path in (_PACKAGE / "conf", _PACKAGE.parent / "conf") if path.is_dir())


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Reads 1e-3 as a number, which YAML 1.1 takes for text."""


_Loader.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(r"^[-+]?\d+[eE][-+]?\d+$"), list("-+0123456789"))


def find(group: str, name: str, search: Sequence[Path] = ()) -> Path | None:
    """Return the file of an option, None if there is none."""
    if len(name) > MAX_NAME:  # of which there can be no file
        return None
    files = (folder / group / f"{name}.yaml" for folder in (*search, *folders()))
    return next((file for file in files if file.is_file()), None)


def names(group: str, search: Sequence[Path] = ()) -> list[str]:
    """Return the names of a group's options."""
    return sorted({file.stem for folder in (*search, *folders()) for file in (folder / group).glob("*.yaml")})


def groups(search: Sequence[Path] = ()) -> list[str]:
    """Return the names of the groups, without Hydra's own."""
    found = {path.name for folder in (*search, *folders()) for path in folder.iterdir() if path.is_dir()}
    return sorted(name for name in found if name != "hydra" and not name.startswith(("_", ".")))


@cache
def folders() -> tuple[Path, ...]:
    """Return the folders in which options are looked for: this package's, then those of others."""
    return (CONF, *dict.fromkeys(_folder_of(point.value) for point in entry_points(group=ENTRY_POINT)))


def slot_of(name: str, search: Sequence[Path] = ()) -> str | None:
    """Return the slot that has an option `name`: ``strategy=focal`` fills the loss without a file of its own.

    >>> slot_of("focal"), slot_of("nonsense")
    ('loss', None)
    """
    return next((slot for slot, null in SLOTS.items() if name != null and find(slot, name, search)), None)


def strategies(search: Sequence[Path] = ()) -> list[str]:
    """Return every name that ``strategy=`` takes: recipes, and options that fill a slot.

    >>> {"none", "smote", "cb_focal"} <= set(strategies())
    True
    """
    by_rule = (name for slot, null in SLOTS.items() for name in names(slot, search) if name != null)
    return sorted({*names("strategy", search), *by_rule})


def load(group: str, name: str) -> dict[str, Any]:
    """Return the settings of an option's file.

    Raises
    ------
    ConfigError
        If there is no such option.
    """
    file = find(group, name)
    if file is None:
        raise ConfigError(f"there is no {group}={name}{nearest(name, names(group))}; {group} can be {_list(group)}")
    return read(file)


def nearest(word: str, known: Iterable[str]) -> str:
    """Return ``; did you mean ...?`` with the nearest of the known words, or nothing.

    >>> nearest("focall", ["focal", "ldam"])
    '; did you mean focal?'
    """
    near = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {near[0]}?" if near else ""


def _list(group: str) -> str:
    return ", ".join(names(group)) or "nothing: there is no such group"


@cache
def read(file: Path) -> dict[str, Any]:
    """Return what an option's file holds."""
    return yaml.load(file.read_text(encoding="utf-8"), _Loader) or {}


def _folder_of(value: str) -> Path:
    """Return the folder that an entry point names: ``package``, or ``package:folder`` inside it."""
    package, _, inside = value.partition(":")
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ConfigError(
            f"the entry point {ENTRY_POINT} of a package names {value}, and there is no package {package}"
        )
    return Path(spec.submodule_search_locations[0]) / inside.replace(".", "/")
