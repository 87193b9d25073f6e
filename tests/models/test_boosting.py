"""Boosted trees against their libraries, called directly with the same rows and settings."""

from __future__ import annotations

import copy
import os
import pickle
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, softmax
from sklearn.base import clone
from sklearn.metrics import balanced_accuracy_score, log_loss

import imbalance_lab as lab
from imbalance_lab.data.rows import Rows, Seeds, TrainingSet
from imbalance_lab.errors import ConfigError, DataError, Incompatible
from imbalance_lab.evaluation.metrics import METRICS
from imbalance_lab.models.estimator import FLOOR
from imbalance_lab.models.stopping import Watch
from imbalance_lab.options import load, option

WHY = "the extra is not installed: pip install 'imbalance-lab[boosting]'"
for library in ("lightgbm", "xgboost", "catboost"):
    pytest.importorskip(library, reason=WHY)

LIBRARIES = ["lightgbm", "xgboost", "catboost"]
ROUNDS = {"lightgbm": "n_estimators", "xgboost": "n_estimators", "catboost": "iterations"}
THREADS = {"lightgbm": "n_jobs", "xgboost": "n_jobs", "catboost": "thread_count"}
SEEDS = Seeds.spawn(0, 0)


def model(library: str, rounds: int = 40, **settings: Any) -> Any:
    inner = {ROUNDS[library]: rounds, **settings.pop("estimator", {})}
    return option("model", library, estimator=inner, **settings)


def directly(library: str, rounds: int, **more: Any) -> Any:
    """Return the library's own classifier with the settings of the option's file."""
    import catboost
    import lightgbm
    import xgboost

    classes = {
        "lightgbm": (lightgbm.LGBMClassifier, {"verbosity": -1}),
        "xgboost": (xgboost.XGBClassifier, {"enable_categorical": True}),
        "catboost": (catboost.CatBoostClassifier, {"logging_level": "Silent", "allow_writing_files": False}),
    }
    kind, quiet = classes[library]
    written = {key: value for key, value in load("model", library)["estimator"].items() if key != "_target_"}
    return kind(**{**written, **quiet, ROUNDS[library]: rounds, "random_state": SEEDS.initialisation, **more})


@cache
def table(classes: int = 3, rows: int = 500) -> pd.DataFrame:
    """Return numbers and categories with gaps, and a label."""
    rng = np.random.default_rng(0)
    y = rng.choice(["fine", "late", "fraud"][:classes], rows, p=[0.7, 0.2, 0.1] if classes == 3 else [0.85, 0.15])
    age = rng.normal(40, 10, rows) + 9 * (y != "fine")
    colour = np.where(rng.random(rows) < 0.4, y, rng.choice(["red", "green", "blue"], rows)).astype(object)
    frame = pd.DataFrame({"age": age, "income": rng.gamma(2, 2, rows) + (y == "late"), "colour": colour, "label": y})
    frame.loc[rng.random(rows) < 0.1, "age"] = np.nan
    frame.loc[rng.random(rows) < 0.1, "colour"] = None
    return frame


def arrays(counts: tuple[int, ...] = (150, 60, 30), weight: Any = None) -> tuple[TrainingSet, Rows]:
    """Return training and validation rows without categories."""
    y = np.repeat(np.arange(len(counts)), counts)
    X = np.random.default_rng(0).normal(y[:, None], 1.5, size=(len(y), 3))
    held_out = np.arange(len(y)) % 3 == 0
    numbers = np.bincount(y[~held_out], minlength=len(counts)).astype(float)
    given = np.ones(len(counts)) if weight is None else np.asarray(weight, float)
    return TrainingSet(X[~held_out], y[~held_out, None], numbers[None], given[None]), Rows(
        X[held_out], y[held_out, None]
    )


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("library", LIBRARIES)
def test_equal_to_the_library_called_with_the_raw_table(library: str, classes: int) -> None:
    frame = table(classes)
    dataset = lab.Dataset.from_frame(frame, "label")
    record = lab.run(dataset, "inv_freq", model(library, patience=None), prepare={"scale": "none"}, seed=0)
    fold = record.folds[0]
    y, tested = dataset.y, fold.test.rows
    train = np.setdiff1d(np.arange(len(y)), [*tested, *fold.validation.rows])
    X = frame[["age", "income", "colour"]].copy()
    X["colour"] = pd.Categorical(X.colour, categories=sorted(X.colour.iloc[train].dropna().unique()))
    more: dict[str, Any] = {}
    if library == "catboost":  # which takes no missing categories
        codes = X.colour.cat.codes.to_numpy().astype(int)
        X, more = X.assign(colour=codes), {"cat_features": ["colour"]}
    counts = np.bincount(y[train])
    weight = (len(train) / (classes * counts))[y[train]]
    direct = directly(library, 40, **more).fit(X.iloc[train], y[train], sample_weight=weight)
    theirs = np.log(np.asarray(direct.predict_proba(X.iloc[tested])).astype(np.float64))
    np.testing.assert_array_equal(fold.test.log_proba[:, 0], theirs)


def staged(library: str, fitted: Any, X: np.ndarray, rounds: int) -> list[np.ndarray]:
    """Return the library's own probabilities after each round."""
    if library == "lightgbm":
        return [fitted.predict_proba(X, num_iteration=k) for k in range(1, rounds + 1)]
    if library == "xgboost":
        return [fitted.predict_proba(X, iteration_range=(0, k)) for k in range(1, rounds + 1)]
    return list(fitted.staged_predict_proba(X))


@pytest.mark.parametrize("counts", [(150, 30), (150, 60, 30)])
@pytest.mark.parametrize("library", LIBRARIES)
def test_boosting_stops_at_the_round_with_the_best_balanced_accuracy(library: str, counts: tuple[int, ...]) -> None:
    rounds, patience = 60, 8
    weight = np.linspace(0.5, 2, len(counts))
    train, validation = arrays(counts, weight)
    y, weights, v = train.y[:, 0], weight[train.y[:, 0]], validation.y[:, 0]
    direct = directly(library, rounds).fit(train.X, y, sample_weight=weights)
    stages = [p.astype(float) for p in staged(library, direct, validation.X, rounds)]
    scores = [
        balanced_accuracy_score(v, p.argmax(axis=1)) + 1e-6 * (weight[v] * np.log(p[np.arange(len(v)), v])).mean()
        for p in stages
    ]
    best = 0
    for at, score in enumerate(scores):
        if score > scores[best] + 1e-12:
            best = at
        elif at - best >= patience:
            break
    chosen = model(library, rounds, patience=patience).build()
    stopped = chosen.fit(train, validation, SEEDS)
    shorter = directly(library, best + 1).fit(train.X, y, sample_weight=weights)
    theirs = np.asarray(shorter.predict_proba(validation.X)).astype(np.float64)
    np.testing.assert_array_equal(stopped.predict_log_proba(validation.X)[:, 0], np.log(theirs))
    # Trained for the rounds that were kept, it is the same without looking at validation rows.
    assert stopped.steps == best + 1
    again, _ = chosen.trained_for(stopped.steps, None)
    assert chosen.stops_early(None) and not again.stops_early(None)
    nobody = Rows(validation.X[:0], validation.y[:0])
    np.testing.assert_array_equal(
        again.fit(train, nobody, SEEDS).predict_log_proba(validation.X), stopped.predict_log_proba(validation.X)
    )


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("library", LIBRARIES)
def test_fits_repeat_to_the_bit(library: str, threads: int) -> None:
    train, validation = arrays((900, 300, 150), (1, 1, 3))
    chosen = model(library, 4, estimator={THREADS[library]: threads}).build()
    one, other = (chosen.fit(train, validation, SEEDS).predict_log_proba(validation.X) for _ in range(2))
    np.testing.assert_array_equal(one, other)
    if library == "lightgbm":  # which promises so much
        alone = model(library, 4).build().fit(train, validation, SEEDS)
        np.testing.assert_array_equal(one, alone.predict_log_proba(validation.X))


@pytest.mark.parametrize("library", LIBRARIES)
def test_the_seed_is_the_runs(library: str) -> None:
    train, validation = arrays()
    sampled = {"lightgbm": {"subsample": 0.5, "subsample_freq": 1}, "xgboost": {"subsample": 0.5}, "catboost": {}}
    chosen = model(library, 10, estimator=sampled[library], patience=None).build()
    scores = [chosen.fit(train, validation, Seeds.spawn(seed, 0)).predict_log_proba(train.X) for seed in (1, 1, 2)]
    assert (scores[0] == scores[1]).all() and (scores[0] != scores[2]).any()


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_model_is_the_same_after_a_round_trip(library: str, tmp_path: Path) -> None:
    dataset = lab.Dataset.from_frame(table(), "label")
    fitted = lab.run(dataset, "none", model(library, 10)).folds[0].fitted
    X = fitted.prepare(dataset.X)
    scores = fitted.model.predict_log_proba(X)
    fitted.model.save(tmp_path / "deep")
    loaded = type(fitted.model).load(tmp_path / "deep", tasks=1, classes=3)
    for again in (pickle.loads(pickle.dumps(fitted.model)), copy.deepcopy(fitted.model), loaded):
        np.testing.assert_array_equal(again.predict_log_proba(X), scores)
    file = next(file for file in (tmp_path / "deep").iterdir() if file.suffix != ".json")
    file.write_bytes(b"nothing of the kind")
    with pytest.raises(DataError, match=r"trees-0.* cannot be loaded"):
        type(fitted.model).load(tmp_path / "deep", tasks=1, classes=3)


@pytest.mark.parametrize("library", LIBRARIES)
def test_no_training_rows_are_kept(library: str) -> None:
    sizes = []
    for times in (1, 30):
        train, validation = arrays((150 * times, 60 * times, 30 * times))
        chosen = model(library, 2, estimator={"max_depth": 2} if library != "catboost" else {"depth": 2}, patience=1)
        sizes.append(len(pickle.dumps(chosen.build().fit(train, validation, SEEDS))))
    assert sizes[1] < sizes[0] + 10_000


@pytest.mark.parametrize("library", LIBRARIES)
def test_as_a_classifier_it_clones_pickles_and_sets_validation_rows_aside(library: str) -> None:
    frame = table()
    X, y = frame.drop(columns="label"), frame["label"]
    classifier = clone(lab.Classifier("inv_freq", model(library, 10))).fit(X, y)
    again = pickle.loads(pickle.dumps(classifier))
    np.testing.assert_array_equal(again.predict_proba(X), classifier.predict_proba(X))
    assert classifier.fitted_.classes.train_rows.sum() == pytest.approx(0.8 * len(y), abs=3)
    every = lab.Classifier("inv_freq", model(library, 10, patience=None)).fit(X, y)
    assert every.fitted_.classes.train_rows.sum() == len(y)
    unknown = X.head(3).assign(colour="never seen")
    missing = X.head(3).assign(colour=None)
    np.testing.assert_array_equal(classifier.predict_proba(unknown), classifier.predict_proba(missing))


@pytest.mark.parametrize("library", LIBRARIES)
def test_nothing_reaches_the_screen_or_the_working_folder(library: str, capfd: pytest.CaptureFixture[str]) -> None:
    dataset = lab.Dataset.from_frame(table(), "label")
    record = lab.run(dataset, "inv_freq", model(library, 5))
    assert (capfd.readouterr().out, capfd.readouterr().err) == ("", "")
    assert os.listdir() == []
    assert [text for text in record.warnings if "Warning: " in text] == []


@pytest.mark.parametrize("library", LIBRARIES)
def test_labels_have_a_model_each(library: str) -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3))
    y = (X[:, :2] + rng.normal(size=(200, 2)) > 0.5).astype(int)
    counts = np.array([np.bincount(column) for column in y.T], float)
    weight = np.array([[1.0, 3.0], [1.0, 1.0]])
    train, validation = TrainingSet(X[:150], y[:150], counts, weight), Rows(X[150:], y[150:])
    chosen = model(library, 10).build()
    together = chosen.fit(train, validation, SEEDS).predict_log_proba(X)
    assert together.shape == (200, 2, 2)
    for t in (0, 1):
        alone = TrainingSet(X[:150], y[:150, [t]], counts[[t]], weight[[t]])
        fitted = chosen.fit(alone, Rows(X[150:], y[150:, [t]]), SEEDS)
        np.testing.assert_array_equal(fitted.predict_log_proba(X)[:, 0], together[:, t])


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_class_never_seen_keeps_its_column(library: str) -> None:
    train, validation = arrays()
    kept = train.y[:, 0] != 1
    without = TrainingSet(train.X[kept], train.y[kept], train.counts, train.class_weight)
    scores = model(library, 5).build().fit(without, validation, SEEDS).predict_log_proba(validation.X)
    np.testing.assert_array_equal(scores[:, 0, 1], FLOOR)
    np.testing.assert_allclose(np.exp(scores).sum(axis=-1), 1, atol=1e-6)


def test_one_class_only_is_refused() -> None:
    train, validation = arrays((90, 9))
    alone = train.y[:, 0] == 0
    with pytest.raises(DataError, match="LGBMClassifier cannot be fitted to rows of one class only"):
        model("lightgbm").build().fit(
            TrainingSet(train.X[alone], train.y[alone], train.counts, train.class_weight), validation, SEEDS
        )


@pytest.mark.parametrize("library", LIBRARIES)
def test_what_a_library_refuses_is_one_line(library: str) -> None:
    train, validation = arrays()
    wrong = {"lightgbm": {"num_leaves": 1}, "xgboost": {"max_depth": -5}, "catboost": {"depth": 99}}
    with pytest.raises(DataError, match="Classifier cannot be fitted to these rows: ") as refusal:
        model(library, 5, estimator=wrong[library]).build().fit(train, validation, SEEDS)
    assert "\n" not in str(refusal.value)


def test_samplers_that_measure_distances_want_missing_values_filled() -> None:
    dataset = lab.Dataset.from_frame(table(), "label")
    with pytest.raises(Incompatible, match=r"SMOTENC measures distances, and 2 of 3 columns have missing values.*ros"):
        lab.run(dataset, "smote_nc", model("lightgbm", 5))
    record = lab.run(dataset, "smote_nc", model("lightgbm", 5, native=False))
    assert record.classes.sampled_rows.nunique() == 1
    record = lab.run(dataset, "ros", model("lightgbm", 5))
    assert record.classes.sampled_rows.nunique() == 1


def test_early_stopping_needs_validation_rows() -> None:
    dataset = lab.Dataset.from_frame(table(), "label")
    with pytest.raises(ConfigError, match=r"split.validation=0; set split.validation=0.2, or model.patience=null"):
        lab.run(dataset, "none", model("xgboost", 5), split={"validation": 0})
    record = lab.run(dataset, "none", model("xgboost", 5, patience=None), split={"validation": 0})
    assert len(record.folds[0].validation.rows) == 0


def test_other_metrics_stop_it_too_and_unknown_ones_do_not() -> None:
    train, validation = arrays()
    scores = {
        metric: model("lightgbm", 60, patience=60, metric=metric).build().fit(train, validation, SEEDS)
        for metric in ("log_loss", "accuracy")
    }
    losses = {
        metric: log_loss(validation.y[:, 0], np.exp(fitted.predict_log_proba(validation.X)[:, 0]))
        for metric, fitted in scores.items()
    }
    assert losses["log_loss"] <= losses["accuracy"]
    with pytest.raises(ConfigError, match=r"model.metric=auprc is no metric; it can be .*average_precision"):
        model("lightgbm", metric="auprc").build()


def test_a_model_of_another_library_is_refused() -> None:
    from sklearn.linear_model import LogisticRegression

    from imbalance_lab.models.boosting.xgboost import XGBoost

    with pytest.raises(ConfigError, match=r"model.estimator is LogisticRegression, where XGBClassifier is needed"):
        XGBoost(LogisticRegression())


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_missing_library_is_one_line_that_says_how_to_install_it(
    library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ConfigError) as refusal:
        option("model", library).build()
    assert str(refusal.value) == f"{library} is not installed; pip install 'imbalance-lab[boosting]'"


def test_the_libraries_are_loaded_when_they_are_needed() -> None:
    code = (
        "import sys, imbalance_lab.models.boosting.lightgbm, imbalance_lab.models.boosting.xgboost\n"
        "import imbalance_lab.models.boosting.catboost\n"
        "assert not {'lightgbm', 'xgboost', 'catboost', 'tensorflow'} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]


def test_the_watch_by_hand() -> None:
    # Two of class 0 and one of class 1: recalls 1 and 0, then 1 and 1, then 1/2 and 1.
    rounds = [[0.1, 0.1, 0.4], [0.1, 0.1, 0.6], [0.1, 0.9, 0.6]]
    watch = Watch(np.array([0, 0, 1]), np.array([1.0, 2.0]), METRICS["balanced_accuracy"], patience=1)
    for p in rounds:
        assert not watch.over
        watch(np.column_stack([1 - np.array(p), p]))
    loss = -(2 * np.log(0.9) + 2 * np.log(0.4)) / 3
    assert watch.scores[0] == pytest.approx(0.5 - 1e-6 * loss, abs=1e-12)
    assert (watch.best, watch.over) == (1, True)


def test_catboosts_raw_scores_become_probabilities() -> None:
    from imbalance_lab.models.boosting.catboost import _Score

    scores, y = np.random.default_rng(0).normal(size=(6, 3)), np.array([0, 1, 2, 0, 1, 2])
    for given, proba in (
        (scores.T, softmax(scores, axis=1)),
        (scores[:, :1].T, np.column_stack([1 - expit(scores[:, 0]), expit(scores[:, 0])])),
    ):
        labels = y % proba.shape[1]
        ours, theirs = (Watch(labels, np.ones(3), METRICS["log_loss"], 5) for _ in range(2))
        _Score(ours, labels).evaluate([tuple(column) for column in given], labels, None)
        theirs(proba)
        assert ours.scores == pytest.approx(theirs.scores)
