"""The whole way as a scikit-learn estimator."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.datasets import load_wine, make_classification
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import imbalance_lab as lab
from imbalance_lab import Classifier

QUICK = {"epochs": 3, "patience": None}
NOT_MET = {
    "logreg": {},
    "mlp": {},
}


def checked(model: str) -> Classifier:
    return (
        Classifier(model=model, training={"epochs": 60, "batch_size": 8}) if model == "mlp" else Classifier(model=model)
    )


@pytest.mark.filterwarnings("ignore::imbalance_lab.errors.LabWarning")  # weights by hand that favour the frequent
@parametrize_with_checks([checked("logreg")], expected_failed_checks=lambda estimator: NOT_MET[estimator.model])
def test_scikit_learns_checks(estimator, check) -> None:
    check(estimator)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::imbalance_lab.errors.LabWarning")
@parametrize_with_checks([checked("mlp")], expected_failed_checks=lambda estimator: NOT_MET[estimator.model])
def test_scikit_learns_checks_of_a_network(estimator, check) -> None:
    check(estimator)


@pytest.fixture(scope="module")
def wine() -> tuple[pd.DataFrame, pd.Series]:
    X, y = load_wine(return_X_y=True, as_frame=True)
    return X, y.map({0: "red", 1: "white", 2: "rosé"})


def test_it_learns_from_text_missing_values_and_words() -> None:
    rng = np.random.default_rng(0)
    y = np.where(rng.random(300) < 0.2, "ill", "well")
    X = pd.DataFrame({"test": rng.standard_normal(300) + 3 * (y == "ill"), "place": rng.choice(["x", "y"], 300)})
    X.loc[::9, "test"] = np.nan
    X.loc[::7, "place"] = None
    classifier = Classifier("inv_freq", "logreg").fit(X, y)
    assert classifier.classes_.tolist() == ["ill", "well"]
    assert (classifier.predict(X) == y).mean() > 0.85
    proba = classifier.predict_proba(X)
    np.testing.assert_array_equal(classifier.classes_[proba.argmax(axis=1)], classifier.predict(X))


@pytest.mark.parametrize("model", ["logreg", "mlp"])
def test_it_survives_pickling_and_cloning(model: str, wine) -> None:
    X, y = wine
    classifier = Classifier("tuned_threshold", model, training=QUICK, seed=4).fit(X, y)
    again = pickle.loads(pickle.dumps(classifier))
    np.testing.assert_array_equal(again.predict_proba(X), classifier.predict_proba(X))
    np.testing.assert_array_equal(again.predict(X), classifier.predict(X))
    fresh = clone(classifier).fit(X, y)
    np.testing.assert_array_equal(fresh.predict_proba(X), classifier.predict_proba(X))


def test_it_is_searched_cross_validated_and_piped(wine) -> None:
    X, y = wine
    search = GridSearchCV(Classifier(model="logreg"), {"strategy": ["none", "inv_freq", "ros"]}, cv=3)
    assert search.fit(X, y).best_params_["strategy"] in ("none", "inv_freq", "ros")
    assert cross_val_score(Classifier("smote", "logreg"), X, y, cv=3).mean() > 0.9
    piped = make_pipeline(StandardScaler(), Classifier(model="logreg")).fit(X, y)
    assert piped.score(X, y) > 0.95


def test_validation_rows_are_set_aside_only_where_something_is_fitted_on_them(wine) -> None:
    X, y = wine
    plain, tuned = (Classifier(name, "logreg").fit(X, y) for name in ("none", "tuned_threshold"))
    assert plain.fitted_.classes.train_rows.sum() == len(X)
    assert 0 < len(X) - tuned.fitted_.classes.train_rows.sum() < 0.25 * len(X)


def test_several_labels() -> None:
    rng = np.random.default_rng(0)
    X = rng.standard_normal((400, 4))
    y = pd.DataFrame({"glasses": (X[:, 0] > 0.5).astype(int), "hat": (X[:, 1] > 1).astype(int)})
    classifier = Classifier("inv_freq", "logreg").fit(X, y)
    assert classifier.classes_.tolist() == ["glasses", "hat"]
    assert classifier.predict(X).shape == classifier.predict_proba(X).shape == (400, 2)
    assert (classifier.predict(X) == y.to_numpy()).mean() > 0.9


def test_a_strategy_that_cannot_be_is_refused(wine) -> None:
    with pytest.raises(lab.Incompatible, match="loss=focal cannot train model=logreg"):
        Classifier("focal", "logreg").fit(*wine)
    with pytest.raises(lab.ConfigError, match=r"there is no strategy=smoote; did you mean smote\?"):
        Classifier("smoote", "logreg").fit(*wine)


def test_the_rarer_of_two_classes_may_be_either() -> None:
    X, y = make_classification(300, weights=[0.2], random_state=0)  # class 0 is the rare one
    classifier = Classifier("inv_freq", "logreg").fit(X, y)
    assert classifier.classes_.tolist() == [0, 1]
    assert classifier.score(X, y) > 0.8
    assert ((classifier.predict_proba(X)[:, 1] > 0.5) == classifier.predict(X)).all()


def test_a_frame_and_its_array_are_the_same_rows(wine) -> None:
    X, y = wine
    classifier = Classifier("none", "logreg").fit(X, y)
    with pytest.warns(UserWarning, match="feature names"):
        np.testing.assert_array_equal(classifier.predict(X.to_numpy()), classifier.predict(X))


def test_a_pickle_holds_no_training_rows(wine) -> None:
    X, y = wine
    wide = pd.concat([X] * 40, ignore_index=True), pd.concat([y] * 40, ignore_index=True)
    classifier = Classifier("none", "logreg").fit(*wide)
    assert len(pickle.dumps(classifier)) < 0.05 * wide[0].to_numpy().nbytes


@pytest.mark.parametrize("on", ["validation", "cv"])
def test_a_classifier_tunes_itself(on: str) -> None:
    X, y = load_wine(return_X_y=True, as_frame=True)
    classifier = Classifier("inv_power", "logreg", tuning={"trials": 3, "on": on}).fit(X, y)
    best = classifier.tuned_["best"]
    assert classifier.tuned_["finished"] == 3
    assert best["model.estimator.C"] == classifier.fitted_.model.estimators[0].C
    assert classifier.fitted_.classes.train_rows.sum() == len(X)  # nothing else needs validation rows
    given = Classifier(
        lab.option("class_weight", "inv_power", power=best["class_weight.power"]),
        lab.option("model", "logreg", estimator={"C": best["model.estimator.C"]}),
    ).fit(X, y)
    np.testing.assert_array_equal(classifier.predict_proba(X), given.predict_proba(X))
    assert classifier.identity_.options == given.identity_.options
    assert clone(classifier).tuning == classifier.tuning and given.tuned_ == {}
