"""What the leaderboard's page says of one model, as frames: no statistics of its own, only the package's."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from imbalance_lab.comparison import Comparison, Settings, compare
from imbalance_lab.comparison.across import Across, across_datasets, complete_part
from imbalance_lab.comparison.paired import BETTER, SAME, WORSE, interval
from imbalance_lab.runs.table import RunTable

SECONDS = ("timing/sample", "timing/fit")
NEAR = 3_600_000.0  # milliseconds


@dataclass(frozen=True)
class OfModel:
    """What is known of the strategies of one model.

    Parameters
    ----------
    model : str
    comparison : Comparison
        Of its runs, set by set.
    means : DataFrame
        Balanced accuracy: a row per set, a column per strategy; what misses most is left out.
    across : Across
        Of sources: cuts of one source are averaged, for they are no independent evidence.
    against_control : DataFrame
        The Bayesian signed-rank test with the control in the baseline's place.
    other : dict of str to DataFrame
        Other metrics, as `means`.
    left_out : str
        The strategies and sets that are not in `means`, for cells that did not run; empty if there are none.
    """

    model: str
    comparison: Comparison
    means: pd.DataFrame
    across: Across
    against_control: pd.DataFrame
    other: dict[str, pd.DataFrame]
    left_out: str = ""


def source(name: str) -> str:
    """Return the data of which a set is a cut.

    >>> source("ecoli-0_vs_1"), source("ecoli4"), source("new_thyroid2"), source("kr-vs-k-zero_vs_eight")
    ('ecoli', 'ecoli', 'newthyroid', 'kr')
    """
    found = re.match(r"[a-z]+", re.sub(r"^new[-_]", "new", name.lower()))
    return found[0] if found else name


def of_model(table: RunTable, model: str, settings: Settings, others: Sequence[str]) -> OfModel | None:
    """Return what is known of the strategies of a model; None if too little has run."""
    own = table.only(table.runs.model == model)
    if not (own.runs.outcome == "finished").any():
        return None
    means = _means(own, settings.metric)
    if settings.baseline not in means:
        return None
    means = means[means[settings.baseline].notna()]
    left_out = incomplete(means)
    means = complete_part(means)
    by_source = means.groupby(source).mean()
    across = across_datasets(model, by_source, settings)
    control = across_datasets(model, by_source, replace(settings, baseline=settings.control))
    if across is None or control is None:
        return None
    other = {name: _means(own, name).reindex(index=means.index, columns=means.columns) for name in others}
    other["seconds"] = _seconds(own, settings.baseline).reindex(index=means.index, columns=means.columns)
    return OfModel(model, compare(own, settings), means, across, control.signed_rank, other, left_out)


def incomplete(means: pd.DataFrame) -> str:
    """Return what is left out so that every strategy that is ranked ran on every set; empty if nothing is.

    >>> incomplete(pd.DataFrame({"none": [0.5, 0.6, 0.7], "smote": [0.5, None, 0.7], "enn": [None, None, 0.7]}))
    'strategies enn; 1 set on which another did not run'
    """
    kept = complete_part(means)
    strategies = means.columns.difference(kept.columns, sort=False)
    sets = len(means) - len(kept)
    parts = [f"strategies {', '.join(strategies)}"] if len(strategies) else []
    return "; ".join([*parts, *([f"{sets} set{'s' if sets > 1 else ''} on which another did not run"] if sets else [])])


def standing(one: OfModel) -> pd.DataFrame:
    """Return a row per strategy, best average rank first, every number that the page shows."""
    settings, means = one.comparison.settings, one.means
    by_source = means.groupby(source).mean()
    gains = by_source.sub(by_source[settings.baseline], axis=0)
    _, low, high = interval(gains.T.to_numpy(), 0.0, settings.confidence)
    table = pd.DataFrame(
        {
            "rank": one.across.ranks,
            "mean": by_source.mean(),
            "gain": gains.mean(),
            "low": pd.Series(low, gains.columns),
            "high": pd.Series(high, gains.columns),
            "p_better": one.across.signed_rank["better"],
            "p_better_than_control": one.against_control["better"],
        }
    )
    for role in ("baseline", "control"):
        verdicts = _verdicts(one, role)
        table = table.join(verdicts.rename(columns=lambda word, role=role: f"{role}_{word}"))
    for name, values in one.other.items():
        against = values[settings.baseline]
        change = values.div(against, axis=0) if name == "seconds" else values.sub(against, axis=0)
        table[name] = change.median()  # on one set a single row far out decides a mean of log losses
    return table.sort_values("rank", kind="stable").rename_axis("strategy")


def by_kind(one: OfModel, facts: pd.DataFrame) -> pd.DataFrame:
    """Return the mean gain over the baseline in each third of the sets: a row per strategy, columns (fact, third)."""
    gains = one.means.sub(one.means[one.comparison.settings.baseline], axis=0)
    parts = {}
    for name, values in facts.reindex(gains.index).items():
        order = values.rank(method="first")
        thirds = pd.cut(order, 3, labels=False)
        for third in range(3):
            members = values[thirds == third]
            label = f"{members.min():.3g} to {members.max():.3g}"
            parts[str(name), label] = gains.loc[members.index].mean()
    return pd.DataFrame(parts).loc[one.across.ranks.index]


def _means(table: RunTable, metric: str) -> pd.DataFrame:
    """Return a row per set and a column per strategy."""
    done = table.runs[table.runs.outcome == "finished"]
    if metric not in table.metrics:
        return pd.DataFrame(index=done.dataset.unique(), columns=done.strategy.unique(), dtype=float)
    long = done.assign(value=table.metrics.loc[done.index, metric])
    return long.pivot_table(index="dataset", columns="strategy", values="value", aggfunc="mean")


def _seconds(table: RunTable, baseline: str) -> pd.DataFrame:
    """Return how long runs took, as `_means`, where they began within an hour of the baseline: loads differ later."""
    seconds = sum(_means(table, name) for name in SECONDS)
    assert isinstance(seconds, pd.DataFrame)
    started = _means(replace(table, metrics=table.runs[["start"]].astype(float)), "start")
    return seconds.where(started.sub(started[baseline], axis=0).abs() < NEAR)


def _verdicts(one: OfModel, role: str) -> pd.DataFrame:
    """Return on how many sets each strategy is provably better, the same or worse, and on how many it is open."""
    words = {BETTER: "better", SAME: "same", WORSE: "worse"}
    found = []
    for compared in one.comparison.compared:
        column = f"{role}_verdict"
        if compared.group.name["dataset"] in one.means.index and column in compared.table:
            found.append(compared.table[column].dropna().map(lambda verdict: words.get(verdict, "open")))
    if not found:
        return pd.DataFrame(index=one.means.columns)
    every = pd.concat(found)
    counts = pd.crosstab(every.index, every).reindex(index=one.means.columns, fill_value=0)
    return counts.reindex(columns=["better", "same", "worse", "open"], fill_value=0)


def facts_of(table: RunTable) -> pd.DataFrame:
    """Return of each set rows, imbalance and separability (the ROC AUC of plain training, all models)."""
    import imbalance_lab as lab

    done = table.runs[table.runs.outcome == "finished"]
    plain = done[done.strategy == "none"]
    separable = table.metrics.loc[plain.index].groupby(plain.dataset)["roc_auc"].mean()
    rows = {}
    for name in sorted(done.dataset.unique()):
        data = lab.option("dataset", "keel", name=name).build().load()
        rows[name] = {
            "imbalance ratio": data.imbalance_ratio,
            "rows": float(len(data)),
            "rows of the smallest class": float(data.counts.min()),
            "ROC AUC of plain training": float(separable.get(name, np.nan)),
        }
    return pd.DataFrame.from_dict(rows, orient="index")
