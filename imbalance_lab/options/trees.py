"""Trees of settings: what an option's file holds, with other values in their places."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from imbalance_lab.errors import ConfigError
from imbalance_lab.options.registry import nearest


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


def resolved(tree: Any, root: Mapping[str, Any]) -> Any:
    """Return a tree whose references, as ``${seed}`` or ``${sampler.k}``, are filled in from `root`."""
    if isinstance(tree, Mapping):
        return {str(key): resolved(value, root) for key, value in tree.items()}
    if isinstance(tree, list):
        return [resolved(value, root) for value in tree]
    if not is_reference(tree):
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


def alike(value: Any, known: Any) -> Any:
    """Return a value as the file would have written it: 2.0 where it has 1.0, a list for a tuple."""
    if isinstance(value, Mapping):
        inside = known if isinstance(known, Mapping) else {}
        return {str(key): alike(item, inside.get(key)) for key, item in value.items()}
    if hasattr(value, "dtype") and getattr(value, "ndim", 1) == 0:
        value = value.item()
    if isinstance(known, float) and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return list(value) if isinstance(value, tuple) else value


def _takes_more(tree: Mapping[str, Any]) -> bool:
    """Whether a tree stands for a class of another library, or holds no settings of its own."""
    target = tree.get("_target_")
    return "_target_" not in tree or not str(target).startswith("imbalance_lab.")


def is_reference(value: Any) -> bool:
    """Whether a value stands for that of another setting, as ``${seed}``."""
    return isinstance(value, str) and value.startswith("${") and value.endswith("}")
