"""What a saved model knows of the columns it was fitted to."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from imbalance_lab.data.dataset import Dataset
from imbalance_lab.data.prepare import as_text


def describe_columns(dataset: Dataset) -> dict[str, dict[str, Any]]:
    """Return of each raw column its kind, the share of missing cells, and its range or categories.

    Returns
    -------
    dict
        ``kind`` and ``missing`` (a share) of each column; of numbers ``low`` and ``high`` (None if all are missing), of
        dates too, as text; of categories ``categories``, sorted. Empty if the rows are no rows of a table.

    Examples
    --------
    >>> frame = pd.DataFrame({"age": [31, 45, 28, 60], "smokes": ["no", "yes", "no", None], "ill": [0, 1, 0, 0]})
    >>> describe_columns(Dataset.from_frame(frame, target="ill"))["age"]
    {'kind': 'numeric', 'missing': 0.0, 'low': 28.0, 'high': 60.0}
    """
    if not isinstance(dataset.X, pd.DataFrame):
        return {}
    return {str(column): _described(dataset.X[column], dataset.kinds[str(column)]) for column in dataset.X.columns}


def _described(values: pd.Series, kind: str) -> dict[str, Any]:
    about: dict[str, Any] = {"kind": kind, "missing": float(values.isna().mean())}
    if kind == "categorical":
        known = as_text(values.drop_duplicates().to_frame()).iloc[:, 0].dropna()
        return about | {"categories": sorted(known.unique().tolist())}
    if kind == "date":
        low, high = values.min(), values.max()
        return about | {"low": None if pd.isna(low) else str(low), "high": None if pd.isna(high) else str(high)}
    numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    finite = numbers[np.isfinite(numbers)]
    return about | {
        "low": float(finite.min()) if len(finite) else None,
        "high": float(finite.max(initial=-np.inf)) if len(finite) else None,
    }
