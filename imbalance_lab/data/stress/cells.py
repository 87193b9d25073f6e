"""Missing and noisy cells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, ClassVar

import numpy as np
import pandas as pd
from pydantic import BeforeValidator, Field
from pydantic.dataclasses import dataclass

from imbalance_lab.data.dataset import Dataset
from imbalance_lab.data.rows import Split
from imbalance_lab.data.stress.base import PARTS, Stress, Stressed, stream
from imbalance_lab.data.stress.thinning import rounded
from imbalance_lab.errors import ConfigError
from imbalance_lab.fields import STRICT, Share


def _shares(value: Any) -> Any:
    """Return a share, or shares by column, checked, with names as text."""
    if isinstance(value, Mapping):
        return {str(key): _shares(share) for key, share in value.items()}
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1:
        raise ValueError(f"is a share of rows from 0 to below 1, or one by column, not {value}")
    return float(value)


@dataclass(frozen=True, config=STRICT)
class Missing(Stress):
    """Cells go missing completely at random: of each column exactly ``round(cells n)`` of the ``n`` rows.

    Parameters
    ----------
    cells : float, or mapping of column to float
        Share of the rows; of columns that are not named 0. Cells that were missing before count among them.

    Examples
    --------
    >>> data = Dataset.from_arrays(np.arange(24.0).reshape(12, 2), ["a"] * 8 + ["b"] * 4)
    >>> nothing = np.arange(0)
    >>> after = Missing(cells={"x1": 0.25}).on(data, Split(np.arange(12), nothing, nothing), seed=0)
    >>> after.changes["train"], int(after.dataset.X.isna().sum().sum())
    ({'blanked': {'x1': 3}}, 3)
    """

    option: ClassVar[str] = "missing"
    one_class: ClassVar[bool] = False
    cells_change: ClassVar[bool] = True
    table: ClassVar[bool] = True
    cells: Annotated[Any, BeforeValidator(_shares)]

    def on(self, data: Dataset, split: Split, seed: int) -> Stressed:
        """Return a fold with cells missing."""
        X, changes = data.X.copy(), {}
        shares = self.cells if isinstance(self.cells, Mapping) else dict.fromkeys(data.kinds, self.cells)
        for part, rows in enumerate((split.train, split.validation)):
            blanked = {}
            for number, column in enumerate(data.kinds):
                size = int(rounded(len(rows) * shares.get(column, 0.0)))
                if not size:
                    continue
                hit = stream(seed, part, number).permutation(rows)[:size]
                blanked[column] = int(X[column].iloc[hit].notna().sum())
                X[column] = X[column].mask(_among(len(X), hit))
            changes[PARTS[part]] = {"blanked": blanked}
        return Stressed(replace(data, X=X), split, changes)

    def check(self, data: Dataset, split: Split) -> None:
        """Refuse columns that do not exist."""
        super().check(data, split)
        for column in self.cells if isinstance(self.cells, Mapping) else ():
            if column not in data.kinds:
                found = ", ".join(list(data.kinds)[:20])
                raise ConfigError(f"stress.cells names the column '{column}', which does not exist; there are {found}")


@dataclass(frozen=True, config=STRICT)
class FeatureNoise(Stress):
    """Numbers are measured badly, and categories confused.

    Parameters
    ----------
    deviations : float
        Standard deviation of the normal noise that is added to each number, in those of its column's training rows.
    swaps : float
        Share of the rows in which a category is replaced by that of a random training row. Dates stay as they are.

    Examples
    --------
    >>> data = Dataset.from_arrays(np.arange(24.0).reshape(12, 2), ["a"] * 8 + ["b"] * 4)
    >>> split = Split(np.arange(6), np.arange(6, 9), np.arange(9, 12))
    >>> after = FeatureNoise(deviations=0.5).on(data, split, seed=0)
    >>> after.dataset.X.ne(data.X).all(axis=1).to_numpy().nonzero()[0].tolist()
    [0, 1, 2, 3, 4, 5, 6, 7, 8]
    """

    option: ClassVar[str] = "feature_noise"
    one_class: ClassVar[bool] = False
    cells_change: ClassVar[bool] = True
    deviations: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    swaps: Share = 0.0

    def on(self, data: Dataset, split: Split, seed: int) -> Stressed:
        """Return a fold with noisy cells."""
        if not data.kinds:
            return Stressed(replace(data, X=self._array(data.X, split, seed)), split)
        X = data.X.copy()
        numeric = [column for column, kind in data.kinds.items() if kind == "numeric"]
        if numeric and self.deviations:
            noisy = self._array(X[numeric].to_numpy(dtype=np.float64, na_value=np.nan), split, seed)
            for k, column in enumerate(numeric):
                X[column] = noisy[:, k]
        changes: dict[str, dict[str, Any]] = {}
        categorical = [column for column, kind in data.kinds.items() if kind == "categorical"]
        for part, rows in enumerate((split.train, split.validation)):
            swapped = (
                {
                    column: self._swap(X, column, rows, split.train, (seed, part, k))
                    for k, column in enumerate(categorical, start=1)
                }
                if self.swaps
                else {}
            )
            changes[PARTS[part]] = {"swapped": swapped} if swapped else {}
        return Stressed(replace(data, X=X), split, changes)

    def _array(self, X: np.ndarray, split: Split, seed: int) -> np.ndarray:
        """Return numbers (n, ...) with noise in training and validation rows."""
        noisy = X.astype(np.result_type(X.dtype, np.float32))
        known = np.isfinite(X[split.train])
        deviation = X[split.train].std(axis=0, where=known, dtype=np.float64) if known.any() else 0.0
        deviation = np.nan_to_num(deviation)
        for part, rows in enumerate((split.train, split.validation)):
            noise = stream(seed, part, 0).standard_normal((len(rows), *X.shape[1:]))
            noisy[rows] = X[rows] + self.deviations * deviation * noise
        return noisy

    def _swap(self, X: pd.DataFrame, column: str, rows: np.ndarray, train: np.ndarray, of: tuple[int, int, int]) -> int:
        """Swap categories in place, and return how many cells have another value than before."""
        draw = stream(*of)
        hit = draw.permutation(rows)[: int(rounded(len(rows) * self.swaps))]
        before = X[column].iloc[hit].astype(object).to_numpy()
        given = X[column].iloc[draw.choice(train, len(rows))[: len(hit)]].to_numpy()
        X.iloc[hit, X.columns.get_loc(column)] = given  # type: ignore[index]
        after = X[column].iloc[hit].astype(object).to_numpy()
        return int(sum(a != b for a, b in zip(before, after, strict=True) if not (pd.isna(a) and pd.isna(b))))


def _among(rows: int, hit: np.ndarray) -> np.ndarray:
    found = np.zeros(rows, dtype=bool)
    found[hit] = True
    return found
