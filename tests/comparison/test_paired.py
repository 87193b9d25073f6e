from __future__ import annotations

import baycomp
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from imbalance_lab.comparison.paired import corrected_t, further_values, holm, holm_levels, interval, paired_differences
from imbalance_lab.comparison.settings import Settings

SWEEPS = 1000


def frame(values: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(values, index=["none", *(f"s{k}" for k in range(1, len(values)))])


def compared(values: np.ndarray, ratio: float = 0.25, **settings) -> pd.DataFrame:
    return paired_differences(frame(values), "none", ratio, Settings(**settings))


def verdicts(*differences: float, **settings) -> str:
    return compared(np.array([np.zeros(len(differences)), differences]), **settings).verdict["s1"]


def test_corrected_t_by_hand() -> None:
    # Mean 2.5; squares 2.25 + .25 + .25 + 2.25 = 5, so s^2 = 5/3; times (1/4 + 1/4).
    mean, error, df = corrected_t(np.array([[1.0, 2.0, 3.0, 4.0]]), ratio=0.25)
    assert (mean[0], df[0]) == (2.5, 3)
    assert error[0] == pytest.approx(np.sqrt(5 / 6))


def test_missing_values_count_for_nothing() -> None:
    with_gap, without = (corrected_t(np.array([v]), 0.25) for v in ([1.0, np.nan, 3.0, 4.0], [1.0, 3.0, 4.0]))
    np.testing.assert_allclose(with_gap, without)


def test_independent_pairs_are_a_paired_t_test() -> None:
    values = np.random.default_rng(0).normal(size=(2, 12))
    table = compared(values, ratio=0.0, rope=0.0)
    expected = stats.ttest_rel(values[1], values[0])
    assert table.p["s1"] == pytest.approx(expected.pvalue)
    assert tuple(table.loc["s1", ["low", "high"]]) == pytest.approx(tuple(expected.confidence_interval(0.95)))


def test_cross_validation_agrees_with_baycomp() -> None:
    values = np.random.default_rng(1).normal(size=(2, 30))  # three times ten folds
    library = baycomp.CorrelatedTTest(values[0], values[1], rope=0.1, runs=3)
    mean, error, df = corrected_t((values[1] - values[0])[None], ratio=1 / 9)
    assert (mean[0], error[0] ** 2, df[0]) == pytest.approx((library.mean, library.var, library.df))


def test_holm_by_hand() -> None:
    # In order .005, .01, .03, .04 times 4, 3, 2, 1, each at least the one before.
    np.testing.assert_allclose(holm(np.array([0.01, 0.04, np.nan, 0.03, 0.005])), [0.03, 0.06, np.nan, 0.06, 0.02])


def test_holm_agrees_with_statsmodels() -> None:
    p = np.random.default_rng(6).uniform(size=20) ** 3
    np.testing.assert_allclose(holm(p), multipletests(p, method="holm")[1])


def correlated(rng: np.random.Generator, shape: tuple[int, ...], rho: float) -> np.ndarray:
    """Draw values of variance 1 whose last axis is correlated as overlapping training sets make it."""
    shared = rng.normal(size=(*shape[:-1], 1))
    return np.sqrt(rho) * shared + np.sqrt(1 - rho) * rng.normal(size=shape)


def test_false_verdicts_stay_at_the_nominal_rate() -> None:
    rng, false, naive = np.random.default_rng(2), 0, 0
    for sweep in correlated(rng, (SWEEPS, 6, 10), rho=0.2):  # n_test / (n_test + n_train)
        false += compared(sweep, ratio=0.25, rope=0.0).verdict.isin(["better", "worse"]).any()
        naive += compared(sweep, ratio=0.0, rope=0.0).verdict.isin(["better", "worse"]).any()
    assert false / SWEEPS < 0.05 + 3 * np.sqrt(0.05 * 0.95 / SWEEPS)
    assert false / SWEEPS > 0.01  # not by never saying anything
    assert naive / SWEEPS > 0.1  # what an ordinary t-test makes of it


def test_false_equivalence_stays_at_the_nominal_rate() -> None:
    draws = np.random.default_rng(3).normal(0.01, 0.01, size=(SWEEPS, 30))  # as different as just matters
    same = sum(verdicts(*row, ratio=0.0) == "practically the same" for row in draws)
    assert same / SWEEPS < 0.05 + 3 * np.sqrt(0.05 * 0.95 / SWEEPS)
    assert same > 0


def test_a_real_difference_is_found_with_the_power_it_should() -> None:
    # Ten independent pairs, a difference of one standard deviation: .803 (Cohen 1988, by the noncentral t).
    draws = np.random.default_rng(4).normal(1.0, 1.0, size=(SWEEPS, 10))
    found = sum(verdicts(*row, ratio=0.0) == "better" for row in draws)
    assert found / SWEEPS == pytest.approx(0.803, abs=3 * np.sqrt(0.803 * 0.197 / SWEEPS))


def test_number_of_runs_by_the_book() -> None:
    # Half a standard deviation, two-sided .05, power .8: 34 pairs (Cohen 1988, table 2.4.1).
    assert further_values(10, 0.5, 1.0, 0.0, 1, Settings(rope=0.0)) == 24


def test_that_many_more_runs_settle_it() -> None:
    settings, ratio = Settings(rope=0.0), 0.25
    more = further_values(10, 1.6, 1.0, ratio, 1, settings)
    assert 0 < more < 1000
    rng = np.random.default_rng(5)
    draws = correlated(rng, (SWEEPS, 10 + int(more)), rho=0.0) + 1.6
    assert np.mean([verdicts(*row, ratio=ratio, rope=0.0) == "better" for row in draws]) > 0.8


@pytest.mark.parametrize(
    ("differences", "expected"),
    [
        ([0.10, 0.11, 0.09, 0.10, 0.12], "better"),
        ([-0.10, -0.11, -0.09, -0.10, -0.12], "worse"),
        ([0.001, -0.001, 0.002, 0.0, -0.002], "practically the same"),
        ([0.0, 0.0, 0.0], "practically the same"),  # the same predictions
        ([0.1], "not enough runs"),
        ([0.05, 0.05], "not enough runs"),  # equal by chance: says nothing of the deviation
        ([0.1, -0.1, 0.2, -0.1], "not enough runs"),
        ([0.1, -0.1] * 10, "not enough rows"),
        ([np.nan, np.nan], "not enough runs"),
    ],
)
def test_verdicts(differences: list[float], expected: str) -> None:
    assert verdicts(*differences) == expected


def test_a_smaller_loss_is_better() -> None:
    assert verdicts(-0.10, -0.11, -0.09, -0.10, metric="log_loss") == "better"
    assert verdicts(-0.10, -0.11, -0.09, -0.10, metric="brier_corrected") == "better"
    assert verdicts(-0.10, -0.11, -0.09, -0.10, metric="recall/a") == "worse"


def test_equal_differences_are_equal_whatever_their_rounding() -> None:
    values = np.array([[0.2, 0.4, 0.6], [0.6, 0.8, 1.0]])  # .4 each, but for the last bit
    assert compared(values).verdict["s1"] == "not enough runs"


def test_what_does_not_matter_is_the_same_even_if_it_is_certain() -> None:
    assert verdicts(0.005, 0.0051, 0.0049, 0.005) == "practically the same"
    assert verdicts(0.005, 0.0051, 0.0049, 0.005, rope=0.001) == "better"


@given(
    st.lists(st.lists(st.floats(-0.2, 0.2), min_size=2, max_size=12), min_size=1, max_size=6),
    st.sampled_from([0.0, 0.25]),
    st.sampled_from([0.0, 0.01, 0.05]),
)
def test_the_interval_beside_a_verdict_is_the_one_it_comes_from(
    rows: list[list[float]], ratio: float, rope: float
) -> None:
    length = max(map(len, rows))
    padded = [row + [np.nan] * (length - len(row)) for row in rows]
    for found in compared(np.array([[0.0] * length, *padded]), ratio, rope=rope).itertuples():
        leaves_out_0 = found.low > 0 or found.high < 0
        inside = (-rope < found.low and found.high < rope) or found.low == found.high == 0
        if found.verdict in ("better", "worse"):
            assert leaves_out_0 and (found.low > 0) == (found.verdict == "better")
        elif found.verdict == "practically the same":
            assert inside
        else:
            assert not inside and not leaves_out_0  # or there is none


def test_an_open_verdict_does_not_stand_beside_an_interval_of_one_comparison() -> None:
    # Alone it would be +.108 [.025, .191]; of eight strategies it is open.
    differences = 0.108 + 0.0437 * np.array([-1.2, -0.5, 0.1, 0.4, 1.2])
    others = np.random.default_rng(7).normal(0, 0.05, size=(7, 5))
    alone = compared(np.array([np.zeros(5), differences])).loc["s1"]
    among = compared(np.array([np.zeros(5), differences, *others])).loc["s1"]
    assert (alone.verdict, alone.low > 0) == ("better", True)
    assert (among.verdict, among.low < 0) == ("not enough runs", True)


def test_levels_are_those_of_holms_steps() -> None:
    # Of four: .001 < .05/4, .01 < .05/3, .03 > .05/2, at which the third and the fourth stay.
    levels = holm_levels(np.array([0.03, 0.001, np.nan, 0.6, 0.01]), 0.05)
    np.testing.assert_allclose(levels, [0.05 / 2, 0.05 / 4, np.nan, 0.05 / 2, 0.05 / 3])


def test_intervals_cover_as_often_as_they_should() -> None:
    rng, truth = np.random.default_rng(8), np.array([0.0, 0.0, 0.5, 1.0, 2.0, 4.0])
    covered, none_left_out = np.zeros(6), 0
    for sweep in correlated(rng, (SWEEPS, 6, 10), rho=0.2) + truth[:, None]:
        found = compared(np.array([np.zeros(10), *sweep]), ratio=0.25, rope=0.0)
        inside = ((found.low <= truth) & (truth <= found.high)).to_numpy()
        covered += inside
        none_left_out += inside[:2].all()
    margin = 3 * np.sqrt(0.05 * 0.95 / SWEEPS)
    assert (covered / SWEEPS > 0.95 - margin).all()
    assert none_left_out / SWEEPS > 0.95 - margin  # of all true zeros at once


def test_two_to_four_pairs_do_not_say_how_many_more() -> None:
    for pairs in (2, 3, 4):
        table = compared(np.array([np.zeros(pairs), [0.3, 0.1, 0.2, -0.1][:pairs]]))
        assert table.loc["s1", ["more", "most"]].isna().all()


def test_five_pairs_give_a_range_for_how_many_more() -> None:
    differences = [0.06, 0.02, 0.09, 0.03, 0.01]
    found = compared(np.array([np.zeros(5), differences]), ratio=0.0, rope=0.0, confidence=0.99).loc["s1"]
    settings = Settings(rope=0.0, confidence=0.99)
    likely = further_values(5, float(np.mean(differences)), float(np.std(differences, ddof=1)), 0.0, 1, settings)
    assert found.verdict == "not enough runs"
    assert 1 <= found.more < likely < found.most
    # Where the deviation may be so large that no number would do, the range is open above.
    found = compared(np.array([np.zeros(5), differences]), ratio=0.05, rope=0.0, confidence=0.99).loc["s1"]
    assert found.more >= 1 and np.isnan(found.most)


def test_a_number_of_further_runs_holds_from_five_pairs_on() -> None:
    """What is settled by as many further pairs as the pairs so far let one expect: with two it is a guess."""
    rng, settings, tests = np.random.default_rng(9), Settings(), 7
    share = {}
    for pairs in (2, 5):
        settled = []
        for effect in rng.normal(0, 0.04, size=1500):
            draws = effect + 0.02 * correlated(rng, (1, 1001), rho=0.2)
            seen = draws[0, :pairs]
            if not _is_settled(seen, tests, settings):
                more = further_values(pairs, seen.mean(), seen.std(ddof=1), 0.25, tests, settings)
                settled += [_is_settled(draws[0, : pairs + int(more)], tests, settings)] if np.isfinite(more) else []
        share[pairs] = np.mean(settled)
    assert share[2] < 0.5
    assert share[5] > 0.65


def _is_settled(values: np.ndarray, tests: int, settings: Settings) -> bool:
    mean, error, df = (part[0] for part in corrected_t(values[None], 0.25))
    equal = abs(mean) + stats.t.ppf(0.95, df) * error < settings.rope
    return bool(equal or 2 * stats.t.sf(abs(mean) / error, df) * tests < 0.05)


@given(
    st.lists(st.floats(-1, 1), min_size=2, max_size=8),
    st.floats(-1, 1),
    st.floats(0.1, 10),
)
def test_intervals_follow_shift_and_scale(values: list[float], shift: float, scale: float) -> None:
    before = np.array(interval(np.array([values]), 0.25, 0.95))
    after = np.array(interval(np.array([values]) * scale + shift, 0.25, 0.95))
    np.testing.assert_allclose(after, before * scale + shift, atol=1e-9)
