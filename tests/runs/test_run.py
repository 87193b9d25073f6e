"""One run from end to end: what is fitted on what, what is kept, and that it repeats to the last bit."""

from __future__ import annotations

import json
import re

import numpy as np
import pandas as pd
import pytest
import yaml

from imbalance_lab import process
from imbalance_lab.data.rows import Priors, Seeds
from imbalance_lab.evaluation.evaluate import evaluate_task
from imbalance_lab.runs.files import read_predictions


def untimed(metrics: dict[str, float]) -> dict[str, float]:
    return {key: value for key, value in metrics.items() if not key.startswith("timing/")}


@pytest.mark.parametrize("model", ["mlp", "logreg", "random_forest"])
@pytest.mark.parametrize("strategy", ["none", "smote"])
def test_the_same_command_twice_gives_the_same_bits(model: str, strategy: str, tiny, run) -> None:
    typed = [f"model={model}", f"strategy={strategy}", "training.epochs=5"]
    first, again = run(tiny(*typed)), run(tiny(*typed))
    assert untimed(first.metrics) == untimed(again.metrics)
    np.testing.assert_array_equal(first.test.log_proba, again.test.log_proba)
    assert first.intervals.equals(again.intervals)
    other = run(tiny(*typed, "seed=1"))
    assert untimed(other.metrics) != untimed(first.metrics)


def test_every_strategy_of_a_seed_sees_the_same_rows(tiny, run) -> None:
    tested = [run(tiny("model=logreg", f"strategy={s}")).test.rows for s in ("none", "smote", "inv_freq", "rus")]
    for rows in tested[1:]:
        np.testing.assert_array_equal(rows, tested[0])


@pytest.mark.parametrize("typed", [["model=mlp"], ["model=logreg", "strategy=smote"], ["model=svm"]])
def test_test_rows_change_nothing_that_is_fitted(typed: list[str], tiny, run, monkeypatch) -> None:
    """Spoil the test rows' features: training, the scores of validation rows and every setting stay as they were."""
    from imbalance_lab.data.sources.synthetic import GaussianClusters

    whole = run(tiny(*typed))
    load = GaussianClusters.load

    def spoilt(self):
        data = load(self)
        data.X.iloc[whole.test.rows] = 1e6
        return data

    monkeypatch.setattr(GaussianClusters, "load", spoilt)
    monkeypatch.setattr(process._sessions, "caches", None)  # the data of the run before may be kept
    again = run(tiny(*typed))
    np.testing.assert_array_equal(again.folds[0].validation.log_proba, whole.folds[0].validation.log_proba)
    assert not np.array_equal(again.test.log_proba, whole.test.log_proba)


def test_a_decision_is_fitted_on_validation_rows_alone(tiny, run, monkeypatch) -> None:
    from imbalance_lab.strategies.decisions import TunedThreshold

    seen, fit = [], TunedThreshold.fit
    monkeypatch.setattr(
        TunedThreshold, "fit", lambda self, scores, y, priors: seen.append((scores, y)) or fit(self, scores, y, priors)
    )
    record = run(tiny("model=logreg", "strategy=tuned_threshold", "dataset.priors={no: 0.9, yes: 0.1}"))
    ((scores, y),) = seen
    np.testing.assert_array_equal(scores, record.folds[0].validation.log_proba[:, 0])
    np.testing.assert_array_equal(y, record.dataset.y[record.folds[0].validation.rows])


def test_the_class_table_by_hand(tiny, run) -> None:
    # 240 rows .6/.3/.1: 144, 72, 24; a fifth validates and a fifth tests.
    table = run(tiny("model=logreg", "strategy=inv_freq")).classes
    assert table.train_rows.tolist() == [86, 44, 14]
    assert table.support.tolist() == [29, 14, 5]
    np.testing.assert_allclose(table.weight, 144 / (3 * np.array([86, 44, 14])))
    np.testing.assert_allclose(table.effective_prior, 1 / 3)
    over = run(tiny("model=logreg", "strategy=ros")).classes
    assert over.sampled_rows.tolist() == [86, 86, 86]
    assert over.weight.tolist() == [1, 1, 1]


def test_weights_come_from_the_rows_after_sampling(tiny, run) -> None:
    record = run(tiny("model=logreg", "strategy=ros", "class_weight=inv_freq"))
    np.testing.assert_allclose(record.classes.weight, 1)
    assert record.warnings == ["class_weight=inv_freq has no effect: sampler=ros has made the classes even already"]


def test_cross_validation_puts_the_folds_together(tiny, run) -> None:
    record = run(tiny("model=logreg", "split=cv", "split.folds=4", "split.repeats=2"))
    assert len(record.folds) == 8
    np.testing.assert_array_equal(np.bincount(record.test.rows), 2)
    values = [fold.metrics["balanced_accuracy"] for fold in record.folds]
    assert record.metrics["balanced_accuracy"] == pytest.approx(np.mean(values))
    assert record.deviations["balanced_accuracy"] == pytest.approx(np.std(values, ddof=1))
    assert record.classes.support.sum() == 480
    # The interval is that of 240 rows, each tested twice, not of 480.
    once = run(tiny("model=logreg", "split=cv", "split.folds=4")).intervals
    twice = record.intervals
    width = (twice.high - twice.low)["recall/a"] / (once.high - once.low)["recall/a"]
    assert 0.8 < width < 1.25


def test_folds_and_purposes_have_streams_of_their_own(tiny, run) -> None:
    streams = [stream for seed in (0, 1) for fold in (0, 1) for stream in Seeds.spawn(seed, fold)]
    assert len(set(streams)) == len(streams)
    assert run(tiny("model=linear", "split=cv", "split.folds=2")).history.fold.tolist() == [0, 0, 1, 1]


def test_a_decision_is_given_the_prior_the_scores_carry(tiny, run, monkeypatch) -> None:
    """Over-sampled evenly, the scores carry equal priors, whatever the data's; plainly trained, the data's."""
    from imbalance_lab.strategies.decisions import LogitAdjust

    seen, fit = [], LogitAdjust.fit
    monkeypatch.setattr(
        LogitAdjust, "fit", lambda self, scores, y, priors: seen.append(priors) or fit(self, scores, y, priors)
    )
    for sampler in ("none", "ros"):
        run(tiny("model=logreg", f"sampler={sampler}", "decision=logit_adjust"))
    run(tiny("model=linear", "loss=la_loss", "decision=logit_adjust"))
    natural = np.array([86, 44, 14]) / 144
    for priors, expected in zip(seen, (natural, np.ones(3) / 3, np.ones(3) / 3), strict=True):
        np.testing.assert_allclose(priors.effective, expected)
        np.testing.assert_allclose(priors.natural, natural)


def test_everything_is_on_disk_and_metrics_can_be_recomputed(tiny, run, tmp_path) -> None:
    config = tiny("model=mlp", "strategy=sqrt_inv", "evaluation.figures=true", "save_model=true")
    record = run(config)
    folder = tmp_path / "run"
    assert {str(f.relative_to(folder)) for f in folder.rglob("*") if f.is_file()} == {
        "record.json", "config.yaml", "classes.csv", "epochs.csv", "predictions.npz", "models/0/model.keras",
        *(f"models/0/{name}" for name in ("manifest.json", "parts.skops", "card.md")),
        *(f"figures/{name}.png" for name in
          ("confusion_matrix", "recall_per_class", "precision_recall", "reliability", "epochs")),
    }  # fmt: skip
    said = json.loads((folder / "record.json").read_text())
    assert said["metrics"] == record.metrics
    assert said["outcome"] == "finished"
    assert yaml.safe_load((folder / "config.yaml").read_text())["training"]["epochs"] == 2
    (test,) = read_predictions(folder).tasks()
    prior = Priors(record.folds[0].effective_prior[0], record.classes.train_rows.to_numpy() / 144)
    again = evaluate_task(test, record.dataset.class_names, prior, 15)
    assert again == pytest.approx({key: record.metrics[key] for key in again}, abs=1e-12)
    assert pd.read_csv(folder / "epochs.csv").epoch.tolist() == [1, 2]
    assert list(pd.read_csv(folder / "classes.csv")["class"]) == ["a", "b", "c"]


@pytest.mark.parametrize("priors", ["{no: 0.8, yes: 0.2}", "{a: 0.5, b: 0.3, c: 0.2}"])
@pytest.mark.parametrize("decision", ["tuned_threshold", "logit_adjust", "min_cost"])
def test_offsets_and_thresholds_are_in_the_record(priors: str, decision: str, tiny, run, tmp_path) -> None:
    record = run(tiny("model=logreg", f"decision={decision}", f"dataset.priors={priors}"))
    written = json.loads((tmp_path / "run" / "record.json").read_text())
    (described,) = written["folds"][0]["decision"]
    table = pd.read_csv(tmp_path / "run" / "classes.csv", index_col="class")
    offsets = pd.Series(described["offsets"])
    pd.testing.assert_series_equal(
        table.offset, offsets - offsets.iloc[0], check_names=False
    )  # the first has most rows
    assert [row["offset"] for row in written["classes"].values()] == pytest.approx(table.offset.tolist())
    if decision == "logit_adjust":
        share = table.train_rows / table.train_rows.sum()
        np.testing.assert_allclose(offsets, -np.log(share))
    scores = record.test.log_proba[:, 0]
    np.testing.assert_array_equal((scores + table.offset.to_numpy()).argmax(axis=1), record.test.predicted[:, 0])
    if len(table) == 2:
        above = np.exp(scores[:, 1]) > described["threshold"]
        np.testing.assert_array_equal(above, record.test.predicted[:, 0] == 1)
        assert record.thresholds == pytest.approx({"yes": described["threshold"]})


def test_offsets_of_folds_are_their_means(tiny, run) -> None:
    record = run(tiny("model=logreg", "decision=tuned_threshold", "split=cv", "split.folds=3"))
    each = [fold.fitted.rules[0].offsets for fold in record.folds]
    expected = np.mean([offsets - offsets[0] for offsets in each], axis=0)
    np.testing.assert_allclose(record.classes.offset, expected)
    assert record.thresholds == {}


def test_few_rows_to_tune_on_are_warned_of(tiny, run) -> None:
    """Of 24 rows of the rarest class a fifth validates."""
    record = run(tiny("model=logreg", "decision=tuned_threshold"))
    (warning,) = [text for text in record.warnings if "tuned" in text]
    assert "of 'c' (5): below 10" in warning
    assert "decision.cv=5" in warning
    assert not [text for text in run(tiny("model=logreg", "decision=logit_adjust")).warnings if "tuned" in text]


@pytest.mark.parametrize("typed", [["training.patience=null"], ["training.epochs=30", "training.patience=2"]])
def test_the_kept_epoch_is_the_one_whose_weights_predict(typed: list[str], tiny, run) -> None:
    record = run(tiny("model=linear", *typed))
    (validation,) = record.folds[0].validation.tasks()
    losses = -validation.log_proba[np.arange(len(validation.y)), validation.y]
    kept = record.history[record.history.kept == 1]
    assert len(kept) == 1
    assert kept["val/loss"].iloc[0] == pytest.approx(losses.mean(), rel=1e-5)
    assert (abs(record.history["val/loss"] / losses.mean() - 1) < 1e-5).sum() == 1  # no other epoch has this loss
    if typed[0] == "training.patience=null":
        assert kept.epoch.iloc[0] == len(record.history)


def test_library_warnings_are_kept_in_the_record(tiny, run) -> None:
    record = run(tiny("model=logreg", "model.estimator.max_iter=1"))
    assert [text.split(":")[0] for text in record.warnings].count("ConvergenceWarning") == 1


def test_per_epoch_figures_carry_class_names(tiny, run, silent) -> None:
    record = run(tiny("model=linear"))
    assert "val/recall/c" in record.history
    assert [epoch for _, epoch, _ in silent.epochs] == [1, 2]


def test_rare_class_recall_rises_with_inverse_weights(tiny, run) -> None:
    rare = ["dataset.rows=1500", "dataset.priors={no: 0.95, yes: 0.05}", "dataset.separation=1.5", "model=linear"]
    recall = {
        strategy: np.mean(
            [
                run(tiny(*rare, f"strategy={strategy}", "training.epochs=30", f"seed={s}")).metrics["recall/yes"]
                for s in range(3)
            ]
        )
        for strategy in ("none", "inv_freq")
    }
    assert recall["inv_freq"] > recall["none"] + 0.2


def test_a_class_never_predicted_is_named(tiny, run) -> None:
    nothing_to_learn = ["dataset.separation=0", "dataset.priors={a: 0.9, b: 0.06, c: 0.04}"]
    slow = ["model=linear", "training.epochs=60", "training.optimizer.learning_rate=0.02", "training.patience=null"]
    record = run(tiny(*nothing_to_learn, *slow))
    assert record.never_predicted == ["b", "c"]
    assert record.metrics["never_predicted"] == 2
    (said,) = [text for text in record.warnings if text.startswith("never predicted")]
    assert re.search(r"'b' \(on validation rows from epoch \d+ on\)", said)
    since = int(re.search(r"'b' \(on validation rows from epoch (\d+)", said)[1])
    predicted = record.history["val/predicted_count/b"].to_numpy()
    assert predicted[since - 1 :].sum() == 0
    assert since == 1 or predicted[since - 2] > 0
    assert "first try strategy=inv_freq or decision=tuned_threshold" in said


DOUBLE = [
    (
        ["sampler=ros", "class_weight=by_hand", "class_weight.weights={b: 2, c: 6}"],
        "sampler=ros and class_weight=by_hand",
    ),
    (["model=linear", "loss=la_loss", "class_weight=inv_freq"], "class_weight=inv_freq and loss=la_loss"),
    (
        ["model=balanced_random_forest", "class_weight=inv_freq"],
        "class_weight=inv_freq and model=balanced_random_forest",
    ),
]


@pytest.mark.parametrize(("typed", "by"), DOUBLE)
def test_double_correction_is_pointed_out(typed: list[str], by: str, tiny, run) -> None:
    said = run(tiny(*(["model=logreg"] if "model" not in typed[0] else []), *typed)).warnings
    assert any(text.startswith(f"corrected twice, by {by}") for text in said), said


@pytest.mark.parametrize(
    "typed", [["sampler=ros"], ["class_weight=inv_freq"], ["sampler=ros", "decision=logit_adjust"]]
)
def test_a_single_correction_is_not(typed: list[str], tiny, run) -> None:
    assert not any("twice" in text for text in run(tiny("model=logreg", *typed)).warnings)


def test_labels_from_end_to_end(tiny, run) -> None:
    record = run(tiny("dataset=two_labels", "model=mlp", "strategy=inv_freq", "decision=tuned_threshold"))
    assert list(record.classes.index) == ["not common", "common", "not rare", "rare"]
    np.testing.assert_allclose(record.classes.effective_prior, 0.5)
    # 120 of 3000 rows are rare; 72 of 1800 train: 1800 / (2 * 72)
    assert record.classes.weight["rare"] == pytest.approx(12.5)
    for key in ("balanced_accuracy/rare", "recall/rare", "recall/not rare", "f1/rare", "average_precision/rare"):
        assert 0 <= record.metrics[key] <= 1
    both = [record.metrics[f"balanced_accuracy/{label}"] for label in ("common", "rare")]
    assert record.metrics["balanced_accuracy"] == pytest.approx(np.mean(both))
