"""What errors cost: a matrix, given by class name."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from imbalance_lab.errors import ConfigError

Costs = Mapping[str, Mapping[str, float]] | Sequence[Sequence[float]]


def cost_matrix(costs: Costs, class_names: Sequence[str]) -> np.ndarray:
    """Return the matrix of costs, truth in rows, prediction in columns, shape (C, C).

    Parameters
    ----------
    costs : mapping or matrix
        ``{truth: {predicted: cost}}``, other errors costing 1; or all C x C numbers in the order of `class_names`.
    class_names : sequence of str

    Raises
    ------
    ConfigError
        If the shape is wrong, a class does not exist, a cost is negative or not finite, being right costs anything, or
        no error of some class costs anything.

    Examples
    --------
    >>> cost_matrix({"sick": {"well": 10}}, ["well", "sick"]).tolist()
    [[0.0, 1.0], [10.0, 0.0]]
    """
    try:
        matrix = _from_names(costs, class_names) if isinstance(costs, Mapping) else _from_numbers(costs, class_names)
    except (TypeError, AttributeError, ValueError) as error:
        a, b = class_names[:2]
        raise ConfigError(
            f"costs must be {{truth: {{predicted: cost}}}}, as in {{{a}: {{{b}: 5}}}}, or a matrix with the "
            f"truth in rows; not {costs!r}"
        ) from error
    if not np.isfinite(matrix).all() or matrix.min() < 0:
        raise ConfigError("costs must be numbers of 0 or more")
    if np.diag(matrix).any():
        wrong = class_names[int(np.flatnonzero(np.diag(matrix))[0])]
        raise ConfigError(f"costs: predicting '{wrong}' rightly costs {matrix.diagonal().max():g}; it must be 0")
    if not matrix.any(axis=1).all():
        free = class_names[int(np.flatnonzero(~matrix.any(axis=1))[0])]
        raise ConfigError(f"costs: no error on a true '{free}' costs anything, so it would never be predicted")
    return matrix


def balanced_costs(prior: np.ndarray) -> np.ndarray:
    """Return costs under which missing a class costs the inverse of its share, scaled to a mean of 1, shape (C, C)."""
    matrix = np.repeat(1 / np.maximum(prior, 1e-12)[:, None], len(prior), axis=1)
    np.fill_diagonal(matrix, 0)
    return matrix / (matrix.sum() / (len(prior) * (len(prior) - 1)))


def known_classes(names: Sequence[Any], class_names: Sequence[str], setting: str) -> None:
    """Refuse names that are no classes.

    Raises
    ------
    ConfigError
        With the nearest class's name.
    """
    for name in names:
        if name not in class_names:
            near = difflib.get_close_matches(str(name), class_names, n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"the classes are {', '.join(class_names[:20])}"
            raise ConfigError(f"{setting} names the class '{name}', which does not exist; {hint}")


def shares_by_name(given: Mapping[str, float], class_names: Sequence[str], setting: str) -> list[float]:
    """Return the share of each class, in the order of `class_names`.

    Raises
    ------
    ConfigError
        If there is not one share for each class.

    Examples
    --------
    >>> shares_by_name({"yes": 0.1, "no": 0.9}, ["no", "yes"], "decision.target")
    [0.9, 0.1]
    """
    known_classes(list(given), class_names, setting)
    if missing := [name for name in class_names if name not in given]:
        raise ConfigError(f"{setting} has no share for class {', '.join(missing)}")
    return [given[name] for name in class_names]


def _from_names(costs: Mapping[str, Mapping[str, float]], class_names: Sequence[str]) -> np.ndarray:
    matrix = 1 - np.eye(len(class_names))
    at = {name: k for k, name in enumerate(class_names)}
    named = {str(truth): {str(k): v for k, v in row.items()} for truth, row in costs.items()}
    known_classes([*named, *(name for row in named.values() for name in row)], class_names, "costs")
    for truth, row in named.items():
        for predicted, cost in row.items():
            matrix[at[truth], at[predicted]] = cost
    return matrix


def _from_numbers(costs: Sequence[Sequence[float]], class_names: Sequence[str]) -> np.ndarray:
    size = len(class_names)
    if len(costs) != size or any(len(row) != size for row in costs):
        found = f"{len(costs)} rows of {', '.join(str(n) for n in sorted({len(row) for row in costs}))}"
        raise ConfigError(f"costs must be {size} x {size} numbers for {size} classes (truth in rows), not {found}")
    return np.array(costs, dtype=float)
