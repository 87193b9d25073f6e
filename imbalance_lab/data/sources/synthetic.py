"""Synthetic data whose true class posteriors are known."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
import pandas as pd
from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass
from scipy.special import log_softmax, logsumexp

from imbalance_lab.data.base import DatasetSource
from imbalance_lab.data.dataset import Dataset
from imbalance_lab.fields import STRICT, Positive, Seed, Share, Title

Profile = Literal["exponential", "step"]

# Not in the option's file: a mapping typed on the command line is merged with the file's, class by class.
DEFAULT_PRIORS = {"majority": 0.9, "middle": 0.08, "minority": 0.02}


@dataclass(frozen=True, config=STRICT)
class GaussianClusters(DatasetSource):
    """Each class is a mixture of equally likely unit Gaussians; further features are noise.

    Parameters
    ----------
    title : str
        Name of the dataset.
    counts : dict of class name to rows, optional
        Exact class sizes.
    priors : dict of class name to share, optional
        With `rows`: class sizes by the largest-remainder method, at least one row each. Rescaled to sum to 1.
    rows : int, optional
    features, informative : int
        Columns in all, and those that differ between classes.
    clusters : int
        Gaussians per class.
    separation : float
        Distance of every cluster centre from the origin, in standard deviations.
    label_noise : float
        Share of rows whose label is redrawn from all the classes' labels (class sizes stay the same).
    seed : int

    Examples
    --------
    >>> data = GaussianClusters(title="tiny", counts={"a": 6, "b": 2}).load()
    >>> data.X.shape, data.counts.tolist()
    ((8, 10), [6, 2])
    """

    title: Title = "synthetic"
    counts: dict[str, Positive] | None = None
    priors: dict[str, Annotated[float, Field(gt=0)]] | None = None
    rows: Positive | None = None
    features: Positive = 10
    informative: Positive = 4
    clusters: Positive = 2
    separation: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 1.5
    label_noise: Share = 0.0
    seed: Seed = 0

    @model_validator(mode="after")
    def _check(self) -> GaussianClusters:
        if self.counts is not None and self.priors is not None:
            raise ValueError("give counts, or priors and rows, not both")
        if self.counts is None and self.rows is None:
            raise ValueError("give counts, or rows")
        if len(self.sizes) < 2:
            raise ValueError("give at least two classes")
        if self.informative > self.features:
            raise ValueError(f"informative={self.informative} is more than features={self.features}")
        return self

    @property
    def sizes(self) -> dict[str, int]:
        """Rows of each class."""
        if self.counts is not None:
            return dict(self.counts)
        assert self.rows is not None
        priors = self.priors or DEFAULT_PRIORS
        return dict(zip(priors, largest_remainder(np.array(list(priors.values())), self.rows), strict=True))

    @property
    def centres(self) -> np.ndarray:
        """Cluster centres, shape (C, clusters, informative)."""
        draw = self._rng(0).standard_normal((len(self.sizes), self.clusters, self.informative))
        return self.separation * draw / np.linalg.norm(draw, axis=-1, keepdims=True)

    def load(self) -> Dataset:
        """Draw the rows."""
        rng = self._rng(1)
        counts = np.array(list(self.sizes.values()))
        y = np.repeat(np.arange(len(counts)), counts)
        X = rng.standard_normal((len(y), self.features))
        X[:, : self.informative] += self.centres[y, rng.integers(self.clusters, size=len(y))]
        noisy = rng.random(len(y)) < self.label_noise
        y[noisy] = rng.permutation(y[noisy])
        order = rng.permutation(len(y))
        X = X[order]
        names = np.array(list(self.sizes), dtype=object)
        columns = [f"x{i}" for i in range(self.features)]
        return Dataset.from_labels(self.title, pd.DataFrame(X, columns=columns), names[y[order]])

    def log_posterior(self, X: np.ndarray, prior: np.ndarray) -> np.ndarray:
        """Return the true log-posteriors under `prior` (without label noise), classes in the order they were given.

        Parameters
        ----------
        X : ndarray of shape (n, features)
        prior : ndarray of shape (C,)

        Returns
        -------
        ndarray of shape (n, C)
        """
        distance = X[:, None, None, : self.informative] - self.centres
        density = logsumexp(-0.5 * np.square(distance).sum(axis=-1), axis=-1)
        return np.asarray(log_softmax(density + np.log(prior), axis=1))

    def _rng(self, stream: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, stream])


@dataclass(frozen=True, config=STRICT)
class LongTail(DatasetSource):
    """Gaussian clusters whose class sizes fall from `largest` to ``largest / imbalance_ratio``.

    Parameters
    ----------
    classes, largest : int
    imbalance_ratio : float
        At least 1.
    profile : {"exponential", "step"}
    title, features, informative, clusters, separation, label_noise, seed
        As for `GaussianClusters`.
    """

    title: Title = "long_tail"
    classes: Annotated[int, Field(ge=2)] = 10
    largest: Positive = 1000
    imbalance_ratio: Annotated[float, Field(ge=1)] = 50
    profile: Profile = "exponential"
    features: Positive = 20
    informative: Positive = 8
    clusters: Positive = 1
    separation: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 3.0
    label_noise: Share = 0.0
    seed: Seed = 0

    def load(self) -> Dataset:
        """Draw the rows."""
        sizes = tail(self.classes, self.largest, self.imbalance_ratio, self.profile)
        width = len(str(self.classes - 1))
        return GaussianClusters(
            title=self.title,
            counts={f"class_{k:0{width}d}": int(n) for k, n in enumerate(sizes)},
            features=self.features,
            informative=self.informative,
            clusters=self.clusters,
            separation=self.separation,
            label_noise=self.label_noise,
            seed=self.seed,
        ).load()


@dataclass(frozen=True, config=STRICT)
class DependentLabels(DatasetSource):
    """Labels that do not exclude each other, each a threshold on a noisy linear score; the noises are correlated.

    Parameters
    ----------
    shares : dict of label to share
        Share of rows that have each label, exact to a row.
    title : str
        Name of the dataset.
    rows, features : int
    signal : float
        Standard deviation of the scores' linear part; that of their noise is 1.
    dependence : float
        Correlation of the labels' noises, 0 to 1.
    seed : int
    """

    shares: dict[str, Annotated[float, Field(gt=0, lt=1)]]
    title: Title = "labels"
    rows: Positive = 3000
    features: Positive = 8
    signal: Annotated[float, Field(ge=0)] = 2.0
    dependence: Annotated[float, Field(ge=0, le=1)] = 0.5
    seed: Seed = 0

    def load(self) -> Dataset:
        """Draw the rows."""
        rng = np.random.default_rng(self.seed)
        X = rng.standard_normal((self.rows, self.features))
        direction = rng.standard_normal((self.features, len(self.shares)))
        noise = np.sqrt(self.dependence) * rng.standard_normal((self.rows, 1))
        noise = noise + np.sqrt(1 - self.dependence) * rng.standard_normal((self.rows, len(self.shares)))
        score = self.signal * X @ (direction / np.linalg.norm(direction, axis=0)) + noise
        positives = np.rint(np.array(list(self.shares.values())) * self.rows)
        rank = (-score).argsort(axis=0).argsort(axis=0)
        columns = [f"x{i}" for i in range(self.features)]
        labels = pd.DataFrame((rank < positives).astype(int), columns=list(self.shares))
        return Dataset.from_indicators(self.title, pd.DataFrame(X, columns=columns), labels)


def tail(classes: int, largest: int, imbalance_ratio: float, profile: Profile) -> np.ndarray:
    """Return class sizes, largest first, shape (C,), at least one row each.

    ``exponential``: n_k = n_0 r^(-k/(C-1)) (Cui et al. 2019); ``step``: the second half has n_0 / r rows (Buda et al.
    2018).

    >>> tail(3, 100, 25, "exponential").tolist(), tail(4, 100, 10, "step").tolist()
    ([100, 20, 4], [100, 100, 10, 10])
    """
    k = np.arange(classes)
    exponent = k / (classes - 1) if profile == "exponential" else (k >= classes / 2).astype(float)
    return np.maximum(np.rint(largest * float(imbalance_ratio) ** -exponent), 1).astype(int)


def largest_remainder(shares: np.ndarray, total: int) -> list[int]:
    """Share out `total` rows by `shares`, at least one each.

    >>> largest_remainder(np.array([0.9, 0.08, 0.02]), 30)
    [27, 2, 1]
    """
    exact = shares / shares.sum() * total
    counts = np.maximum(np.floor(exact), 1).astype(int)
    order = np.argsort(counts - exact, kind="stable")
    for k in order[: max(total - counts.sum(), 0)]:
        counts[k] += 1
    return [int(n) for n in counts]
