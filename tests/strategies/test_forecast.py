from __future__ import annotations

import time

import numpy as np
import pytest
from imblearn.over_sampling import SMOTE
from sklearn.base import BaseEstimator

from imbalance_lab.errors import LabWarning
from imbalance_lab.strategies import forecast as module
from imbalance_lab.strategies import samplers
from imbalance_lab.strategies.forecast import forecast


class Quadratic(BaseEstimator):
    """Takes a second for 10000 rows, four for twice as many."""

    def fit_resample(self, X, y):
        time.sleep((len(y) / 10_000) ** 2)
        return X, y


def rows(n: int, rare: int = 200) -> tuple[np.ndarray, np.ndarray]:
    return np.zeros((n, 1)), np.r_[np.ones(rare, int), np.zeros(n - rare, int)]


def test_time_that_grows_with_the_square_of_the_rows_is_foreseen() -> None:
    assert forecast(Quadratic(), *rows(100_000)) == pytest.approx(100, rel=0.5)


def test_few_rows_and_samplers_that_cannot_be_timed_are_not_foreseen() -> None:
    assert forecast(Quadratic(), *rows(1000)) == 0
    assert forecast(object(), *rows(100_000)) == 0
    assert forecast(SMOTE(sampling_strategy={1: 150_000}, k_neighbors=300), *rows(200_000)) == 0  # too few for a part


def test_every_class_is_among_the_timed_rows() -> None:
    _, y = rows(100_000, rare=60)
    some = module._some(np.arange(len(y)), y, 1000)
    assert np.bincount(y[some]).tolist() == [999, 50]


def test_a_long_wait_is_announced_before_it_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    announced, events = [], []
    X, y = rows(1000)
    monkeypatch.setattr(samplers, "forecast", lambda *a: 600.0)
    monkeypatch.setattr(SMOTE, "fit_resample", lambda self, X, y: events.append(list(announced)) or (X, y))
    monkeypatch.setattr(samplers, "_warn_if_short", lambda *a: None)
    with pytest.warns(LabWarning, match="SMOTE will take about 10 minutes on 1000 rows"):
        samplers.resample(SMOTE(), X, y, ["a", "b"], 0, np.array([False]), lambda part: part, announced.append)
    assert len(events[0]) == 1
