"""The simulation of van den Goorbergh et al. (2022): draws of each scenario, and the figures of risk models on them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.special import expit

import imbalance_lab as lab
from imbalance_lab.evaluation.metrics.curves import calibration_intercept, calibration_slope
from imbalance_lab.evaluation.scores import Scores

BALANCING = ("rus", "ros", "smote")
RECALLS = ("specificity", "sensitivity")
NO_PENALTY = 1e6  # C of scikit-learn's logistic regression
MOST_DRAWS = 40  # for each one that is not separated


class Scenario(NamedTuple):
    """Rows of `predictors` independent normal columns, of which about a `fraction` are events."""

    predictors: int
    rows: int
    fraction: float
    intercept: float
    slope: float

    def draw(self, rng: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray]:
        """Return columns (rows, predictors) and events (rows,) by a logistic model with one coefficient for all."""
        X = rng.standard_normal((rows, self.predictors))
        return X, (rng.random(rows) < expit(self.intercept + self.slope * X.sum(axis=1))).astype(int)


def scenarios(paper: Mapping[str, Any], predictors: list[int] | None = None) -> Iterator[Scenario]:
    """Yield the paper's scenarios, or those with so many `predictors`."""
    for number, fractions in paper["coefficients"].items():
        if predictors is None or number in predictors:
            for fraction, coefficients in fractions.items():
                for rows in paper["rows"]:
                    yield Scenario(number, rows, fraction, *coefficients)


def simulated(scenario: Scenario, draws: int, test_rows: int, folder: Path) -> pd.DataFrame:
    """Return a row per draw and strategy, `draws` draws that are not separated and one row for each that is.

    Draws that are in `folder` are taken from there; each has a stream of its own, so that more can be added.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{scenario.predictors}-{scenario.rows}-{scenario.fraction}-{test_rows}.csv"
    found = pd.read_csv(file) if file.is_file() else pd.DataFrame({"draw": [], "separated": []})
    rows, number = [], int(found.draw.max()) + 1 if len(found) else 0
    usable = found[~found.separated.astype(bool)].draw.nunique()
    while usable < draws and number < draws * MOST_DRAWS:
        place = {"predictors": scenario.predictors, "rows": scenario.rows, "fraction": scenario.fraction}
        figures = _figures(scenario, number, test_rows)
        rows += [place | {"draw": number, "separated": not figures} | one for one in figures or [{}]]
        number, usable = number + 1, usable + bool(figures)
    if rows:
        found = pd.concat([found, pd.DataFrame(rows)]) if len(found) else pd.DataFrame(rows)
        found.to_csv(file.with_suffix(".part"), index=False)
        file.with_suffix(".part").replace(file)
    last = found.loc[~found.separated.astype(bool), "draw"].unique()[:draws]
    return found[found.draw <= (last[-1] if len(last) else np.inf)]


def _figures(scenario: Scenario, number: int, test_rows: int) -> list[dict[str, Any]]:
    """Return the figures of each strategy on one draw; none if its classes are separated after undersampling."""
    rng = np.random.default_rng([scenario.predictors, scenario.rows, round(1000 * scenario.fraction), number])
    X, y = scenario.draw(rng, scenario.rows)
    X_test, y_test = scenario.draw(rng, test_rows)
    rows = []
    for strategy in BALANCING:
        fitted = _fit(strategy, X, y)
        trained = _log_odds(fitted, X)
        if strategy == "rus" and is_separated(trained[y == 1]):
            return []
        back = calibration_intercept(_scores(y, trained))[1]  # on the training rows as they were, as the paper does
        rows.append(_row(strategy, y_test, _log_odds(fitted, X_test), back))
    plain = _log_odds(_fit("none", X, y), X_test)
    rows.append(_row("none", y_test, plain, 0.0))  # a model by maximum likelihood has its intercept on its own rows
    ros = rows[BALANCING.index("ros")]
    for to, threshold in (("fraction", scenario.fraction), ("share", y.mean())):
        moved = dict(zip(RECALLS, _recalls(y_test, expit(plain) >= threshold), strict=True))
        rows[-1] |= {f"{name}_at_{to}": recall - ros[name] for name, recall in moved.items()}
    return [row | {"auroc_gain": row["auroc"] - rows[-1]["auroc"]} for row in rows]


def is_separated(events: np.ndarray) -> bool:
    """Return whether a logistic regression with a free intercept tells all events of its rows from the other rows.

    The derivative in the intercept is 0 at the maximum, ``sum of 1 - p over events = sum of p over others``, so below
    a half every event is above .5 and every other row below it; where the classes are separated, coefficients grow
    until it is next to 0.

    Parameters
    ----------
    events : ndarray of shape (n,)
        Log-odds of all events among the rows it was fitted to.
    """
    return bool(expit(-events).sum() < 0.5)


def _fit(strategy: str, X: np.ndarray, y: np.ndarray) -> lab.Classifier:
    """Return the library's own way from rows to probabilities, without early stopping or thresholds to validate."""
    model = lab.option("model", "logreg", estimator={"C": NO_PENALTY})
    return lab.Classifier(strategy, model, validation=0, seed=0).fit(X, y)


def _log_odds(fitted: lab.Classifier, X: np.ndarray) -> np.ndarray:
    log_proba = fitted.log_proba(X)[:, 0, fitted.class_numbers]
    return np.asarray(log_proba[:, 1] - log_proba[:, 0])


def _row(strategy: str, y: np.ndarray, odds: np.ndarray, back: float) -> dict[str, Any]:
    from sklearn.metrics import roc_auc_score

    return {
        "strategy": strategy,
        "auroc": roc_auc_score(y, odds),
        "intercept": calibration_intercept(_scores(y, odds))[1],
        "slope": calibration_slope(_scores(y, odds))[1],
        "recalibrated": calibration_intercept(_scores(y, odds + back))[1],
    } | dict(zip(RECALLS, _recalls(y, odds >= 0), strict=True))


def _scores(y: np.ndarray, odds: np.ndarray) -> Scores:
    log_proba = np.column_stack([-np.logaddexp(0, odds), -np.logaddexp(0, -odds)])
    return Scores(y, (odds >= 0).astype(int), log_proba, 1)


def _recalls(y: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    return np.array([(~predicted)[y == 0].mean(), predicted[y == 1].mean()])
