"""Raw rows to arrays of a fixed shape, (n, d) of tables: imputed, scaled, one-hot encoded. Fitted on training rows.

In two steps, because a sampler comes between them: columns (numbers scaled, categories as codes), then features
(one-hot). A model that is native to missing values and categories gets the columns themselves.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass as plain_dataclass
from dataclasses import replace
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from pydantic import Field
from pydantic.dataclasses import dataclass

from imbalance_lab.data.dataset import Kind
from imbalance_lab.data.dates import as_numbers, part_names
from imbalance_lab.data.stored import AsTable, StoredRows
from imbalance_lab.errors import ConfigError
from imbalance_lab.fields import STRICT

VALUES_IN_A_BLOCK = 2**20


@plain_dataclass(frozen=True)
class Prepared:
    """A fitted preparation: p columns, of which the last are categorical, become d features.

    Parameters
    ----------
    parts : list of (list of str, fitted transformer)
        Raw columns, and what turns them into as many columns of a matrix.
    numeric : int
        How many of the columns are numbers, those of dates included; they come first.
    levels : tuple of int
        Codes of each categorical column.
    dtype : type
        Float type of the result.
    dates : tuple of str
        Raw columns that are dates, each of which becomes several numbers.
    native : bool
        Whether the features are the columns: category codes, and NaN where a value is missing or a category was not
        seen in training.
    """

    parts: list[tuple[list[str], Any]]
    numeric: int
    levels: tuple[int, ...]
    dtype: type[np.floating[Any]]
    dates: tuple[str, ...] = ()
    native: bool = False

    @property
    def codes(self) -> int:
        """How many of the features, the last, are category codes."""
        return len(self.levels) if self.native else 0

    @property
    def categorical(self) -> np.ndarray:
        """Which of the columns are categorical, shape (p,)."""
        return np.arange(self.numeric + len(self.levels)) >= self.numeric

    def columns(self, X: Any) -> Any:
        """Return scaled numbers and category codes, shape (n, p); of stored rows such as are read as they.

        A category not seen in training is -1; for a native model NaN, as what is missing.
        """
        if isinstance(X, StoredRows):
            return self._of_stored(X)
        X = as_numbers(X, self.dates)
        columns = np.empty((len(X), len(self.categorical)), dtype=self.dtype)
        column = 0
        for names, transformer in self.parts:
            block = _block(len(names))
            for start in range(0, len(X), block):
                rows = X.iloc[start : start + block][names]
                columns[start : start + block, column : column + len(names)] = transformer.transform(rows)
            column += len(names)
        return columns

    def _of_stored(self, X: StoredRows) -> StoredRows:
        from imbalance_lab.data.prepare_pieces import ColumnsOfCodes

        table = X.changes[-1] if X.changes else None
        if not isinstance(table, AsTable) or any(len(each) > 1 and table.levels[each[0]] for each, _ in self.parts):
            return X.map(self.columns)
        return replace(X, changes=(*X.changes[:-1], ColumnsOfCodes(self, table)))

    def encode(self, columns: Any) -> Any:
        """Return features, shape (n, d), of columns, shape (n, p); of stored ones such as are read as they."""
        if isinstance(columns, StoredRows):
            return columns.map(self.encode)
        return columns if self.native else self.one_hot(columns)

    def one_hot(self, columns: np.ndarray) -> np.ndarray:
        """Return features without codes, among which distances mean something, shape (n, e), of columns (n, p).

        A category becomes one column per code, of two codes one column; one not seen in training is 0 in all of them.
        """
        if not self.levels:
            return columns
        parts = [columns[:, : self.numeric]]
        for codes, size in zip(columns[:, self.numeric :].T, self.levels, strict=True):
            parts.append(codes[:, None] == np.arange(1 if size == 2 else 0, size))
        return np.hstack(parts, dtype=self.dtype, casting="unsafe")

    def __call__(self, X: Any) -> Any:
        """Return features, shape (n, d), of raw columns."""
        return self.encode(self.columns(X))


@dataclass(frozen=True, config=STRICT)
class Prepare:
    """How raw columns become numbers.

    Parameters
    ----------
    impute : {"median", "mean", "most_frequent"}
        Fills missing numbers; missing categories are filled with the most frequent one. A native model has its own way
        with what is missing, and nothing is filled for it.
    scale : {"standard", "minmax", "robust", "none"}
        Of numeric columns.
    max_categories : int
        One-hot columns (for a native model, codes) for one categorical column; rarer categories share the last. A
        category not seen in training has no column.
    """

    impute: Literal["median", "mean", "most_frequent"] = "median"
    scale: Literal["standard", "minmax", "robust", "none"] = "standard"
    max_categories: Annotated[int, Field(ge=2)] = 50

    def fit(self, X: Any, kinds: Mapping[str, Kind], dtype: type[np.floating[Any]], native: bool = False) -> Prepared:
        """Fit on training rows `X`, for a model that wants `dtype` and is `native` to missing values and categories.

        `X` is a DataFrame, or StoredRows whose pieces are such: see `imbalance_lab.data.prepare_pieces`.

        Raises
        ------
        ConfigError
            If the rows are no columns of a table but, say, images: what these need, only their owner knows.
        """
        if isinstance(X, StoredRows):
            return self._fit_in_pieces(X, kinds, dtype, native)
        if not isinstance(X, pd.DataFrame):
            shape = " x ".join(map(str, np.shape(X)[1:]))
            raise ConfigError(
                f"prepare=standard is for columns of a table and each row here is {shape}; give prepare= an object "
                "whose fit(X, kinds, dtype, native) returns a data.prepare.Prepared with columns(X) of its own"
            )
        dates = [c for c in X.columns if kinds[str(c)] == "date"]
        numeric = [c for c in X.columns if kinds[str(c)] == "numeric"]
        numeric += [part for column in dates for part in part_names(column)]
        categorical = [c for c in X.columns if kinds[str(c)] == "categorical"]
        X = as_numbers(X, dates)
        size = _block(len(X))
        blocks = [numeric[start : start + size] for start in range(0, len(numeric), size)]
        # A column in which nothing is known stays so, where it is not filled.
        quiet = warnings.catch_warnings(action="ignore", category=RuntimeWarning) if native else nullcontext()
        with quiet:
            parts = [(block, self._numeric(native).fit(X[block])) for block in blocks]
        levels: list[int] = []
        if categorical:
            codes = self._codes(native)
            levels = (np.nanmax(codes.fit_transform(X[categorical]), axis=0, initial=-1) + 1).astype(int).tolist()
            parts.append((categorical, codes))
        return Prepared(parts, len(numeric), tuple(levels), dtype, tuple(dates), native)

    def _fit_in_pieces(
        self, X: StoredRows, kinds: Mapping[str, Kind], dtype: type[np.floating[Any]], native: bool
    ) -> Prepared:
        """Fit on rows that are read in pieces; each column of categories has an encoder of its own."""
        from imbalance_lab.data.prepare_pieces import fit_numbers, ranked

        numeric, categorical = ([c for c, kind in kinds.items() if kind == k] for k in ("numeric", "categorical"))
        parts = [(numeric, fit_numbers(self._numeric(native), X.only(numeric)))] if numeric else []
        levels: list[int] = []
        for table in ranked(X.only(categorical), self.max_categories) if categorical else []:
            codes = self._codes(native)
            levels.append(int(np.nanmax(codes.fit_transform(table), initial=-1)) + 1)
            parts.append((list(table.columns), codes))
        return Prepared(parts, len(numeric), tuple(levels), dtype, (), native)

    def _numeric(self, native: bool) -> Any:
        from sklearn.impute import SimpleImputer
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, RobustScaler, StandardScaler

        scaler = {"standard": StandardScaler, "minmax": MinMaxScaler, "robust": RobustScaler}.get(self.scale)
        if native:
            return scaler() if scaler else FunctionTransformer()
        imputer = SimpleImputer(strategy=self.impute, keep_empty_features=True)
        return make_pipeline(imputer, scaler()) if scaler else imputer

    def _codes(self, native: bool) -> Any:
        from sklearn.impute import SimpleImputer
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import FunctionTransformer, OrdinalEncoder

        imputer = SimpleImputer(strategy="most_frequent", keep_empty_features=True, missing_values=np.nan)
        encoder = OrdinalEncoder(
            handle_unknown="use_encoded_value",
            unknown_value=np.nan if native else -1,
            max_categories=self.max_categories,
        )
        return make_pipeline(FunctionTransformer(as_text), *([] if native else [imputer]), encoder)


def _block(size: int) -> int:
    """Return how many rows (or columns) of `size` values are worked on at once, so that copies of them stay small."""
    return max(1, VALUES_IN_A_BLOCK // max(size, 1))


def as_text(columns: pd.DataFrame) -> pd.DataFrame:
    """Return categories as text, whatever they were; missing ones are NaN."""
    return columns.astype(object).map(str, na_action="ignore").where(columns.notna(), np.nan)
