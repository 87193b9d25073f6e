"""What a setting is to a comparison, by its group and key: a seed, part of a strategy, or without any effect."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from imbalance_lab.evaluation.metrics import HEADLINE
from imbalance_lab.options import SLOTS
from imbalance_lab.runs.identity import PLACES
from imbalance_lab.runs.reading import NO_GROUP, Key

SEED, SPLIT_SEED = (NO_GROUP, "seed"), ("split", "seed")
TARGET, OPTION = ("dataset", "_target_"), ("options", "dataset")
MODEL, SPLIT = ("options", "model"), ("options", "split")
PATHS: tuple[Key, ...] = (("dataset", "path"), ("dataset", "name"), ("dataset", "title"))  # where data lie, their label

SEEDS = ("seed", "random_state")
# What keeps a model, or repeats what the name of a strategy, model or dataset holds.
NO_GROUPS = ("options",)
NO_SETTINGS = frozenset(
    [
        (NO_GROUP, "save_model"),
        *((group, "_target_") for group in ("dataset", "training", "evaluation")),
        *((group, key) for group, keys in PLACES.items() for key in keys),
    ]
)
# Of the settings of the evaluation those that change a metric: one, and those that hold values by class.
BINS, BY_CLASS = "calibration_bins", ("costs.", "test_prior.")
WATCHED: Key = ("training", "metric")
STRESS: Key = ("stress", "_target_")
REPRESENTATION: Key = ("options", "representation")
STRESS_LEVELS = ("ratio", "rate", "cells", "deviations", "swaps", "rows")  # settings of it that say how strong it is
# What a run had before there was a setting.
BEFORE = MappingProxyType(
    {
        WATCHED: HEADLINE,
        STRESS: "imbalance_lab.data.stress.NoStress",
        REPRESENTATION: "none",
        ("representation", "_target_"): "imbalance_lab.strategies.representation.base.Representation",
    }
)
# What is asked for by its key, whether runs differ in it or not.
USED_BY_NAME: tuple[Key, ...] = (*(OPTION, TARGET, *PATHS, MODEL, SPLIT, *(("options", slot) for slot in SLOTS)),)


def is_seed(key: Any) -> bool:
    """Whether a setting is a seed, of whatever it belongs to.

    >>> is_seed(("run", "seed")), is_seed(("model", "estimator.random_state")), is_seed(("model", "seeds"))
    (True, True, False)
    """
    return key[1].rpartition(".")[2] in SEEDS


def is_detail(key: Any) -> bool:
    """Whether a setting says how a stress is applied, and not how strong it is.

    >>> is_detail(("stress", "keep")), is_detail(("stress", "rate.A")), is_detail(("training", "epochs"))
    (True, False, False)
    """
    return key[0] == STRESS[0] and key[1].partition(".")[0] not in STRESS_LEVELS


def in_slot(key: Any) -> bool:
    """Whether a setting is one of a strategy's or of the model's, whose names hold it."""
    return key[0] in SLOTS or key[0] == "model"


def changes_results(key: Any) -> bool:
    """Whether runs that differ in a setting may have other results for it.

    >>> changes_results(("evaluation", "calibration_bins")), changes_results(("evaluation", "resamples"))
    (True, False)
    >>> changes_results(("evaluation", "test_prior.rare")), changes_results(("evaluation", "test_prior"))
    (True, False)
    """
    return key not in PATHS and (key[0] != "evaluation" or key[1] == BINS or key[1].startswith(BY_CLASS))


def varying(settings: pd.DataFrame) -> list[Key]:
    """Return the settings in which runs differ, without those that repeat others."""
    differ = differing(settings.to_numpy(dtype=object))
    return [key for key, differs in zip(keys_of(settings), differ, strict=True) if differs and counts(key)]


def keys_of(settings: pd.DataFrame) -> list[Any]:
    """Return the keys of settings, in the order of their columns."""
    return settings.columns.to_list()


def differing(values: np.ndarray) -> np.ndarray:
    """Return for each column whether its rows differ; what is missing is one value.

    >>> differing(np.array([["a", "b", None], ["a", "c", np.nan]], dtype=object)).tolist()
    [False, True, False]
    """
    values = np.where(pd.isna(values), "", values)
    return np.asarray((values != values[:1]).any(axis=0))


def counts(key: Any) -> bool:
    """Whether a setting is none that repeats others or only keeps a model."""
    return key[0] not in NO_GROUPS and key not in NO_SETTINGS
