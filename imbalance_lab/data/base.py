"""Where rows come from, and how they are split."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np

from imbalance_lab.data.dataset import Dataset
from imbalance_lab.data.rows import Split


class DatasetSource(Protocol):
    """What an option of the ``dataset`` group instantiates to."""

    @property
    def title(self) -> str:
        """How the set is called, known before it is loaded."""

    def load(self) -> Dataset:
        """Read or draw the rows."""


class Splitter(Protocol):
    """What an option of the ``split`` group instantiates to."""

    @property
    def validation(self) -> float:
        """Share of the rows that validates."""

    def split(self, y: np.ndarray, class_names: Sequence[str]) -> Iterator[Split]:
        """Yield one `Split` per fold of classes `y` (n,), or labels (n, T)."""
