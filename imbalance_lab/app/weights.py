"""Class weights on the spot: ``python -m imbalance_lab.app.weights A=198 B=436 C=710 D=272``, or of a table.

The weights are those of ``class_weight=`` in a run on these counts, ready to paste.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Mapping, Sequence
from typing import get_args

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table as Grid

from imbalance_lab.data.sources.files import Table
from imbalance_lab.errors import ConfigError, LabError
from imbalance_lab.strategies.class_weights import EffectiveNumber, InverseFrequency, Normalisation

Weights = dict[str, dict[str, dict[str, float]]]


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
        for scheme in ("inv_freq", "sqrt_inv", "eff_num")
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


def read_counts(arguments: Sequence[str]) -> dict[str, int]:
    """Return the class sizes that ``A=198 B=436`` or ``table.csv target=label`` stand for; in order.

    Raises
    ------
    ConfigError
        If an argument is neither, or a size is not a whole number above 0.
    DataError
        If the table cannot be used.
    """
    pairs = [argument.rpartition("=")[::2] for argument in arguments if "=" in argument]
    files = [argument for argument in arguments if "=" not in argument]
    if files:
        target = dict(pairs).get("target")
        if len(files) > 1 or target is None or len(pairs) > 1:
            raise ConfigError(
                "give one table and its target, as in my.csv target=label, or class sizes, as in A=198 B=436"
            )
        return in_order(Table(path=files[0], target=[target]).class_sizes())
    counts = {}
    for name, rows in pairs:
        if not re.fullmatch(r"[0-9_]+", rows) or int(rows) < 1:
            raise ConfigError(f"{name}={rows}: the size of a class is a whole number above 0")
        if name in counts:
            raise ConfigError(f"the class '{name}' is given twice")
        counts[name] = int(rows)
    if len(counts) < 2:
        raise ConfigError("give at least two classes, as in A=198 B=436 C=710 D=272, or a table: my.csv target=label")
    return in_order(counts)


def in_order(counts: Mapping[str, int]) -> dict[str, int]:
    """Return class sizes as a model knows the classes: numbers by value; of two words the rarer last, as positive."""
    if all(map(_is_number, counts)):
        return dict(sorted(counts.items(), key=lambda pair: int(pair[0])))
    return dict(counts) if len(counts) > 2 else dict(sorted(counts.items(), key=lambda pair: -pair[1]))


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the weights under each scheme and normalisation, and code to paste."""
    parser = argparse.ArgumentParser(
        prog="python -m imbalance_lab.app.weights",
        description="Class weights for class sizes (A=198 B=436 ...) or a table (my.csv target=label).",
    )
    parser.add_argument("counts", nargs="*", metavar="CLASS=ROWS", help="sizes, or a table and target=column")
    parser.add_argument("--json", action="store_true", help="for machines")
    parser.add_argument("--beta", type=float, default=0.9999, help="of the effective number (0.9999)")
    parser.add_argument(
        "--paste", default="inv_freq", choices=["inv_freq", "sqrt_inv", "eff_num"], help="scheme to paste"
    )
    given = parser.parse_args(arguments)
    try:
        if not 0 <= given.beta < 1:
            raise ConfigError(f"--beta {given.beta:g}: it must be at least 0 and below 1")
        counts = read_counts(given.counts)
    except LabError as error:
        sys.exit(f"error: {error}")
    weights = weigh(counts, given.beta)
    code = snippets(weights[given.paste]["mean_one"], counts)
    if given.json:
        print(json.dumps({"counts": counts, "weights": weights, "paste": code}, indent=1))
        return
    _print(counts, weights, code, given.paste)


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


if __name__ == "__main__":
    main()
