"""Options by name: a group is a folder, an option is a YAML file in it with its ``_target_`` and all of its settings.

The folders are this package's own (``conf``), those of other packages, which an entry point ``imbalance_lab.options``
names as ``package:folder``, and any that are named.
"""

from __future__ import annotations

import difflib
import hashlib
import importlib
import importlib.util
import inspect
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from importlib.metadata import entry_points
from pathlib import Path
from types import CodeType, MappingProxyType
from typing import Any

import yaml

from imbalance_lab.errors import ConfigError, LabError

# The four slots of a strategy, and the option of each that leaves it empty.
SLOTS: Mapping[str, str] = MappingProxyType(
    {"sampler": "none", "class_weight": "none", "loss": "cross_entropy", "decision": "argmax"}
)
ENTRY_POINT = "imbalance_lab.options"

_HERE = Path(__file__).resolve().parent
CONF = next(path for path in (_HERE / "conf", _HERE.parent / "conf") if path.is_dir())


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Reads 1e-3 as a number, which YAML 1.1 takes for text."""


_Loader.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(r"^[-+]?\d+[eE][-+]?\d+$"), list("-+0123456789"))


@dataclass(frozen=True)
class Option:
    """An option of a group, with its settings.

    Parameters
    ----------
    group, name : str
        As in ``loss=focal``.
    settings : mapping
        The tree of its file, with other values where they were given.
    changed : mapping
        Dotted paths and values of the settings that are not as in its file.
    made : object, optional
        An object of the caller's own, which is what the option stands for.

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

    @property
    def is_empty(self) -> bool:
        """Whether it leaves its slot as it is: it is the null option, and no other class stands in its place."""
        return self.made is None and self.name == SLOTS.get(self.group) and "_target_" not in self.changed

    @property
    def title(self) -> str:
        """The name, with the settings that are not as in its file."""
        changed = ",".join(f"{key.removeprefix('estimator.')}={_short(value)}" for key, value in self.changed.items())
        return f"{self.name}({changed})" if changed else self.name

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
            return instantiate(self.settings)
        except LabError:
            raise
        except ValidationError as error:
            raise ConfigError("; ".join(describe(self.group, detail) for detail in error.errors())) from error
        except Exception as error:
            reason = " ".join(str(error).split())
            raise ConfigError(f"{self.group}: {self.settings.get('_target_')} cannot be made: {reason}") from error


def option(group: str, name: str, /, **settings: Any) -> Option:
    """Return the option `name` of a group with other settings than those of its file.

    Parameters
    ----------
    group, name : str
        As in ``loss=focal``.
    **settings
        Values by setting; of a nested one a mapping, as in ``estimator={"C": 10}``.

    Raises
    ------
    ConfigError
        If there is no such option or setting.

    Examples
    --------
    >>> option("model", "logreg", estimator={"C": 10}).title
    'logreg(C=10)'
    """
    return make(group, name, merged(load(group, name), settings, f"{group}={name}"))


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

    Parameters
    ----------
    group, name : str
    settings : mapping
        The whole tree.
    search : sequence of Path
        Folders beside those that `folders` lists.
    """
    file = find(group, name, search)
    written = {} if file is None else dict(leaves(_read(file)))
    settings = settings if file is None else _alike(settings, _read(file))
    changed = {
        key: value
        for key, value in leaves(settings)
        if written.get(key, ...) != value and not _is_reference(written.get(key))
    }
    return Option(group, name, settings, {} if file is None else changed)


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
    return _read(file)


def find(group: str, name: str, search: Sequence[Path] = ()) -> Path | None:
    """Return the file of an option, None if there is none."""
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


def instantiate(tree: Any) -> Any:
    """Make the objects that the ``_target_`` of a tree name, from the inside out; ``_partial_`` ones are partials."""
    if isinstance(tree, list | tuple):
        return [instantiate(item) for item in tree]
    if not isinstance(tree, Mapping):
        return tree
    parts = {str(key): instantiate(value) for key, value in tree.items() if key not in ("_target_", "_partial_")}
    if "_target_" not in tree:
        return parts
    target = locate(str(tree["_target_"]))
    if inspect.isfunction(target) and not parts and _needs_arguments(target):  # it is the part itself: a loss, a metric
        return target
    return partial(target, **parts) if tree.get("_partial_") else target(**parts)


def locate(path: str) -> Any:
    """Return what a dotted path names.

    Raises
    ------
    ConfigError
        If there is nothing of that name.
    """
    if not re.fullmatch(r"[^\W\d]\w*(\.[^\W\d]\w*)+", path):
        raise ConfigError(f"_target_={path} is no class; write it as in mymodule.MyClass")
    module, found = path, None
    while found is None and module:
        try:
            found = importlib.import_module(module)
        except ModuleNotFoundError as error:
            if error.name is None or not f"{module}.".startswith(f"{error.name}."):
                raise ConfigError(f"{path} cannot be loaded: {error}") from error
            module = module.rpartition(".")[0]
    if found is None:
        raise ConfigError(f"there is no {path}: nothing is called {path.partition('.')[0]}")
    for name in path[len(module) :].split(".")[1:]:
        if not hasattr(found, name):
            raise ConfigError(f"there is no {path}{nearest(name, dir(found))}")
        found = getattr(found, name)
    return found


def resolved(tree: Any, root: Mapping[str, Any]) -> Any:
    """Return a tree whose references, as ``${seed}`` or ``${sampler.k}``, are filled in from `root`."""
    if isinstance(tree, Mapping):
        return {str(key): resolved(value, root) for key, value in tree.items()}
    if isinstance(tree, list):
        return [resolved(value, root) for value in tree]
    if not _is_reference(tree):
        return tree
    found: Any = root
    for key in tree[2:-1].split("."):
        found = found[key]
    return resolved(found, root)


def merged(tree: Mapping[str, Any], given: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return a tree with the values that are `given` in their places.

    Raises
    ------
    ConfigError
        If it has no place for one of them and no ``_target_`` that could take it.
    """
    made = dict(tree)
    for key, value in given.items():
        known = made.get(key)
        if isinstance(known, Mapping) and isinstance(value, Mapping) and ("_target_" in known or known):
            made[key] = merged(known, value, f"{where}: {key}")
            continue
        if key not in made and not _takes_more(made):
            raise ConfigError(f"{where} has no setting '{key}'{nearest(key, list(made))}")
        made[key] = value
    return made


def _alike(value: Any, known: Any) -> Any:
    """Return a value as the file would have written it: 2.0 where it has 1.0, a list for a tuple."""
    if isinstance(value, Mapping):
        inside = known if isinstance(known, Mapping) else {}
        return {str(key): _alike(item, inside.get(key)) for key, item in value.items()}
    if hasattr(value, "dtype") and getattr(value, "ndim", 1) == 0:
        value = value.item()
    if isinstance(known, float) and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return list(value) if isinstance(value, tuple) else value


def leaves(tree: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every leaf of a plain tree with its dotted path.

    >>> dict(leaves({"split": {"test": 0.2}, "seed": 0}))
    {'split.test': 0.2, 'seed': 0}
    """
    if isinstance(tree, Mapping) and tree:
        for key, value in tree.items():
            yield from leaves(value, f"{prefix}.{key}" if prefix else str(key))
    else:
        yield prefix, tree


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


def nearest(word: str, known: Iterable[str]) -> str:
    """Return ``; did you mean ...?`` with the nearest of the known words, or nothing.

    >>> nearest("focall", ["focal", "ldam"])
    '; did you mean focal?'
    """
    near = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {near[0]}?" if near else ""


def _own(group: str, thing: Any) -> Option:
    """Return an object of the caller's own as an option, identified by what it is and how it was made."""
    settings = plain(thing)
    if not isinstance(settings, Mapping):
        settings = {"_target_": f"{group} of one's own", "parts": settings}
    inner = thing.func if isinstance(thing, partial) else thing
    kind = inner if inspect.isroutine(inner) or inspect.isclass(inner) else type(inner)
    name = "layers" if isinstance(thing, list | tuple) else kind.__name__
    shows_arguments = kind is not inner and not isinstance(thing, list | tuple) and not hasattr(thing, "get_config")
    changed = {key: value for key, value in _arguments(thing, ()).items() if key != "state"} if shows_arguments else {}
    return Option(group, name, settings, changed, made=thing)


def plain(value: Any, seen: tuple[int, ...] = ()) -> Any:
    """Return a value as it can stand in a record: plain data as they are, of other objects what and how they were made.

    Equal objects give equal trees in every process; objects that differ in what they hold, and functions that differ in
    what they do, give different ones.
    """
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if id(value) in seen:
        return "itself"
    seen = (*seen, id(value))
    if isinstance(value, list | tuple):
        return [plain(item, seen) for item in value]
    if isinstance(value, set | frozenset):
        return sorted((plain(item, seen) for item in value), key=repr)
    if isinstance(value, Mapping):
        return {str(key): plain(item, seen) for key, item in value.items()}
    if hasattr(value, "dtype") and hasattr(value, "tobytes"):
        return (
            value.item()
            if value.ndim == 0
            else {"array": [*value.shape, str(value.dtype)], "code": _hash(value.tobytes())}
        )
    if isinstance(value, partial):
        keywords = {str(key): plain(item, seen) for key, item in value.keywords.items()}
        return {**plain(value.func, seen), "_partial_": True, "args": plain(value.args, seen), **keywords}
    if inspect.isroutine(value) or inspect.isclass(value):
        path = {"_target_": f"{value.__module__}.{value.__qualname__}"}
        code = _digest(value, seen)
        return path | ({"code": code} if code else {})
    kind = type(value)
    made = {"_target_": f"{kind.__module__}.{kind.__qualname__}", **_arguments(value, seen)}
    code = _digest(kind, seen) if kind.__module__ == "__main__" else ""  # a cell of a notebook may define it anew
    return made | ({"code": code} if code else {})


def _arguments(thing: Any, seen: tuple[int, ...]) -> dict[str, Any]:
    """Return the arguments an object was made with, so far as it tells, that are not their defaults, and its state."""
    if hasattr(thing, "get_config"):  # Keras
        return dict(_nameless(plain(thing.get_config(), seen)))
    try:
        parameters = inspect.signature(type(thing)).parameters.values()
    except (TypeError, ValueError):
        parameters = {}.values()
    defaults = {p.name: p.default for p in parameters if hasattr(thing, p.name)}
    changed = {
        name: plain(getattr(thing, name), seen)
        for name, default in defaults.items()
        if repr(getattr(thing, name)) != repr(default)
    }
    if hasattr(thing, "get_params"):  # scikit-learn: an estimator that is not fitted is its parameters
        return changed
    held = getattr(thing, "__dict__", {})
    state = {name: plain(value, seen) for name, value in held.items() if name not in defaults and name[:2] != "__"}
    return changed | ({"state": state} if state else {})


def _nameless(tree: Any) -> Any:
    """Return a configuration of Keras without the names that it gives to layers by counting them."""
    if isinstance(tree, Mapping):
        return {key: _nameless(value) for key, value in tree.items() if key != "name"}
    return [_nameless(item) for item in tree] if isinstance(tree, list) else tree


def _digest(thing: Any, seen: tuple[int, ...]) -> str:
    """Return 12 hex digits of what a function, or the functions of a class, do; nothing for those of C."""
    if inspect.isclass(thing):
        parts = [f"{name} {_digest(value, seen)}" for name, value in vars(thing).items() if hasattr(value, "__code__")]
        return _hash("\n".join(parts).encode()) if parts else ""
    if not hasattr(thing, "__code__"):
        return ""
    cells = [cell.cell_contents for cell in getattr(thing, "__closure__", None) or ()]
    held = thing.__defaults__ or (), thing.__kwdefaults__ or {}, cells
    return _hash("\n".join([_code(thing.__code__), *(repr(plain(part, seen)) for part in held)]).encode())


def _code(code: CodeType) -> str:
    constants = [_code(part) if isinstance(part, CodeType) else repr(plain(part)) for part in code.co_consts]
    return repr((code.co_code, code.co_names, constants))


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:12]


def _needs_arguments(function: Any) -> bool:
    parameters = inspect.signature(function).parameters.values()
    return any(p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in parameters)


def _takes_more(tree: Mapping[str, Any]) -> bool:
    """Whether a tree stands for a class of another library, or holds no settings of its own."""
    target = tree.get("_target_")
    return "_target_" not in tree or not str(target).startswith("imbalance_lab.")


def _list(group: str) -> str:
    return ", ".join(names(group)) or "nothing: there is no such group"


@cache
def _read(file: Path) -> dict[str, Any]:
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


def _is_reference(value: Any) -> bool:
    return isinstance(value, str) and value.startswith("${") and value.endswith("}")


def _short(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e6:
        return int(value)
    return value.rpartition(".")[2] if isinstance(value, str) and "_" not in value[:1] else value
