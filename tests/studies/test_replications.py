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
from experiments.replications import goorbergh, line, lopez
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
