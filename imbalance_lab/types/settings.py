"""Settings that have no class of their own to configure, and the field types that options share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, StrictBool
from pydantic.dataclasses import dataclass

STRICT = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

OutputPrior = Literal["train", "balanced", "uncalibrated"]
Share = Annotated[float, Field(ge=0, lt=1)]
Positive = Annotated[int, Field(ge=1)]
# Weights by class name; a class may be called 1 or true.
ByName = Annotated[
    dict[str, Annotated[float, Field(gt=0, allow_inf_nan=False)]],
    BeforeValidator(lambda given: {_as_typed(k): v for k, v in given.items()} if isinstance(given, dict) else given),
]
Seed = Annotated[int, Field(ge=0, lt=2**32)]


def _as_typed(name: object) -> str:
    return str(name).lower() if isinstance(name, bool) else str(name)


@dataclass(frozen=True, config=STRICT)
class Training:
    """How a network is trained.

    Parameters
    ----------
    epochs, batch_size : int
    optimizer : callable
        Makes a fresh Keras optimizer.
    patience : int or None
        Epochs without a rise of validation balanced accuracy (of equal ones, a fall of validation loss) before training
        stops and the best weights are restored; None trains to the last epoch.
    callbacks : list of callable
        Each makes a Keras callback.
    """

    epochs: Positive
    batch_size: Positive
    optimizer: Callable[[], Any]
    patience: Positive | None = None
    callbacks: list[Callable[[], Any]] = field(default_factory=list)


@dataclass(frozen=True, config=STRICT)
class RunSettings:
    """Settings of a run that belong to no group.

    Parameters
    ----------
    seed : int
    min_class_rows : int
        Classes with fewer rows are dropped.
    save_model : bool
    resume : bool
        Whether a run that has ended well before, of the same configuration, data and version, is left out.
    """

    seed: Seed = 0
    min_class_rows: Annotated[int, Field(ge=0)] = 0
    save_model: StrictBool = False
    resume: StrictBool = False


@dataclass(frozen=True, config=STRICT)
class Evaluation:
    """What is computed of the test predictions.

    Parameters
    ----------
    confidence : float
        Level of the bootstrap intervals, between 0 and 1.
    resamples : int
        Bootstrap resamples.
    calibration_bins : int
        Bins of the expected calibration error.
    figures : bool
        Whether figures are drawn.
    """

    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.95
    resamples: Positive = 2000
    calibration_bins: Positive = 15
    figures: StrictBool = True
