"""What is computed of the test predictions."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StrictBool
from pydantic.dataclasses import dataclass

from imbalance_lab.fields import STRICT, Positive


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
