"""Fitted scikit-learn objects in files, through skops: only known types are made, and no code of the file's is run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from json import JSONDecodeError
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from sklearn.base import BaseEstimator

from imbalance_lab.errors import ConfigError, DataError, reason_of
from imbalance_lab.options import locate
from imbalance_lab.strategies.rules import Rule

# What skops does not trust by itself and the models of `conf` are made of. Of those that are indexed without bounds
# checks in compiled code, `_check_bounds` looks at the indices.
TRUSTED = (
    "imbalance_lab.data.prepare.Prepared",
    "imbalance_lab.data.prepare.as_text",
    "imblearn.ensemble._bagging.BalancedBaggingClassifier",
    "imblearn.ensemble._easy_ensemble.EasyEnsembleClassifier",
    "imblearn.ensemble._forest.BalancedRandomForestClassifier",
    "imblearn.ensemble._weight_boosting.RUSBoostClassifier",
    "imblearn.pipeline.Pipeline",
    "imblearn.under_sampling._prototype_selection._random_under_sampler.RandomUnderSampler",
    "numpy.dtype",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.metrics._dist_metrics.EuclideanDistance64",
    "sklearn.neighbors._ball_tree.BallTree",
    "sklearn.neighbors._kd_tree.KDTree",
    "sklearn.tree._tree.Tree",
)
MOST_NAMED = 3


def write(made: Any, file: Path) -> None:
    """Write an object to a file.

    Raises
    ------
    DataError
        If skops cannot write it.
    """
    import skops.io

    try:
        skops.io.dump(made, file)
    except OSError:
        raise
    except Exception as error:  # of an object of somebody else's, anything
        raise DataError(f"the model cannot be saved: {reason_of(error)}") from error


def read(file: Path, trusted: Sequence[str] = ()) -> Any:
    """Return the object in a file.

    Parameters
    ----------
    file : Path
    trusted : sequence of str
        Dotted names of types that may be made besides those of `TRUSTED` and those that skops trusts.

    Raises
    ------
    DataError
        If it is not one of skops, or holds other types.
    """
    import skops.io

    try:
        unknown = set(skops.io.get_untrusted_types(file=file)) - {*TRUSTED, *trusted}
        ours = {name for name in unknown if _is_part(name)}
        if unknown - ours:
            raise DataError(_untrusted(file, sorted(unknown - ours)))
        made = skops.io.load(file, trusted=[*TRUSTED, *trusted, *ours])
    except DataError:
        raise
    except (BadZipFile, KeyError, JSONDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{file} is no model in skops' format, whatever its name says; save the model again") from error
    except Exception as error:
        raise DataError(f"{file} cannot be loaded: {reason_of(error)}") from error
    _check_bounds(made, file)
    return made


def _is_part(name: str) -> bool:
    """Whether a name is that of a rule or a classifier of this package: what models and decisions of it are made of.

    Not of anything else in it: a function of this package may do what a file says.

    >>> _is_part("imbalance_lab.strategies.rules.OffsetRule"), _is_part("imbalance_lab.options.instantiate")
    (True, False)
    """
    if not name.startswith("imbalance_lab."):
        return False
    try:
        found = locate(name)
    except ConfigError:
        return False
    return isinstance(found, type) and issubclass(found, Rule | BaseEstimator)


def _untrusted(file: Path, unknown: Sequence[str]) -> str:
    shown = ", ".join(unknown[:MOST_NAMED])
    more = f" and {len(unknown) - MOST_NAMED} more" if len(unknown) > MOST_NAMED else ""
    given = ",".join(unknown)
    return (
        f"{file} holds types that are not loaded unasked: {shown}{more}; if you trust who made it, "
        f"trusted=[{given}] loads them"
    )


def _check_bounds(made: Any, file: Path) -> None:
    """Refuse trees whose numbers of nodes, rows or features lead out of them: reading there could end the process."""
    for part in _parts(made):
        if not _within_bounds(part):
            raise DataError(f"{file} is damaged: a {type(part).__name__} in it points outside itself; save it again")


def _parts(made: Any) -> Iterator[Any]:
    """Yield the objects inside an object, itself included."""
    waiting, seen = [made], set()
    while waiting:
        one = waiting.pop()
        if id(one) in seen or isinstance(one, str | bytes | int | float | type(None)):
            continue
        seen.add(id(one))
        yield one
        if isinstance(one, dict):
            waiting += one.values()
        elif isinstance(one, list | tuple | set):
            waiting += one
        elif isinstance(one, np.ndarray):
            waiting += one.ravel().tolist() if one.dtype == object else []
        else:
            waiting += getattr(one, "__dict__", {}).values()


def _within_bounds(part: Any) -> bool:
    name = f"{type(part).__module__}.{type(part).__name__}"
    if name == "sklearn.tree._tree.Tree":
        inner = np.flatnonzero((part.children_left >= 0) | (part.children_right >= 0))
        return (
            _lead_on(inner, part.children_left[inner], part.node_count)
            and _lead_on(inner, part.children_right[inner], part.node_count)
            and _are(part.feature[inner], 0, part.n_features)
        )
    if name.endswith("_hist_gradient_boosting.predictor.TreePredictor"):
        inner = np.flatnonzero(part.nodes["is_leaf"] == 0)
        nodes = part.nodes[inner]
        categorical = nodes["bitset_idx"][nodes["is_categorical"] == 1]
        return (
            _lead_on(inner, nodes["left"], len(part.nodes))
            and _lead_on(inner, nodes["right"], len(part.nodes))
            and _are(categorical, 0, len(part.raw_left_cat_bitsets))
        )
    if name in ("sklearn.neighbors._kd_tree.KDTree", "sklearn.neighbors._ball_tree.BallTree"):
        data, rows, nodes, _ = part.get_arrays()
        starts, ends = nodes["idx_start"], nodes["idx_end"]
        return _are(rows, 0, len(data)) and _are(starts, 0, len(rows)) and _are(ends, 0, len(rows) + 1)
    return _fits_its_trees(part)


def _fits_its_trees(part: Any) -> bool:
    """Whether the trees of a classifier look at no other features than it was fitted to."""
    features = getattr(part, "n_features_in_", None)
    if features is None:
        return True
    used = [predictor.nodes["feature_idx"] for stage in getattr(part, "_predictors", ()) for predictor in stage]
    return all(_are(each, 0, features) for each in used) and (
        not hasattr(part, "tree_") or part.tree_.n_features == features
    )


def _lead_on(at: np.ndarray, to: np.ndarray, end: int) -> bool:
    """Whether every node leads to a later one: no way out, and no way round in a circle."""
    return bool((to > at).all()) and _are(to, 0, end)


def _are(numbers: Any, low: int, end: int) -> bool:
    values = np.asarray(numbers)
    return not values.size or bool(values.min() >= low and values.max() < end)
