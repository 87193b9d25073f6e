from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from imbalance_lab.comparison.across import (
    across_datasets,
    average_ranks,
    complete_part,
    critical_difference,
    friedman,
    nemenyi,
    signed_rank,
    wilcoxon,
)
from imbalance_lab.comparison.settings import Settings
from imbalance_lab.comparison.side_by_side import summary

# Demsar (2006), table 6: AUC of C4.5, with m, with cf, with both tuned. Of two equal ones, .975, the paper ranks the
# first higher, so they differ in a digit that it does not print.
DEMSAR = pd.DataFrame(
    [
        [0.763, 0.768, 0.771, 0.798],
        [0.599, 0.591, 0.590, 0.569],
        [0.954, 0.971, 0.968, 0.967],
        [0.628, 0.661, 0.654, 0.657],
        [0.882, 0.888, 0.886, 0.898],
        [0.936, 0.931, 0.916, 0.931],
        [0.661, 0.668, 0.609, 0.685],
        [0.583, 0.583, 0.563, 0.625],
        [0.775, 0.838, 0.866, 0.875],
        [1.000, 1.000, 1.000, 1.000],
        [0.940, 0.962, 0.965, 0.962],
        [0.619, 0.666, 0.614, 0.669],
        [0.972, 0.981, 0.9751, 0.975],
        [0.957, 0.978, 0.946, 0.970],
    ],
    columns=["C4.5", "C4.5+m", "C4.5+cf", "C4.5+m+cf"],
)


def test_ranks_and_friedman_as_published() -> None:
    assert average_ranks(DEMSAR).round(3).to_list() == [3.143, 2.000, 2.893, 1.964]
    found = friedman(DEMSAR)
    assert found["chi2"] == pytest.approx(9.28, abs=0.005)
    assert found["F"] == pytest.approx(3.69, abs=0.005)
    assert found["p_F"] < 0.05  # the critical value of F(3, 39) is 2.85


def test_agreement_of_few_datasets_is_no_certainty() -> None:
    # Two strategies on two datasets agree half of the time by chance; three on three once in 36.
    assert friedman(pd.DataFrame([[1.0, 2.0]] * 2))["p_F"] == 0.5
    assert friedman(pd.DataFrame([[1.0, 2.0, 3.0]] * 3))["p_F"] == pytest.approx(1 / 36)


def test_critical_differences_as_published() -> None:
    assert critical_difference(4, 14, 0.05) == pytest.approx(1.25, abs=0.005)
    assert critical_difference(4, 14, 0.10) == pytest.approx(1.12, abs=0.005)


def test_nemenyi_is_the_critical_difference() -> None:
    ranks, p = average_ranks(DEMSAR), nemenyi(DEMSAR)
    for alpha in (0.05, 0.10, 0.5):
        cd = critical_difference(4, 14, alpha)
        for a in ranks.index:
            for b in ranks.index:
                assert (abs(ranks[a] - ranks[b]) > cd) == (p.loc[a, b] < alpha)


def test_wilcoxon_as_published() -> None:
    # Of C4.5 and C4.5+m the smaller rank sum is 12, below 21, the critical value of 14 datasets at .05.
    two = DEMSAR[["C4.5", "C4.5+m"]]
    assert 0.005 < wilcoxon(two).loc["C4.5", "C4.5+m"] < 0.05
    table = wilcoxon(DEMSAR)
    assert (table.to_numpy() == table.to_numpy().T).all()
    assert table.loc["C4.5", "C4.5+m"] > wilcoxon(two).loc["C4.5", "C4.5+m"]  # Holm's price of six tests


def test_loss_is_ranked_the_other_way_round() -> None:
    pd.testing.assert_series_equal(average_ranks(DEMSAR, -1), average_ranks(-DEMSAR))
    np.testing.assert_allclose(nemenyi(DEMSAR, -1), nemenyi(DEMSAR))


def test_signed_rank_knows_better_same_and_worse() -> None:
    rng = np.random.default_rng(0)
    none = rng.uniform(0.5, 0.8, size=12)
    means = pd.DataFrame({"none": none, "up": none + 0.05, "down": none - 0.05, "same": none + rng.normal(0, 1e-3, 12)})
    found = signed_rank(means, Settings())
    assert found.loc["up", "better"] > 0.99
    assert found.loc["down", "worse"] > 0.99
    assert found.loc["same", "same"] > 0.99
    np.testing.assert_allclose(found.sum(axis=1), 1)
    losses = signed_rank(means, Settings(metric="log_loss"))
    assert losses.loc["up", "worse"] > 0.99
    assert signed_rank(means.drop(columns="none"), Settings()).empty


def test_what_misses_most_is_left_out() -> None:
    means = pd.DataFrame(1.0, index=list("pqrst"), columns=["none", "smote", "rare"])
    means.loc[["p", "q", "r"], "rare"] = np.nan  # three of five
    means.loc["t", "smote"] = np.nan
    kept = complete_part(means)
    assert (list(kept.index), list(kept.columns)) == (list("pqrs"), ["none", "smote"])
    notes = across_datasets("mlp", means, Settings()).notes
    assert "strategies left out, for results that are missing: rare" in notes
    assert "datasets left out, for results that are missing: t" in notes
    assert any("too few" in note for note in notes)


def test_nothing_to_compare() -> None:
    assert across_datasets("", pd.DataFrame({"none": [1.0, 1.0]}), Settings()) is None
    assert across_datasets("", pd.DataFrame({"none": [1.0], "smote": [1.0]}), Settings()) is None


def test_summary_says_what_chance_allows() -> None:
    rng = np.random.default_rng(1)
    noise = pd.DataFrame(rng.normal(size=(12, 4)), columns=list("abcd"))
    assert "do not differ more than chance" in summary(across_datasets("", noise, Settings()), Settings())
    clear = noise.add([0, 10, 20, 30])
    shown = summary(across_datasets("", clear, Settings()), Settings())
    assert shown.startswith("d has the best average rank, 1.00")


def test_false_alarms_across_datasets_stay_at_the_nominal_rate() -> None:
    rng, sweeps = np.random.default_rng(2), 1000
    false = sum(friedman(pd.DataFrame(draw))["p_F"] < 0.05 for draw in rng.normal(size=(sweeps, 12, 5)))
    assert false / sweeps == pytest.approx(0.05, abs=3 * np.sqrt(0.05 * 0.95 / sweeps))
