from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from imbalance_lab.comparison import Settings, compare
from imbalance_lab.comparison.report.histories import kept_epochs, own_epochs, trained_alike
from imbalance_lab.runs.history import stacked
from tests.comparison.conftest import run, table


def epochs_of(run: str, **figures) -> pd.DataFrame:
    """Return a fold of a run's figures by epoch."""
    rows = [(run, key, epoch, value) for key, row in figures.items() for epoch, value in enumerate(row, start=1)]
    return pd.DataFrame(rows, columns=["run", "key", "epoch", "value"]).replace({"key": {"a": "recall/a"}})


def compared(cells):
    """Return a group of runs, one for each strategy and seed."""
    metrics = {"recall/a": 0.5, "support/a": 3.0}
    rows = [run(name, seed, value, metrics=metrics) for name, seed, value in cells]
    return compare(table(rows), Settings()).compared[0]


def test_the_kept_epochs_are_those_that_the_learner_marked() -> None:
    one = compared([("none", 0, 0.5), ("smote", 0, 0.6)])
    figures = {"fold": [0, 0, 1, 1], "epoch": [1, 2, 1, 2], "val/recall/a": [0.1, 0.2, 0.3, 0.4]}
    histories = {"run0": pd.DataFrame(figures | {"kept": [0, 1, 1, 0]}), "run1": pd.DataFrame(figures)}
    found = kept_epochs(own_epochs(one, stacked(histories)))
    assert list(found.itertuples(index=False, name=None)) == [("none", "run0", 2), ("none", "run0", 1)]


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
