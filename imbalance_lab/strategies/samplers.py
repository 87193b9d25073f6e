"""Which training rows? Any imbalanced-learn sampler, with the run's seed and within its limits, or one's own."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar, Protocol

import numpy as np
from pydantic.dataclasses import dataclass

from imbalance_lab.data.stored import StoredRows
from imbalance_lab.errors import Incompatible, LabError, LabWarning
from imbalance_lab.fields import STRICT
from imbalance_lab.strategies.costs import known_classes
from imbalance_lab.strategies.forecast import forecast

MIN_SECONDS_ANNOUNCED = 60.0
MAX_CLASSES_NAMED = 10


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
    columns: Any,
    y: np.ndarray,
    class_names: Sequence[str],
    seed: int,
    categorical: np.ndarray,
    encode: Callable[[np.ndarray], np.ndarray],
    announce: Callable[[str], None] | None = None,
) -> tuple[Any, np.ndarray]:
    """Resample training rows.

    Categories are sampled as categories, before they are one-hot encoded: SMOTENC and SMOTEN know what to do with them,
    samplers that choose among the rows measure distances between the encoded ones, and samplers that make new rows out
    of several are refused.

    Parameters
    ----------
    sampler : Sampler
        Of imbalanced-learn, or any object with ``fit_resample``. It may raise `Incompatible` where it cannot work on
        these rows; any other error of a sampler that is not imbalanced-learn's is a bug.
    columns : ndarray of shape (n, p), or StoredRows whose pieces are such
        Numbers and category codes. Stored ones stay so if the sampler draws rows without looking at them.
    y : ndarray of shape (n,)
    class_names : sequence of str
    seed : int
        Given to the sampler and to the samplers inside it.
    categorical : ndarray of shape (p,), bool
        Which columns are codes.
    encode : callable
        Maps columns to features (n, d) among which distances mean something.
    announce : callable, optional
        Given a line beforehand if the sampler will take long.

    Returns
    -------
    tuple of ndarray
        Columns (m, p) and their classes (m,).

    Raises
    ------
    Incompatible
        If the sampler cannot work on these columns or these classes.
    LabError
        If it fails for any other reason, or what it returns are no rows and classes.

    Examples
    --------
    >>> class TwiceTheLast:
    ...     def fit_resample(self, X, y):
    ...         return np.vstack([X, X[-1:]]), np.append(y, y[-1])
    >>> X, y = np.arange(6.0).reshape(3, 2), np.array([0, 0, 1])
    >>> rows, classes = resample(TwiceTheLast(), X, y, ["a", "b"], 0, np.zeros(2, bool), lambda columns: columns)
    >>> rows[:, 0].tolist(), classes.tolist()
    ([0.0, 2.0, 4.0, 4.0], [0, 0, 1, 1])
    """
    if isinstance(sampler, KeepAll):
        return columns, y
    from imbalance_lab.strategies.neighbours import with_neighbours

    ready = _for_columns(_by_number(_seeded(with_neighbours(sampler), seed), class_names), categorical)
    _within_limits(ready, y, class_names)
    blind = _draws_blindly(ready)
    if isinstance(columns, StoredRows) and not blind:
        columns = columns.loaded(type(sampler).__name__)
    if not blind and _is_imblearns(ready):
        _refuse_missing(ready, columns)
    chooses = blind or (categorical.any() and _chooses(ready))
    rows = np.arange(len(y))[:, None] if blind else encode(columns) if chooses else columns
    if announce is not None and (seconds := forecast(ready, rows, y)) > MIN_SECONDS_ANNOUNCED:
        text = f"{type(sampler).__name__} will take about {seconds / 60:.0f} minutes on {len(y)} rows"
        announce(f"{text}; sampler=ros, sampler=rus and class weights take none")
        warnings.warn(text, LabWarning, stacklevel=2)
    new, y_new = _fit_resample(ready, rows, y, class_names)
    if isinstance(columns, StoredRows):
        _warn_if_short(ready, y, y_new, class_names)
        return columns.take(ready.sample_indices_), y_new
    if chooses:
        new = columns[ready.sample_indices_]
    _check_rows(ready, new, y_new, columns, len(class_names))
    _warn_if_short(ready, y, y_new, class_names)
    return new.astype(columns.dtype, copy=False), y_new


def _fit_resample(
    sampler: Any, rows: np.ndarray, y: np.ndarray, class_names: Sequence[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Resample, and separate what imbalanced-learn refuses from a bug."""
    name = type(sampler).__name__
    try:
        returned = sampler.fit_resample(rows, y)
    except LabError:
        raise
    except Exception as error:
        reason = " ".join(str(error).split())
        if isinstance(error, ValueError | RuntimeError) and _is_imblearns(sampler):
            raise Incompatible(
                f"{name} cannot resample these rows ({_sizes(y, class_names)}): {reason}; use another sampler, such as "
                "sampler=ros"
            ) from error
        raise LabError(f"the sampler {name} failed: {type(error).__name__}: {reason}") from error
    try:
        new, y_new = returned
        return np.asarray(new), np.asarray(y_new)
    except (TypeError, ValueError) as error:
        raise LabError(
            f"the sampler {name} returned {type(returned).__name__}, which is no pair of rows (m, {rows.shape[1]}) and "
            "classes (m,)"
        ) from error


def _is_imblearns(sampler: Any) -> bool:
    """Whether all of a sampler's code is imbalanced-learn's, so that its errors are about the rows."""
    from imblearn import FunctionSampler

    own = [part for part in _parts(sampler) if type(part).__module__.partition(".")[0] != "imblearn"]
    return not own and not isinstance(sampler, FunctionSampler)


def _refuse_missing(sampler: Any, columns: np.ndarray) -> None:
    """Refuse missing values, which only a model that has its own way with them is given."""
    if gaps := int(np.isnan(columns).any(axis=0).sum()):
        raise Incompatible(
            f"{type(sampler).__name__} measures distances, and {gaps} of {columns.shape[1]} columns have missing "
            "values, which this model takes as they are; use sampler=ros, or fill them with model.native=false"
        )


def _check_rows(sampler: Any, X: np.ndarray, y: np.ndarray, columns: np.ndarray, classes: int) -> None:
    """Refuse what cannot be trained on, of a sampler of one's own."""
    name, width = type(sampler).__name__, columns.shape[1]
    if X.ndim != 2 or y.ndim != 1 or X.shape != (len(y), width):
        raise LabError(
            f"the sampler {name} returned rows of shape {X.shape} and classes of shape {y.shape}; "
            f"(m, {width}) and (m,) are needed"
        )
    numbers = np.issubdtype(X.dtype, np.number)
    if not numbers or np.isinf(X).any() or (np.isnan(X).any() and not np.isnan(columns).any()):
        raise LabError(f"the sampler {name} returned rows that are no numbers, or not finite")
    if not (np.issubdtype(y.dtype, np.integer) and (y >= 0).all() and (y < classes).all()):
        raise LabError(f"the sampler {name} returned classes other than those given, the integers 0 to {classes - 1}")


def _seeded(sampler: Sampler, seed: int) -> Any:
    """Return a fresh copy whose every ``random_state`` is `seed`."""
    if not hasattr(sampler, "get_params"):
        fresh = copy.copy(sampler)
        if hasattr(fresh, "random_state"):
            fresh.random_state = seed
        return fresh
    from sklearn.base import clone

    fresh = clone(sampler)
    states = {key: seed for key in fresh.get_params() if key == "random_state" or key.endswith("__random_state")}
    return fresh.set_params(**states)


def _by_number(sampler: Any, class_names: Sequence[str]) -> Any:
    """Replace class names in every ``sampling_strategy`` by class indices."""
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
    """Set which columns are categories, or refuse a sampler for these kinds of columns."""
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
    """Whether a sampler returns rows it was given, and their numbers: imbalanced-learn's own tag."""
    if getattr(sampler, "shrinkage", None) is not None:  # RandomOverSampler then adds noise to the rows it chose
        return False
    tags = sampler.__sklearn_tags__() if hasattr(sampler, "__sklearn_tags__") else None
    return bool(getattr(getattr(tags, "sampler_tags", None), "sample_indices", False))


def _draws_blindly(sampler: Any) -> bool:
    """Whether a sampler draws rows without looking at them, so that row numbers serve in their place."""
    from imblearn.over_sampling import RandomOverSampler
    from imblearn.under_sampling import RandomUnderSampler

    known = type(sampler) in (RandomOverSampler, RandomUnderSampler) and getattr(sampler, "shrinkage", None) is None
    return known or getattr(sampler, "draws_blindly", False)


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

    smallest, others = int(_resampled(sampler, y).min()), len(y) - 1
    if isinstance(sampler, BaseOverSampler):  # a row is not its own neighbour
        return {"k_neighbors": smallest - 1, "n_neighbors": smallest - 1, "m_neighbors": others}
    if isinstance(sampler, NearMiss):
        return {"n_neighbors": smallest, "n_neighbors_ver3": smallest}
    if isinstance(sampler, InstanceHardnessThreshold):
        return {"cv": max(smallest, 2)}
    return {"n_neighbors": others}


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


def _warn_if_short(sampler: Any, y: np.ndarray, y_new: np.ndarray, class_names: Sequence[str]) -> None:
    """Warn of classes that have fewer rows than the sampler's settings ask for, and of those that have none."""
    from imblearn.over_sampling.base import BaseOverSampler
    from imblearn.under_sampling.base import BaseCleaningSampler, BaseUnderSampler

    before, after = (np.bincount(rows, minlength=len(class_names)) for rows in (y, y_new))
    wanted = np.zeros(len(class_names), dtype=int)
    if isinstance(sampler, BaseOverSampler | BaseUnderSampler):
        for k, n in sampler.sampling_strategy_.items():
            wanted[k] = n + (before[k] if isinstance(sampler, BaseOverSampler) else 0)
    short = [
        f"'{class_names[k]}' {after[k]} of {wanted[k]}{' (untouched)' if after[k] == before[k] else ''}"
        for k in np.flatnonzero((after < wanted) & (before > 0)).tolist()
    ]
    name, messages = type(sampler).__name__, []
    if getattr(sampler, "is_subset", False) and (cut := np.flatnonzero(after < before).tolist()):
        messages.append(
            f"trains on {after.sum():,} of {before.sum():,} rows and leaves out some of class "
            f"{_named(cut, class_names)}: the scores carry the prior of what is left, which decision=prior_correction "
            "and decision=logit_adjust know"
        )
    if isinstance(sampler, BaseCleaningSampler):
        same = [k for k in sampler.sampling_strategy_ if after[k] == before[k] > 0]
        messages += [f"removed nothing from class {_named(same, class_names)}"] if same else []
    if short:
        messages.append(f"returned fewer rows than asked for: {', '.join(short[:MAX_CLASSES_NAMED])}")
    if gone := np.flatnonzero((after == 0) & (before > 0)).tolist():
        messages.append(f"removed every row of class {_named(gone, class_names)}")
    if (after > 0).sum() < 2:
        refusal = Incompatible if _is_imblearns(sampler) else LabError
        raise refusal(f"{name} leaves one class only ({_sizes(y, class_names)} before); use another sampler")
    for message in messages:
        warnings.warn(f"{name} {message}", LabWarning, stacklevel=2)


def _named(classes: Sequence[int], class_names: Sequence[str]) -> str:
    return ", ".join(f"'{class_names[k]}'" for k in classes[:MAX_CLASSES_NAMED])


def _sizes(y: np.ndarray, class_names: Sequence[str]) -> str:
    counts = np.bincount(y, minlength=len(class_names))
    smallest = int(np.where(counts > 0, counts, counts.max()).argmin())
    rows = "row" if counts[smallest] == 1 else "rows"
    return f"class '{class_names[smallest]}' has {counts[smallest]} training {rows}"
