"""Early stopping by any metric."""

from __future__ import annotations

import numpy as np
import pytest

from imbalance_lab.errors import ConfigError
from imbalance_lab.evaluation.metrics import METRICS, Metric, named, watchable
from imbalance_lab.evaluation.scores import Scores
from imbalance_lab.models.training import Training

LONG = ("model=linear", "training.epochs=8", "dataset.separation=1.5", "training.optimizer.learning_rate=0.05")


def errors() -> Metric:
    return Metric("errors", lambda scores: (scores.y != scores.predicted).sum(), larger_is_better=False)


@pytest.mark.parametrize("name", ["macro_f1", "log_loss", "roc_auc", "precision_at_recall_0.8", "errors"])
def test_the_kept_epoch_is_the_best_by_the_metric(tiny, run, name: str) -> None:
    own = "evaluation.metrics=[{_target_: tests.models.test_watched.errors}]"
    record = run(tiny(*LONG, own, f"training.metric={name}"))
    metric = errors() if name == "errors" else METRICS.get(name) or named(name)
    history = record.history
    values = metric.sign * history[f"val/{name}"]
    assert values[history.kept == 1].item() == values.max()
    validation = record.folds[0].validation
    scores = Scores(validation.y[:, 0], validation.log_proba[:, 0].argmax(1), validation.log_proba[:, 0])
    assert metric.sign * metric(scores) == pytest.approx(values.max(), abs=1e-6)


def test_by_default_it_is_the_headline_metric_and_nothing_else_is_kept(tiny, run) -> None:
    plain, named_ = run(tiny(*LONG)), run(tiny(*LONG, "training.metric=balanced_accuracy"))
    np.testing.assert_array_equal(plain.test.log_proba, named_.test.log_proba)
    assert list(plain.history) == list(named_.history)


def test_several_labels_go_by_their_mean(tiny, run) -> None:
    record = run(tiny("dataset=two_labels", "model=linear", "training.epochs=3", "training.metric=roc_auc"))
    validation = record.folds[0].validation
    each = [
        METRICS["roc_auc"](Scores(validation.y[:, t], validation.predicted[:, t], validation.log_proba[:, t]))
        for t in (0, 1)
    ]
    assert record.history["val/roc_auc"].max() == pytest.approx(np.mean(each), abs=1e-6)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("auprc", "there is no metric auprc"),
        ("calibration_slope", "training.metric=calibration_slope has no value .* of which the larger or smaller"),
        ("exact_match", "training.metric=exact_match has no value for the predictions of one task"),
        ("recall", "training.metric=recall has no value"),
        ("recall_at_precision_2", "write a number between 0 and 1"),
    ],
)
def test_what_cannot_be_watched_is_one_line(name: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason) as refusal:
        Training(1, 1, list, metric=name).with_metrics([])
    assert "\n" not in str(refusal.value)
    assert watchable("macro_f1") is METRICS["macro_f1"]
