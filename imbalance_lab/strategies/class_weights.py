"""How much does a row of each class count?"""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from pydantic import Field
from pydantic.dataclasses import dataclass
from scipy.stats import rankdata

from imbalance_lab.errors import ConfigError, LabWarning
from imbalance_lab.fields import STRICT, ByName, Share
from imbalance_lab.options import option
from imbalance_lab.strategies.costs import known_classes

Normalisation = Literal["mean_one", "sum_to_one", "sum_to_classes"]


def normalised(raw: np.ndarray, counts: np.ndarray, how: Normalisation) -> np.ndarray:
    """Rescale class weights.

    Parameters
    ----------
    raw, counts : ndarray of shape (C,)
    how : {"mean_one", "sum_to_one", "sum_to_classes"}
        ``mean_one``: the mean weight of a training row is 1, so the learning rate means the same under every strategy.

    Examples
    --------
    >>> normalised(np.array([1.0, 3.0]), np.array([30, 10]), "mean_one").round(3).tolist()
    [0.667, 2.0]
    """
    scale = {
        "mean_one": counts.sum() / (raw @ counts),
        "sum_to_one": 1 / raw.sum(),
        "sum_to_classes": len(raw) / raw.sum(),
    }
    return np.asarray(raw * scale[how])


class ClassWeight(ABC):
    """Decides what a row of each class counts."""

    @abstractmethod
    def __call__(self, counts: np.ndarray, class_names: Sequence[str]) -> np.ndarray:
        """Return positive weights, shape (C,), from the rows of each class, shape (C,)."""

    @property
    def weight_start(self) -> float:
        """Share of the epochs after which the weights count."""
        return 0.0

    def check(self, class_names: Sequence[str], counts: np.ndarray) -> None:  # noqa: B027
        """Refuse settings that do not fit classes of these sizes in the data; most fit any.

        Raises
        ------
        ConfigError
        """


def class_weights(y: Any, scheme: str | ClassWeight = "inv_freq", **settings: Any) -> dict[Any, float]:
    """Return what a row of each class counts, as scikit-learn's and Keras' ``class_weight=`` take it.

    Parameters
    ----------
    y : array-like of shape (n,)
        Labels of the training rows, of any type.
    scheme : str or ClassWeight
        Name of an option, as in ``class_weight=eff_num``.
    **settings
        Settings of that option, as ``beta=0.999`` or ``normalise="sum_to_one"``. Where classes are given by name, as in
        ``weights={"yes": 2}``, the name is the label as text; of booleans ``true`` and ``false``.

    Returns
    -------
    dict of label to weight
        In sorted order where labels can be sorted, else as they come. ``inv_freq`` is scikit-learn's ``balanced``,
        n / (C n_k), to the last bit.

    Raises
    ------
    ConfigError
        If there is no such option or setting, or `y` has no labels or missing ones.

    Examples
    --------
    >>> class_weights(["no", "no", "no", "yes"])
    {'no': 0.6666666666666666, 'yes': 2.0}
    >>> class_weights([0, 0, 0, 1], "sqrt_inv", normalise="sum_to_classes")
    {0: 0.7320508075688773, 1: 1.2679491924311228}
    """
    labels, counts = _counted(y)
    names = [str(label).lower() if isinstance(label, bool) else str(label) for label in labels]
    weights: ClassWeight = option("class_weight", scheme, **settings).build() if isinstance(scheme, str) else scheme
    weights.check(names, counts)
    return dict(zip(labels, np.asarray(weights(counts, names), dtype=float).tolist(), strict=True))


def _counted(y: Any) -> tuple[list[Any], np.ndarray]:
    """Return the different labels and the rows of each, shape (C,)."""
    column = pd.Series(y if isinstance(y, pd.Series | pd.Categorical) else list(y), dtype=None if len(y) else object)
    if column.empty or column.isna().any():
        raise ConfigError(f"y has {'no labels' if column.empty else f'{column.isna().sum()} missing labels'}")
    codes, labels = pd.factorize(column)
    counts = np.bincount(codes)
    found = labels.tolist()
    try:
        order = sorted(range(len(found)), key=lambda k: found[k])
    except TypeError:  # labels of several types
        order = list(range(len(found)))
    return [found[k] for k in order], counts[order]


@dataclass(frozen=True, config=STRICT)
class Uniform(ClassWeight):
    """The null option: every row counts 1."""

    def __call__(self, counts: np.ndarray, class_names: Sequence[str]) -> np.ndarray:
        """Return ones, shape (C,)."""
        return np.ones(len(counts))


@dataclass(frozen=True, config=STRICT)
class InverseFrequency(ClassWeight):
    """Weights ``n_k ** -power``; 1 is "balanced" (w_k = N / (C n_k)), 0.5 the square root.

    With the defaults they are scikit-learn's ``balanced`` to the last bit.

    Parameters
    ----------
    power : float
    normalise : {"mean_one", "sum_to_one", "sum_to_classes"}

    Examples
    --------
    >>> InverseFrequency()(np.array([90, 10]), ["no", "yes"]).round(3).tolist()
    [0.556, 5.0]
    """

    power: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 1.0
    normalise: Normalisation = "mean_one"

    def __call__(self, counts: np.ndarray, class_names: Sequence[str]) -> np.ndarray:
        """Return weights, shape (C,), from class sizes, shape (C,); an empty class is weighted as if it had one row."""
        if self.power == 1 and self.normalise == "mean_one":
            # scikit-learn's order of operations: another differs in the last bit, which decides ties between trees
            return np.asarray(counts.sum() / (np.count_nonzero(counts) * np.maximum(counts, 1.0)))
        return normalised(np.maximum(counts, 1.0) ** -self.power, counts, self.normalise)


@dataclass(frozen=True, config=STRICT)
class EffectiveNumber(ClassWeight):
    """Weights ``(1 - beta) / (1 - beta ** n_k)``, the inverse effective number of rows (Cui et al. 2019).

    Parameters
    ----------
    beta : float
        0 is uniform, towards 1 inverse frequency.
    normalise : {"mean_one", "sum_to_one", "sum_to_classes"}

    Examples
    --------
    >>> EffectiveNumber(beta=0.9)(np.array([90, 10]), ["no", "yes"]).round(3).tolist()
    [0.949, 1.457]
    """

    beta: Annotated[float, Field(ge=0, lt=1)] = 0.9999
    normalise: Normalisation = "mean_one"

    def __call__(self, counts: np.ndarray, class_names: Sequence[str]) -> np.ndarray:
        """Return weights, shape (C,), from class sizes, shape (C,)."""
        if self.beta == 0:
            return normalised(np.ones(len(counts)), counts, self.normalise)
        # 1 - beta^n without cancellation for beta near 1
        effective = -np.expm1(np.maximum(counts, 1.0) * np.log(self.beta)) / (1 - self.beta)
        return normalised(1 / effective, counts, self.normalise)


@dataclass(frozen=True, config=STRICT)
class Deferred(ClassWeight):
    """Uniform until a share of the epochs, then `weights`: deferred re-weighting (Cao et al. 2019).

    Parameters
    ----------
    weights : class weight
    weight_start : float
        Share of the epochs, at least 0 and below 1; the last epoch is weighted in any case.
    """

    weights: ClassWeight
    weight_start: Share = 0.8

    def __call__(self, counts: np.ndarray, class_names: Sequence[str]) -> np.ndarray:
        """Return the weights that count in the end, shape (C,)."""
        return np.asarray(self.weights(counts, class_names))

    def check(self, class_names: Sequence[str], counts: np.ndarray) -> None:
        """Refuse weights that do not fit these classes."""
        self.weights.check(class_names, counts)


@dataclass(frozen=True, config=STRICT)
class ByHand(ClassWeight):
    """Weights given by class name; a class left out counts 1 before normalising.

    Parameters
    ----------
    weights : dict of class name to weight
    normalise : {"mean_one", "sum_to_one", "sum_to_classes"}

    Examples
    --------
    >>> ByHand({"yes": 4})(np.array([75, 25]), ["no", "yes"]).round(3).tolist()
    [0.571, 2.286]
    """

    weights: ByName
    normalise: Normalisation = "mean_one"

    def __call__(self, counts: np.ndarray, class_names: Sequence[str]) -> np.ndarray:
        """Return weights, shape (C,)."""
        raw = np.array([self.weights.get(name, 1.0) for name in class_names])
        return normalised(raw, counts, self.normalise)

    def check(self, class_names: Sequence[str], counts: np.ndarray) -> None:
        """Refuse weights for classes that do not exist; warn of weights that grow with class frequency.

        Raises
        ------
        ConfigError
        """
        known_classes(list(self.weights), class_names, "class_weight.weights")
        raw = np.array([self.weights.get(name, 1.0) for name in class_names])
        centred = (rank - rank.mean() for rank in (rankdata(raw), rankdata(counts)))
        if np.dot(*centred) > 0:
            rare, frequent = int(np.argmin(counts)), int(np.argmax(counts))
            warnings.warn(
                f"class weights by hand grow with class frequency ('{class_names[rare]}', {counts[rare]} rows: "
                f"{raw[rare]:g}; '{class_names[frequent]}', {counts[frequent]} rows: {raw[frequent]:g}); are they "
                "frequencies? They make the imbalance worse; their inverse is class_weight=inv_freq",
                LabWarning,
                stacklevel=2,
            )
