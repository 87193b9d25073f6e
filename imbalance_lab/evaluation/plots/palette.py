"""One colour, dash and marker per class, the same in every figure of a run, rarest class first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.colors import Normalize, to_hex

# Okabe and Ito (2008) without yellow, which print loses, with an indigo and a wine red of Tol (2021): no two are alike
# to people with any of the three colour-vision deficiencies, and neighbours differ in lightness.
SAFE = ("#D55E00", "#332288", "#56B4E9", "#009E73", "#E69F00", "#882255", "#CC79A7", "#0072B2")
DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1, 1.2)), (0, (5, 1.5, 1, 1.5)), (0, (3, 1, 1, 1, 1, 1)))
MARKERS = "os^Dv<>P"
ABSENT = "#999999"  # the side "not <label>" of each of several labels
RAREST, COMMONEST = 0.0, 0.85  # of the sequential map, whose end is too light for print
GROUPS = ("rarest", "middle", "most frequent")
LONGEST_NAME = 25
VIRIDIS = colormaps["viridis"]  # a registry of maps makes a new one each time it is asked


@dataclass(frozen=True)
class Style:
    """How a class is drawn."""

    colour: str
    dash: Any = "-"
    marker: str = "o"


def rarest_first(classes: pd.DataFrame) -> list[str]:
    """Return the names of classes by their training rows, of equal ones the first.

    >>> rarest_first(pd.DataFrame({"train_rows": [9, 2, 5]}, index=["a", "b", "c"]))
    ['b', 'c', 'a']
    """
    return list(classes.sort_values("train_rows", kind="stable").index)


def styles(classes: pd.DataFrame, tasks: Sequence[Sequence[str]]) -> dict[str, Style]:
    """Return the style of each class by name.

    Up to eight classes have colours of their own; more share a sequential map, dark for the rarest. Of several labels
    those that are there have colours, and their absence is grey.
    """
    absent = {names[0] for names in tasks} if len(tasks) > 1 else set()
    order = [name for name in rarest_first(classes) if name not in absent]
    colours = SAFE if len(order) <= len(SAFE) else sequential(len(order))
    found = {
        name: Style(colours[k], DASHES[k % len(DASHES)], MARKERS[k % len(MARKERS)]) for k, name in enumerate(order)
    }
    return found | {name: Style(ABSENT) for name in absent}


def sequential(count: int) -> list[str]:
    """Return the colours of so many classes, at least two, from that of the rarest to that of the most frequent."""
    ranks = np.arange(count) / (count - 1)
    return [to_hex(colour) for colour in VIRIDIS(RAREST + (COMMONEST - RAREST) * ranks)]


def sequential_map() -> tuple[Any, Normalize]:
    """Return the sequential map with its scale, for a bar of colours from rank 0 to 1."""
    return VIRIDIS, Normalize(0, 1 / COMMONEST)


def thirds(order: Sequence[str]) -> dict[str, tuple[str, Sequence[str]]]:
    """Return colour and names of the rarest, the middle and the most frequent third of the classes.

    >>> [(title, names) for title, (_, names) in thirds(list("abcdefghi")).items()]
    [('rarest 3', ['a', 'b', 'c']), ('middle 3', ['d', 'e', 'f']), ('most frequent 3', ['g', 'h', 'i'])]
    """
    parts = [list(part) for part in np.array_split(np.array(order, dtype=object), len(GROUPS))]
    colours = sequential(len(GROUPS))
    return {f"{title} {len(part)}": (colour, part) for title, colour, part in zip(GROUPS, colours, parts, strict=True)}


def shortened(names: Iterable[object], most: int = LONGEST_NAME) -> list[str]:
    """Return names of at most `most` characters.

    >>> shortened(["sitosterolaemia"], 8)
    ['sitoste…']
    """
    return [name if len(name) <= most else f"{name[: most - 1]}…" for name in map(str, names)]


def colours_of(names: Iterable[str], by_name: Mapping[str, Style]) -> list[str]:
    """Return the colour of each class."""
    return [by_name[name].colour for name in names]
