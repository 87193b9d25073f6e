from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.preprocessing import StandardScaler

import imbalance_lab as lab
from imbalance_lab.data.rows import Seeds
from imbalance_lab.errors import ConfigError, DataError, Incompatible
from imbalance_lab.runs.identity import Identity
from imbalance_lab.runs.refit import refit
from imbalance_lab.runs.saving import CARD
from imbalance_lab.runs.spec import specify
from imbalance_lab.runs.tuning import objective

KEEL = ("ecoli1", "glass1", "haberman", "new_thyroid2", "pima")
SEED = 3
NAMES = ["model.estimator.C", "class_weight.power"]


def tuning(trials: int = 6, **settings: Any) -> Any:
    return lab.option("tuning", "optuna", trials=trials, **settings)


def run(data: Any = "four_classes", strategy: Any = "inv_power", model: Any = "logreg", **given: Any) -> lab.RunRecord:
    return lab.run(data, strategy, model, **{"seed": SEED, "tuning": tuning(), **given})


def trials_of(record: lab.RunRecord) -> pd.DataFrame:
    """Return the trials but for their times, which are never the same."""
    return record.trials.drop(columns="seconds")


@pytest.fixture(scope="module")
def tuned() -> lab.RunRecord:
    return run()


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    yield
    assert optuna.logging.get_verbosity() == optuna.logging.ERROR  # it is what it was
    optuna.logging.set_verbosity(before)


def by_hand(record: lab.RunRecord, trials: int) -> list[tuple[float, float, float]]:
    """Return the trials of Optuna's own loop over scikit-learn: C, the power of the class weights, and the value."""
    data, fold = record.dataset, record.folds[0]
    rows = set(fold.test.rows) | set(fold.validation.rows)
    train = np.array([row for row in range(len(data)) if row not in rows])
    scaler = StandardScaler().fit(data.X.iloc[train])
    X, held_out = (scaler.transform(data.X.iloc[rows]) for rows in (train, fold.validation.rows))
    y, known = data.y[train], data.y[fold.validation.rows]

    def value(C: float, power: float) -> float:
        weight = (np.bincount(y) / len(y)) ** -power
        weight = weight[y] / weight[y].mean()
        fitted = LogisticRegression(C=C, max_iter=1000).fit(X, y, weight if np.ptp(weight) > 0 else None)
        return float(balanced_accuracy_score(known, fitted.predict(held_out)))

    sampler = optuna.samplers.TPESampler(seed=Seeds.spawn(SEED, 0).tuning)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    study.enqueue_trial(dict(zip(NAMES, (1.0, 0.75), strict=True)))  # the sampler goes by the order of the names
    for _ in range(trials):
        trial = study.ask()
        C, power = trial.suggest_float(NAMES[0], 0.001, 100.0, log=True), trial.suggest_float(NAMES[1], 0.0, 1.5)
        study.tell(trial, value(C, power))
    return [(*(one.params[name] for name in NAMES), one.value) for one in study.trials]


@pytest.mark.parametrize("name", ["digits_lt", *KEEL])
def test_trials_are_those_of_a_loop_written_by_hand(name: str) -> None:
    trials = 14  # the sampler's own choice begins after ten
    data = name if name == "digits_lt" else lab.option("dataset", "keel", name=name)
    record = run(data, tuning=tuning(trials))
    ours = trials_of(record)[[*NAMES, "value"]]
    np.testing.assert_array_equal(ours, by_hand(record, trials))
    best = ours.value.idxmax()
    assert record.tuning["best_value"] == ours.value[best]
    assert list(record.tuning["best"].values()) == ours.iloc[best, :2].tolist()


def test_the_run_goes_on_with_the_best_settings(tuned: lab.RunRecord) -> None:
    best = tuned.tuning["best"]
    model = lab.option("model", "logreg", estimator={"C": best["model.estimator.C"]})
    weight = lab.option("class_weight", "inv_power", power=best["class_weight.power"])
    given = run("four_classes", weight, model, tuning="none")
    np.testing.assert_array_equal(tuned.test.log_proba, given.test.log_proba)
    np.testing.assert_array_equal(tuned.test.predicted, given.test.predicted)
    reached = balanced_accuracy_score(tuned.folds[0].validation.y, tuned.folds[0].validation.predicted)
    assert tuned.tuning["best_value"] == pytest.approx(reached, abs=1e-12)


def test_the_first_trial_is_of_the_settings_as_they_are_given(tuned: lab.RunRecord) -> None:
    first = tuned.trials.iloc[0]
    assert (first["model.estimator.C"], first["class_weight.power"]) == (1.0, 0.75)
    plain = run(tuning="none").folds[0].validation
    assert first.value == pytest.approx(balanced_accuracy_score(plain.y, plain.predicted), abs=1e-12)
    assert tuned.tuning["default_value"] == first.value
    given = run(model=lab.option("model", "logreg", estimator={"C": 7.0}))
    assert given.trials["model.estimator.C"][0] == 7.0


@pytest.mark.parametrize("on", ["validation", "cv"])
@pytest.mark.parametrize("strategy", ["inv_power", "tuned_threshold"])
def test_poisoned_test_rows_change_no_trial(on: str, strategy: str) -> None:
    clean = run(strategy=strategy, tuning=tuning(3, on=on))
    data, rows = clean.dataset, clean.folds[0].test.rows
    X, y = data.X.copy(), data.y.copy()
    X.iloc[rows] = 1e6
    y[rows] = np.random.default_rng(0).permutation(y[rows])
    source = lab.option("split", "file", part="use", validation=0.2)
    use = pd.Series(np.select([np.isin(np.arange(len(y)), p) for p in (rows, clean.folds[0].validation.rows)],
                              ["test", "validation"], "train"))  # fmt: skip
    one, other = (
        run(replace(data, X=X, y=y, aside={"use": use}), strategy, tuning=tuning(3, on=on), split=source)
        for X, y in ((data.X, data.y), (X, y))
    )
    pd.testing.assert_frame_equal(trials_of(one), trials_of(other), check_exact=True)
    assert one.metrics["balanced_accuracy"] != other.metrics["balanced_accuracy"]


def test_a_killed_run_goes_on_from_its_trials(
    tuned: lab.RunRecord, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []
    evaluate = objective.Objective.__call__

    def killed(self: Any, *given: Any) -> float:
        if len(made) == 4:
            raise KeyboardInterrupt
        made.append(1)
        return evaluate(self, *given)

    monkeypatch.setattr(objective.Objective, "__call__", killed)
    with pytest.raises(KeyboardInterrupt):
        run(folder=tmp_path)
    (kept,) = tmp_path.glob("trials-*.jsonl")
    assert len(kept.read_text().splitlines()) == 4
    with kept.open("a") as opened:  # a line that was cut off
        opened.write('{"fold": 0, "trial": {"num')
    made.clear()
    monkeypatch.setattr(objective.Objective, "__call__", lambda self, *given: made.append(1) or evaluate(self, *given))
    resumed = run(folder=tmp_path)
    assert len(made) == 2
    pd.testing.assert_frame_equal(trials_of(resumed), trials_of(tuned), check_exact=True)
    assert resumed.tuning["best"] == tuned.tuning["best"]
    assert not list(tmp_path.glob("trials-*.jsonl"))
    written = pd.read_csv(tmp_path / "trials.csv")
    pd.testing.assert_frame_equal(written, resumed.trials, check_exact=True)


@pytest.mark.parametrize("jobs", [1, 2])
def test_trials_are_the_same_alone_and_in_a_sweep(jobs: int, tuned: lab.RunRecord, tmp_path: Path) -> None:
    given = {"seed": [0, SEED], "tuning": tuning(), "folder": tmp_path, "progress": False, "jobs": jobs}
    lab.sweep("four_classes", "inv_power", "logreg", **given)
    files = [
        file for file in tmp_path.glob("*/record.json") if json.loads(file.read_text())["identity"]["seed"] == SEED
    ]
    written = pd.read_csv(files[0].with_name("trials.csv"))
    pd.testing.assert_frame_equal(written.drop(columns="seconds"), trials_of(tuned), check_exact=True)


def test_each_fold_is_tuned_for_itself() -> None:
    record = run(split=lab.option("split", "cv", folds=3), tuning=tuning(3))
    folds = [fold["tuning"] for fold in record.summary()["folds"]]
    assert record.trials.groupby("fold").size().to_dict() == {0: 3, 1: 3, 2: 3}
    assert record.tuning["best"] in [fold["best"] for fold in folds]
    assert record.tuning["best_value"] == pytest.approx(np.mean([fold["best_value"] for fold in folds]))
    assert record.tuning["finished"] == 9


def test_the_record_and_the_identity_hold_the_budget(tuned: lab.RunRecord) -> None:
    space = {
        "model.estimator.C": {"low": 0.001, "high": 100.0, "log": True},
        "class_weight.power": {"low": 0.0, "high": 1.5},
    }
    budget = {"name": "optuna", "trials": 6, "metric": "balanced_accuracy", "on": "validation", "pruner": "none"}
    assert dict(tuned.identity.tuning) == budget | {"space": space}
    told = tuned.summary()
    assert budget | {"space": space} == {key: told["tuning"][key] for key in [*budget, "space"]}
    assert Identity.from_summary(json.loads(json.dumps(told["identity"]))) == tuned.identity
    assert (told["tuning"]["finished"], told["tuning"]["pruned"], told["tuning"]["failed"]) == (6, 0, 0)
    assert tuned.name == "inv_power logreg optuna(trials=6) seed=3"


def test_a_run_without_tuning_is_what_it_was() -> None:
    plain = specify("four_classes", "inv_power", "logreg")
    assert plain.tuning == {} and "tuning" not in plain.config
    assert all("_search_" not in settings for settings in plain.config.values() if isinstance(settings, Mapping))
    wider = specify("four_classes", lab.option("class_weight", "inv_power", _search_={"power": {"high": 9}}), "logreg")
    assert wider.config_hash == plain.config_hash and wider == plain
    assert "tuning" not in run(tuning="none").summary()


def test_ranges_are_changed_where_they_stand() -> None:
    weight = lab.option("class_weight", "inv_power", _search_={"power": {"high": 0.5}})
    logreg = lab.option(
        "model", "logreg", _search_={"estimator": {"C": None, "fit_intercept": {"choices": [True, False]}}}
    )
    record = run(strategy=weight, model=logreg)
    assert set(record.identity.tuning["space"]) == {"class_weight.power", "model.estimator.fit_intercept"}
    assert record.trials["class_weight.power"][1:].max() <= 0.5
    assert record.trials["class_weight.power"][0] == 0.75  # as it is given, outside the range
    assert record.trials["model.estimator.fit_intercept"][0]


@pytest.mark.parametrize(
    ("ranges", "reason"),
    [
        ({"gama": {"low": 1, "high": 2}}, "has no setting 'gama'; did you mean gamma?"),
        ({"gamma": {"low": 1, "hihg": 2}}, "has no 'hihg'; did you mean high?"),
        ({"gamma": {"low": 3, "high": 2}}, "low=3 is not below high=2"),
        ({"gamma": {"low": 0, "log": True}}, "log needs low above 0"),
        ({"gamma": {"low": "few"}}, "gamma.low is 'few', not a number"),
        ({"gamma": {"step": 0}}, "gamma.step is 0, not a number above 0"),
        ({"alpha": {"choices": []}}, "not a list of values"),
        ({"gamma": {"choices": [1.0]}}, "has both choices and low"),
        ({"alpha": 3}, "alpha is 3, not a range"),
    ],
)
def test_ranges_that_are_none_are_refused(ranges: Any, reason: str) -> None:
    with pytest.raises(ConfigError) as error:
        lab.option("loss", "focal", _search_=ranges)
    assert reason in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"tuning": "optna"}, "did you mean optuna?"),
        ({"tuning": {"trails": 5}}, "did you mean trials?"),
        ({"split": {"validation": 0.0}}, "use tuning.on=cv"),
        ({"tuning": {"metric": "macro_f2"}}, "did you mean macro_f1?"),
        ({"tuning": {"trials": 0}}, "tuning.trials"),
        ({"tuning": {"on": "test"}}, "tuning.on"),
        ({"tuning": {"on": "cv", "pruner": "median"}}, "use tuning.pruner=none"),
        ({"tuning": {"metric": "log_loss"}, "model": "svm", "strategy": "none"}, "the scores of the model are none"),
    ],
)
def test_what_cannot_be_tuned_is_refused_before_the_first_trial(given: dict[str, Any], reason: str) -> None:
    with pytest.raises((ConfigError, Incompatible)) as error:
        run(**given)
    assert reason in str(error.value)


def test_a_pruner_of_a_model_without_epochs_is_warned_of() -> None:
    record = run(tuning=tuning(2, pruner="median"))
    assert any("tuning.pruner=median ends no trial early" in text for text in record.warnings)


def test_a_metric_of_which_less_is_better_is_made_small() -> None:
    record = run(strategy="none", tuning=tuning(5, metric="log_loss"))
    assert record.tuning["best_value"] == record.trials.value.min() <= record.tuning["default_value"]
    validation = record.folds[0].validation
    by_hand = -validation.log_proba[np.arange(len(validation.y)), 0, validation.y[:, 0]].mean()
    assert record.tuning["best_value"] == pytest.approx(by_hand, abs=1e-12)


def test_without_optuna_the_reason_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ConfigError, match=r"pip install 'imbalance-lab\[tuning\]'"):
        run()


def test_a_run_without_ranges_says_so_and_is_as_it_is_given() -> None:
    fixed = lab.option("model", "logreg", _search_={"estimator": {"C": None}})
    record = run(strategy="none", model=fixed)
    assert any("nothing of none with logreg has a range" in text for text in record.warnings)
    assert (record.tuning["space"], record.tuning["finished"], record.tuning["best"]) == ({}, 0, {})
    np.testing.assert_array_equal(record.test.log_proba, run(strategy="none", tuning="none").test.log_proba)


def neighbours(low: int, high: int, given: int) -> Any:
    """Return a model that fails where it is to ask more neighbours than there are rows."""
    space = {"estimator": {"n_neighbors": {"low": low, "high": high}, "weights": None}}
    return lab.option("model", "knn", estimator={"n_neighbors": given}, _search_=space)


def test_trials_that_fail_are_left_behind() -> None:
    record = run(strategy="none", model=neighbours(1, 5_000, 5), tuning=tuning(8))
    assert record.tuning["failed"] > 0 and record.tuning["finished"] > 0
    failed = record.trials.state == "failed"
    np.testing.assert_array_equal(
        failed, record.trials["model.estimator.n_neighbors"] > record.classes.train_rows.sum()
    )
    assert record.trials.value[failed].isna().all()
    assert any(f"{failed.sum()} of 8 trials of tuning failed" in text for text in record.warnings)
    with pytest.raises(DataError, match="all 2 trials of tuning failed, the first one with"):
        run(strategy="none", model=neighbours(4_000, 5_000, 4_500), tuning=tuning(2))


def test_a_fitted_decision_is_judged_by_other_rows_than_those_it_is_fitted_on() -> None:
    rng = np.random.default_rng(0)  # scores that say nothing: whatever is gained is gained from noise
    scores, y = np.log(rng.dirichlet([1, 1], 2000)), rng.integers(0, 2, 2000)
    from imbalance_lab.data.rows import Priors
    from imbalance_lab.strategies.decisions import TunedThreshold

    priors = Priors(np.array([0.5, 0.5]), np.array([0.5, 0.5]))
    honest = objective.decided(TunedThreshold(shrink=False), scores, y, priors, seed=0)
    rule = TunedThreshold(shrink=False).fit(scores, y, priors)
    assert balanced_accuracy_score(y, rule(scores)) > 0.505 > balanced_accuracy_score(y, honest)


def test_refitting_takes_the_best_settings_and_tunes_no_more(tuned: lab.RunRecord, tmp_path: Path) -> None:
    classifier = refit(tuned)
    best = tuned.tuning["best"]
    assert classifier.identity_.tuning == {} and tuned.classifier().identity_ == classifier.identity_
    assert best["model.estimator.C"] == classifier.fitted_.model.estimators[0].C
    assert classifier.identity_.options["class_weight"].settings["power"] == best["class_weight.power"]
    record = run(folder=tmp_path / "run")
    again = refit(tmp_path / "run")
    assert again.identity_ == refit(record).identity_
    card = (again.save(tmp_path / "model") / CARD).read_text()
    assert "- tuned: 6 trials of optuna, balanced accuracy on validation rows" in card
    assert f"`class_weight.power={best['class_weight.power']:.4g}`" in card
    with pytest.raises(ConfigError, match="has not been made"):
        refit(tuned.identity)
