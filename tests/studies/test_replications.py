"""The replications: the papers' settings as published, agreement by its rule, and the page from one command."""

from __future__ import annotations

import doctest
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from sklearn.metrics import roc_auc_score

from experiments.replications import __main__ as program
from experiments.replications import folds, goorbergh, line, lopez
from imbalance_lab.data.sources.keel import names

PAPERS = yaml.safe_load((program.HERE / "papers.yaml").read_text())


@pytest.mark.parametrize("module", [line, lopez])
def test_the_examples_hold(module: object) -> None:
    assert doctest.testmod(module).failed == 0  # type: ignore[arg-type]


def test_the_sixty_six_sets_are_there_once() -> None:
    sets = PAPERS["lopez"]["sets"]
    assert len(sets) == len(set(sets)) == 66 and set(sets) <= set(names())


def test_where_one_more_average_would_fall() -> None:
    # Of 0.7 and 0.9: mean 0.8, s = sqrt(0.02), t(1 df) = 12.706, sqrt(1 + 1/2).
    low, high = lopez.prediction_interval(pd.Series([0.7, 0.9]))
    assert (low + high) / 2 == pytest.approx(0.8)
    assert high - 0.8 == pytest.approx(12.7062 * np.sqrt(0.02) * np.sqrt(1.5), rel=1e-4)


@pytest.mark.parametrize("predictors", [3, 6, 12, 24])
@pytest.mark.parametrize("fraction", [0.3, 0.1, 0.01])
def test_the_simulation_has_the_event_fractions_and_the_auroc_it_names(predictors: int, fraction: float) -> None:
    intercept, slope = PAPERS["goorbergh"]["coefficients"][predictors][fraction]
    X, y = goorbergh.draw(np.random.default_rng(0), 100_000, predictors, intercept, slope)
    assert X.shape == (100_000, predictors)
    assert y.mean() == pytest.approx(fraction, rel=0.2)
    assert roc_auc_score(y, X.sum(axis=1)) == pytest.approx(0.75, abs=0.03)


@pytest.mark.slow
def test_the_quick_replications_from_command_to_page(tmp_path: Path) -> None:
    program.main(["preset=quick", f"folder={tmp_path / 'runs'}", f"out={tmp_path}"])
    page, figures = (tmp_path / "README.md").read_text(), pd.read_csv(tmp_path / "figures.csv")
    assert all(PAPERS[paper]["title"] in page for paper in ("lopez", "goorbergh", "elor"))
    of_lopez = figures[figures.paper == "lopez"]
    assert len(of_lopez) == len(PAPERS["lopez"]["figures"])
    assert not of_lopez["agree?"].isin(["yes", "no"]).any()  # three sets say nothing of an average over 66


def test_what_is_not_the_whole_answer_goes_elsewhere() -> None:
    for wrong in (["preset=quick"], ["papers=lopez"], ["papers=nobody"], ["presett=full"]):
        with pytest.raises(SystemExit, match="error"):
            program.main(wrong)


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ("nothing", folds.Folds(number=2, same_rows=True, same_columns=True, values=4)),
        ("another cell in the second fold", folds.Folds(number=2, same_rows=False, same_columns=True, values=4)),
        ("a column less in the second test part", folds.Folds(number=2, same_rows=False, same_columns=False, values=4)),
    ],
)
def test_split_sets_are_folds_if_they_hold_the_same_rows(tmp_path: Path, change: str, wanted: folds.Folds) -> None:
    x, y = np.array([["0", "a"], ["1", "a"], ["2", "b"], ["3", "b"]]), np.array(["p", "n", "p", "n"])
    parts = [(x[:2], y[:2], x[2:], y[2:]), (x[2:], y[2:], x[:2], y[:2])]
    if change.startswith("another"):
        parts[1] = (np.array([["1", "a"], ["3", "b"]]), *parts[1][1:])
    if change.startswith("a column"):
        parts[1] = (*parts[1][:2], x[:2, :1], y[:2])
    names = ("x_train", "y_train", "x_test", "y_test")
    arrays = {f"fold{k}-{name}": part for k, fold in enumerate(parts) for name, part in zip(names, fold, strict=True)}
    np.savez(tmp_path / "a.npz", **arrays)
    assert folds.read_folds(tmp_path / "a.npz") == wanted
    assert folds.summary(tmp_path).startswith("1 sets; folds: 1 of 2;")
