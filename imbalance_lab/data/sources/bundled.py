"""scikit-learn's own sets, thinned to a long tail."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import Field
from pydantic.dataclasses import dataclass

from imbalance_lab.data.base import DatasetSource
from imbalance_lab.data.dataset import Dataset
from imbalance_lab.data.sources.synthetic import Profile, tail
from imbalance_lab.fields import STRICT, Seed

UNIT = 10**6


@dataclass(frozen=True, config=STRICT)
class Bundled(DatasetSource):
    """A set that comes with scikit-learn.

    Parameters
    ----------
    name : {"digits", "wine", "breast_cancer"}
    imbalance_ratio : float or None
        Rows of the largest class for one of the smallest, by `imblearn.datasets.make_imbalance`; None keeps every row.
    profile : {"exponential", "step"}
        How class sizes fall, in the order of the class names.
    seed : int
        Which rows are kept.
    """

    name: Literal["digits", "wine", "breast_cancer"]
    imbalance_ratio: Annotated[float, Field(ge=1)] | None = None
    profile: Profile = "exponential"
    seed: Seed = 0

    @property
    def title(self) -> str:
        """Name of the dataset: that of a thinned one ends in ``_lt`` (long tail)."""
        return self.name if self.imbalance_ratio is None else f"{self.name}_lt"

    def load(self) -> Dataset:
        """Load and thin the set."""
        import sklearn.datasets

        bunch = getattr(sklearn.datasets, f"load_{self.name}")(as_frame=True)
        labels = np.array([str(name) for name in bunch.target_names], dtype=object)[bunch.target]
        if self.imbalance_ratio is None:
            return Dataset.from_labels(self.title, bunch.data, labels)
        return self._thinned(Dataset.from_labels(self.title, bunch.data, labels))

    def _thinned(self, whole: Dataset) -> Dataset:
        from imblearn.datasets import make_imbalance

        assert self.imbalance_ratio is not None
        # The longest tail that every class has rows enough for.
        fall = tail(len(whole.class_names), UNIT, self.imbalance_ratio, self.profile) / UNIT
        sizes = tail(len(fall), int((whole.counts / fall).min()), self.imbalance_ratio, self.profile)
        wanted = {k: int(n) for k, n in enumerate(sizes)}
        X, y = make_imbalance(whole.X, whole.y, sampling_strategy=wanted, random_state=self.seed)
        return Dataset(self.title, X.reset_index(drop=True), np.asarray(y), whole.class_names, whole.kinds)
