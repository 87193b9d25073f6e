"""Raw columns to numbers: imputed, scaled, one-hot encoded. Fitted on training rows only."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from pydantic import Field
from pydantic.dataclasses import dataclass

from imbalance_lab.types import STRICT, Kind


class Prepared:
    """A fitted transformer of raw columns.

    Parameters
    ----------
    transformer
        A fitted scikit-learn transformer.
    dtype : type
        Float type of what it returns.
    """

    def __init__(self, transformer: object, dtype: type[np.floating]) -> None:
        self._transformer, self._dtype = transformer, dtype

    def __call__(self, X: pd.DataFrame) -> np.ndarray:
        """Return an array of shape (n, d)."""
        if X.empty:
            return np.empty((0, len(self.feature_names)), dtype=self._dtype)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Found unknown categories")  # what `Prepare` is asked to allow
            return np.ascontiguousarray(self._transformer.transform(X), dtype=self._dtype)  # type: ignore[attr-defined]

    @property
    def feature_names(self) -> list[str]:
        """Names of the d columns."""
        return [str(name) for name in self._transformer.get_feature_names_out()]  # type: ignore[attr-defined]


@dataclass(frozen=True, config=STRICT)
class Prepare:
    """How raw columns become numbers.

    Parameters
    ----------
    impute : {"median", "mean", "most_frequent"}
        Fills missing numbers; missing categories are filled with the most frequent one.
    scale : {"standard", "minmax", "robust", "none"}
        Of numeric columns.
    max_categories : int
        One-hot columns for one categorical column; rarer categories share the last, categories not seen in training
        join it.
    """

    impute: Literal["median", "mean", "most_frequent"] = "median"
    scale: Literal["standard", "minmax", "robust", "none"] = "standard"
    max_categories: Annotated[int, Field(ge=2)] = 50

    def fit(self, X: pd.DataFrame, kinds: Mapping[str, Kind], dtype: type[np.floating]) -> Prepared:
        """Fit on training rows `X`."""
        from sklearn.compose import ColumnTransformer

        columns = {kind: [c for c in X.columns if kinds[c] == kind] for kind in ("numeric", "categorical")}
        transformer = ColumnTransformer(
            [
                ("numeric", self._numeric(), columns["numeric"]),
                ("categorical", self._categorical(), columns["categorical"]),
            ],
            verbose_feature_names_out=False,
            sparse_threshold=0,
        )
        return Prepared(transformer.fit(X), dtype)

    def _numeric(self) -> object:
        from sklearn.impute import SimpleImputer
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import MinMaxScaler, RobustScaler, StandardScaler

        scaler = {"standard": StandardScaler, "minmax": MinMaxScaler, "robust": RobustScaler}.get(self.scale)
        imputer = SimpleImputer(strategy=self.impute, keep_empty_features=True)
        return make_pipeline(imputer, scaler()) if scaler else imputer

    def _categorical(self) -> object:
        from sklearn.impute import SimpleImputer
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import OneHotEncoder

        encoder = OneHotEncoder(
            drop="if_binary",
            handle_unknown="infrequent_if_exist",
            max_categories=self.max_categories,
            sparse_output=False,
        )
        return make_pipeline(SimpleImputer(strategy="most_frequent", keep_empty_features=True), encoder)
