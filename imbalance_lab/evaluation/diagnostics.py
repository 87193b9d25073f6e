"""What a person should know about a run, and what to try first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from imbalance_lab.types import Dataset, FoldResult, Predictions

MOST_NAMES = 10
TWICE = 1.5  # how much more the rarest class may count than the most frequent before it is called too much


def never_predicted(test: Predictions, dataset: Dataset) -> list[str]:
    """Return the classes that have test rows and are not predicted once."""
    truth, called = dataset.count(test.y).ravel(), dataset.count(test.predicted).ravel()
    return [dataset.class_names[k] for k in np.flatnonzero((truth > 0) & (called == 0))]


def diagnose(
    options: Mapping[str, str],
    folds: Sequence[FoldResult],
    dataset: Dataset,
    missing: Sequence[str],
    history: pd.DataFrame | None,
    balances_inside: bool,
) -> list[str]:
    """Return one line for each thing that is wrong.

    Parameters
    ----------
    options : mapping
        The option chosen in each group.
    folds : sequence of FoldResult
    dataset : Dataset
    missing : sequence of str
        Classes that are never predicted.
    history : DataFrame or None
        One row per fold and epoch.
    balances_inside : bool
        Whether the model evens out the classes by itself.
    """
    said = [_about_missing(missing, history, options)] if missing else []
    return said + _about_double_correction(options, folds[0], dataset, balances_inside)


def _about_missing(missing: Sequence[str], history: pd.DataFrame | None, options: Mapping[str, str]) -> str:
    shown = [f"'{name}'{_since(name, history)}" for name in missing[:MOST_NAMES]]
    more = f" and {len(missing) - MOST_NAMES} more" if len(missing) > MOST_NAMES else ""
    return f"never predicted on test rows: class {', '.join(shown)}{more}; {_first_thing_to_try(options)}"


def _since(name: str, history: pd.DataFrame | None) -> str:
    """Say from which epoch on validation rows were not called `name` any more, if in all folds it is so."""
    column = f"val/called/{name}"
    if history is None or column not in history:
        return ""
    last_called = [epochs.epoch[epochs[column] > 0].max() for _, epochs in history.groupby("fold")]
    ended = [epochs.epoch.max() for _, epochs in history.groupby("fold")]
    since = [1 if np.isnan(last) else int(last) + 1 for last in last_called]
    if any(start > end for start, end in zip(since, ended, strict=True)):
        return ""
    return f" (on validation rows from epoch {max(since)} on)"


def _first_thing_to_try(options: Mapping[str, str]) -> str:
    if options["class_weight"] == "none" and options["sampler"] == "none" and options["decision"] == "argmax":
        return "first try strategy=inv_freq or decision=tuned_threshold"
    if options["decision"] == "argmax":
        return "first try decision=tuned_threshold, then more rows of it"
    return "first try more epochs or a lower learning rate, then more rows of it"


def _about_double_correction(
    options: Mapping[str, str], fold: FoldResult, dataset: Dataset, balances_inside: bool
) -> list[str]:
    corrections = [
        f"{slot}={options[slot]}"
        for slot, null in (("sampler", "none"), ("class_weight", "none"), ("loss", "cross_entropy"))
        if options[slot] != null
    ]
    table = fold.classes
    if len(corrections) > 1 and options["class_weight"] != "none" and np.allclose(table.weight, table.weight.iloc[0]):
        text = (
            f"class_weight={options['class_weight']} has no effect: {corrections[0]} has made the classes even already"
        )
        return [text]
    if fold.carried_prior is None:
        return []
    if balances_inside:
        corrections.append(f"model={options['model']}")
    natural = table.train_rows.to_numpy().reshape(fold.carried_prior.shape)
    for counts, prior, names in zip(natural, fold.carried_prior, dataset.tasks, strict=True):
        rare, frequent = int(counts.argmin()), int(counts.argmax())
        if len(corrections) > 1 and prior[rare] > TWICE * prior[frequent]:
            return [
                f"corrected twice, by {' and '.join(corrections)}: the scores are those of data of which "
                f"'{names[rare]}' makes up {prior[rare]:.0%} and '{names[frequent]}' {prior[frequent]:.0%}; "
                "one of them is enough"
            ]
    return []
