"""The replications: the papers' settings as published, agreement by its rule, and the page from one command."""

from __future__ import annotations

import doctest
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from scipy import stats
from sklearn.metrics import roc_auc_score

import imbalance_lab as lab
from experiments.replications import __main__ as program
from experiments.replications import elor, folds, goorbergh, line, lopez, simulation
from imbalance_lab.data.sources.keel import names

PAPERS = yaml.safe_load((program.HERE / "papers.yaml").read_text())


@pytest.mark.parametrize("module", [goorbergh, line, lopez])
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
    coefficients = PAPERS["goorbergh"]["coefficients"][predictors][fraction]
    scenario = simulation.Scenario(predictors, 2500, fraction, *coefficients)
    X, y = scenario.draw(np.random.default_rng(0), 100_000)
    assert X.shape == (100_000, predictors)
    assert y.mean() == pytest.approx(fraction, rel=0.2)
    assert roc_auc_score(y, X.sum(axis=1)) == pytest.approx(0.75, abs=0.03)


def test_there_are_the_24_scenarios_of_the_paper() -> None:
    found = list(simulation.scenarios(PAPERS["goorbergh"]))
    assert len({one[:3] for one in found}) == len(found) == 4 * 2 * 3
    assert {one.predictors for one in simulation.scenarios(PAPERS["goorbergh"], [3])} == {3}


def test_separated_are_classes_that_a_line_tells_apart() -> None:
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(0)
    for shift, wanted in ((0.0, False), (10.0, True)):
        y = np.arange(40) % 2
        X = rng.standard_normal((40, 2)) + shift * y[:, None]
        fitted = LogisticRegression(C=simulation.NO_PENALTY, max_iter=10_000).fit(X, y)
        assert simulation.is_separated(fitted.decision_function(X)[y == 1]) == wanted


def test_draws_are_added_to_those_there_are(tmp_path: Path) -> None:
    scenario = next(simulation.scenarios(PAPERS["goorbergh"], [3]))
    one = simulation.simulated(scenario, 1, 500, tmp_path)
    two = simulation.simulated(scenario, 2, 500, tmp_path)
    assert one.draw.unique().tolist() == [0] and two.draw.unique().tolist() == [0, 1]
    pd.testing.assert_frame_equal(two[two.draw == 0], one, check_exact=False, check_dtype=False)
    pd.testing.assert_frame_equal(simulation.simulated(scenario, 1, 500, tmp_path), one, check_dtype=False)
    # An intercept on the rows that a model was fitted to undoes what balancing did, up to what 500 test rows show.
    assert (two.recalibrated.abs() < 1).all() and (two.intercept[two.strategy != "none"] < -0.3).all()
    assert two.auroc_gain[two.strategy == "none"].eq(0).all()


def draws_of(*medians: float, number: int = 41) -> pd.DataFrame:
    """Return draws of as many scenarios, spread evenly by 0.2 about their medians."""
    rows = [
        {"predictors": 3, "rows": place, "fraction": 0.1, "strategy": "ros", "value": median + 0.2 * (k / number - 0.5)}
        for place, median in enumerate(medians)
        for k in np.arange(number) + 0.5
    ]
    return pd.DataFrame(rows)


@pytest.mark.parametrize(
    ("medians", "number", "answer"),
    [
        ((0.5, 0.6), 41, line.AGREES),
        ((0.5, 0.0), 41, line.OPEN),  # the interval of the second median is on both sides of the claim
        ((0.5, -0.5), 41, line.DIFFERS),  # one scenario contradicts, for good
        ((0.5, 0.6), 4, line.OPEN),  # of four draws there is no interval of the median at 95 %
    ],
)
def test_a_claim_has_to_hold_in_every_scenario(medians: tuple[float, ...], number: int, answer: str) -> None:
    figure = {"name": "a claim", "figure": "value", "strategies": ["ros"], "text": "above 0", "low": 0.0}
    (found,) = goorbergh.lines_of(figure, draws_of(*medians, number=number), 0.95)
    assert found.agrees == answer
    assert found.ours == pytest.approx(np.median(medians))


def test_a_range_of_medians_stands_beside_a_range() -> None:
    figure = {"name": "a range", "figure": "value", "strategies": ["ros"], "range": [0.1, 0.9], "digit": 0.01}
    smallest, largest = goorbergh.lines_of(figure, draws_of(0.1, 0.3, 0.5), 0.95)
    assert (smallest.agrees, largest.agrees) == (line.AGREES, line.DIFFERS)
    assert (smallest.ours, largest.ours) == (pytest.approx(0.1), pytest.approx(0.5))
    # Bonferroni over three: of 41 draws ranks 13 and 29, the last at which P(X < 13) of Bin(41, 1/2) is below .05 / 6.
    assert stats.binom.cdf(12, 41, 0.5) < 0.05 / 6 < stats.binom.cdf(13, 41, 0.5)
    assert (smallest.low, smallest.high) == (pytest.approx(0.1 - 0.2 * 8 / 41), pytest.approx(0.1 + 0.2 * 8 / 41))


def test_the_sets_of_weak_and_strong_learners_are_what_the_page_says() -> None:
    from experiments.leaderboard.table import source

    names_, per_source = PAPERS["elor"]["sets"], Counter(map(source, PAPERS["elor"]["sets"]))
    assert len(names_) == len(set(names_)) and max(per_source.values()) == 3
    for name in names_:
        data = lab.option("dataset", "keel", name=name).build().load()
        assert len(data.counts) == 2 and data.counts.min() >= 15 and set(data.kinds.values()) == {"numeric"}
        assert len(data) * len(data.kinds) <= 30_000


def test_sources_with_few_rows_stand_by_themselves() -> None:
    difference = pd.Series({"a": 0.1, "b": 0.3, "c": -0.1, "d": -0.1})
    found = elor._by_size(difference, pd.Series({"a": 20.0, "b": 30.0, "c": 50.0, "d": 70.0}), 50)
    # Of 0.1 and 0.3: mean 0.2, s / sqrt(2) = 0.1, t(1 df) = 12.706.
    assert list(found.values()) == ["+0.200 [-1.071, +1.471], 2 sources", "-0.100 [-0.100, -0.100], 2 sources"]


def test_what_the_leaderboard_ran_with_the_same_settings_is_not_run_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    board = elor._board()
    assert board is not None
    data = {"haberman": lab.option("dataset", "keel", name="haberman").build().load()}
    monkeypatch.setattr(lab, "sweep", lambda *args, **given: pytest.fail("it ran"))
    table, known = elor._table(data, lab.option("model", "logreg"), 1, tmp_path, board)
    assert known == len(table) == 4 and set(table.strategy) == set(elor.STRATEGIES)
    with pytest.raises(pytest.fail.Exception, match="it ran"):
        elor._table(data, lab.option("model", "logreg", estimator={"C": 2.0}), 1, tmp_path, board)


@pytest.mark.slow
def test_the_quick_replications_from_command_to_page(tmp_path: Path) -> None:
    program.main(["preset=quick", f"folder={tmp_path / 'runs'}", f"out={tmp_path}"])
    page, figures = (tmp_path / "README.md").read_text(), pd.read_csv(tmp_path / "figures.csv")
    assert all(PAPERS[paper]["title"] in page for paper in ("lopez", "goorbergh", "elor"))
    of_lopez = figures[figures.paper == "lopez"]
    assert len(of_lopez) == len(PAPERS["lopez"]["figures"])
    assert not of_lopez["agree?"].isin(["yes", "no"]).any()  # three sets say nothing of an average over 66


def test_what_is_not_the_whole_answer_goes_elsewhere() -> None:
    for wrong in (["preset=quick"], ["papers=nobody"], ["presett=full"]):
        with pytest.raises(SystemExit, match="error"):
            program.main(wrong)


def test_what_the_page_has_of_other_papers_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    papers = {name: {"title": name.title(), "paper": "A", "where": "B", "setting": "C"} for name in ("lopez", "elor")}
    answer = [line.Line("a claim", "ours", "0.5", 0.5, 0.4, 0.6, line.AGREES)]
    for module in (lopez, elor):
        monkeypatch.setattr(module, "run", lambda paper, preset, folder: (answer, ["a note"]))
    program.write(papers, ["lopez"], {"lopez": {"seeds": 3}, "elor": {}}, tmp_path, tmp_path)
    assert "Not run for this page: elor." in (tmp_path / "README.md").read_text()
    program.write(papers, ["elor"], {"lopez": {"seeds": 3}, "elor": {}}, tmp_path, tmp_path)
    page = (tmp_path / "README.md").read_text()
    assert "## Lopez" in page and "## Elor" in page and "Not run" not in page and "lopez: 1 yes; elor: 1 yes" in page
    assert pd.read_csv(tmp_path / "figures.csv").paper.tolist() == ["lopez", "elor"]
    program.write(papers, ["elor"], {"lopez": {"seeds": 4}, "elor": {}}, tmp_path, tmp_path)
    assert "Not run for this page: lopez." in (tmp_path / "README.md").read_text()  # that was of other settings


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
