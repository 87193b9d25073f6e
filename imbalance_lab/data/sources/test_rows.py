"""A second table, whose rows are the test rows, put below the first."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from imbalance_lab.data.checks import cells, check_target
from imbalance_lab.data.dataset import class_name
from imbalance_lab.errors import DataError

MOST_SHOWN = 5


def with_test_rows(
    train: pd.DataFrame,
    test: pd.DataFrame,
    targets: Sequence[str],
    dropped: Sequence[str],
    file: Path,
    test_file: Path,
) -> tuple[pd.DataFrame, list[str]]:
    """Return the rows of both tables, those of the first before those of the second, and notes on it.

    Parameters
    ----------
    train, test : DataFrame
        As they were read.
    targets, dropped : sequence of str
        Columns; those that are dropped may be missing.
    file, test_file : Path
        Where they were read from.

    Raises
    ------
    DataError
        If the second table lacks a column of the first, holds text where that holds numbers or the other way round, or
        names a class that the first does not.
    """
    train, test = (table.drop(columns=list(dropped), errors="ignore") for table in (train, test))
    _check_columns(train, test, file, test_file)
    notes = [f"its {len(test)} test rows are those of {test_file}, whatever the seed"]
    if further := [f"'{column}'" for column in test if column not in train]:
        notes.append(f"columns that only {test_file} has are left out: {', '.join(further[:MOST_SHOWN])}")
    for column in train:
        _check_type(train[column], test[column], str(column), file, test_file)
    for target in targets:
        check_target(test[target], target, str(test_file))
        _check_classes(train[target], test[target], target, file, test_file)
    joined = pd.concat([train, test[train.columns]], ignore_index=True)
    of_categories = [column for column in train if isinstance(train[column].dtype, pd.CategoricalDtype)]
    return joined.astype(dict.fromkeys(of_categories, "category")), notes


def _check_columns(train: pd.DataFrame, test: pd.DataFrame, file: Path, test_file: Path) -> None:
    missing = [column for column in train if column not in test]
    if not missing:
        return
    shown = ", ".join(f"'{column}'" for column in missing[:MOST_SHOWN])
    more = f" and {len(missing) - MOST_SHOWN} more" if len(missing) > MOST_SHOWN else ""
    near = difflib.get_close_matches(str(missing[0]), [str(column) for column in test if column not in train], n=1)
    hint = f"; is it '{near[0]}' there?" if near else ""
    if test.shape[1] == 1:
        hint = f": it was read as the one column '{test.columns[0]}', with the separator of {file}"
    raise DataError(f"{test_file} lacks {shown}{more} of {file}{hint}")


def _check_type(train: pd.Series, test: pd.Series, column: str, file: Path, test_file: Path) -> None:
    """Refuse a column that holds other things in the test rows; one without values fits any."""
    kinds = [_kind_of(values) for values in (train, test)]
    if None in kinds or kinds[0] == kinds[1]:
        return
    present = test[test.notna()]
    numbers = pd.to_numeric(present, errors="coerce") if kinds[1] == "text" else present
    others = present[numbers.isna()] if kinds[1] == "text" else present
    raise DataError(
        f"{test_file}: the column '{column}' holds {kinds[1]} and that of {file} {kinds[0]}: "
        f"{cells(test, others if len(others) else present)}; correct it, or leave it out with dataset.drop=[{column}]"
    )


def _check_classes(train: pd.Series, test: pd.Series, target: str, file: Path, test_file: Path) -> None:
    known = {class_name(label) for label in train.unique()}
    names = test.map(class_name)
    unknown = names[~names.isin(known)]
    if len(unknown):
        raise DataError(
            f"{test_file}: the target '{target}' is {cells(test, unknown)} ({len(unknown)} of {len(test)} rows), which "
            f"no row of {file} is; nothing can be learnt of such a class"
        )


def _kind_of(values: pd.Series) -> str | None:
    """Return what a column holds; None if it holds nothing."""
    if not values.notna().any():
        return None
    if pd.api.types.is_datetime64_any_dtype(values):
        return "dates"
    is_number = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
    return "numbers" if is_number else "text"
