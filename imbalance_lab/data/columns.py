"""What a saved model knows of the columns it was fitted to."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from imbalance_lab.data.dataset import Dataset
from imbalance_lab.data.prepare import as_text
from imbalance_lab.data.stored import StoredRows


def describe_columns(dataset: Dataset) -> dict[str, dict[str, Any]]:
    """Return of each raw column its kind, the share of missing cells, and its range or categories.

    Returns
    -------
    dict
        ``kind``, ``missing`` (a share) and a ``typical`` value (None if all are missing) of each column: the median, or
        the most frequent category. Of numbers and dates ``low`` and ``high``, dates as text; of numbers ``whole``,
        whether they are whole numbers; of categories ``categories``, sorted. Empty if the rows are no rows of a table;
        of a table on disk those of 131,072 rows drawn at random.

    Examples
    --------
    >>> frame = pd.DataFrame({"age": [31, 45, 28, 60], "smokes": ["no", "yes", "no", None], "ill": [0, 1, 0, 0]})
    >>> found = describe_columns(Dataset.from_frame(frame, target="ill"))
    >>> found["age"]
    {'kind': 'numeric', 'missing': 0.0, 'typical': 31.0, 'low': 28.0, 'high': 60.0, 'whole': True}
    >>> found["smokes"]
    {'kind': 'categorical', 'missing': 0.25, 'typical': 'no', 'categories': ['no', 'yes']}
    """
    X = dataset.X.drawn() if isinstance(dataset.X, StoredRows) else dataset.X
    if not isinstance(X, pd.DataFrame):
        return {}
    return {str(column): _described(X[column], dataset.kinds[str(column)]) for column in X.columns}


def _described(values: pd.Series, kind: str) -> dict[str, Any]:
    about: dict[str, Any] = {"kind": kind, "missing": float(values.isna().mean()), "typical": None}
    present = values.dropna()
    if kind == "categorical":
        counts = present.value_counts()
        by_text = as_text(pd.Series(counts.index).to_frame()).iloc[:, 0].tolist()
        typical = by_text[0] if by_text else None
        return about | {"typical": typical, "categories": sorted(set(by_text))}
    if kind == "date":
        ordered = present.sort_values()
        at = {"low": 0, "high": -1, "typical": len(ordered) // 2}
        return about | {key: str(ordered.iloc[k]) if len(ordered) else None for key, k in at.items()}
    numbers = present.to_numpy(dtype=np.float64)
    numbers = numbers[np.isfinite(numbers)]
    if not len(numbers):
        return about | {"low": None, "high": None, "whole": False}
    whole = bool((numbers == np.floor(numbers)).all())
    # Of an even number of values the lower one in the middle: one that there is.
    typical = float(np.partition(numbers, (len(numbers) - 1) // 2)[(len(numbers) - 1) // 2])
    return about | {"typical": typical, "low": float(numbers.min()), "high": float(numbers.max()), "whole": whole}
