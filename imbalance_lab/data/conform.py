"""New rows held against the columns that a model was fitted to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from imbalance_lab.data.checks import IN_A_FRAME, Remedies, has_decimal_commas, is_text
from imbalance_lab.data.dates import dates_read, days
from imbalance_lab.data.prepare import as_text
from imbalance_lab.data.sources.files import as_codes
from imbalance_lab.errors import DataError
from imbalance_lab.options import nearest

MOST_NAMED = 3
REMEDIES = Remedies(
    drop="empty the column",
    categorical="",
    missing="missing=[{values}]",
    decimal="decimal=,",
    missing_dates="missing=[{values}] to read them as missing",
    date_format="date_format=%d/%m/%Y or date_format=%m/%d/%Y",
)


def require_columns(names: Sequence[str], wanted: Sequence[str], where: str) -> None:
    """Refuse a table that lacks columns, by their names.

    Raises
    ------
    DataError
    """
    missing = [name for name in wanted if name not in names]
    if not missing:
        return
    shown = ", ".join(f"'{name}'" for name in missing[:MOST_NAMED])
    more = f" and {len(missing) - MOST_NAMED} more" if len(missing) > MOST_NAMED else ""
    has = f"it has {', '.join(map(repr, names[:8]))}{', ...' if len(names) > 8 else ''}"
    raise DataError(
        f"{where} lacks the column{'s' if missing[1:] else ''} {shown}{more}{nearest(missing[0], names) or '; ' + has}"
    )


def conform(
    table: pd.DataFrame,
    columns: Mapping[str, Mapping[str, Any]],
    where: str,
    date_format: str | None = None,
    start: int = 0,
    unknown: dict[str, Counter[str]] | None = None,
) -> pd.DataFrame:
    """Return the columns that a model was fitted to, in their order and of their kinds.

    Parameters
    ----------
    table : DataFrame
    columns : mapping
        What the model knows of its columns.
    where : str
        How messages call the table.
    date_format : str, optional
        How dates are written.
    start : int
        How many rows came before these.
    unknown : dict, optional
        Takes up the rows of each category that the model was not fitted to.

    Raises
    ------
    DataError
        If a column is missing, or holds something else.

    Examples
    --------
    >>> known = {"age": {"kind": "numeric"}, "smokes": {"kind": "categorical", "categories": ["no", "yes"]}}
    >>> found = {}
    >>> table = pd.DataFrame({"smokes": ["no", "often"], "age": [31, 45]})
    >>> conform(table, known, "new.csv", unknown=found).age.tolist()
    [31.0, 45.0]
    >>> found
    {'smokes': Counter({'often': 1})}
    """
    require_columns(list(map(str, table.columns)), list(columns), where)
    made: dict[str, pd.Series] = {}
    for name, about in columns.items():
        values = table[name].reset_index(drop=True)
        made[name] = _READ[about["kind"]](values, about, f"{where}: column '{name}'", start, date_format)
        if about["kind"] == "categorical" and unknown is not None:
            new = made[name][~made[name].isin(about["categories"]) & made[name].notna()]
            if len(new):
                unknown.setdefault(name, Counter()).update(new.tolist())
    return pd.DataFrame(made)


def outside_of_training(X: pd.DataFrame, columns: Mapping[str, Mapping[str, Any]]) -> dict[str, int]:
    """Return how many rows of each column of numbers or dates lie outside the range that a model was fitted to.

    Parameters
    ----------
    X : DataFrame
        As `conform` returns it.
    columns : mapping
        What the model knows of its columns.

    Examples
    --------
    >>> known = {"age": {"kind": "numeric", "low": 20.0, "high": 80.0}}
    >>> outside_of_training(pd.DataFrame({"age": [20.0, 81.0, 19.0, np.nan]}), known)
    {'age': 2}
    """
    found = {}
    for name, about in columns.items():
        low, high, values = about.get("low"), about.get("high"), X[name]
        if low is None or high is None:
            continue
        if about["kind"] == "date":
            values = days(values)
            low, high = (days(pd.Series([pd.Timestamp(end)])).item() for end in (low, high))
        if count := int(((values < low) | (values > high)).sum()):
            found[name] = count
    return found


def with_dates(table: pd.DataFrame, columns: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """Return a table with dates in the columns that a model was fitted to as dates, which may hold them as text.

    Parameters
    ----------
    table : DataFrame
        With an index of 0, 1, 2, ...
    columns : mapping
        What the model knows of its columns.

    Raises
    ------
    DataError
        If such a column holds something else.

    Examples
    --------
    >>> table = pd.DataFrame({"day": ["2024-01-31"], "code": ["2024-01-31"]})
    >>> with_dates(table, {"day": {"kind": "date"}, "code": {"kind": "categorical"}}).day.dt.month.tolist()
    [1]
    """
    text = [
        name
        for name, about in columns.items()
        if about["kind"] == "date" and not pd.api.types.is_datetime64_any_dtype(table[name])
    ]
    where = "the data: column '{}'"
    read = {name: _dates(table[name], columns[name], where.format(name), 0, None, IN_A_FRAME) for name in text}
    return table.assign(**read)


def _numbers(values: pd.Series, about: Mapping[str, Any], where: str, start: int, date_format: str | None) -> pd.Series:
    if pd.api.types.is_bool_dtype(values) or pd.api.types.is_datetime64_any_dtype(values):
        kind = "true and false" if pd.api.types.is_bool_dtype(values) else "dates"
        raise DataError(f"{where} holds {kind}, and the model was trained on numbers")
    if not pd.api.types.is_numeric_dtype(values):
        numbers = pd.to_numeric(values.astype(object), errors="coerce")
        bad = values[numbers.isna() & values.notna()]
        if len(bad):
            first = f"'{bad.iloc[0]}' in row {start + int(bad.index[0]) + 1}"
            hint = (
                "decimal=, reads decimal commas"
                if has_decimal_commas(values.astype(str)[bad.index])
                else f"missing=[{bad.iloc[0]}] reads such cells as missing"
            )
            raise DataError(f"{where} must hold numbers, as in training, and has {first}; {hint}")
        values = numbers
    finite = values.to_numpy(dtype=np.float64, na_value=np.nan)
    return pd.Series(np.where(np.isinf(finite), np.nan, finite))


def _dates(
    values: pd.Series,
    about: Mapping[str, Any],
    where: str,
    start: int,
    date_format: str | None,
    remedies: Remedies = REMEDIES,
) -> pd.Series:
    if values.isna().all():
        return pd.to_datetime(pd.Series([None] * len(values)))
    if pd.api.types.is_numeric_dtype(values) and date_format is None:
        raise DataError(f"{where} holds numbers, and the model was trained on dates; date_format=%Y%m%d reads 20200131")
    name = str(values.name)
    read, _ = dates_read(values.to_frame(name), where.partition(": column")[0], remedies, [name], date_format)
    return read[name]


def _categories(
    values: pd.Series, about: Mapping[str, Any], where: str, start: int, date_format: str | None
) -> pd.Series:
    text = as_text((values if is_text(values) else as_codes(values)).to_frame()).iloc[:, 0]
    if set(about["categories"]) <= {"True", "False"}:  # a text file may write them otherwise
        return text.map(lambda value: {"true": "True", "false": "False"}.get(value.lower(), value), na_action="ignore")
    return text


_READ: Mapping[str, Callable[..., pd.Series]] = {"numeric": _numbers, "date": _dates, "categorical": _categories}
