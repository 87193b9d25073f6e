"""Objects made of the trees that name them."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Mapping
from functools import partial
from typing import Any

from imbalance_lab.errors import ConfigError
from imbalance_lab.options.registry import EXTRAS, nearest


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
        library = path.partition(".")[0]
        if library in EXTRAS:
            raise ConfigError(f"{library} is not installed; pip install 'imbalance-lab[{EXTRAS[library]}]'")
        raise ConfigError(f"there is no {path}: nothing is called {library}")
    for name in path[len(module) :].split(".")[1:]:
        if not hasattr(found, name):
            raise ConfigError(f"there is no {path}{nearest(name, dir(found))}")
        found = getattr(found, name)
    return found


def _needs_arguments(function: Any) -> bool:
    parameters = inspect.signature(function).parameters.values()
    return any(p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in parameters)
