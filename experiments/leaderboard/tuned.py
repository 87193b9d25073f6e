"""What tuning bought on the leaderboard: every strategy with the same trials, against itself untuned."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from experiments.leaderboard.table import OfModel, of_model, source, standing
from experiments.tables import to_markdown
from imbalance_lab.comparison import Settings, compare
from imbalance_lab.comparison.budgets import UNTUNED, about_tuning
from imbalance_lab.comparison.paired import BETTER, SAME, WORSE, interval
from imbalance_lab.runs.table import RunTable

COUNTED = {BETTER: "better", SAME: "the same", WORSE: "worse"}


def section(table: RunTable, settings: Settings) -> list[str]:
    """Return the section on tuning; nothing if no run was tuned.

    Parameters
    ----------
    table : RunTable
        Of tuned runs and others.
    settings : Settings
    """
    parts = [part for model in table.runs.model.unique() for part in _of_model(table, str(model), settings)]
    if not parts:
        return []
    return [
        "## What tuning bought",
        "Every strategy, control and plain training too, has the same trials, on validation rows of each fold, over "
        "the ranges of its own settings and the model's that the package brings along. Bought: balanced accuracy of "
        "test rows, tuned less untuned, the mean over sources with its interval, and on how many sets that is better / "
        "the same / worse / open by itself. On validation rows: what the best trial gained where trials are judged, "
        "which is optimistic. Tuned rank, tuned gain and P are of tuned strategies among themselves, against tuned "
        "plain training and the tuned control.",
        *parts,
    ]


def bought(table: RunTable, settings: Settings) -> pd.DataFrame:
    """Return what tuning bought each strategy on each set.

    Parameters
    ----------
    table : RunTable
        Of one model.
    settings : Settings

    Returns
    -------
    DataFrame
        A row per set, budget and strategy that ran tuned and untuned: ``difference``, ``verdict``, ``validation``,
        ``seconds``.
    """
    comparison = compare(table, settings)
    groups = [one.group for one in comparison.compared if one.group.budget != UNTUNED]
    parts = [
        one.gains.rename_axis("strategy").reset_index().assign(dataset=group.name["dataset"], budget=group.budget)
        for group, one in zip(groups, comparison.tuned, strict=True)
    ]
    columns = ["dataset", "budget", "strategy", "difference", "verdict", "validation", "seconds"]
    found = pd.concat(parts)[columns] if parts else pd.DataFrame(columns=columns)
    return found[found.difference.notna()].astype({"difference": float})


def _of_model(table: RunTable, model: str, settings: Settings) -> Iterator[str]:
    own = table.only((table.runs.model == model) & (table.runs.outcome == "finished"))
    about = about_tuning(own.settings)
    found = bought(own, settings) if (about.trials > 0).any() else pd.DataFrame()
    for budget, part in found.groupby("budget") if len(found) else []:
        tuned = of_model(own.only(about.budget == budget), model, settings, ())
        shown = _table(part, tuned, settings)
        yield f"### {model}, {budget}"
        yield _finding(shown, tuned, model, part)
        yield to_markdown(shown.drop(columns="mean"))


def _table(part: pd.DataFrame, tuned: OfModel | None, settings: Settings) -> pd.DataFrame:
    """Return a row per strategy, what tuning bought most first."""
    by_source = part.assign(source=part.dataset.map(source)).pivot_table(
        index="source", columns="strategy", values="difference"
    )
    mean, low, high = interval(by_source.T.to_numpy(), 0.0, settings.confidence)
    verdicts = pd.crosstab(part.strategy, part.verdict.map(COUNTED).fillna("open"))
    verdicts = verdicts.reindex(columns=[*COUNTED.values(), "open"], fill_value=0)
    means = part.groupby("strategy")[["validation", "seconds"]].mean()
    shown = pd.DataFrame(
        {"mean": mean, "bought": [_with_ends(*row) for row in zip(mean, low, high, strict=True)]},
        index=by_source.columns,
    )
    shown["sets"] = [" / ".join(map(str, row)) for row in verdicts.reindex(shown.index).to_numpy()]
    shown["on validation rows"] = means.validation.map("{:+.3f}".format)
    if tuned is not None:
        ranked = standing(tuned).reindex(shown.index)
        shown["tuned rank"] = ranked["rank"].map("{:.1f}".format)
        shown["tuned gain"] = ranked.gain.map("{:+.3f}".format).replace("+nan", "")
        shown["P(better)"] = ranked.p_better.map("{:.2f}".format).replace("nan", "")
        shown[f"P(better than {settings.control})"] = ranked.p_better_than_control.map("{:.2f}".format).replace(
            "nan", ""
        )
    shown["seconds of a fold"] = means.seconds.map("{:.1f}".format)
    return shown.sort_values("mean", ascending=False, kind="stable").rename_axis("strategy").replace("nan", "")


def _finding(shown: pd.DataFrame, tuned: OfModel | None, model: str, part: pd.DataFrame) -> str:
    first, last = shown.iloc[0], shown.iloc[-1]
    text = (
        f"On {part.dataset.nunique()} sets of {part.dataset.map(source).nunique()} sources, tuning {model} bought "
        f"`{first.name}` most, {first['mean']:+.3f}, and `{last.name}` least, {last['mean']:+.3f}; on validation rows "
        f"it had looked like {part.validation.mean():+.3f} on average, and was {part.difference.mean():+.3f}."
    )
    if tuned is None:
        return text
    ranks = tuned.across.ranks
    return f"{text} Of the tuned strategies `{ranks.index[0]}` has the best average rank, {ranks.iloc[0]:.1f}."


def _with_ends(mean: float, low: float, high: float) -> str:
    return f"{mean:+.3f} [{low:+.3f}, {high:+.3f}]" if np.isfinite(low) else f"{mean:+.3f}"
