"""Dates among the raw columns: recognised, and turned into numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date

import numpy as np
import pandas as pd

from imbalance_lab.data.checks import SHARE_OF_CODES, Remedies, cells, is_text, matches
from imbalance_lab.errors import DataError

EPOCH = pd.Timestamp(1970, 1, 1)
PARTS = ("days", "month", "weekday")  # what a date becomes: since 1970-01-01, 1 to 12, 0 (Monday) to 6

TIME = r"([T ](?P<hour>\d{1,2}):(?P<rest>\d{2}(:\d{2}(\.\d+)?)?)\s*(Z|[+-]\d{2}:?\d{2})?)?\s*"
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
MONTH = rf"(?P<month>{'|'.join(MONTHS)})[a-z]*\.?"
YEAR_FIRST = re.compile(rf"\s*(?P<year>\d{{4}})(?P<mark>[-/.])(?P<month>\d{{1,2}})(?P=mark)(?P<day>\d{{1,2}}){TIME}")
YEAR_LAST = re.compile(rf"\s*(?P<one>\d{{1,2}})(?P<mark>[-/.])(?P<two>\d{{1,2}})(?P=mark)(?P<year>\d{{4}}){TIME}")
DAY_MONTH = re.compile(rf"\s*(?P<day>\d{{1,2}})[-/. ]+{MONTH}[-/. ,]+(?P<year>\d{{4}}){TIME}", re.IGNORECASE)
MONTH_DAY = re.compile(rf"\s*{MONTH}\s+(?P<day>\d{{1,2}}),?\s+(?P<year>\d{{4}}){TIME}", re.IGNORECASE)
SHORT_YEAR = re.compile(rf"\s*\d{{1,2}}/\d{{1,2}}/\d{{2}}{TIME}")
COMPACT = re.compile(r"\s*(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})\s*")  # of columns that are known to be dates


def dates_read(
    X: pd.DataFrame, name: str, remedies: Remedies, given: Sequence[str] = (), written: str | None = None
) -> tuple[pd.DataFrame, list[str]]:
    """Return a table whose dates are of pandas' own type, and a note on each of those columns.

    Text columns are dates if nearly all of their cells are: ISO dates, days and months by number with the year last,
    months by name, each with a time or without. Columns of type ``category`` are left alone.

    Parameters
    ----------
    X : DataFrame
    name : str
        Of the dataset.
    remedies : Remedies
    given : sequence of str
        Columns that are dates whatever they look like.
    written : str, optional
        How dates are written, in the codes of `datetime.datetime.strptime`.

    Raises
    ------
    DataError
        If day and month cannot be told apart, or some cells are no dates.

    Examples
    --------
    >>> from imbalance_lab.data.checks import IN_A_FILE
    >>> X, notes = dates_read(pd.DataFrame({"day": ["31.1.2020", "1.2.2020"]}), "visits", IN_A_FILE)
    >>> X.day.dt.month.tolist(), notes
    ([1, 2], ["column 'day' holds dates (day first); they become days since 1970-01-01, month and weekday"])
    """
    read, notes = {}, []
    for column in X.columns:
        found = _read(X[column], f"dataset '{name}': column '{column}'", remedies, str(column) in given, written)
        if found is not None:
            read[column], how = found
            notes.append(
                f"column '{column}' holds dates{how}; they become days since {EPOCH:%Y-%m-%d}, month and weekday"
            )
    return (X.assign(**read) if read else X), notes


def days(values: pd.Series) -> pd.Series:
    """Return dates as days since 1970-01-01 with the time of day as a fraction; a missing one is NaN.

    >>> days(pd.Series(pd.to_datetime(["1970-01-02 12:00", None]))).tolist()
    [1.5, nan]
    """
    local = values.dt.tz_localize(None) if values.dt.tz is not None else values
    return (local - EPOCH) / pd.Timedelta(days=1)


def as_numbers(X: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Return a table with the `PARTS` of each of its dates in the place of these columns, at the end.

    >>> as_numbers(pd.DataFrame({"day": pd.to_datetime(["1970-01-02"])}), ["day"]).to_dict("list")
    {'day: days': [1.0], 'day: month': [1.0], 'day: weekday': [4.0]}
    """
    if not columns:
        return X
    parts: dict[str, pd.Series] = {}
    for column in columns:
        values = X[column]
        numbers = days(values), values.dt.month, values.dt.day_of_week
        parts |= {part: each.astype(np.float64) for part, each in zip(part_names(column), numbers, strict=True)}
    return X.drop(columns=list(columns)).assign(**parts)


def part_names(column: str) -> list[str]:
    """Return the names of the columns that a date becomes."""
    return [f"{column}: {part}" for part in PARTS]


def _read(
    values: pd.Series, where: str, remedies: Remedies, given: bool, written: str | None
) -> tuple[pd.Series, str] | None:
    """Return a column as dates, and how they were read; None if it holds none."""
    if pd.api.types.is_datetime64_any_dtype(values):
        return values, ""
    if values.dtype == object and (present := values.dropna()).map(lambda value: isinstance(value, date)).any():
        if present.map(lambda value: isinstance(value, date)).all():
            return pd.to_datetime(values), ""
        raise DataError(f"{where} holds dates and other values; make them all dates")
    if not given and not is_text(values):
        return None
    text = values.astype(object).where(values.notna(), None).map(_plain, na_action="ignore")
    present = text[text.notna()].astype(str)
    shapes = [matches(shape, present) for shape in (YEAR_FIRST, DAY_MONTH, MONTH_DAY, YEAR_LAST, SHORT_YEAR)]
    is_date = np.logical_or.reduce(shapes)
    if not given and not (len(present) and is_date.mean() >= SHARE_OF_CODES):
        return None
    if written is not None:
        parsed, how = pd.to_datetime(present, format=written, errors="coerce", utc=False), f" ({written})"
    else:
        parsed, how = _parsed(present, shapes[-2], shapes[-1], where, remedies)
    if (wrong := parsed.isna()).any():
        others = present[wrong]
        marks = ",".join(f'"{mark}"' for mark in others.unique()[:3])
        read = remedies.missing_dates.format(column=values.name, values=marks)
        raise DataError(
            f"{where} holds dates{how}, but {len(others)} of {len(present)} cells are none: {cells(text, others)}; "
            f"correct them, or {read}, {remedies.drop.format(column=values.name)} to leave it out"
        )
    return parsed.reindex(values.index), how


def _parsed(
    present: pd.Series, is_year_last: pd.Series, is_short: pd.Series, where: str, remedies: Remedies
) -> tuple[pd.Series, str]:
    """Return the dates among text, NaT where a cell is none, and which of day and month came first."""
    year_last = present[is_year_last]
    if is_short.any() or (len(year_last) and _day_first(year_last) is None):
        ambiguous = present[is_short] if is_short.any() else year_last
        raise DataError(
            f"{where} holds dates that can be read in two ways, such as {cells(present, ambiguous[:1])}; "
            f"{remedies.date_format.format(column=present.name)}, or {remedies.drop.format(column=present.name)}"
        )
    day_first = bool(len(year_last)) and bool(_day_first(year_last))
    codes, levels = pd.factorize(present)
    read = pd.to_datetime(pd.Series([_iso(level, day_first) for level in levels]), format="ISO8601", errors="coerce")
    how = "" if not len(year_last) else " (day first)" if day_first else " (month first)"
    return read.iloc[codes].set_axis(present.index), how


def _day_first(text: pd.Series) -> bool | None:
    """Whether the day stands before the month; None if both fit, or neither does."""
    found = text.str.extract(YEAR_LAST)
    first, second = (int(found[part].astype(int).max()) for part in ("one", "two"))
    if (found["mark"] == ".").all() and second <= 12:  # 01.02.2020 is the first of February wherever dots are written
        return True
    return None if (first > 12) == (second > 12) else first > 12


def _iso(text: str, day_first: bool) -> str | None:
    """Return the wall-clock time that text names, in ISO's form; None if it names none."""
    shapes = (YEAR_FIRST, YEAR_LAST, DAY_MONTH, MONTH_DAY, COMPACT)
    found = next((match.groupdict() for shape in shapes if (match := shape.fullmatch(text))), None)
    if found is None:
        return None
    if "one" in found:
        found["day"], found["month"] = (found["one"], found["two"]) if day_first else (found["two"], found["one"])
    month = found["month"].lower()
    number = MONTHS.index(month) + 1 if month in MONTHS else int(month)
    day = f"{found['year']}-{number:02d}-{found['day'].zfill(2)}"
    return f"{day}T{found['hour'].zfill(2)}:{found['rest']}" if found.get("hour") else day


def _plain(value: object) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
