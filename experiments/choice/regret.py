"""What a choice loses against the best candidate in hindsight, on sets that had no part in making the rule."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache

import numpy as np
import pandas as pd

from experiments.choice.gather import Sides
from imbalance_lab.recommendation.evidence import Evidence, Results, expected, imbalance_of, learn, results_of
from imbalance_lab.recommendation.panel import MODELS, cost_of, simplest
from imbalance_lab.runs.spec import specify

RESAMPLES = 10_000
ROPE = 0.01  # as by default
ALIASES = {"new": "newthyroid", "kr": "krvsk", "page": "pageblocks"}
Pair = tuple[str, str]
Rule = Callable[[Sides, Evidence, str], Pair]


def source_of(name: str) -> str:
    """Return the data that a set is a cut of: yeast4 and yeast-1_vs_7 are cuts of yeast.

    >>> source_of("yeast-1_vs_7"), source_of("new-thyroid1"), source_of("abalone9-18")
    ('yeast', 'newthyroid', 'abalone')
    """
    found = re.match(r"[A-Za-z]+", name)
    first = found[0].lower() if found else name
    return ALIASES.get(first, first)


def results(one: Sides, metric: str) -> Results:
    """Return the results of the cross-validation on a set's training side."""
    pairs = [tuple(pair) for pair in one.inner.index]
    return results_of(one.inner[metric], pairs, one.ratio, imbalance_of(one.imbalance))


def evidence_of(sets: Sequence[Sides], metric: str) -> Evidence:
    """Return what sets say."""
    return learn([results(one, metric) for one in sets])


def choices(sets: Sequence[Sides], metric: str = "balanced_accuracy") -> pd.DataFrame:
    """Return what each rule chooses on each set: a row per set, a column per rule, cells ``(strategy, model)``.

    Rules see the cross-validation of a set's training side, and what the sets of all other sources say.
    """
    rows = {}
    for source in dict.fromkeys(source_of(one.name) for one in sets):
        evidence = evidence_of([one for one in sets if source_of(one.name) != source], metric)
        for one in sets:
            if source_of(one.name) == source:
                rows[one.name] = {rule: choose(one, evidence, metric) for rule, choose in RULES.items()}
    return pd.DataFrame.from_dict(rows, orient="index").reindex([one.name for one in sets])


def values(sets: Sequence[Sides], chosen: pd.DataFrame, metric: str = "balanced_accuracy") -> pd.DataFrame:
    """Return what each choice comes to on the test rows, after training on the training side; and the best there is."""
    rows = {}
    for one in sets:
        rows[one.name] = {rule: float(one.outer[metric][pair]) for rule, pair in chosen.loc[one.name].items()}
        rows[one.name] |= {BEST: float(one.outer[metric].max())}
    return pd.DataFrame.from_dict(rows, orient="index")


def table(found: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """Return of each rule the mean value, the mean regret, and how much more that is than that of the first rule.

    Intervals are of 95 % confidence, by resampling sources: cuts of the same data are no independent evidence.

    Parameters
    ----------
    found : DataFrame
        As `values` returns it.
    seed : int
    """
    rng = np.random.default_rng(seed)
    regret = found[[BEST]].to_numpy() - found.drop(columns=BEST)
    parts = [part for _, part in regret.groupby(regret.index.map(source_of))]
    sums = np.stack([part.sum().to_numpy() for part in parts])
    sizes = np.array([len(part) for part in parts])
    draws = rng.integers(len(parts), size=(RESAMPLES, len(parts)))
    means = sums[draws].sum(axis=1) / sizes[draws].sum(axis=1)[:, None]
    rows = pd.DataFrame({"mean": found.drop(columns=BEST).mean(), "regret": regret.mean()})
    rows[["low", "high"]] = np.quantile(means, [0.025, 0.975], axis=0).T
    rows["more"] = rows.regret - rows.regret.iloc[0]
    rows[["more low", "more high"]] = np.quantile(means - means[:, :1], [0.025, 0.975], axis=0).T
    return rows.rename_axis("rule")


def _recommended(one: Sides, evidence: Evidence, metric: str) -> Pair:
    found = results(one, metric)
    costs = [_cost(*candidate) for candidate in found.candidates]
    return found.candidates[simplest(expected(found, evidence)[0], costs, ROPE)]


def _expected_best(one: Sides, evidence: Evidence, metric: str) -> Pair:
    found = results(one, metric)
    return found.candidates[int(np.argmax(expected(found, evidence)[0]))]


def _best_mean(one: Sides, evidence: Evidence, metric: str) -> Pair:
    return _pair(one.inner[metric].mean(axis=1).idxmax())


def _always(strategy: str, model: str | None) -> Rule:
    """Return the rule of one strategy, with a model or with that of the best cross-validated mean."""

    def choose(one: Sides, evidence: Evidence, metric: str) -> Pair:
        means = one.inner[metric].mean(axis=1)
        own = means[[pair[0] == strategy and model in (None, pair[1]) for pair in means.index]]
        return _pair(own.idxmax())

    return choose


def _pair(index: object) -> Pair:
    strategy, model = index  # type: ignore[misc]
    return strategy, model


@cache
def _cost(strategy: str, model: str) -> int:
    return cost_of(specify(strategy=strategy, model=model).options, MODELS.index(model))


BEST = "the best in hindsight"
RULES: Mapping[str, Rule] = {
    "recommend": _recommended,
    "the best expected, however complicated": _expected_best,
    "the best cross-validated mean": _best_mean,
    "always logit_adjust, the best model": _always("logit_adjust", None),
    **{f"always logit_adjust {model}": _always("logit_adjust", model) for model in MODELS},
    "always inv_freq, the best model": _always("inv_freq", None),
    "always inv_freq logreg": _always("inv_freq", "logreg"),
    "always inv_freq hist_gb": _always("inv_freq", "hist_gb"),
    "always tuned_threshold, the best model": _always("tuned_threshold", None),
    "always none, the best model": _always("none", None),
}
