"""Penalties per row, in TensorFlow. Weights and the mean over rows are the learner's business.

The losses of ``conf/loss`` are here by the names of their classes, and TensorFlow is loaded with the first of them:

>>> from imbalance_lab.strategies.losses import LDAM, Focal, as_loss
>>> Focal(gamma=3)
Focal(gamma=3.0, alpha=None)
"""

from __future__ import annotations

import importlib
from functools import cache
from typing import Any

from imbalance_lab import options

_OTHERS = {"Loss": "base", "KerasLoss": "keras_loss", "as_loss": "own"}


def __getattr__(name: str) -> Any:
    if name in _OTHERS:
        return getattr(importlib.import_module(f"{__name__}.{_OTHERS[name]}"), name)
    if name in classes():
        return options.locate(classes()[name])
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*_OTHERS, *classes()])


@cache
def classes() -> dict[str, str]:
    """Return the path of each loss of this package that is an option, by the name of its class."""
    targets = [str(options.load("loss", name)["_target_"]) for name in options.names("loss")]
    return {path.rpartition(".")[2]: path for path in targets if path.startswith(f"{__name__}.")}
