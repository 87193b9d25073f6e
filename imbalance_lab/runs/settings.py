"""Settings of a run that belong to no group."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StrictBool
from pydantic.dataclasses import dataclass

from imbalance_lab.fields import STRICT, Seed


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
