"""A comparison as one HTML file: the answer, its evidence in pictures, details folded; nothing is loaded."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from matplotlib.figure import Figure

from imbalance_lab.comparison.across import Across
from imbalance_lab.comparison.against_stress import AgainstStress
from imbalance_lab.comparison.answer import Answer
from imbalance_lab.comparison.compared import Compared
from imbalance_lab.comparison.overall import across_answer
from imbalance_lab.comparison.report import budgets, curves
from imbalance_lab.comparison.report import diagrams as draw
from imbalance_lab.comparison.report.answer import Tile, tiles_across, tiles_of, tiles_over
from imbalance_lab.comparison.report.histories import RECALL, kept_epochs, own_epochs, trained_alike
from imbalance_lab.comparison.report.ink import same_scale, svg
from imbalance_lab.comparison.report.overview import overviews
from imbalance_lab.comparison.report.stress import draw_stress, explained, stress_table
from imbalance_lab.comparison.report.tables import (
    Table,
    everything,
    keys_of,
    numbers_of,
    runs_of,
    table_of,
    unfinished_of,
)
from imbalance_lab.comparison.report.text import group_table, number, ranks_table
from imbalance_lab.comparison.settings import Settings
from imbalance_lab.comparison.tuned import Tuned
from imbalance_lab.comparison.verdict import Comparison
from imbalance_lab.evaluation.metrics import heading_of

MOST_SECTIONS = 40
MOST_EPOCH_GROUPS = 20
MOST_EPOCH_RUNS = 10


@dataclass(frozen=True)
class Picture:
    """A figure ready for the page, and what it shows in words."""

    image: Markup
    caption: str


@dataclass(frozen=True)
class Section:
    """What the page shows of one group, or across datasets: the answer, pictures, and what is folded."""

    title: str
    answer: Answer
    tiles: list[Tile]
    notes: list[str]
    pictures: list[Picture]
    words: list[str]
    tables: list[Table]
    epochs: Picture | None = None


@dataclass(frozen=True)
class Stress:
    """What the page shows of a metric against a stress."""

    title: str
    picture: Picture
    table: Table


@dataclass(frozen=True)
class Tuning:
    """What the page shows of what tuning bought and chose in a group."""

    title: str
    typed: str
    picture: Picture | None
    gains: Table
    settings: Table
    chosen: Table
    notes: list[str]


def html(comparison: Comparison, epochs: pd.DataFrame | None = None, then: str = "") -> str:
    """Return the comparison as a page that needs no network.

    Parameters
    ----------
    comparison : Comparison
    epochs : DataFrame or None
        ``run``, ``key`` (``recall/<class>``), ``epoch``, ``value``, of the runs that `runs_with_epochs` names.
    then : str
        What can be typed next: a line that says what for, then the command.
    """
    settings, compared = comparison.settings, comparison.compared
    purpose, _, command = then.partition("\n")
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html").render(
        title=_title(comparison),
        counts=_counts(comparison),
        facts=_facts(settings),
        settings=settings,
        purpose=purpose if command else "Next:",
        command=command or purpose,
        noun="dataset" if len({one.group.name.get("dataset") for one in compared}) > 1 else "group",
        overviews=overviews(compared, settings),
        head=comparison.overall,
        head_tiles=tiles_over(comparison.overall, settings),
        stressed=[_stress(one, settings) for one in comparison.stressed[:MOST_SECTIONS]],
        tuned=[_tuned(one, settings) for one in comparison.tuned[:MOST_SECTIONS]],
        across=[_across(one, settings) for one in comparison.across],
        groups=[_group(at, one, settings, epochs) for at, one in enumerate(compared[:MOST_SECTIONS])],
        more=len(compared) - MOST_SECTIONS,
        everything=everything(comparison) if len(compared) > 1 else None,
        unfinished=unfinished_of(comparison.unfinished),
        unfinished_runs=_count(int(comparison.unfinished.runs.sum()), "run"),
        notes=comparison.notes,
        server=_server(compared),
        style=Markup(_bundle("css")),
        script=base64.b64encode(_bundle("js").encode()).decode(),
    )


def runs_with_epochs(comparison: Comparison) -> list[str]:
    """Return the runs whose epochs are drawn: the first of each strategy, in the first groups."""
    return [
        str(run)
        for one in comparison.compared[:MOST_EPOCH_GROUPS]
        for run in one.group.runs.groupby("strategy", sort=False).head(MOST_EPOCH_RUNS).index
    ]


def _title(comparison: Comparison) -> str:
    datasets = list(dict.fromkeys(one.group.name.get("dataset", one.group.title) for one in comparison.compared))
    more = f" and {len(datasets) - 3} more" if len(datasets) > 3 else ""
    return f"Strategies compared on {', '.join(datasets[:3]) or 'all runs'}{more}"


def _counts(comparison: Comparison) -> str:
    runs = sum(len(one.group.runs) for one in comparison.compared)
    strategies = {name for one in comparison.compared for name in one.table.index}
    return (
        f"{_count(runs, 'run')} of {_count(len(strategies), 'strategy', 'strategies')} "
        f"in {_count(len(comparison.compared), 'group')}"
    )


def _facts(settings: Settings) -> dict[str, str]:
    return {
        "metric": f"{heading_of(settings.metric)}, {'larger' if settings.sign > 0 else 'smaller'} is better",
        "baseline": settings.baseline,
        "control": settings.control,
        "practically the same": f"within ±{settings.rope:g}",
        "confidence": f"{settings.confidence:.0%}",
    }


def _count(n: int, one: str, many: str = "") -> str:
    return f"{n} {one if n == 1 else many or one + 's'}"


def _server(compared: Sequence[Compared]) -> str:
    """Return where the runs can be looked at; nothing for runs that have no link."""
    links = [link for one in compared for link in one.group.runs.link.dropna()]
    return str(links[0]).partition("/#/")[0] if links else ""


def _group(at: int, one: Compared, settings: Settings, epochs: pd.DataFrame | None) -> Section:
    roles = {settings.control: "control", settings.baseline: "baseline"}
    forests = {name: draw.draw_differences(one, settings, role) for name, role in roles.items()}
    same_scale([found for found in forests.values() if found is not None])
    how = "mean over seeds and folds; its interval leaves out 0 where it is better or worse"
    drawn = {f"Difference to {name}, the {role}: {how}.": forests[name] for name, role in roles.items()}
    drawn["Recall of each class under each strategy, mean over runs."] = draw.draw_recalls(one)
    best = "upper left" if settings.sign > 0 else "lower left"
    gained = f"Whether what is gained in {heading_of(settings.metric)} is lost in calibration: {best} is best."
    drawn[gained] = draw.draw_trade_off(one, settings)
    pictures = [_picture(found, caption, f"{at} {caption}") for caption, found in drawn.items() if found is not None]
    left_out = [f"epochs are drawn for the first {MOST_EPOCH_GROUPS} groups"] if at == MOST_EPOCH_GROUPS else []
    table = table_of("The strategies, best mean first", group_table(one, settings), keys_of(one, settings), one.table)
    by_epoch = _epochs(at, one, epochs) if epochs is not None and at < MOST_EPOCH_GROUPS else None
    answer, tiles = one.answer, tiles_of(one, settings)
    notes, tables = [*one.notes, *left_out], [table, runs_of(one, settings)]
    return Section(one.group.title, answer, tiles, notes, pictures, [], tables, by_epoch)


def _stress(one: AgainstStress, settings: Settings) -> Stress:
    what = explained(one, settings)
    numbers = stress_table(one)
    signs = "Intervals of a level stand side by side; the shape of a point says what is proven at that level."
    picture = _picture(draw_stress(one, settings), f"{one.title}. {signs}", one.title)
    return Stress(one.title, picture, table_of(what, numbers, {}, one.means))


def _tuned(one: Tuned, settings: Settings) -> Tuning:
    drawn = budgets.draw_gains(one, settings)
    caption = f"{one.name}: test rows, tuned less untuned, paired by seed and fold."
    if one.judged_by == settings.metric:
        caption += (
            " The diamonds are the gains of the best trials over the settings as given, on the rows that trials are "
            "judged by: they are optimistic."
        )
    return Tuning(
        one.name,
        one.typed,
        None if drawn is None else _picture(drawn, caption, f"tuned {one.name}"),
        table_of(budgets.explained(one, settings), budgets.gains_table(one), budgets.GAIN_KEYS, one.gains),
        table_of("Best settings over runs and folds", budgets.settings_table(one), {}, one.settings),
        table_of("The best trial of each run and fold", budgets.chosen_table(one), budgets.CHOSEN_KEYS, one.chosen),
        one.notes,
    )


def _epochs(at: int, one: Compared, epochs: pd.DataFrame) -> Picture | None:
    """Draw the epochs of a group, a panel for each way of training."""
    if not epochs.run.isin(one.group.runs.index).any():  # scikit-learn's models have no epochs
        return None
    own = own_epochs(one, epochs)
    alike = trained_alike(own)
    drawn = curves.draw_epochs(own, alike, kept_epochs(own))
    if drawn is None:
        return None
    words = [
        "Recall on validation rows by epoch, of the class with the largest score, before any decision: mean and range "
        "over runs and folds. The dotted line is the median of the epochs that were kept, a tick stands for each run."
    ]
    if (one.group.runs.loc[own.run.unique()].strategy.value_counts() == MOST_EPOCH_RUNS).any():
        words.append(f"At most {MOST_EPOCH_RUNS} runs of each strategy are drawn.")
    if (classes := own.key[own.key.str.startswith(RECALL)].nunique()) > curves.MOST_CURVES:
        words.append(f"The {curves.MOST_CURVES} rarest of {classes} classes are drawn.")
    if left := list(alike)[curves.MOST_PANELS :]:
        words.append(f"Left out: {', '.join(left)}.")
    shared = [f"{', '.join(names)}" for names in alike.values() if len(names) > 1]
    words += [f"Trained alike, so in one panel: {names}." for names in shared]
    return _picture(drawn, " ".join(words), f"{at} epochs")


def _picture(drawn: Figure, caption: str, salt: str) -> Picture:
    title = " ".join(drawn.get_suptitle().split())
    return Picture(svg(drawn, f"{title}. {caption}", salt), caption)


def _across(one: Across, settings: Settings) -> Section:
    named = f"Across {len(one.means)} datasets" + (f", {one.name}" if one.name else "")
    found = one.friedman
    words = [
        f"Friedman's test: chi² = {found['chi2']:.2f}, p = {found['p']:.2g}; as Iman and Davenport have it: "
        f"F = {found['F']:.2f}, p = {found['p_F']:.2g}. Critical difference of average ranks: "
        f"{one.critical_difference:.2f}.",
    ]
    numbers = one.signed_rank.reindex(one.ranks.index).assign(rank=one.ranks, mean=one.means.mean())
    keys = {"average rank": "rank", "mean": "mean", "P(better)": "better", "P(same)": "same", "P(worse)": "worse"}
    against = f"; P(better), P(same), P(worse): Bayesian signed-rank test against {settings.baseline}"
    tables = [
        table_of("Average ranks" + (against if len(one.signed_rank) else ""), ranks_table(one), keys, numbers),
        numbers_of(f"{heading_of(settings.metric)} on each dataset", one.means.rename_axis("dataset"), number),
        numbers_of("p of all pairs, Nemenyi's test", one.nemenyi.rename_axis("strategy"), _p),
        numbers_of(
            "p of all pairs, Wilcoxon's test, adjusted by Holm's method", one.wilcoxon.rename_axis("strategy"), _p
        ),
    ]
    caption = "Critical-difference diagram: Nemenyi's test cannot tell apart what a thick bar joins."
    picture = _picture(draw.draw_ranks(one, 1 - settings.confidence), caption, named)
    answer, tiles = across_answer(one, settings), tiles_across(one, settings)
    return Section(named, answer, tiles, one.notes, [picture], words, tables)


@cache
def _bundle(kind: str) -> str:
    """Return the part of DataTables that the itables package ships."""
    return (files("itables") / "html" / f"dt_bundle.{kind}").read_text(encoding="utf-8")


def _p(value: float) -> str:
    return "" if pd.isna(value) else "<0.001" if value < 0.001 else f"{value:.3f}"
