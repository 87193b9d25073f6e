"""Objects that are no class of this package, named by ``_target_``."""

from __future__ import annotations

import numpy as np
import pytest

from imbalance_lab.errors import ConfigError, DataError, Incompatible

FUNCTION = ("loss._target_=tests.strategies.losses.test_own.brier", "+loss._partial_=true")
OF_KERAS = ("loss._target_=keras.losses.CategoricalFocalCrossentropy", "+loss.from_logits=true")


@pytest.mark.parametrize("loss", [FUNCTION, OF_KERAS], ids=["function", "keras"])
def test_a_loss_of_ones_own_is_trained_by(loss, tiny, run) -> None:
    record, plain = run(tiny(*loss, "training.epochs=3")), run(tiny("training.epochs=3"))
    assert not np.array_equal(record.test.log_proba, plain.test.log_proba)
    assert record.classes.effective_prior.isna().all()


def test_a_decision_that_needs_a_prior_refuses_a_loss_of_ones_own(tiny, run) -> None:
    with pytest.raises(Incompatible, match="decision=prior_correction works on probabilities"):
        run(tiny(*FUNCTION, "decision=prior_correction"))


def test_a_loss_that_returns_something_else_stops_the_run_in_one_line(tiny, run) -> None:
    mean = ("loss._target_=tensorflow.reduce_mean", "+loss._partial_=true")
    with pytest.raises(ConfigError, match="loss reduce_mean") as error:
        run(tiny(*mean))
    assert "\n" not in str(error.value)


def test_a_model_of_ones_own_that_gives_no_probabilities_stops_the_run(tiny, run) -> None:
    with pytest.raises(DataError, match="model Sevens: its predict_proba gives 7"):
        run(tiny("model=custom", "model.estimator._target_=tests.models.test_own.Sevens"))
