"""Van den Goorbergh et al. (2022): calibration of logistic regression after balancing, in their simulation."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit

import imbalance_lab as lab
from experiments.replications.line import Line, within
from imbalance_lab.evaluation.metrics.curves import calibration_intercept, calibration_slope
from imbalance_lab.evaluation.scores import Scores

STRATEGIES = ("none", "ros", "rus", "smote")
NO_PENALTY = 1e6  # C of scikit-learn's logistic regression


def run(paper: Mapping[str, Any], preset: Mapping[str, Any], folder: Path) -> tuple[list[Line], list[str]]:
    """Return the lines, and a table of every scenario's medians as notes; what `folder` holds is not run again."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"draws-{preset['draws']}-{preset['test_rows']}.csv"
    if not file.is_file():
        simulated(paper, preset).to_csv(file, index=False)
    draws = pd.read_csv(file)
    medians = draws.groupby(["predictors", "rows", "fraction", "strategy"]).median(numeric_only=True).reset_index()
    lines = []
    for figure in paper["figures"]:
        own = medians[medians.strategy.isin(figure["strategies"])]
        own = own[own.fraction.isin(figure.get("fractions", own.fraction.unique()))][figure["figure"]]
        low, high = float(own.min()), float(own.max())
        agrees = within(low, high, figure.get("low", -np.inf), figure.get("high", np.inf))
        of = f"median of {len(own)} scenarios, {', '.join(figure['strategies'])}"
        lines.append(Line(figure["name"], of, figure["text"], float(own.median()), low, high, agrees))
    return lines, [_by_fraction(medians)]


def simulated(paper: Mapping[str, Any], preset: Mapping[str, Any]) -> pd.DataFrame:
    """Return a row per scenario, draw and strategy."""
    found = []
    for predictors, fractions in paper["coefficients"].items():
        if predictors not in preset.get("predictors", paper["coefficients"]):
            continue
        for fraction, (intercept, slope) in fractions.items():
            rng = np.random.default_rng([predictors, round(1000 * fraction)])
            for rows in paper["rows"]:
                for number in range(preset["draws"]):
                    X, y = draw(rng, rows, predictors, intercept, slope)
                    X_test, y_test = draw(rng, preset["test_rows"], predictors, intercept, slope)
                    scenario = {"predictors": predictors, "rows": rows, "fraction": fraction, "draw": number}
                    found += [scenario | one for one in _draw(X, y, X_test, y_test, fraction)]
    return pd.DataFrame(found)


def draw(
    rng: np.random.Generator, rows: int, predictors: int, intercept: float, slope: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return rows of one scenario: independent normal predictors, and events by a logistic model."""
    X = rng.standard_normal((rows, predictors))
    return X, (rng.random(rows) < expit(intercept + slope * X.sum(axis=1))).astype(int)


def _draw(
    X: np.ndarray, y: np.ndarray, X_test: np.ndarray, y_test: np.ndarray, fraction: float
) -> list[dict[str, Any]]:
    """Return the figures of each strategy on one draw."""
    from sklearn.metrics import roc_auc_score

    model = lab.option("model", "logreg", estimator={"C": NO_PENALTY})
    rows, recalls = {}, {}
    for strategy in STRATEGIES:
        # The library's own way from rows to probabilities, without early stopping or thresholds: no validation rows.
        fitted = lab.Classifier(strategy, model, validation=0, seed=0).fit(X, y)
        p = fitted.predict_proba(X_test)[:, 1]
        odds, trained = (_odds(fitted.predict_proba(rows)[:, 1]) for rows in (X_test, X))
        back = calibration_intercept(_scores(y, trained))[1]  # on the training rows as they were, as the paper does
        rows[strategy] = {
            "strategy": strategy,
            "auroc": roc_auc_score(y_test, p),
            "intercept": calibration_intercept(_scores(y_test, odds))[1],
            "slope": calibration_slope(_scores(y_test, odds))[1],
            "recalibrated": calibration_intercept(_scores(y_test, odds + back))[1],
        }
        recalls[strategy] = _recalls(y_test, p >= 0.5)
        if strategy == "none":
            recalls["moved"] = _recalls(y_test, p >= fraction)
    moved = recalls["moved"] - recalls["ros"]
    for strategy, row in rows.items():
        row["auroc_gain"] = row["auroc"] - rows["none"]["auroc"]
        row["moved_less_ros"] = moved[np.abs(moved).argmax()]
        row["sensitivity"], row["specificity"] = recalls[strategy][1], recalls[strategy][0]
    return list(rows.values())


def _odds(p: np.ndarray) -> np.ndarray:
    return np.asarray(np.log(p) - np.log1p(-p))


def _scores(y: np.ndarray, odds: np.ndarray) -> Scores:
    log_proba = np.column_stack([-np.logaddexp(0, odds), -np.logaddexp(0, -odds)])
    return Scores(y, (odds >= 0).astype(int), log_proba, 1)


def _recalls(y: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    return np.array([(~predicted)[y == 0].mean(), predicted[y == 1].mean()])


def _by_fraction(medians: pd.DataFrame) -> str:
    """Return the medians of scenarios by event fraction and strategy, as a table."""
    from experiments.tables import to_markdown

    shown = ["auroc", "intercept", "slope", "recalibrated", "sensitivity", "specificity"]
    table = medians.groupby(["fraction", "strategy"])[shown].median().map("{:.3f}".format).reset_index()
    return to_markdown(table.set_index("fraction"))
