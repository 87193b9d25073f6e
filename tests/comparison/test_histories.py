from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from imbalance_lab.comparison import Settings, compare
from imbalance_lab.comparison.report.histories import kept_epochs, own_epochs, trained_alike
from tests.comparison.conftest import run, table


def epochs_of(run: str, **figures) -> pd.DataFrame:
    """Return a fold of a run's figures by epoch."""
    rows = [(run, key, epoch, value) for key, row in figures.items() for epoch, value in enumerate(row, start=1)]
    return pd.DataFrame(rows, columns=["run", "key", "epoch", "value"]).replace({"key": {"a": "recall/a"}})


def compared(cells, **settings):
    """Return a group of runs, one for each strategy and seed, with the settings of its training."""
    metrics = {"recall/a": 0.5, "support/a": 3.0}
    rows = [run(name, seed, value, metrics=metrics, settings=settings) for name, seed, value in cells]
    return compare(table(rows), Settings()).compared[0]


def kept(one, epochs) -> dict[tuple[str, int], int]:
    own = own_epochs(one, epochs)
    found = kept_epochs(own, one.group.runs)
    return {(run, fold): epoch for run, fold, epoch in found[["run", "fold", "epoch"]].itertuples(index=False)}


STOPPING = {"training.patience": "5", "training.epochs": "4"}


def test_early_stopping_keeps_the_first_best_balanced_accuracy_and_of_equal_ones_the_smallest_loss() -> None:
    one = compared([("none", 0, 0.5), ("none", 1, 0.6)], **STOPPING)
    first = epochs_of("run0", a=[0.1, 0.2, 0.3, 0.4], balanced_accuracy=[0.5, 0.7, 0.6, 0.7], loss=[3, 2, 1, 2])
    second = epochs_of("run1", a=[0.1, 0.2, 0.3, 0.4], balanced_accuracy=[0.5, 0.7, 0.6, 0.7], loss=[3, 2, 1, 1.5])
    assert kept(one, pd.concat([first, second])) == {("run0", 0): 2, ("run1", 0): 4}


def test_without_early_stopping_the_last_epoch_is_kept() -> None:
    one = compared([("none", 0, 0.5)], **{"training.patience": "None", "training.epochs": "4"})
    epochs = epochs_of("run0", a=[0.1, 0.2, 0.3], balanced_accuracy=[0.9, 0.7, 0.6], loss=[1, 2, 3])
    assert kept(one, epochs) == {("run0", 0): 3}
    assert kept(one, epochs[epochs.key == "recall/a"]) == {("run0", 0): 3}


def test_an_epoch_before_deferred_weights_count_is_not_kept() -> None:
    one = compared([("deferred", 0, 0.5)], **STOPPING, **{"class_weight.weight_start": "0.5"})
    assert one.group.runs.first_epoch.to_list() == [3]
    epochs = epochs_of("run0", a=[0.1] * 4, balanced_accuracy=[0.9, 0.8, 0.6, 0.7], loss=[1] * 4)
    assert kept(one, epochs) == {("run0", 0): 4}


def test_each_fold_keeps_an_epoch_of_its_own() -> None:
    one = compared([("none", 0, 0.5)], **STOPPING)
    folds = [
        epochs_of("run0", a=[0.1, 0.2], balanced_accuracy=[0.9, 0.7], loss=[1, 1]),
        epochs_of("run0", a=[0.1, 0.2, 0.3], balanced_accuracy=[0.5, 0.6, 0.7], loss=[1, 1, 1]),
    ]
    assert kept(one, pd.concat(folds)) == {("run0", 0): 1, ("run0", 1): 3}


@pytest.mark.parametrize(("change", "alike"), [(0.0, True), (1e-12, False)])
def test_strategies_that_only_decide_differently_have_one_history(change: float, alike: bool) -> None:
    one = compared([("none", 0, 0.6), ("none", 1, 0.6), ("tuned_threshold", 0, 0.5), ("tuned_threshold", 1, 0.5)])
    same = [epochs_of(f"run{k}", a=np.array([0.1, 0.2]) * (1 + k % 2)) for k in range(4)]
    same[3].loc[0, "value"] += change
    found = trained_alike(own_epochs(one, pd.concat(same)))
    assert found == ({"none": ["none", "tuned_threshold"]} if alike else {n: [n] for n in ("none", "tuned_threshold")})


def test_without_a_common_seed_nothing_is_alike() -> None:
    one = compared([("none", 0, 0.6), ("smote", 1, 0.5)])
    epochs = pd.concat([epochs_of("run0", a=[0.1, 0.2]), epochs_of("run1", a=[0.1, 0.2])])
    assert trained_alike(own_epochs(one, epochs)) == {"none": ["none"], "smote": ["smote"]}
    assert trained_alike(own_epochs(one, epochs.iloc[:0])) == {}
