"""An option of a group with its settings, which a run is made of."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from imbalance_lab.errors import ConfigError, LabError
from imbalance_lab.options.making import instantiate
from imbalance_lab.options.own import arguments, plain
from imbalance_lab.options.registry import SLOTS, find, load, names, read
from imbalance_lab.options.space import SEARCH, nested, ranges, value_at, with_ranges
from imbalance_lab.options.trees import alike, is_reference, leaves, merged

# What a class of the user's own must offer, and the base that offers the rest.
NEEDED = {
    "dataset": ("load", "title", "imbalance_lab.data.base.DatasetSource"),
    "split": ("split", "validation", "imbalance_lab.data.base.Splitter"),
    "stress": ("on", "check", "imbalance_lab.data.stress.Stress"),
    "prepare": ("fit", "imbalance_lab.data.prepare.Prepare"),
    "class_weight": ("check", "weight_start", "imbalance_lab.strategies.class_weights.ClassWeight"),
    "representation": (
        "effective_prior",
        "second_stage",
        "imbalance_lab.strategies.representation.base.Representation",
    ),
    "training": ("epochs", "patience", "imbalance_lab.models.training.Training"),
    "evaluation": ("metrics", "test_prior", "imbalance_lab.evaluation.settings.Evaluation"),
    "decision": ("fit", "needs_prior", "imbalance_lab.strategies.decisions.Decision"),
}
# Where a group takes a class that knows nothing of the settings of its other options.
CUSTOM = {"split": "split=custom split.splitter._target_=", "model": "model=custom model.estimator._target_="}
TARGETS = ("_target_", "estimator._target_")  # what an option is: the latter of a classifier of another library


@dataclass(frozen=True)
class Option:
    """An option of a group, with its settings.

    Parameters
    ----------
    group, name : str
        As in ``loss=focal``; of a class that stands in the place of the file's, that class's name (see `make`).
    settings : mapping
        The tree of its file, with other values where they were given.
    changed : mapping
        Dotted paths and values of the settings that are not as in its file.
    made : object, optional
        An object of the caller's own, which is what the option stands for.
    space : mapping
        The range of each setting that tuning tries, by dotted path (see `options.space`); no part of what the option
        is.

    Examples
    --------
    >>> option("loss", "focal", gamma=3).title
    'focal(gamma=3)'
    """

    group: str
    name: str
    settings: Mapping[str, Any]
    changed: Mapping[str, Any] = field(default_factory=dict)
    made: Any = field(default=None, compare=False)
    space: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, compare=False)

    @property
    def is_empty(self) -> bool:
        """Whether it leaves its slot as it is: it is the null option, and no other class stands in its place."""
        return self.made is None and self.name == SLOTS.get(self.group) and "_target_" not in self.changed

    @property
    def title(self) -> str:
        """The name, with the settings that are not as in its file."""
        changed = ",".join(f"{key.removeprefix('estimator.')}={_short(value)}" for key, value in self.changed.items())
        return f"{self.name}({changed})" if changed else self.name

    def with_settings(self, values: Mapping[str, Any]) -> Option:
        """Return the option with other values of settings, by dotted path, as if they had been given.

        >>> option("loss", "focal").with_settings({"gamma": 0.5}).title
        'focal(gamma=0.5)'
        """
        settings: Mapping[str, Any] = self.settings
        for path, value in values.items():
            settings = merged(settings, nested(path, value), f"{self.group}={self.name}")
        changed = {path: value for path, value in values.items() if value_at(self.settings, path, ...) != value}
        return replace(self, settings=settings, changed={**self.changed, **changed})

    def build(self) -> Any:
        """Make what the option stands for.

        Raises
        ------
        ConfigError
            If a setting is missing or has a value it cannot take.
        """
        from pydantic import ValidationError  # which --help does without

        if self.made is not None:
            return self.made
        if "_target_" not in self.settings or " " in str(self.settings["_target_"]):
            raise ConfigError(f"{self.group}={self.name} was an object of its caller's own, which no record holds")
        if missing := [key for key, value in leaves(self.settings) if value == "???"]:
            raise ConfigError(f"{self.group} needs {', '.join(f'{self.group}.{key}=' for key in missing)}")
        try:
            made = instantiate(self.settings)
        except LabError:
            raise
        except ValidationError as error:
            raise ConfigError("; ".join(describe(self.group, detail) for detail in error.errors())) from error
        except Exception as error:
            reason, target = " ".join(str(error).split()), str(self.settings["_target_"])
            if isinstance(error, TypeError) and self.group in CUSTOM and not target.startswith("imbalance_lab."):
                given = ", ".join(key for key in self.settings if key != "_target_")
                reason += f" (it is given {given}); a class without these goes by {CUSTOM[self.group]}{target}"
            raise ConfigError(f"{self.group}: {target} cannot be made: {reason}") from error
        *offered, base = NEEDED.get(self.group, ("",))
        if lacking := [name for name in offered if not hasattr(type(made), name) and not hasattr(made, name)]:
            raise ConfigError(f"{self.group}: {self.settings['_target_']} has no '{lacking[0]}'; derive it from {base}")
        return made


def option(group: str, name: str, /, **settings: Any) -> Option:
    """Return the option `name` of a group with other settings than those of its file.

    Parameters
    ----------
    group, name : str
        As in ``loss=focal``.
    **settings
        Values by setting; of a nested one a mapping, as in ``estimator={"C": 10}``. Under ``_search_`` the ranges that
        tuning tries, or parts of them, as in ``_search_={"gamma": {"high": 3}}``.

    Raises
    ------
    ConfigError
        If there is no such option or setting.

    Examples
    --------
    >>> option("model", "logreg", estimator={"C": 10}).title
    'logreg(C=10)'
    """
    tree = load(group, name)
    space = with_ranges(tree.get(SEARCH, {}), settings.pop(SEARCH, {}))
    return make(group, name, {**merged(tree, settings, f"{group}={name}"), **({SEARCH: space} if space else {})})


def option_of(group: str, value: Any) -> Option:
    """Return the option that a caller means: an option, the name of one, or an object of their own.

    An object is called after its class or function, with the arguments that are not its defaults; two plain functions
    of one name are told apart by their code.

    Raises
    ------
    ConfigError
        If there is no such option, or it is one of another group.

    Examples
    --------
    >>> from sklearn.svm import SVC
    >>> option_of("model", SVC(C=2.0)).title
    'SVC(C=2)'
    """
    if isinstance(value, str):
        return option(group, value)
    if not isinstance(value, Option):
        return _own(group, value)
    if value.group != group:
        raise ConfigError(f"{group} cannot be {value.group}={value.name}")
    return value


def make(group: str, name: str, settings: Mapping[str, Any], search: Sequence[Path] = ()) -> Option:
    """Return an option with these settings, of which those that differ from its file are its changes.

    Where another class stands in the place of the file's, it is called after that class, with the class's module if an
    option of the group has that name, in capitals or not.

    Parameters
    ----------
    group, name : str
    settings : mapping
        The whole tree.
    search : sequence of Path
        Folders beside those that `folders` lists.

    Examples
    --------
    >>> tree = {"_target_": "my_splits.Chronological", "validation": 0.2, "test": 0.2, "seed": 0}
    >>> make("split", "holdout", tree).title, make("split", "holdout", tree | {"_target_": "my_splits.Holdout"}).title
    ('Chronological', 'my_splits.Holdout')
    """
    file = find(group, name, search)
    tree = {} if file is None else _without_search(read(file))
    written = {} if file is None else dict(leaves(tree))
    wanted = settings.get(SEARCH)
    settings = _without_search(settings)
    settings = settings if file is None else alike(settings, tree)
    space = ranges(wanted, settings, f"{group}={name}")
    changed = {
        key: value
        for key, value in leaves(settings)
        if written.get(key, ...) != value and not is_reference(written.get(key))
    }
    if file is None:
        return Option(group, name, settings, space=space)
    others = [value for key in TARGETS if isinstance(value := changed.get(key), str)]
    if not others:
        return Option(group, name, settings, changed, space=space)
    kind = others[-1].rpartition(".")[2]
    taken = {known.lower() for known in names(group, search)}
    called = others[-1] if kind.lower() in taken else kind
    changed = {key: value for key, value in changed.items() if key not in TARGETS}
    own = wanted if wanted != read(file).get(SEARCH) else None  # what is worth tuning of another class nobody knows
    return Option(group, called, settings, changed, space=ranges(own, settings, f"{group}={called}"))


def describe(group: str, detail: Any) -> str:
    """Return one of pydantic's reasons as a line that names the key to change."""
    keys = [str(part) for part in detail["loc"] if not isinstance(part, int) and part not in ("[key]",)]
    message = detail["msg"].removeprefix("Value error, ")
    if detail["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
        message = "is not one of its settings"
    plain = isinstance(detail["input"], dict) or detail["type"] == "value_error"
    value = detail["input"]
    given = "" if plain else f" (got {_short(value) if isinstance(value, float) else value!r})"
    return f"{'.'.join([*([group] if group else []), *keys])}: {message}{given}"


def _own(group: str, thing: Any) -> Option:
    """Return an object of the caller's own as an option, identified by what it is and how it was made."""
    settings = plain(thing)
    if not isinstance(settings, Mapping):
        settings = {"_target_": f"{group} of one's own", "parts": settings}
    inner = thing.func if isinstance(thing, partial) else thing
    kind = inner if inspect.isroutine(inner) or inspect.isclass(inner) else type(inner)
    name = "layers" if isinstance(thing, list | tuple) else kind.__name__
    shows_arguments = kind is not inner and not isinstance(thing, list | tuple) and not hasattr(thing, "get_config")
    changed = {key: value for key, value in arguments(thing, ()).items() if key != "state"} if shows_arguments else {}
    return Option(group, name, settings, changed, made=thing)


def _without_search(tree: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in tree.items() if key != SEARCH}


def _short(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e6:
        return int(value)
    return value.rpartition(".")[2] if isinstance(value, str) and "_" not in value[:1] else value
