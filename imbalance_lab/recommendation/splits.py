"""How a table is cross-validated: by class, in whole groups, or in the order of time."""

from __future__ import annotations

import warnings

import numpy as np

from imbalance_lab.data.dataset import Dataset
from imbalance_lab.data.split import checked_splits, group_numbers
from imbalance_lab.errors import DataError, LabWarning
from imbalance_lab.options import Option, option
from imbalance_lab.runs.spec import specify


def split_by(groups: str | None, order: str | None) -> Option:
    """Return the option of the group ``split`` that keeps groups together and tests what is later.

    Examples
    --------
    >>> split_by(None, None).name, split_by("patient", None).name, split_by("patient", "date").name
    ('cv', 'group_cv', 'time_cv')
    """
    if order is not None:
        return option("split", "time_cv", order=order, groups=groups)
    return option("split", "cv") if groups is None else option("split", "group_cv", groups=groups)


def with_folds(split: Option, data: Dataset, most: int) -> Option:
    """Return the split with as many folds as there can be, each with every class to train on: at most so many.

    Parameters
    ----------
    split : Option
        As of `split_by`.
    data : Dataset
    most : int

    Raises
    ------
    DataError
        If there cannot be two.
    """
    if split.name == "group_cv":  # one for each group that the class in the fewest groups is in, so that all test it
        numbers = group_numbers(data, split.settings["groups"])
        of_class = [numbers[column == k] for column in data.targets.T for k in np.unique(column)]
        most = max(2, min(most, *(len(np.unique(found)) for found in of_class)))
    for folds in range(most, 1, -1):
        chosen = option("split", split.name, **{**_own(split), "folds": folds})
        if split.name == "cv":  # by class there are always as many as the smallest class has rows
            return chosen
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", LabWarning)
                checked_splits(specify(data, split=chosen).options["split"].build(), data)
            return chosen
        except DataError as found:
            error = found
    raise error


def _own(split: Option) -> dict[str, str | None]:
    return {key: split.settings[key] for key in ("groups", "order") if key in split.settings}
