"""What of an option is worth tuning: the ranges that its file brings along under ``_search_``, beside its settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from imbalance_lab.errors import ConfigError
from imbalance_lab.options.registry import nearest
from imbalance_lab.options.trees import merged

SEARCH = "_search_"
KEYS = ("low", "high", "log", "step", "choices")


def ranges(tree: Any, settings: Mapping[str, Any], where: str) -> dict[str, dict[str, Any]]:
    """Return the range of each setting that is tuned, by its dotted path.

    A range is ``{low, high}``, with ``log: true`` or a ``step``, or ``{choices: [...]}``; in the place of one null
    stands for a setting that is not tuned. It is of whole numbers where the setting is one, or, of a setting that the
    file does not list, where both ends are.

    Parameters
    ----------
    tree : mapping or None
        What stands under ``_search_``.
    settings : mapping
        Of the option, without that.
    where : str
        As in ``loss=focal``, for messages.

    Raises
    ------
    ConfigError
        If a range is none, or is of a setting that the option does not have.

    Examples
    --------
    >>> ranges({"gamma": {"low": 1, "high": 5}, "alpha": None}, {"gamma": 2.0, "alpha": None}, "loss=focal")
    {'gamma': {'low': 1.0, 'high': 5.0}}
    """
    found = {}
    for path, node in _nodes(tree or {}, f"{where}: {SEARCH}"):
        merged(settings, nested(path, 0), f"{where}: {SEARCH}")  # refuses what is no setting
        found[path] = _checked(node, value_at(settings, path), f"{where}: {SEARCH}.{path}")
    return found


def with_ranges(tree: Any, given: Any) -> Any:
    """Return ranges with others, or parts of them, in their places.

    >>> with_ranges({"gamma": {"low": 1, "high": 5}}, {"gamma": {"high": 3}})
    {'gamma': {'low': 1, 'high': 3}}
    """
    if not isinstance(tree, Mapping) or not isinstance(given, Mapping):
        return given
    return {**tree, **{key: with_ranges(tree.get(key), value) for key, value in given.items()}}


def nested(path: str, value: Any) -> dict[str, Any]:
    """Return the tree in which a dotted path leads to a value.

    >>> nested("estimator.C", 1.0)
    {'estimator': {'C': 1.0}}
    """
    head, _, rest = path.partition(".")
    return {head: nested(rest, value) if rest else value}


def value_at(tree: Any, path: str, otherwise: Any = None) -> Any:
    """Return the value to which a dotted path leads; `otherwise` where there is none."""
    for key in path.split("."):
        if not isinstance(tree, Mapping) or key not in tree:
            return otherwise
        tree = tree[key]
    return tree


def _nodes(tree: Any, where: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the ranges of a tree by their dotted paths."""
    if not isinstance(tree, Mapping):
        raise ConfigError(f"{where} is {tree!r}, not a range; write {{low: 1, high: 5}}, or {{choices: [1, 5]}}")
    for key, node in tree.items():
        if isinstance(node, Mapping) and set(node) & set(KEYS):
            yield str(key), node
        elif node is not None:
            yield from ((f"{key}.{path}", inner) for path, inner in _nodes(node, f"{where}.{key}"))


def _checked(node: Mapping[str, Any], default: Any, where: str) -> dict[str, Any]:
    if unknown := [key for key in node if key not in KEYS]:
        raise ConfigError(
            f"{where} has no '{unknown[0]}'{nearest(str(unknown[0]), KEYS)}; it can have {', '.join(KEYS)}"
        )
    node = {key: value for key, value in node.items() if value is not None}
    if "choices" in node:
        return {"choices": _choices(node, where)}
    ends = {key: node.get(key) for key in ("low", "high")}
    if wrong := [key for key, value in ends.items() if isinstance(value, bool) or not isinstance(value, int | float)]:
        raise ConfigError(f"{where}.{wrong[0]} is {ends[wrong[0]]!r}, not a number; a range has low and high")
    step, log = node.get("step"), node.get("log", False)
    if not isinstance(log, bool):
        raise ConfigError(f"{where}.log is {log!r}, neither true nor false")
    if ends["low"] >= ends["high"]:  # type: ignore[operator]
        raise ConfigError(f"{where}: low={ends['low']} is not below high={ends['high']}")
    if log and (ends["low"] <= 0 or step is not None):  # type: ignore[operator]
        raise ConfigError(f"{where}: log needs low above 0, and no step")
    if step is not None and (isinstance(step, bool) or not isinstance(step, int | float) or step <= 0):
        raise ConfigError(f"{where}.step is {step!r}, not a number above 0")
    kept = {**ends, **({"log": True} if log else {}), **({} if step is None else {"step": step})}
    whole = all(isinstance(value, int) for value in kept.values()) and not isinstance(default, float)
    return kept if whole else {key: value if key == "log" else float(value) for key, value in kept.items()}  # type: ignore[arg-type]


def _choices(node: Mapping[str, Any], where: str) -> list[Any]:
    choices = node["choices"]
    if others := [key for key in node if key != "choices"]:
        raise ConfigError(f"{where} has both choices and {others[0]}; make one of them null")
    if not isinstance(choices, list | tuple) or not choices:
        raise ConfigError(f"{where}.choices is {choices!r}, not a list of values")
    return list(choices)
