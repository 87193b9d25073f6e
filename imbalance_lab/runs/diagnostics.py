"""Warnings about a finished run, each with what to try first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from imbalance_lab.data.dataset import Dataset
from imbalance_lab.data.rows import shares
from imbalance_lab.evaluation.predictions import Predictions
from imbalance_lab.models.base import Learner
from imbalance_lab.runs.record import FoldResult
from imbalance_lab.strategies.base import Loss

MAX_NAMES = 10
# Effective prior of the rarest class over that of the most frequent one; above it, two corrections have added up.
MAX_PRIOR_RATIO = 1.5
# Largest over smallest class, or weight; below it, there is nothing left to balance.
MAX_BALANCED_RATIO = 1.1


def never_predicted(test: Predictions, dataset: Dataset) -> list[str]:
    """Return the classes that have test rows and are not predicted once."""
    support, predicted = dataset.count(test.y).ravel(), dataset.count(test.predicted).ravel()
    return [dataset.class_names[k] for k in np.flatnonzero((support > 0) & (predicted == 0))]


def diagnose(
    options: Mapping[str, str],
    learner: Learner,
    loss: Loss | None,
    folds: Sequence[FoldResult],
    dataset: Dataset,
    missing: Sequence[str],
    history: pd.DataFrame | None,
) -> list[str]:
    """Return one line for each thing that is wrong.

    Parameters
    ----------
    options : mapping
        The option chosen in each group.
    learner : Learner
    loss : Loss or None
    folds : sequence of FoldResult
    dataset : Dataset
    missing : sequence of str
        Classes that are never predicted.
    history : DataFrame or None
        One row per fold and epoch.
    """
    never = [_describe_missing(missing, history, options, learner, folds)] if missing else []
    idle = _idle_corrections(options, loss, folds[0])
    return never + (idle or _double_correction(options, learner, folds[0], dataset))


def _describe_missing(
    missing: Sequence[str],
    history: pd.DataFrame | None,
    options: Mapping[str, str],
    learner: Learner,
    folds: Sequence[FoldResult],
) -> str:
    shown = [f"'{name}'{_since(name, history)}" for name in missing[:MAX_NAMES]]
    more = f" and {len(missing) - MAX_NAMES} more" if len(missing) > MAX_NAMES else ""
    removed = any(fold.classes.sampled_rows[name] == 0 for fold in folds for name in missing)
    advice = _first_thing_to_try(options, learner, len(folds[0].validation.rows) > 0, removed)
    return f"never predicted on test rows: class {', '.join(shown)}{more}; first try {advice}"


def _first_thing_to_try(options: Mapping[str, str], learner: Learner, validated: bool, removed: bool) -> str:
    if removed:
        return f"another sampler: {options['sampler']} has left no training rows of it"
    tunable = validated and options["decision"] == "argmax"
    if options["class_weight"] == "none" and options["sampler"] == "none" and options["decision"] == "argmax":
        weights = "strategy=inv_freq" if learner.takes_class_weight else "strategy=ros"
        return f"{weights} or decision=tuned_threshold" if tunable else weights
    if tunable:
        return "decision=tuned_threshold, then more rows of it"
    return "more epochs or a lower learning rate, then more rows of it" if learner.trains_by_loss else "more rows of it"


def _idle_corrections(options: Mapping[str, str], loss: Loss | None, fold: FoldResult) -> list[str]:
    """Return a line for a correction that finds nothing left to correct."""
    table, sampled = fold.classes, options["sampler"] != "none"
    balanced_rows = sampled and table.sampled_rows.max() < MAX_BALANCED_RATIO * max(table.sampled_rows.min(), 1)
    if options["class_weight"] != "none" and table.weight.max() < MAX_BALANCED_RATIO * table.weight.min():
        cause = (
            f"sampler={options['sampler']} has made the classes even already" if sampled else "its weights are equal"
        )
        return [f"class_weight={options['class_weight']} has no effect: {cause}"]
    if loss is not None and loss.counts_classes and balanced_rows:
        return [f"loss={options['loss']} has no effect: sampler={options['sampler']} has made the classes even already"]
    return []


def _since(name: str, history: pd.DataFrame | None) -> str:
    """Return from which epoch on no validation row was predicted as `name`, if that is so in all folds."""
    column = f"val/predicted_count/{name}"
    if history is None or column not in history:
        return ""
    last_predicted = [epochs.epoch[epochs[column] > 0].max() for _, epochs in history.groupby("fold")]
    ended = [epochs.epoch.max() for _, epochs in history.groupby("fold")]
    since = [1 if np.isnan(last) else int(last) + 1 for last in last_predicted]
    if any(start > end for start, end in zip(since, ended, strict=True)):
        return ""
    return f" (on validation rows from epoch {max(since)} on)"


def _double_correction(options: Mapping[str, str], learner: Learner, fold: FoldResult, dataset: Dataset) -> list[str]:
    corrections = [
        f"{slot}={options[slot]}"
        for slot, null in (("sampler", "none"), ("class_weight", "none"), ("loss", "cross_entropy"))
        if options[slot] != null
    ]
    table = fold.classes
    natural = table.train_rows.to_numpy().reshape(len(dataset.tasks), -1)
    # Scores that are no probabilities carry no prior: then the weighted class shares stand in for it.
    rows = 1.0 if learner.balances_inside else table.sampled_rows
    weighed = shares((rows * table.weight).to_numpy().reshape(natural.shape))
    effective = weighed if fold.effective_prior is None else fold.effective_prior
    if learner.balances_inside:
        corrections.append(f"model={options['model']}")
    for counts, prior, names in zip(natural, effective, dataset.tasks, strict=True):
        rare, frequent = int(counts.argmin()), int(counts.argmax())
        if len(corrections) > 1 and prior[rare] > MAX_PRIOR_RATIO * prior[frequent]:
            return [
                f"corrected twice, by {' and '.join(corrections)}: the model works as if '{names[rare]}' made up "
                f"{prior[rare]:.0%} and '{names[frequent]}' {prior[frequent]:.0%} of the rows; one of them is enough"
            ]
    return []
