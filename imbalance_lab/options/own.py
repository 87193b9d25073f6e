"""Objects of a caller's own as plain data: what they are and how they were made."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Mapping
from functools import partial
from types import CodeType
from typing import Any


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
    made = {"_target_": f"{kind.__module__}.{kind.__qualname__}", **arguments(value, seen)}
    code = _digest(kind, seen) if kind.__module__ == "__main__" else ""  # a cell of a notebook may define it anew
    return made | ({"code": code} if code else {})


def arguments(thing: Any, seen: tuple[int, ...]) -> dict[str, Any]:
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
