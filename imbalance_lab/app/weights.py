"""Class weights on the spot: ``python -m imbalance_lab weights A=198 B=436 C=710 D=272``, or of a table.

The weights are those of ``class_weight=`` in a run on these counts, ready to paste.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Annotated, Literal, get_args

import numpy as np
from pydantic import Field
from pydantic.dataclasses import dataclass
from rich import box
from rich.console import Console
from rich.table import Table as Grid

from imbalance_lab.app.commands import Command, Typed, pairs, setting
from imbalance_lab.data.sources.files import Table
from imbalance_lab.errors import ConfigError
from imbalance_lab.fields import STRICT
from imbalance_lab.options import nearest, option
from imbalance_lab.strategies.class_weights import EffectiveNumber, InverseFrequency, Normalisation

Weights = dict[str, dict[str, dict[str, float]]]
Scheme = Literal["inv_freq", "sqrt_inv", "eff_num"]
MAX_ROWS = 10**15  # counts are whole numbers up to there in float64 too, and so are sums of thousands of them


@dataclass(frozen=True, config=STRICT)
class Settings:
    """What is shown.

    Parameters
    ----------
    beta : float
    paste, format : str
    """

    beta: Annotated[float, Field(ge=0, lt=1)] = setting(0.9999, "of the effective number; at least 0 and below 1")
    paste: Scheme = setting("inv_freq", "the scheme of the code to paste: inv_freq, sqrt_inv or eff_num")
    format: Literal["terminal", "json"] = setting("terminal", "terminal, or json for machines")


def weigh(counts: Mapping[str, int], beta: float = 0.9999) -> Weights:
    """Return the weight of each class by scheme and normalisation.

    Parameters
    ----------
    counts : mapping of class name to rows
    beta : float
        Of the effective number.

    Examples
    --------
    >>> weights = weigh({"A": 198, "B": 436, "C": 710, "D": 272})
    >>> {name: round(weight, 3) for name, weight in weights["inv_freq"]["mean_one"].items()}
    {'A': 2.04, 'B': 0.927, 'C': 0.569, 'D': 1.485}
    """
    names, sizes = list(counts), np.array(list(counts.values()))
    return {
        scheme: {how: _weights(scheme, how, beta, sizes, names) for how in get_args(Normalisation)}
        for scheme in get_args(Scheme)
    }


def _weights(scheme: str, how: Normalisation, beta: float, sizes: np.ndarray, names: Sequence[str]) -> dict[str, float]:
    if scheme == "eff_num":
        found = EffectiveNumber(beta, how)(sizes, names)
    else:
        found = InverseFrequency(1.0 if scheme == "inv_freq" else 0.5, how)(sizes, names)
    return dict(zip(names, found.tolist(), strict=True))


def snippets(weights: Mapping[str, float], counts: Mapping[str, int]) -> dict[str, str]:
    """Return code that uses `weights`, by library.

    Keras and TensorFlow know classes by number, in the order given here; scikit-learn knows them by their labels. Of
    two classes the last is the positive one.
    """
    rounded = {name: float(f"{weight:.4g}") for name, weight in weights.items()}
    by_label = {int(k): v for k, v in rounded.items()} if all(map(_is_number, rounded)) else rounded
    order = ", ".join(f"{k}: {name}" for k, name in enumerate(weights))
    shown = {
        "Keras": f"model.fit(..., class_weight={dict(enumerate(rounded.values()))})  # {order}",
        "scikit-learn": f"class_weight={by_label}",
        "TensorFlow": f"class_weights = tf.constant({list(rounded.values())})  # {order}; tf.gather(class_weights, y)",
    }
    if all(re.fullmatch(r"[A-Za-z0-9_.-]+", name) for name in weights):  # other names cannot be typed as Hydra keys
        shown["imbalance_lab"] = f"class_weight=by_hand 'class_weight.weights={_hydra(rounded)}'"
    if len(weights) == 2:
        negative, positive = weights
        ratio = float(f"{weights[positive] / weights[negative]:.4g}")
        shown["pos_weight"] = (
            f"tf.nn.weighted_cross_entropy_with_logits(labels, logits, pos_weight={ratio})  # positive: {positive}"
        )
    return shown


def read_counts(words: Sequence[str], sizes: Sequence[str]) -> dict[str, int]:
    """Return the class sizes that ``A=198 B=436`` or ``table.csv target=label`` stand for; in order.

    Parameters
    ----------
    words : sequence of str
        A table, or nothing.
    sizes : sequence of str
        ``class=rows``; of a table ``target=column`` and other settings of ``dataset=csv``.

    Raises
    ------
    ConfigError
        If an argument is neither, or a size is not a whole number above 0.
    DataError
        If the table cannot be used.
    """
    if words:
        return in_order(_table(words, sizes).class_sizes())
    counts = {}
    for name, rows in (size.rpartition("=")[::2] for size in sizes):
        if not re.fullmatch(r"[0-9]+(_[0-9]+)*", rows) or not 1 <= int(rows[:25].replace("_", "")) <= MAX_ROWS:
            near = nearest(name, [one.name for one in fields(Settings)])
            raise ConfigError(f"{name}={rows}: the size of a class is a whole number above 0 and below 1e15{near}")
        if not name:
            raise ConfigError(f"={rows} names no class; a class and its size are A=198")
        if name in counts:
            raise ConfigError(f"the class '{name}' is given twice")
        counts[name] = int(rows)
    if len(counts) < 2:
        raise ConfigError("give at least two classes, as in A=198 B=436 C=710 D=272, or a table: my.csv target=label")
    return in_order(counts)


def _table(words: Sequence[str], others: Sequence[str]) -> Table:
    given = {key.removeprefix("dataset."): value for key, value in pairs(others).items()}
    if len(words) > 1 or "target" not in given:
        example = "one table and its target, as in my.csv target=label, or class sizes, as in A=198 B=436"
        raise ConfigError(f"give {example}, not '{' '.join(words)}'")
    table: Table = option("dataset", "csv", path=os.path.expanduser(words[0]), **given).build()
    if len(table.target) > 1:
        raise ConfigError(
            f"weights counts the classes of one target, not of {', '.join(table.target)}: name each alone"
        )
    return table


def in_order(counts: Mapping[str, int]) -> dict[str, int]:
    """Return class sizes as a model knows the classes: numbers by value; of two words the rarer last, as positive."""
    if all(map(_is_number, counts)):
        return dict(sorted(counts.items(), key=lambda pair: int(pair[0])))
    return dict(counts) if len(counts) > 2 else dict(sorted(counts.items(), key=lambda pair: -pair[1]))


def run(typed: Typed[Settings]) -> None:
    """Print the weights under each scheme and normalisation, and code to paste."""
    settings = typed.settings
    counts = read_counts(typed.words, typed.others)
    weights = weigh(counts, settings.beta)
    code = snippets(weights[settings.paste]["mean_one"], counts)
    if settings.format == "json":
        print(json.dumps({"counts": counts, "weights": weights, "paste": code}, indent=1))
    else:
        _print(counts, weights, code, settings.paste)


main = Command(
    "weights",
    "class weights for class sizes (A=198 B=436 ...) or a table (my.csv target=label)",
    Settings,
    run,
    words="[TABLE target=COLUMN]",
    others="[CLASS=ROWS ...]",
    notes="beta, paste and format are settings: a class of that name cannot be given here, only in a table.",
)


def _print(counts: Mapping[str, int], weights: Weights, code: Mapping[str, str], scheme: str) -> None:
    terminal = Console()
    console = terminal if terminal.is_terminal else Console(width=160)
    grid = Grid(box=box.SIMPLE_HEAD if console.is_terminal else box.ASCII2, pad_edge=False)
    grid.add_column("scheme")
    grid.add_column("normalisation")
    for name, rows in counts.items():
        grid.add_column(f"{name} ({rows})", justify="right")
    for name, by_normalisation in weights.items():
        for how, by_class in by_normalisation.items():
            grid.add_row(name, how, *(f"{weight:.4g}" for weight in by_class.values()))
    console.print(grid)
    console.print(f"to paste ({scheme}, mean_one):", highlight=False)
    for library, text in code.items():
        console.print(f"  {library}: {text}", highlight=False, markup=False, soft_wrap=True)


def _is_number(name: str) -> bool:
    return re.fullmatch(r"-?\d+", name) is not None


def _hydra(weights: Mapping[str, float]) -> str:
    return "{" + ", ".join(f"{name}: {weight}" for name, weight in weights.items()) + "}"
