"""What a table is like, before anything is trained: its classes, its columns, and what is wrong with them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedKFold
from sklearn.tree import DecisionTreeClassifier

from imbalance_lab.data.dataset import Dataset
from imbalance_lab.data.split import share_out

MOST_NAMED = 4  # columns or classes in a line
DECIDES = 0.99  # balanced accuracy of one column
PROMISING = 0.9  # on the first fold; below it the others are not looked at
ROWS_TO_LOOK_AT = 4000
ROWS_OF_A_CLASS, FOLDS = 5, 3
NEVER_BY_CHANCE = 1e-6
FEW_ROWS = 30  # of a class: below it its recall hangs on single rows


@dataclass(frozen=True)
class Facts:
    """What was seen.

    Parameters
    ----------
    name : str
    rows : int
    classes : dict of class to rows
        Of several labels the rows that have each.
    kinds : dict of kind to number of columns
    missing : dict of column to share of its cells
        Of the columns in which cells are missing.
    duplicates, contradictions : int
        Rows that repeat another one; rows whose columns are those of a row of another class.
    deciding : dict of column to balanced accuracy
        Columns that tell the classes apart by themselves, cross-validated.
    identifiers, rising, constant : tuple of str
        Whole numbers without a repetition that are too close together for chance; numbers that rise from row to row;
        columns of one value.
    left_out : tuple of str
        Identifiers that are no features.

    Examples
    --------
    >>> frame = pd.DataFrame({"x": [0.1, 0.7, 0.3, 0.3], "unit": "mm", "ill": ["no", "yes", "no", "no"]})
    >>> for line in look_at(Dataset.from_frame(frame, "ill", name="example")).lines():
    ...     print(line)
    example: 4 rows, 2 classes: no 3 (75 %), yes 1 (25 %)
    columns: 1 numeric, 1 categorical; no cell is missing
    Note: 1 row is an exact duplicate of another; it may be trained on and tested
    Note: 'unit' has one value only and tells nothing
    Note: few rows of 'yes' (1), 'no' (3): recall hangs on single rows; more rows would help more than any strategy
    """

    name: str
    rows: int
    classes: dict[str, int]
    kinds: dict[str, int]
    missing: dict[str, float]
    duplicates: int = 0
    contradictions: int = 0
    deciding: dict[str, float] | None = None
    identifiers: tuple[str, ...] = ()
    rising: tuple[str, ...] = ()
    constant: tuple[str, ...] = ()
    labels: bool = False
    left_out: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """Return it in words, a line for each."""
        return [*self.about(), *(f"Note: {note}" for note in self.notes())]

    def about(self) -> Iterator[str]:
        """Yield its rows and classes, and its columns."""
        sizes = [f"{name} {rows:,} ({_percent(rows / self.rows)})" for name, rows in self.classes.items()]
        what = "labels" if self.labels else "classes"
        yield f"{self.name}: {_count(self.rows, 'row')}, {len(sizes)} {what}: {_listed(sizes, 12)}"
        if not self.kinds:
            return
        kinds = ", ".join(f"{number} {kind}" for kind, number in self.kinds.items())
        most = sorted(self.missing.items(), key=lambda item: -item[1])
        shares = _listed([f"'{name}' ({_percent(share)})" for name, share in most])
        gaps = f"cells are missing in {shares}" if most else "no cell is missing"
        yield f"columns: {kinds}; {gaps}"

    def notes(self) -> Iterator[str]:
        """Yield what a person should look into."""
        for column, score in (self.deciding or {}).items():
            yield (
                f"'{column}' alone decides the class (cross-validated balanced accuracy {score:.3f}): a leak, unless "
                f"it is known before the class is; drop=[{column}] leaves it out"
            )
        for column in self.identifiers:
            left = "it is left out" if column in self.left_out else f"drop=[{column}] leaves it out"
            yield f"'{column}' looks like an identifier (whole numbers, each once); {left}"
        for column in self.rising:
            yield (
                f"'{column}' rises from row to row: a row number, or a time; if it will not be known of new rows, "
                f"drop=[{column}]"
            )
        if self.duplicates:
            text = (
                "1 row is an exact duplicate of another; it"
                if self.duplicates == 1
                else (f"{self.duplicates:,} rows are exact duplicates of others; they")
            )
            yield f"{text} may be trained on and tested"
        if self.contradictions:
            rows = _count(self.contradictions, "row")
            yield f"{rows} of equal columns have different classes; no model tells them apart"
        if self.constant:
            what = "has one value only and tells" if len(self.constant) == 1 else "have one value only and tell"
            yield f"{_listed([repr(column) for column in self.constant])} {what} nothing"
        small = sorted((rows, name) for name, rows in self.classes.items() if rows < FEW_ROWS)
        if small:
            named = _listed([f"'{name}' ({rows})" for rows, name in small])
            yield f"few rows of {named}: recall hangs on single rows; more rows would help more than any strategy"


def look_at(data: Dataset) -> Facts:
    """Return what a table is like.

    A column of numbers may well differ in every row. Only whole numbers are therefore taken for identifiers, and only
    if so many different ones would hardly ever fall into their range by chance (the birthday problem).

    Parameters
    ----------
    data : Dataset
    """
    classes = dict(zip(data.class_names, data.counts.tolist(), strict=True))
    if data.labels:
        classes = {label: classes[label] for label in data.labels}
    X = data.X
    if not isinstance(X, pd.DataFrame):
        return Facts(data.name, len(data), classes, {}, {}, labels=bool(data.labels))
    missing = X.isna().mean()
    numbers = [column for column in X if data.kinds[str(column)] == "numeric"]
    repeats, contradictions = _repeated(data)
    identifiers = [str(column) for column in numbers if _is_identifier(X[column][~repeats])]
    return Facts(
        name=data.name,
        rows=len(data),
        classes=classes,
        kinds=dict(Counter(data.kinds.values())),
        missing={str(column): float(share) for column, share in missing.items() if share},
        duplicates=int(repeats.sum()),
        contradictions=contradictions,
        deciding=deciding_columns(data),
        identifiers=tuple(identifiers),
        rising=tuple(str(c) for c in numbers if str(c) not in identifiers and _rises(X[c])),
        constant=tuple(str(column) for column in X if X[column].nunique(dropna=False) < 2),
        labels=bool(data.labels),
    )


def deciding_columns(data: Dataset) -> dict[str, float]:
    """Return the columns of which each by itself tells the classes apart, with the balanced accuracy it has.

    A decision tree on the one column, cross-validated, on the classes of at least five rows; a missing value is a
    value, as a column that is filled in for one class only gives it away. Large tables are looked at in part.
    """
    rows = np.arange(len(data))
    if len(rows) > ROWS_TO_LOOK_AT:
        _, rows = share_out(rows, data.y, ROWS_TO_LOOK_AT / len(rows), np.random.default_rng(0))
    found: dict[str, float] = {}
    X = data.take(rows)
    for task in data.targets[rows].T:
        kept = np.isin(task, np.flatnonzero(np.bincount(task) >= ROWS_OF_A_CLASS))
        if len(np.unique(task[kept])) < 2:
            continue
        folds = list(StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(task[kept], task[kept]))
        for column in X:
            values = _as_numbers(X[column], data.kinds[str(column)])[kept]
            score = _alone(values, task[kept], folds)
            if score >= DECIDES:
                found[str(column)] = max(score, found.get(str(column), 0.0))
    return found


def _alone(values: np.ndarray, y: np.ndarray, folds: Sequence[tuple[np.ndarray, np.ndarray]]) -> float:
    """Return the cross-validated balanced accuracy of a tree on one column; of the first fold where that is poor."""
    right = np.zeros(len(y), dtype=bool)
    tested = np.zeros(len(y), dtype=bool)
    tree = partial(
        DecisionTreeClassifier, class_weight="balanced", max_leaf_nodes=4 * len(np.unique(y)) + 60, random_state=0
    )
    for train, test in folds:
        right[test] = tree().fit(values[train, None], y[train]).predict(values[test, None]) == y[test]
        tested[test] = True
        score = float(np.mean([right[tested & (y == k)].mean() for k in np.unique(y[tested])]))
        if score < PROMISING:
            break
    return score


def _as_numbers(column: pd.Series, kind: str) -> np.ndarray:
    """Return a column as numbers a tree can split; missing text is a category, missing numbers stay missing."""
    if kind == "categorical":
        return pd.factorize(column.astype(object), sort=False, use_na_sentinel=False)[0].astype(np.float64)
    if kind == "date":
        column = column.astype("int64").where(column.notna())
    return column.to_numpy(dtype=np.float64, na_value=np.nan)


def _is_identifier(column: pd.Series) -> bool:
    values = column.to_numpy(dtype=np.float64)
    if len(values) < 20 or not np.isfinite(values).all() or (values != np.round(values)).any():
        return False
    if len(np.unique(values)) < len(values):
        return False
    # Of n whole numbers drawn from a range, none repeats with the probability exp(-n (n - 1) / 2 range).
    return bool(len(values) * (len(values) - 1) / 2 / (np.ptp(values) + 1) > -np.log(NEVER_BY_CHANCE))


def _rises(column: pd.Series) -> bool:
    values = column.to_numpy(dtype=np.float64)
    return len(values) >= 20 and bool((np.diff(values) > 0).all())


def _repeated(data: Dataset) -> tuple[np.ndarray, int]:
    """Return which rows repeat an earlier one, shape (n,), and how many have the columns of a row of another class."""
    columns = pd.util.hash_pandas_object(data.X, index=False).to_numpy()
    classes = pd.util.hash_pandas_object(pd.DataFrame(data.targets), index=False).to_numpy()
    rows = pd.DataFrame({"columns": columns, "classes": classes})
    different = rows.groupby("columns").classes.transform("nunique") > 1
    return rows.duplicated().to_numpy(), int(different.sum())


def _percent(share: float) -> str:
    """Return a share with two digits that tell something.

    >>> _percent(0.756), _percent(0.0312), _percent(0.00004), _percent(0.999)
    ('76 %', '3.1 %', '0.004 %', '99.9 %')
    """
    if 0.095 <= share <= 0.99 or share == 1:
        return f"{share:.0%}".replace("%", " %")
    return f"{float(f'{share * 100:.2g}') if share < 0.5 else round(share * 100, 2):g} %"


def _listed(names: Sequence[Any], most: int = MOST_NAMED) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(map(str, names[:most])) + more


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
