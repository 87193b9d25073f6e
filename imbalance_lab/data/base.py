"""The one base of dataset sources, and the one of splitters."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from imbalance_lab.data.rows import Split

if TYPE_CHECKING:
    from imbalance_lab.data.dataset import Dataset


TEST_FILE = "split.test_path"  # the column of `Dataset.aside` that says which rows came from the second table


class Needs(NamedTuple):
    """What a split needs of the data besides classes.

    Parameters
    ----------
    columns : tuple of str
        By which it goes: they are no features then, and stand in `Dataset.aside`.
    test_path : str or None
        A second table, whose rows are the test rows.
    """

    columns: tuple[str, ...] = ()
    test_path: str | None = None


class DatasetSource(ABC):
    """Where rows come from: what an option of the ``dataset`` group instantiates to.

    A subclass is usually a frozen dataclass of its settings. What selects the rows is a setting of any name; what only
    names them is ``title``, a setting too or derived from the others.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> import numpy as np
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

    def load_for(self, needs: Needs) -> Dataset:
        """Read or draw the rows, with what a split needs set aside.

        Raises
        ------
        DataError
            As for `load`, or if there is no such column.
        ConfigError
            If test rows are to be read from a file of their own, and these rows come from none.
        """
        return self.load().for_split(needs)


class Splitter(ABC):
    """Which rows train, validate and test: what an option of the ``split`` group instantiates to.

    Parameters
    ----------
    validation : float
        Share of the rows that validates; may be 0.
    groups : str, optional
        A column whose rows of one value stay together: a split that parts them is refused.
    order : str, optional
        A column that says which row is later: folds of the training rows score what is later than what they train on.

    Examples
    --------
    >>> import numpy as np
    >>> from imbalance_lab.data.dataset import Dataset
    >>> class LastRow(Splitter):
    ...     validation = 0.0
    ...
    ...     def split(self, data):
    ...         rows = np.arange(len(data))
    ...         yield Split(rows[:-1], rows[:0], rows[-1:])
    >>> (split,) = LastRow().split(Dataset.from_arrays(np.eye(3), [0, 1, 0]))
    >>> split.test.tolist()
    [2]
    """

    validation: float
    groups: str | None = None
    order: str | None = None
    option: ClassVar[str] = ""  # in which messages name it
    # What to try where a part lacks a class.
    advice: ClassVar[str] = "another split, or leave such classes out with min_class_rows="

    @property
    def title(self) -> str:
        """How messages call it."""
        return f"split={self.option or type(self).__name__}"

    @property
    def needs(self) -> Needs:
        """What it needs of the data."""
        return Needs(() if self.groups is None else (self.groups,))

    @abstractmethod
    def split(self, data: Dataset) -> Iterator[Split]:
        """Yield one `Split` per fold.

        Raises
        ------
        DataError
            If the data cannot be split so.
        """
