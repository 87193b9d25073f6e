"""What all splits with one test part have in common."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from imbalance_lab.data.base import Splitter
from imbalance_lab.fields import STRICT, Share


@dataclass(frozen=True, config=STRICT)
class Shares(Splitter):
    """A base of splits by the shares of their parts.

    Parameters
    ----------
    validation, test : float
        Shares of all rows; `validation` may be 0.
    """

    validation: Share
    test: Annotated[float, Field(gt=0, lt=1)]

    @model_validator(mode="after")
    def _check(self) -> Shares:
        if self.validation + self.test >= 1:
            raise ValueError(f"validation={self.validation} and test={self.test} leave no rows to train on")
        return self

    @property
    def validation_of_rest(self) -> float:
        """The share of the rows that are not tested."""
        return self.validation / (1 - self.test)
