from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest

import imbalance_lab as lab
from imbalance_lab import process
from imbalance_lab.runs.tuning import objective

EPOCHS = 6
MODEL = lab.option("model", "mlp", hidden=[4], _search_={"hidden": None, "dropout": None})
RATES = {"optimizer": {"learning_rate": {"low": 1e-6, "high": 1e-2, "log": True}}}


def run(trials: int, pruner: str = "none", **given: Any) -> lab.RunRecord:
    training = lab.option("training", "default", epochs=EPOCHS, _search_=RATES, **given.pop("training", {}))
    return lab.run(
        "four_classes", "none", MODEL, training=training, seed=2, evaluation={"resamples": 10},
        tuning={"trials": trials, "pruner": pruner}, **given,
    )  # fmt: skip


@pytest.fixture(autouse=True)
def _own_session() -> Iterator[None]:
    """Keep graphs of other tests apart."""
    kept, process._sessions.caches = process._sessions.caches, {}
    yield
    process._sessions.caches = kept


def test_trials_share_a_graph_and_give_the_numbers_of_one_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    from imbalance_lab.models import keras_learner

    made: list[Any] = []
    model = keras_learner.EpochModel
    monkeypatch.setattr(keras_learner, "EpochModel", lambda *given: made.append(1) or model(*given))
    tuned = run(4)
    assert len(made) == 1  # learning rates are variables
    rate = tuned.tuning["best"]["training.optimizer.learning_rate"]
    own = {"optimizer": {"learning_rate": rate}, "callbacks": [partial(keras.callbacks.Callback)]}  # no shared graph
    training = lab.option("training", "default", epochs=EPOCHS, **own)
    alone = lab.run("four_classes", "none", MODEL, training=training, seed=2, evaluation={"resamples": 10})
    assert len(made) == 2
    np.testing.assert_array_equal(alone.test.log_proba, tuned.test.log_proba)


def test_hopeless_trials_end_early_and_a_killed_run_prunes_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tuned = run(10, "median")
    trials = tuned.folds[0].tuning.trials
    assert tuned.tuning["pruned"] > 0 and tuned.tuning["finished"] + tuned.tuning["pruned"] == 10
    for trial in trials:
        assert (trial.value is None) == (trial.state == "pruned")
        assert [epoch for epoch, _ in trial.reports] == list(range(1, len(trial.reports) + 1))
        assert len(trial.reports) == EPOCHS or trial.state == "pruned"
    # Optuna's rule, by hand: a trial is pruned where the best figure it has had is below the median of the others' at
    # that epoch, of five finished trials at least.
    for trial in trials:
        before = [one for one in trials[: trial.number] if one.state == "finished"]
        for epoch, _ in trial.reports if len(before) >= 5 else []:
            best = max(figure for at, figure in trial.reports if at <= epoch)
            others = [dict(one.reports)[epoch] for one in trials[: trial.number] if len(one.reports) >= epoch]
            is_last = trial.state == "pruned" and epoch == len(trial.reports)
            assert (best < np.median(others)) == is_last
    ended: list[int] = []
    evaluate = objective.Objective.__call__

    def killed(self: Any, *given: Any) -> float:
        ended.append(1)
        if len(ended) == 9:
            raise KeyboardInterrupt
        return evaluate(self, *given)

    monkeypatch.setattr(objective.Objective, "__call__", killed)
    with pytest.raises(KeyboardInterrupt):
        run(10, "median", folder=tmp_path)
    monkeypatch.setattr(objective.Objective, "__call__", evaluate)
    resumed = run(10, "median", folder=tmp_path)
    one, other = (record.trials.drop(columns="seconds") for record in (tuned, resumed))
    pd.testing.assert_frame_equal(one, other, check_exact=True)
    assert [one.reports for one in resumed.folds[0].tuning.trials] == [one.reports for one in trials]
