"""Fitting a preparation to rows that are read in pieces.

Means, deviations, smallest and largest values and the frequencies of categories are those of all rows; medians (and the
quartiles of ``scale=robust``), which no pass over pieces gives, are those of 131,072 rows drawn at random.
"""

from __future__ import annotations

import warnings
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline, make_pipeline

from imbalance_lab.data.stored import AsTable, StoredRows

if TYPE_CHECKING:
    from imbalance_lab.data.prepare import Prepared

MISSING = "\0"  # stands for a missing category while they are counted


def fit_numbers(transformer: BaseEstimator, X: StoredRows) -> Any:
    """Return an imputer, a scaler or both, fitted to columns of numbers.

    Parameters
    ----------
    transformer : transformer
        Unfitted.
    X : StoredRows
    """
    steps = [step for _, step in transformer.steps] if isinstance(transformer, Pipeline) else [transformer]
    with warnings.catch_warnings(action="ignore", category=RuntimeWarning):  # a column in which nothing is known
        *before, last = steps
        drawn = X.drawn()
        for step in before:
            drawn = step.fit_transform(drawn)
        if not hasattr(last, "partial_fit"):
            last.fit(drawn)
        else:
            for piece in X.pieces():
                for step in before:
                    piece = step.transform(piece)
                last.partial_fit(piece)
    return make_pipeline(*steps) if before else last


def ranked(X: StoredRows, most: int) -> list[pd.DataFrame]:
    """Return of each column, all of categories, a small one in which each is as often as its rank, the rarest once.

    An encoder and an imputer go by which category is more frequent than which, so that they learn from it what they
    would from all rows. Categories that are equally frequent have one rank, missing values have one too, and all that
    are rarer than the `most` ranks at the top share the lowest.

    Parameters
    ----------
    X : StoredRows
    most : int
        How many categories an encoder keeps.
    """
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for piece in X.pieces():
        for name in piece:
            counts[name].update(piece[name].fillna(MISSING).value_counts().to_dict())
    tables = []
    for name in counts:
        levels = sorted(set(counts[name]) - {MISSING})
        levels += [MISSING] if MISSING in counts[name] else []
        ranks = np.unique([counts[name][level] for level in levels], return_inverse=True)[1]
        values = np.array([np.nan if level == MISSING else level for level in levels], dtype=object)
        tables.append(pd.DataFrame({name: np.repeat(values, np.maximum(ranks - ranks.max() + most, 0) + 1)}))
    return tables


class ColumnsOfCodes:
    """What a preparation makes of stored numbers and codes, without the text between: each code is looked up.

    Parameters
    ----------
    prepared : Prepared
        Each of its columns of categories has a transformer of its own.
    table : AsTable
        What the codes stand for.
    """

    def __init__(self, prepared: Prepared, table: AsTable) -> None:
        at = {name: k for k, name in enumerate(table.levels)}
        self._dtype, self._width = prepared.dtype, len(prepared.categorical)
        self._numbers: list[tuple[list[str], list[int], Any]] = []
        self._codes: list[tuple[int, np.ndarray]] = []
        for names, transformer in prepared.parts:
            known = table.levels[names[0]]
            if known is None:
                self._numbers.append((names, [at[name] for name in names], transformer))
            else:
                every = pd.DataFrame({names[0]: np.array([*known, np.nan], dtype=object)})
                self._codes.append((at[names[0]], np.asarray(transformer.transform(every))[:, 0].astype(self._dtype)))

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """Return columns (m, p) of stored rows (m, columns)."""
        columns = np.empty((len(rows), self._width), self._dtype)
        column = 0
        for names, at, transformer in self._numbers:
            table = pd.DataFrame(rows[:, at].astype(np.float64), columns=names)
            columns[:, column : column + len(names)] = transformer.transform(table)
            column += len(names)
        for place, codes in self._codes:
            values = rows[:, place]
            columns[:, column] = codes[np.where(np.isnan(values), len(codes) - 1, values).astype(np.int64)]
            column += 1
        return columns
