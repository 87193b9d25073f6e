"""The leaderboard's abstract, and what strategies of each kind cost."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from experiments.leaderboard.table import OfModel, standing
from imbalance_lab.options import SLOTS
from imbalance_lab.runs.spec import default_options
from imbalance_lab.runs.table import RunTable

LIKELY = 0.95  # a posterior probability that is worth a sentence
FEWEST_SOURCES = 10  # of a model that the abstract speaks of
KINDS = {
    "sampler": "resampling",
    "class_weight": "class weights",
    "loss": "a loss",
    "representation": "other training",
    "decision": "a decision rule",
}


def abstract(models: Sequence[OfModel], kinds: dict[str, pd.DataFrame], table: RunTable) -> list[str]:
    """Return five lines: what helps, when, by how much, at what price, and against which control.

    Parameters
    ----------
    models : sequence of OfModel
    kinds : dict of str to DataFrame
        The gains by kind of set, by model.
    table : RunTable
    """
    told = spoken_of(models)
    standings = {one.model: standing(one) for one in told}
    helpful = {model: set(found.index[found.p_better > LIKELY]) for model, found in standings.items()}
    common = sorted(set.intersection(*helpful.values()))
    gains = {model: found.loc[found["mean"].idxmax()] for model, found in standings.items()}
    how_much = ", ".join(f"{row.gain:+.3f} with {model} (`{row.name}`)" for model, row in gains.items())
    counts = ", ".join(f"{len(names)} of {len(standings[model]) - 1} with {model}" for model, names in helpful.items())
    settings = told[0].comparison.settings
    beats = sum(int((found.p_better_than_control.fillna(0) > LIKELY).sum()) for found in standings.values())
    price = costs(told, table)
    return [
        "## Abstract",
        "\n".join(
            [
                f"- **What helps.** More than {settings.rope:g} balanced accuracy over plain training, with a "
                f"probability above {LIKELY}: {counts}"
                + (f"; with every one of them {_code(common)}." if common else "; none with every one of them."),
                f"- **When.** {' '.join(_when(one.model, kinds[one.model]) for one in told)}",
                f"- **How much.** The best mean gains: {how_much}. Between sets they scatter far more than that.",
                "- **Price.** "
                + "; ".join(
                    f"{kind}: log loss {row.log_loss:+.3f}, average precision {row.average_precision:+.3f}"
                    + (f", {row.seconds:.1f} times the time" if row.seconds > 0 else "")
                    for kind, row in price.iterrows()
                )
                + " (medians over strategies and models, against plain training).",
                f"- **Against the control.** `{settings.control}`, which moves thresholds and trains nothing anew, is "
                f"beaten with a probability above {LIKELY} by {beats or 'none'} of the "
                f"{sum(len(found) - 2 for found in standings.values())} other strategies of these models.",
            ]
        ),
    ]


def spoken_of(models: Sequence[OfModel]) -> list[OfModel]:
    """Return the models that ran on sources enough for an abstract; all of them if none did."""
    return [one for one in models if len(one.across.means) >= FEWEST_SOURCES] or list(models)


def costs(models: Sequence[OfModel], table: RunTable) -> pd.DataFrame:
    """Return a row per kind of strategy: medians over its strategies and models of what they change and take."""
    kind = kind_of_strategies(table)
    rows = []
    for one in spoken_of(models):
        found = standing(one).drop(index=one.comparison.settings.baseline)
        columns = [name for name in ("gain", "average_precision", "log_loss", "seconds") if name in found]
        rows.append(found[columns].assign(kind=kind.reindex(found.index)))
    return pd.concat(rows).groupby("kind").median().sort_values("log_loss", kind="stable")


def kind_of_strategies(table: RunTable) -> pd.Series:
    """Return which slots each strategy fills, in words. A run of before there was a slot does not fill it."""
    empty = default_options()
    chosen = table.settings["options"].loc[table.runs.index].fillna(empty)
    filled = {
        strategy: " and ".join(
            word for slot, word in KINDS.items() if slot in chosen and chosen.at[run, slot] != empty[slot]
        )
        for strategy, run in zip(table.runs.strategy, table.runs.index, strict=True)
    }
    assert set(KINDS) == set(SLOTS)
    return pd.Series(filled)


def _when(model: str, kinds: pd.DataFrame) -> str:
    """Return of which fact's ends the best gain of any strategy differs most."""
    best = kinds.max()
    ends = {fact: best[fact].iloc[[0, -1]] for fact in dict.fromkeys(best.index.get_level_values(0))}
    fact, found = max(ends.items(), key=lambda item: abs(item[1].iloc[0] - item[1].iloc[1]))
    few, many = (f"{gain:+.3f} at {fact} {third}" for third, gain in found.items())
    return f"With {model} the most that any strategy gains is {many}, and {few}."


def _code(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def times(factor: float) -> str:
    """Return how many times as long something takes; a dash where it was not timed side by side.

    >>> times(1.44), times(float("nan"))
    ('1.4 x', '-')
    """
    return f"{factor:.1f} x" if factor > 0 else "-"
