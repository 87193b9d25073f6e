"""Rows that do not fit on the device: the same batches, so the same numbers to the last bit."""

from __future__ import annotations

from functools import partial

import keras
import numpy as np
import pandas as pd
import pytest

from imbalance_lab.data.rows import Rows, Seeds, TrainingSet
from imbalance_lab.models import feeding
from imbalance_lab.models.base import NetworkTraining
from imbalance_lab.models.keras_learner import FittedNetwork
from imbalance_lab.models.network import Network
from imbalance_lab.models.training import Training
from imbalance_lab.strategies.losses.base import Loss
from imbalance_lab.strategies.losses.cross_entropy import CrossEntropy
from imbalance_lab.strategies.losses.influence_balanced import InfluenceBalanced
from imbalance_lab.strategies.representation.base import PLAIN, Representation
from imbalance_lab.strategies.representation.mixing import Mixup
from imbalance_lab.strategies.representation.stages import RetrainedHead

ROWS, FEATURES = 30_000, 18  # 2 MB; a part of the epoch is 1,000 rows below


def rows(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = (rng.random(n) < 0.1).astype(np.int64)
    return rng.normal(size=(n, FEATURES)).astype(np.float32) + y[:, None], y[:, None]


def trained(
    device_memory: int, loss: Loss | None = None, representation: Representation = PLAIN, balanced: bool = False
) -> FittedNetwork:
    X, y = rows(ROWS, 0)
    counts = np.bincount(y[:, 0])[None].astype(float)
    train = TrainingSet(X, y, counts, np.array([[0.6, 3.0]]), weight_start=0.5)
    settings = Training(
        epochs=4, batch_size=96, optimizer=partial(keras.optimizers.Adam, 0.01), patience=2, device_memory=device_memory
    )
    training = NetworkTraining(loss or CrossEntropy(), settings, representation=representation)
    learner = Network([8], dropout=0.1)
    return learner.fit(train.evened() if balanced else train, Rows(*rows(9_000, 1)), Seeds.spawn(0, 0), training)


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeding, "PART_ROWS", 1000)


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"balanced": True},
        {"loss": InfluenceBalanced()},
        {"representation": Mixup()},
        {"representation": RetrainedHead(epochs=1)},
    ],
    ids=["plain", "balanced batches", "loss of features", "mixup", "second stage"],
)
def test_training_gives_the_same_numbers_through_both_paths(how: dict) -> None:
    whole, fed = trained(1024, **how), trained(1, **how)
    pd.testing.assert_frame_equal(whole.history, fed.history, check_exact=True)
    for one, other in zip(whole.net.get_weights(), fed.net.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_budget_decides_between_the_paths(monkeypatch: pytest.MonkeyPatch) -> None:
    fed = []
    original = feeding._in_parts
    monkeypatch.setattr(feeding, "_in_parts", lambda *given: fed.append(1) or original(*given))
    trained(1024)
    assert not fed
    trained(1)
    assert fed


def test_parts_are_whole_batches_in_the_order_of_the_epoch() -> None:
    spans = list(feeding._spans(2_500, np.empty((2_500, 4)), 96))
    assert spans == [(0, 960), (960, 960), (1920, 960)]
    order = np.random.default_rng(0).permutation(2_500)
    X, y = np.arange(2_500.0)[:, None], np.arange(2_500)[:, None]
    parts = [(part.numpy(), classes.numpy()) for part, classes in feeding._read_ahead(
        (order[start : start + size] for start, size in spans), X, y
    )]  # fmt: skip
    assert np.concatenate([part for part, _ in parts])[:, 0].tolist() == order.tolist()
    assert np.concatenate([classes for _, classes in parts])[:, 0].tolist() == order.tolist()
