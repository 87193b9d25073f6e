"""Sets that are downloaded the first time and cached by scikit-learn and imbalanced-learn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.error import URLError

import pandas as pd
from pydantic.dataclasses import dataclass

from imbalance_lab.data.base import DatasetSource
from imbalance_lab.data.checks import check_target, checked_columns
from imbalance_lab.data.dataset import Dataset
from imbalance_lab.errors import ConfigError, DataError
from imbalance_lab.fields import STRICT

IMBLEARN_SETS = (
    "ecoli", "optical_digits", "satimage", "pen_digits", "abalone", "sick_euthyroid", "spectrometer", "car_eval_34",
    "isolet", "us_crime", "yeast_ml8", "scene", "libras_move", "thyroid_sick", "coil_2000", "arrhythmia",
    "solar_flare_m0", "oil", "car_eval_4", "wine_quality", "letter_img", "yeast_me2", "webpage", "ozone_level",
    "mammography", "protein_homo", "abalone_19",
)  # fmt: skip


@dataclass(frozen=True, config=STRICT)
class OpenML(DatasetSource):
    """A set of OpenML by name or number (`sklearn.datasets.fetch_openml`).

    Parameters
    ----------
    name : str, optional
    id : int, optional
    version : int or "active"
        Only with `name`.
    target : str, optional
        Target column; by default the set's own.
    cache : str, optional
        Folder of the downloads; by default scikit-learn's.

    Raises
    ------
    ConfigError
        If neither or both of name and id are given.
    DataError
        If the set cannot be downloaded, or its target is no class.
    """

    name: str | None = None
    id: int | None = None
    version: int | str = "active"
    target: str | None = None
    cache: str | None = None

    @property
    def title(self) -> str:
        """Name of the dataset."""
        return self.name or f"openml_{self.id}"

    def load(self) -> Dataset:
        """Download the set, or read it from the cache."""
        from sklearn.datasets import fetch_openml

        if (self.name is None) == (self.id is None):
            raise ConfigError("dataset=openml needs dataset.name= (such as phoneme) or dataset.id= (such as 1489)")
        which = {"data_id": self.id} if self.name is None else {"name": self.name, "version": self.version}
        bunch = _fetch(
            self.title,
            lambda: fetch_openml(
                **which,
                target_column=self.target or "default-target",
                data_home=self.cache,
                as_frame=True,
                parser="auto",
            ),
        )
        if not isinstance(bunch.target, pd.Series):
            raise DataError(f"OpenML set '{self.title}' has no single target column; name one with dataset.target=")
        check_target(bunch.target, str(bunch.target.name), f"OpenML set '{self.title}'")
        return Dataset.from_labels(self.title, checked_columns(bunch.data, self.title), bunch.target)


@dataclass(frozen=True, config=STRICT)
class ImblearnBenchmark(DatasetSource):
    """One of the 27 binary sets of `imblearn.datasets.fetch_datasets` (Ding 2011).

    Parameters
    ----------
    name : str
    cache : str, optional
        Folder of the downloads; by default scikit-learn's.

    Raises
    ------
    ConfigError
        If there is no set of that name.
    DataError
        If it cannot be downloaded.
    """

    name: str
    cache: str | None = None

    def __post_init__(self) -> None:
        if self.name not in IMBLEARN_SETS:
            raise ConfigError(f"there is no benchmark set '{self.name}'; choose one of {', '.join(IMBLEARN_SETS)}")

    @property
    def title(self) -> str:
        """Name of the dataset."""
        return self.name

    def load(self, download: bool = True) -> Dataset:
        """Download the sets, or read them from the cache."""
        from imblearn.datasets import fetch_datasets

        fetched = _fetch(
            self.name,
            lambda: fetch_datasets(data_home=self.cache, filter_data=(self.name,), download_if_missing=download),
        )
        bunch = fetched[self.name]
        columns = [f"x{i}" for i in range(bunch.data.shape[1])]
        labels = pd.Series(bunch.target).map({-1: "negative", 1: "positive"})
        return Dataset.from_labels(self.name, pd.DataFrame(bunch.data, columns=columns), labels)


def _fetch(name: str, fetch: Callable[[], Any]) -> Any:
    try:
        return fetch()
    except (URLError, OSError, ValueError, KeyError) as error:
        reason = " ".join(str(error).split())
        raise DataError(f"the set '{name}' could not be loaded (it is downloaded the first time): {reason}") from error
