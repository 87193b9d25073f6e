"""Wrong labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import BeforeValidator
from pydantic.dataclasses import dataclass

from imbalance_lab.data.dataset import Dataset, class_name
from imbalance_lab.data.rows import Split
from imbalance_lab.data.stress.base import PARTS, Stress, Stressed, keep_all_classes, members, stream
from imbalance_lab.data.stress.thinning import rounded
from imbalance_lab.errors import ConfigError
from imbalance_lab.fields import STRICT

DESTINATIONS = 10_000  # apart from the numbers of classes, which order the rows


def _rate(value: Any) -> Any:
    """Return a rate, rates by class, or rates by class and other class, checked, with names as text."""
    if isinstance(value, Mapping):
        return {
            class_name(key) if not isinstance(key, bool) else str(key).lower(): _rate(v) for key, v in value.items()
        }
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ValueError(f"is a share of rows from 0 to 1, or one by class, not {value}")
    return float(value)


@dataclass(frozen=True, config=STRICT)
class LabelNoise(Stress):
    """Rows of each class are given another label.

    Of a class with ``n`` training rows exactly ``round(rate n)`` are flipped, and of its validation rows likewise.

    Parameters
    ----------
    rate : float, or mapping
        A share of every class's rows, each given one of the other labels at random; by class its share, of classes that
        are not named 0; or by class its shares by the label that is given: the rows of a transition matrix.

    Examples
    --------
    >>> data = Dataset.from_arrays(np.eye(12), ["a"] * 8 + ["b"] * 4)
    >>> nothing = np.arange(0)
    >>> after = LabelNoise(rate={"a": 0.25}).on(data, Split(np.arange(12), nothing, nothing), seed=0)
    >>> after.changes["train"]
    {'flipped': {'a': {'b': 2}}}
    """

    option: ClassVar[str] = "label_noise"
    rate: Annotated[Any, BeforeValidator(_rate)]

    def on(self, data: Dataset, split: Split, seed: int) -> Stressed:
        """Return a fold with labels flipped."""
        y, names, matrix = data.y.copy(), data.class_names, self._matrix(data)
        changes = {}
        for part, rows in enumerate((split.train, split.validation)):
            flipped: dict[str, dict[str, int]] = {}
            for k, own in enumerate(members(data, rows, seed, part)):
                rates = matrix[k]
                hit = own[: int(rounded(len(own) * rates.sum()))]
                if not len(hit):
                    continue
                # Drawn for all, so that a row is given the same label at whatever rate it is hit.
                drawn = stream(seed, part, DESTINATIONS + k).random(len(own))[: len(hit)]
                y[hit] = np.searchsorted(np.cumsum(rates / rates.sum()), drawn, side="right").clip(max=len(names) - 1)
                to = np.bincount(y[hit], minlength=len(names))
                flipped[names[k]] = {name: int(n) for name, n in zip(names, to, strict=True) if n}
            changes[PARTS[part]] = {"flipped": flipped}
        keep_all_classes(data, data.y[split.train], y[split.train], "stress.rate")
        return Stressed(replace(data, y=y), split, changes)

    def check(self, data: Dataset, split: Split) -> None:
        """Refuse classes that do not exist."""
        super().check(data, split)
        self._matrix(data)

    def _matrix(self, data: Dataset) -> np.ndarray:
        """Return the share of each class's rows that is given each other label, shape (C, C)."""
        names = data.class_names
        matrix = np.zeros((len(names), len(names)))
        rates = self.rate if isinstance(self.rate, Mapping) else dict.fromkeys(names, self.rate)
        for name, rate in rates.items():
            k = _number(name, names)
            if not isinstance(rate, Mapping):
                matrix[k] = rate / (len(names) - 1)
                matrix[k, k] = 0
                continue
            for other, share in rate.items():
                matrix[k, _number(other, names)] = share
            if matrix[k, k] > 0:
                raise ConfigError(f"stress.rate.{name}.{name}: a label that stays is no noise; leave it out")
            if matrix[k].sum() > 1 + 1e-9:
                raise ConfigError(f"stress.rate.{name}: shares add up to {matrix[k].sum():g}, which is above 1")
        return matrix


def _number(name: str, names: tuple[str, ...]) -> int:
    if name not in names:
        raise ConfigError(
            f"stress.rate names the class '{name}', which does not exist; there are {', '.join(names[:20])}"
        )
    return names.index(name)
