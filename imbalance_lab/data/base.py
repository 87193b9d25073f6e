"""The one base of dataset sources, and the one of splitters."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from imbalance_lab.data.rows import Split

if TYPE_CHECKING:
    from imbalance_lab.data.dataset import Dataset


class DatasetSource(ABC):
    """Where rows come from: what an option of the ``dataset`` group instantiates to.

    A subclass is usually a frozen dataclass of its settings. What selects the rows is a setting of any name; what only
    names them is ``title``, a setting too or derived from the others.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> import pandas as pd
    >>> from imbalance_lab.data.dataset import Dataset
    >>> @dataclass(frozen=True)
    ... class Squares(DatasetSource):
    ...     rows: int = 6
    ...     title: str = "squares"
    ...
    ...     def load(self) -> Dataset:
    ...         x = pd.Series(np.square(np.arange(self.rows)))
    ...         return Dataset.from_arrays(x.to_frame("x"), x > 9, name=self.title)
    >>> Squares().load().counts.tolist()
    [4, 2]
    """

    @property
    @abstractmethod
    def title(self) -> str:
        """Name of the dataset, known before it is loaded."""

    @abstractmethod
    def load(self) -> Dataset:
        """Read or draw the rows.

        Raises
        ------
        DataError
            If there are none, or they cannot be learnt from.
        """


class Splitter(ABC):
    """Which rows train, validate and test: what an option of the ``split`` group instantiates to.

    Parameters
    ----------
    validation : float
        Share of the rows that validates; may be 0.
    """

    validation: float

    @abstractmethod
    def split(self, y: np.ndarray, class_names: Sequence[str]) -> Iterator[Split]:
        """Yield one `Split` per fold of classes `y` (n,), or labels (n, T).

        Raises
        ------
        DataError
            If a class has too few rows.
        """
