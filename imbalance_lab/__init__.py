"""Which class-imbalance strategy should I use, how much does it buy, and how sure can I be?

Examples
--------
>>> import imbalance_lab as lab
>>> runs = lab.sweep("four_classes", ["none", "inv_freq"], "logreg", seed=range(3), progress=False)
>>> "inv_freq has the best mean" in lab.compare(runs).verdict
True
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.2.0.dev0"

# What people use, loaded when it is first asked for.
_FACE = {
    "Classifier": "imbalance_lab.runs.classifier",
    "ConfigError": "imbalance_lab.errors",
    "DataError": "imbalance_lab.errors",
    "Dataset": "imbalance_lab.data.dataset",
    "DecisionClassifier": "imbalance_lab.models.decision_classifier",
    "Incompatible": "imbalance_lab.errors",
    "LabError": "imbalance_lab.errors",
    "Strategy": "imbalance_lab.strategies.recipes",
    "class_weights": "imbalance_lab.strategies.class_weights",
    "compare": "imbalance_lab.library",
    "load": "imbalance_lab.runs.saving",
    "option": "imbalance_lab.options",
    "recommend": "imbalance_lab.recommendation.recommend",
    "refit": "imbalance_lab.runs.refit",
    "run": "imbalance_lab.library",
    "sweep": "imbalance_lab.library",
}
_MODULES = {"losses": "imbalance_lab.strategies.losses"}

__all__ = [
    "Classifier",
    "ConfigError",
    "DataError",
    "Dataset",
    "DecisionClassifier",
    "Incompatible",
    "LabError",
    "Strategy",
    "class_weights",
    "compare",
    "load",
    "losses",
    "option",
    "recommend",
    "refit",
    "run",
    "sweep",
]

if TYPE_CHECKING:
    from imbalance_lab.data.dataset import Dataset
    from imbalance_lab.errors import ConfigError, DataError, Incompatible, LabError
    from imbalance_lab.library import compare, run, sweep
    from imbalance_lab.models.decision_classifier import DecisionClassifier
    from imbalance_lab.options import option
    from imbalance_lab.recommendation.recommend import recommend
    from imbalance_lab.runs.classifier import Classifier
    from imbalance_lab.runs.refit import refit
    from imbalance_lab.runs.saving import load
    from imbalance_lab.strategies import losses
    from imbalance_lab.strategies.class_weights import class_weights
    from imbalance_lab.strategies.recipes import Strategy


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(_MODULES[name])
    if name in _FACE:
        return getattr(import_module(_FACE[name]), name)
    raise AttributeError(f"module 'imbalance_lab' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
