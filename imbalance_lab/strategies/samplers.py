"""Which training rows? Any imbalanced-learn sampler, with the run's seed, within its limits, and held to its word."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar, Protocol

import numpy as np
from pydantic.dataclasses import dataclass

from imbalance_lab.errors import Incompatible, LabWarning
from imbalance_lab.fields import STRICT
from imbalance_lab.strategies.costs import known_classes
from imbalance_lab.strategies.forecast import forecast

WORTH_SAYING = 60.0  # seconds


class Sampler(Protocol):
    """Decides which training rows there are; every imbalanced-learn sampler is one."""

    def fit_resample(self, X: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return training rows (m, d) and their classes (m,) made from rows (n, d) and classes (n,)."""


@dataclass(frozen=True, config=STRICT)
class KeepAll:
    """The null option: every row once."""

    balanced_batches: ClassVar[bool] = False

    def fit_resample(self, X: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows as they are."""
        return X, y


@dataclass(frozen=True, config=STRICT)
class BalancedBatches(KeepAll):
    """Every row stays, but each batch of a network holds the classes in equal shares, drawn anew each epoch."""

    balanced_batches: ClassVar[bool] = True


def resample(
    sampler: Sampler,
    columns: np.ndarray,
    y: np.ndarray,
    class_names: Sequence[str],
    seed: int,
    categorical: np.ndarray,
    encode: Callable[[np.ndarray], np.ndarray],
    say: Callable[[str], None] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Resample training rows.

    Categories are sampled as categories, before they are one-hot encoded: SMOTENC and SMOTEN know what to do with them,
    samplers that choose among the rows measure distances between the encoded ones, and samplers that make new rows out
    of several are refused.

    Parameters
    ----------
    sampler : Sampler
    columns : ndarray of shape (n, p)
        Numbers and category codes.
    y : ndarray of shape (n,)
    class_names : sequence of str
    seed : int
        Given to the sampler and to the samplers inside it.
    categorical : ndarray of shape (p,), bool
        Which columns are codes.
    encode : callable
        Maps columns to features (n, d).
    say : callable, optional
        Told, beforehand, of a sampler that will take long.

    Returns
    -------
    tuple of ndarray
        Columns (m, p) and their classes (m,).

    Raises
    ------
    Incompatible
        If the sampler cannot work on these columns or these classes.
    """
    if isinstance(sampler, KeepAll):
        return columns, y
    ready = _for_columns(_by_number(_seeded(sampler, seed), class_names), categorical)
    _within_limits(ready, y, class_names)
    blind = _draws_blindly(ready)
    chooses = blind or (categorical.any() and _chooses(ready))
    rows = np.arange(len(y))[:, None] if blind else encode(columns) if chooses else columns
    if say is not None and (seconds := forecast(ready, rows, y)) > WORTH_SAYING:
        text = f"{type(sampler).__name__} will take about {seconds / 60:.0f} minutes on {len(y)} rows"
        say(f"{text}; sampler=ros, sampler=rus and class weights take none")
        warnings.warn(text, LabWarning, stacklevel=2)
    try:
        made, y_made = ready.fit_resample(rows, y)
    except (ValueError, RuntimeError) as error:
        raise Incompatible(
            f"{type(sampler).__name__} cannot resample these rows ({_sizes(y, class_names)}): "
            f"{' '.join(str(error).split())}; use another sampler, such as sampler=ros"
        ) from error
    made = columns[ready.sample_indices_] if chooses else np.asarray(made, dtype=columns.dtype)
    _hold_to_its_word(ready, y, np.asarray(y_made), class_names)
    return made, np.asarray(y_made)


def _seeded(sampler: Sampler, seed: int) -> Any:
    """Return a fresh copy whose every ``random_state`` is `seed`."""
    if not hasattr(sampler, "get_params"):
        return sampler
    from sklearn.base import clone

    copy = clone(sampler)
    states = {key: seed for key in copy.get_params() if key == "random_state" or key.endswith("__random_state")}
    return copy.set_params(**states)


def _by_number(sampler: Any, class_names: Sequence[str]) -> Any:
    """Replace class names in every ``sampling_strategy`` by the numbers samplers know classes by."""
    if not hasattr(sampler, "get_params"):
        return sampler
    for key, wanted in sampler.get_params().items():
        if key.endswith("sampling_strategy") and isinstance(wanted, dict | list):
            known_classes([str(name) for name in wanted], class_names, f"sampler.{key}")
            at = {name: k for k, name in enumerate(class_names)}
            numbered = [at[str(name)] for name in wanted]
            rows = dict(zip(numbered, wanted.values(), strict=True)) if isinstance(wanted, dict) else numbered
            sampler.set_params(**{key: rows})
    return sampler


def _for_columns(sampler: Any, categorical: np.ndarray) -> Any:
    """Tell a sampler which columns are categories, or refuse it for these kinds of columns."""
    from imblearn.over_sampling import SMOTEN, SMOTENC

    name, some, every = type(sampler).__name__, categorical.any(), categorical.all()
    if isinstance(sampler, SMOTENC):
        if some and not every:
            return sampler.set_params(categorical_features=np.flatnonzero(categorical).tolist())
        raise Incompatible(f"{name} is for mixed columns; use sampler={'smote_n' if every else 'smote'}")
    if isinstance(sampler, SMOTEN):
        if every:
            return sampler
        raise Incompatible(f"{name} is for categories only; use sampler={'smote_nc' if some else 'smote'}")
    if some and not _chooses(sampler):
        raise Incompatible(
            f"{name} makes new rows between rows, and there is nothing between two categories ({categorical.sum()} of "
            f"{len(categorical)} columns); use sampler={'smote_n' if every else 'smote_nc'}, or sampler=ros"
        )
    return sampler


def _chooses(sampler: Any) -> bool:
    """Whether a sampler returns rows it was given, rather than new ones."""
    from imblearn.over_sampling import RandomOverSampler
    from imblearn.under_sampling import ClusterCentroids

    if isinstance(sampler, RandomOverSampler):
        return not sampler.shrinkage
    return "under_sampling" in type(sampler).__module__ and not isinstance(sampler, ClusterCentroids)


def _draws_blindly(sampler: Any) -> bool:
    """Whether a sampler draws rows without looking at them, so that their numbers will do in their place."""
    from imblearn.over_sampling import RandomOverSampler
    from imblearn.under_sampling import RandomUnderSampler

    return type(sampler) in (RandomOverSampler, RandomUnderSampler) and getattr(sampler, "shrinkage", None) is None


def _within_limits(sampler: Any, y: np.ndarray, class_names: Sequence[str]) -> None:
    """Lower numbers of neighbours (and folds) to what the classes allow, with a warning."""
    for part in _parts(sampler):
        limits = _limits(part, y)
        for key, limit in limits.items():
            value = getattr(part, key, None)
            if not isinstance(value, int) or value <= limit:
                continue
            name = type(part).__name__
            if limit < 1:
                raise Incompatible(
                    f"{name} needs two rows of a class to make a third ({_sizes(y, class_names)}); "
                    "use sampler=ros, or leave such classes out with min_class_rows="
                )
            text = f"{name}: {key} lowered from {value} to {limit}, which is what the classes allow"
            warnings.warn(f"{text} ({_sizes(y, class_names)})", LabWarning, stacklevel=2)
            part.set_params(**{key: limit})


def _parts(sampler: Any) -> Iterator[Any]:
    """Yield a sampler and the samplers inside it."""
    yield sampler
    if hasattr(sampler, "get_params"):
        yield from (part for part in sampler.get_params(deep=False).values() if hasattr(part, "fit_resample"))


def _limits(sampler: Any, y: np.ndarray) -> dict[str, int]:
    """Return the highest value of each parameter that counts rows."""
    from imblearn.over_sampling.base import BaseOverSampler
    from imblearn.under_sampling import InstanceHardnessThreshold, NearMiss

    smallest, everyone = int(_resampled(sampler, y).min()), len(y) - 1
    if isinstance(sampler, BaseOverSampler):  # a row is not its own neighbour
        return {"k_neighbors": smallest - 1, "n_neighbors": smallest - 1, "m_neighbors": everyone}
    if isinstance(sampler, NearMiss):
        return {"n_neighbors": smallest, "n_neighbors_ver3": smallest}
    if isinstance(sampler, InstanceHardnessThreshold):
        return {"cv": max(smallest, 2)}
    return {"n_neighbors": everyone}


def _resampled(sampler: Any, y: np.ndarray) -> np.ndarray:
    """Return the sizes of the classes that an over-sampler adds to; of other samplers those of all classes."""
    from imblearn.over_sampling.base import BaseOverSampler
    from imblearn.utils import check_sampling_strategy

    sizes = np.bincount(y)
    if isinstance(sampler, BaseOverSampler):
        try:
            added = check_sampling_strategy(sampler.sampling_strategy, y, "over-sampling")
        except ValueError as error:
            raise Incompatible(f"{type(sampler).__name__}: {' '.join(str(error).split())}") from error
        wanted = [sizes[k] for k, n in added.items() if n > 0]
        return np.array(wanted) if wanted else sizes[sizes > 0]
    return sizes[sizes > 0]


def _hold_to_its_word(sampler: Any, y: np.ndarray, made: np.ndarray, class_names: Sequence[str]) -> None:
    """Warn of classes that have fewer rows than the sampler was asked for, and of those that have none."""
    from imblearn.over_sampling.base import BaseOverSampler
    from imblearn.under_sampling.base import BaseCleaningSampler, BaseUnderSampler

    before, after = (np.bincount(rows, minlength=len(class_names)) for rows in (y, made))
    asked = np.zeros(len(class_names), dtype=int)
    if isinstance(sampler, BaseOverSampler | BaseUnderSampler):
        for k, n in sampler.sampling_strategy_.items():
            asked[k] = n + (before[k] if isinstance(sampler, BaseOverSampler) else 0)
    short = [
        f"'{class_names[k]}' {after[k]} of {asked[k]}{' (untouched)' if after[k] == before[k] else ''}"
        for k in np.flatnonzero((after < asked) & (before > 0)).tolist()
    ]
    if isinstance(sampler, BaseCleaningSampler):
        same = [f"'{class_names[k]}'" for k in sampler.sampling_strategy_ if after[k] == before[k] > 0]
        if same:
            text = f"{type(sampler).__name__} removed nothing from class {', '.join(same[:10])}"
            warnings.warn(text, LabWarning, stacklevel=2)
    gone = [f"'{class_names[k]}'" for k in np.flatnonzero((after == 0) & (before > 0)).tolist()]
    name = type(sampler).__name__
    if short:
        text = f"{name} delivered fewer rows than asked: {', '.join(short[:10])}"
        warnings.warn(text, LabWarning, stacklevel=2)
    if gone:
        warnings.warn(f"{name} removed every row of class {', '.join(gone[:10])}", LabWarning, stacklevel=2)
    if (after > 0).sum() < 2:
        raise Incompatible(f"{name} leaves one class only ({_sizes(y, class_names)} before); use another sampler")


def _sizes(y: np.ndarray, class_names: Sequence[str]) -> str:
    counts = np.bincount(y, minlength=len(class_names))
    smallest = int(np.where(counts > 0, counts, counts.max()).argmin())
    rows = "row" if counts[smallest] == 1 else "rows"
    return f"class '{class_names[smallest]}' has {counts[smallest]} training {rows}"
