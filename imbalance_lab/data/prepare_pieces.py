"""Fitting a preparation to rows that are read in pieces.

Means, deviations, smallest and largest values and the frequencies of categories are those of all rows; medians (and the
quartiles of ``scale=robust``), which no pass over pieces gives, are those of a million rows drawn at random.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline, make_pipeline

from imbalance_lab.data.stored import StoredRows

MISSING = "\0"  # stands for a missing category while they are counted


def fit_numbers(transformer: BaseEstimator, X: StoredRows, columns: Sequence[str], sample: pd.DataFrame) -> Any:
    """Return an imputer, a scaler or both, fitted to the columns of numbers.

    Parameters
    ----------
    transformer : transformer
        Unfitted.
    X : StoredRows
    columns : sequence of str
    sample : DataFrame
        Rows of `X` drawn at random.
    """
    steps = [step for _, step in transformer.steps] if isinstance(transformer, Pipeline) else [transformer]
    names = list(columns)
    with warnings.catch_warnings(action="ignore", category=RuntimeWarning):  # a column in which nothing is known
        *before, last = steps
        drawn = sample[names]
        for step in before:
            drawn = step.fit_transform(drawn)
        if not hasattr(last, "partial_fit"):
            last.fit(drawn)
        else:
            for piece in X.pieces():
                rows = piece[names]
                for step in before:
                    rows = step.transform(rows)
                last.partial_fit(rows)
    return make_pipeline(*steps) if before else last


def ranked(X: StoredRows, columns: Sequence[str], most: int) -> list[pd.DataFrame]:
    """Return of each column of categories a small one in which each is as often as its rank, the rarest once.

    An encoder and an imputer go by which category is more frequent than which, so that they learn from it what they
    would from all rows. Categories that are equally frequent have one rank, missing values have one too, and all that
    are rarer than the `most` ranks at the top share the lowest.

    Parameters
    ----------
    X : StoredRows
    columns : sequence of str
    most : int
        How many categories an encoder keeps.
    """
    counts: dict[str, Counter[Any]] = {name: Counter() for name in columns}
    for piece in X.pieces():
        for name in columns:
            counts[name].update(piece[name].fillna(MISSING).value_counts().to_dict())
    tables = []
    for name in columns:
        levels = sorted(set(counts[name]) - {MISSING})
        levels += [MISSING] if MISSING in counts[name] else []
        ranks = np.unique([counts[name][level] for level in levels], return_inverse=True)[1]
        values = np.array([np.nan if level == MISSING else level for level in levels], dtype=object)
        tables.append(pd.DataFrame({name: np.repeat(values, np.maximum(ranks - ranks.max() + most, 0) + 1)}))
    return tables
