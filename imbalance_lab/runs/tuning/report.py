"""What tuning of all folds of a run came to."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from imbalance_lab.runs.tuning.trials import Tuned


def tuning_summary(budget: Mapping[str, Any], folds: Sequence[Tuned]) -> dict[str, Any]:
    """Return what ``record.json`` holds of tuning, of all folds together.

    Parameters
    ----------
    budget : mapping
        `Identity.tuning`.
    folds : sequence of Tuned

    Returns
    -------
    dict
        The budget (``name``, ``trials`` of each fold, ``metric``, ``on``, ``pruner``, ``space``), how many trials
        ``finished``, were ``pruned`` and ``failed``, and their ``seconds``; ``best`` settings (of several folds those
        of `central`), and the means of their ``best_value`` and of the ``default_value``, that of the settings as they
        were given. Empty without a budget.
    """
    if not budget:
        return {}
    each = [one.summary() for one in folds]
    sums = {key: sum(one[key] for one in each) for key in ("finished", "pruned", "failed", "seconds")}
    means = {key: _mean([one[key] for one in each]) for key in ("best_value", "default_value")}
    return {**budget, **sums, "best": central([one["best"] for one in each], budget["space"]), **means}


def central(chosen: Sequence[Mapping[str, Any]], space: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return of the settings that folds chose those that lie nearest to all others: their medoid.

    A distance is the sum over settings of how far apart two values lie in their range, on a scale of logarithms where
    the range is on one; two choices are 1 apart. Unlike means of each setting, the medoid is one that was tried.

    Parameters
    ----------
    chosen : sequence of mapping
    space : mapping

    Examples
    --------
    >>> space = {"model.C": {"low": 1.0, "high": 100.0, "log": True}}
    >>> central([{"model.C": 1.0}, {"model.C": 10.0}, {"model.C": 90.0}], space)
    {'model.C': 10.0}
    """
    if not chosen:
        return {}
    apart = [sum(_distance(one, other, space) for other in chosen) for one in chosen]
    return dict(chosen[int(np.argmin(apart))])


def _distance(one: Mapping[str, Any], other: Mapping[str, Any], space: Mapping[str, Mapping[str, Any]]) -> float:
    return sum(_apart(one.get(name), other.get(name), node) for name, node in space.items())


def _apart(one: Any, other: Any, node: Mapping[str, Any]) -> float:
    if "choices" in node or not all(isinstance(value, int | float) for value in (one, other)):
        return float(one != other)
    scale = math.log if node.get("log") else float
    return abs(scale(one) - scale(other)) / (scale(node["high"]) - scale(node["low"]))


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known and len(known) == len(values) else None
