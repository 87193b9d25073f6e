"""Splitters of scikit-learn, and others like them."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic.dataclasses import dataclass

from imbalance_lab.data.base import Splitter
from imbalance_lab.data.rows import Split
from imbalance_lab.data.split.grouped import group_numbers, share_out_alike
from imbalance_lab.errors import ConfigError, DataError
from imbalance_lab.fields import STRICT, Share

if TYPE_CHECKING:
    from imbalance_lab.data.dataset import Dataset


@dataclass(frozen=True, config=STRICT)
class Custom(Splitter):
    """Any splitter with ``split(X, y, groups)``, as all of scikit-learn's, or with ``split(data)``.

    Parameters
    ----------
    splitter : object
        Yields training and test rows, or training, validation and test rows; what it draws, it draws by a
        ``random_state`` of its own. One whose only argument is not called ``X`` gets the `Dataset`.
    groups : str, optional
        The column that says which group a row is of; it is no feature. Groups that cross are refused.
    validation : float
        Share of the training rows that validates, of each class or in whole groups, where the splitter gives no
        validation rows; may be 0.

    Examples
    --------
    >>> from sklearn.model_selection import KFold
    >>> from imbalance_lab.data.dataset import Dataset
    >>> data = Dataset.from_arrays(np.eye(6), [0, 1, 0, 1, 0, 1])
    >>> [split.test.tolist() for split in Custom(KFold(3), validation=0).split(data)]
    [[0, 1], [2, 3], [4, 5]]
    >>> class ByTheDataset:
    ...     def split(self, data):
    ...         rows = np.arange(len(data))
    ...         yield rows[:-2], rows[-2:]
    >>> [split.test.tolist() for split in Custom(ByTheDataset(), validation=0).split(data)]
    [[4, 5]]
    """

    splitter: Any
    groups: str | None = None
    validation: Share = 0.2

    @property
    def title(self) -> str:
        """How messages call it."""
        return f"split={type(self.splitter).__name__}"

    def split(self, data: Dataset) -> Iterator[Split]:
        """Yield a split for each that the splitter gives.

        Raises
        ------
        DataError
            If it fails, or gives anything but pairs of row numbers.
        """
        groups = None if self.groups is None else group_numbers(data, self.groups)
        try:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", message="The groups parameter is ignored")  # they are checked here
                found = self.splitter.split(*_arguments(self.splitter.split, data, groups))
                folds = [tuple(map(_rows, fold)) for fold in found]
        except Exception as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            hint = "; name a column by split.groups=" if groups is None and "groups" in reason else ""
            raise DataError(f"{self.title} cannot split the data: {reason}{hint}") from error
        for fold in folds:
            if len(fold) not in (2, 3) or not all(_are_rows(part, len(data)) for part in fold):
                raise DataError(f"{self.title} gives no training and test rows by number, from 0 to {len(data) - 1}")
            if len(fold) == 3:
                yield Split(*fold)
                continue
            train, test = fold
            kept, validation = share_out_alike(train, data.y, groups, self.validation, seed=0)
            yield Split(kept, validation, test)


def as_splitter(made: Any) -> Splitter:
    """Return what the option of the group ``split`` stands for as a splitter of rows.

    Raises
    ------
    ConfigError
        If it is none.
    """
    if isinstance(made, Splitter):
        return made
    if not callable(getattr(made, "split", None)):
        raise ConfigError(f"split is {type(made).__name__}, which has no split(X, y, groups) or split(data)")
    return Custom(made)


def _arguments(split: Callable[..., Any], data: Dataset, groups: np.ndarray | None) -> tuple[Any, ...]:
    """Return what a method `split` gets: the dataset if that is all it asks for, else as many of X, y and groups."""
    parameters = inspect.signature(split).parameters.values()
    names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return data.X, data.y, groups
    return (data,) if len(names) == 1 and names != ["X"] else (data.X, data.y, groups)[: len(names)]


def _rows(part: Any) -> np.ndarray:
    rows = np.asarray(part)
    return rows if rows.size else rows.astype(int)  # an empty list is one of floats


def _are_rows(part: np.ndarray, rows: int) -> bool:
    return part.ndim == 1 and np.issubdtype(part.dtype, np.integer) and bool(((part >= 0) & (part < rows)).all())
