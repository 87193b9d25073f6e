"""The kinds of fitted models that a saved model can be of, by the names that saved models have for them.

A class is looked up here and never by what a file says, which could name anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from imbalance_lab.errors import DataError
from imbalance_lab.models.base import FittedModel
from imbalance_lab.options import locate

KINDS: Mapping[str, str] = MappingProxyType(
    {
        "boosted": "imbalance_lab.models.boosting.base.FittedBoosted",
        "estimator": "imbalance_lab.models.estimator.FittedEstimator",
        "network": "imbalance_lab.models.keras_learner.FittedNetwork",
    }
)


def name_of(model: FittedModel) -> str:
    """Return the name of a model's kind; of a class of one's own its dotted path."""
    path = f"{type(model).__module__}.{type(model).__qualname__}"
    return next((name for name, known in KINDS.items() if known == path), path)


def load(kind: str, folder: Path, tasks: int, classes: int, trusted: Sequence[str] = ()) -> FittedModel:
    """Return the model of a kind whose files are in `folder`.

    Parameters
    ----------
    kind : str
    folder : Path
    tasks, classes : int
        T and C of its scores.
    trusted : sequence of str
        Dotted names of types that may be made, classes of models of one's own among them.

    Raises
    ------
    DataError
        If there is no such kind, or its files are damaged.
    """
    if kind not in KINDS and kind not in trusted:
        raise DataError(
            f"{folder} holds a model of a kind that is not loaded unasked: {kind}; if you trust who made it, "
            f"trusted=[{kind}] loads it"
        )
    made: type[FittedModel] = locate(KINDS.get(kind, kind))
    if not (isinstance(made, type) and issubclass(made, FittedModel)):
        raise DataError(f"{folder}: {kind} is no kind of model")
    return made.load(folder, tasks, classes, trusted)
