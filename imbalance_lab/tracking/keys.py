"""Names of metrics, parameters and classes in MLflow, which does not allow every character."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable


def key_for(name: str) -> str:
    """Return `name` with what MLflow does not allow in a key replaced.

    >>> key_for("recall/<=50K (%)")
    'recall/__50K ___'
    """
    return re.sub(r"[^\w\-.:/ ]", "_", name)[:250]


def unique_keys(classes: Iterable[str], kept: Collection[str]) -> dict[str, str | None]:
    """Return the part of a metric's key that stands for each class: allowed, and another for each; None if not `kept`.

    >>> unique_keys(["<5", ">5", "a/b"], kept=["<5", ">5", "a/b"])
    {'<5': '_5', '>5': '_5 2', 'a/b': 'a_b'}
    """
    keys: dict[str, str | None] = dict.fromkeys(classes)
    taken: Counter[str] = Counter()
    for name in [name for name in keys if name in kept]:
        plain = re.sub(r"[^\w\-.: ]", "_", name)[:150].strip(".") or "_"
        keys[name] = key = f"{plain} {taken[plain] + 1}" if taken[plain] else plain
        taken[re.sub(r" \d+$", "", key)] += 1
    return keys
