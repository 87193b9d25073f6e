"""How much does a row of each class count?"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, field_validator
from pydantic.dataclasses import dataclass

from imbalance_lab.types import STRICT, ConfigError

Normalisation = Literal["mean_one", "sum_to_one", "sum_to_classes"]


def normalised(raw: np.ndarray, counts: np.ndarray, how: Normalisation) -> np.ndarray:
    """Rescale class weights.

    Parameters
    ----------
    raw, counts : ndarray of shape (C,)
    how : {"mean_one", "sum_to_one", "sum_to_classes"}
        ``mean_one``: the mean weight of a training row is 1, so the learning rate means the same under every strategy.

    Examples
    --------
    >>> normalised(np.array([1.0, 3.0]), np.array([30, 10]), "mean_one").round(3).tolist()
    [0.667, 2.0]
    """
    scale = {
        "mean_one": counts.sum() / (raw @ counts),
        "sum_to_one": 1 / raw.sum(),
        "sum_to_classes": len(raw) / raw.sum(),
    }
    return np.asarray(raw * scale[how])


@dataclass(frozen=True, config=STRICT)
class Uniform:
    """The null option: every row counts 1."""

    def __call__(self, counts: np.ndarray, class_names: Sequence[str]) -> np.ndarray:
        """Return ones, shape (C,)."""
        return np.ones(len(counts))


@dataclass(frozen=True, config=STRICT)
class InverseFrequency:
    """Weights ``n_k ** -power``; 1 is "balanced" (w_k = N / (C n_k)), 0.5 the square root.

    Parameters
    ----------
    power : float
    normalise : {"mean_one", "sum_to_one", "sum_to_classes"}

    Examples
    --------
    >>> InverseFrequency()(np.array([90, 10]), ["no", "yes"]).round(3).tolist()
    [0.556, 5.0]
    """

    power: Annotated[float, Field(ge=0)] = 1.0
    normalise: Normalisation = "mean_one"

    def __call__(self, counts: np.ndarray, class_names: Sequence[str]) -> np.ndarray:
        """Return weights, shape (C,), from class sizes, shape (C,); an empty class is weighted as if it had one row."""
        return normalised(np.maximum(counts, 1.0) ** -self.power, counts, self.normalise)


@dataclass(frozen=True, config=STRICT)
class ByHand:
    """Weights given by class name; a class left out counts 1 before normalising.

    Parameters
    ----------
    weights : dict of class name to weight
    normalise : {"mean_one", "sum_to_one", "sum_to_classes"}

    Examples
    --------
    >>> ByHand({"yes": 4})(np.array([75, 25]), ["no", "yes"]).round(3).tolist()
    [0.571, 2.286]
    """

    weights: dict[str, Annotated[float, Field(gt=0, allow_inf_nan=False)]]
    normalise: Normalisation = "mean_one"

    @field_validator("weights", mode="before")
    @classmethod
    def _names_are_text(cls, weights: object) -> object:
        return {str(k): v for k, v in weights.items()} if isinstance(weights, dict) else weights

    def __call__(self, counts: np.ndarray, class_names: Sequence[str]) -> np.ndarray:
        """Return weights, shape (C,).

        Raises
        ------
        ConfigError
            If a weight is given for a class that does not exist.
        """
        for name in self.weights:
            if name not in class_names:
                near = difflib.get_close_matches(name, class_names, n=1)
                hint = f"did you mean '{near[0]}'?" if near else f"the classes are {', '.join(class_names[:20])}"
                raise ConfigError(f"class_weight.weights names the class '{name}', which does not exist; {hint}")
        raw = np.array([self.weights.get(name, 1.0) for name in class_names])
        return normalised(raw, counts, self.normalise)
