"""A comparison as one HTML file: words, sortable tables and figures, nothing loaded from elsewhere."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from matplotlib import rc_context
from matplotlib.figure import Figure

from imbalance_lab.comparison.across import Across
from imbalance_lab.comparison.report import diagrams as draw
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
from imbalance_lab.comparison.verdict import Compared, Comparison, summary
from imbalance_lab.evaluation.metrics import heading_of

MOST_SECTIONS = 40
MOST_EPOCH_GROUPS = 20
MOST_EPOCH_RUNS = 10
LARGEST_SVG = 300_000


@dataclass(frozen=True)
class Picture:
    """A figure ready for the page, and what it shows in words."""

    image: Markup
    caption: str


@dataclass(frozen=True)
class Section:
    """A part of the report under a heading of its own."""

    title: str
    words: list[str]
    tables: list[Table]
    notes: list[str]
    pictures: list[Picture] = field(default_factory=list)
    runs: Table | None = None


def html(comparison: Comparison, epochs: pd.DataFrame | None = None) -> str:
    """Return the comparison as a page that needs no network.

    Parameters
    ----------
    comparison : Comparison
    epochs : DataFrame or None
        ``run``, ``key`` (``recall/<class>``), ``epoch``, ``value``, of the runs that `runs_with_epochs` names.
    """
    settings, compared = comparison.settings, comparison.compared
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html").render(
        title=_title(comparison),
        facts=_facts(comparison),
        settings=settings,
        verdicts=[(one.group.title, one.verdict) for one in compared],
        most=MOST_SECTIONS,
        across=[_across(one, settings) for one in comparison.across],
        groups=[_group(at, one, settings, epochs) for at, one in enumerate(compared[:MOST_SECTIONS])],
        everything=everything(comparison) if len(compared) > 1 else None,
        unfinished=unfinished_of(comparison.unfinished),
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


def _facts(comparison: Comparison) -> dict[str, str]:
    settings = comparison.settings
    runs = sum(len(one.group.runs) for one in comparison.compared)
    strategies = {name for one in comparison.compared for name in one.table.index}
    return {
        "metric": f"{heading_of(settings.metric)}, {'larger' if settings.sign > 0 else 'smaller'} is better",
        "baseline": settings.baseline,
        "control": settings.control,
        "practically the same": f"within ±{settings.rope:g}",
        "confidence": f"{settings.confidence:.0%}",
        "compared": f"{_count(runs, 'run')} of {_count(len(strategies), 'strategy', 'strategies')} "
        f"in {_count(len(comparison.compared), 'group')}",
    }


def _count(n: int, one: str, many: str = "") -> str:
    return f"{n} {one if n == 1 else many or one + 's'}"


def _server(compared: Sequence[Compared]) -> str:
    """Return where the runs can be looked at; nothing for runs that have no link."""
    links = [link for one in compared for link in one.group.runs.link.dropna()]
    return str(links[0]).partition("/#/")[0] if links else ""


def _group(at: int, one: Compared, settings: Settings, epochs: pd.DataFrame | None) -> Section:
    own, notes = _own_epochs(at, one, epochs)
    metric = heading_of(settings.metric)
    title = f"{metric[0].upper()}{metric[1:]} against calibration error, with intervals."
    drawn = {
        "Recall of each class under each strategy, mean over runs.": draw.draw_recalls(one),
        f"Differences to {settings.baseline}: each seed and fold, their mean with its interval. "
        "In the grey band they do not matter.": draw.draw_differences(one, settings),
        title: draw.draw_trade_off(one, settings),
        "Validation recall by epoch, mean and range over runs and folds. " + " ".join(notes): draw.draw_epochs(own),
    }
    pictures = [
        _picture(found, caption.strip(), f"{at} {caption}") for caption, found in drawn.items() if found is not None
    ]
    left_out = [f"epochs are drawn for the first {MOST_EPOCH_GROUPS} groups"] if at == MOST_EPOCH_GROUPS else []
    table = table_of("The strategies, best mean first", group_table(one, settings), keys_of(one, settings), one.table)
    runs = runs_of(one, settings)
    return Section(one.group.title, [one.verdict], [table], [*one.notes, *left_out], pictures, runs)


def _own_epochs(at: int, one: Compared, epochs: pd.DataFrame | None) -> tuple[pd.DataFrame, list[str]]:
    """Return the epochs of a group in the order in which they are drawn, and what is left out of them."""
    columns = ["strategy", "run", "key", "epoch", "value"]
    if epochs is None or at >= MOST_EPOCH_GROUPS:
        return pd.DataFrame(columns=columns), []
    own = epochs[epochs.run.isin(one.group.runs.index) & epochs.key.str.startswith("recall/")]
    own = own.assign(strategy=own.run.map(one.group.runs.strategy))
    places = {name: place for place, name in enumerate(one.table.index)}
    rarity = {f"recall/{name}": place for place, name in enumerate(one.recalls)}
    own = own.assign(first=own.strategy.map(places), second=own.key.map(rarity).fillna(len(rarity)))
    own = own.sort_values(["first", "second", "epoch"], kind="stable")[columns]
    notes = []
    if (one.group.runs.loc[own.run.unique()].strategy.value_counts() == MOST_EPOCH_RUNS).any():
        notes.append(f"At most {MOST_EPOCH_RUNS} runs of each strategy are drawn.")
    if (classes := own.key.nunique()) > draw.MOST_CURVES:
        notes.append(f"The {draw.MOST_CURVES} rarest of {classes} classes are drawn.")
    if left := list(own.strategy.unique())[draw.MOST_PANELS :]:
        notes.append(f"Left out: {', '.join(left)}.")
    return own, notes


def _picture(drawn: Figure, caption: str, salt: str) -> Picture:
    """Return a figure as SVG, or as PNG where that is smaller to carry."""
    label = str(Markup.escape(caption))
    file = io.BytesIO()
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": salt, "text.parse_math": False}):
        drawn.savefig(file, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    # Hundredths of a point are fine enough, and halve what many curves take.
    svg = re.sub(r' d="[^"]*"', lambda path: re.sub(r"(\.\d\d)\d+", r"\1", path[0]), file.getvalue().decode())
    if len(svg) <= LARGEST_SVG:
        svg = re.sub(r'(<g) id="[^"]*"', r"\1", svg[svg.index("<svg ") :])
        return Picture(Markup(svg.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)), caption)
    file = io.BytesIO()
    drawn.savefig(file, format="png", dpi=120)
    data = base64.b64encode(file.getvalue()).decode()
    return Picture(Markup(f'<img src="data:image/png;base64,{data}" alt="{label}">'), caption)


def _across(one: Across, settings: Settings) -> Section:
    named = f"Across {len(one.means)} datasets" + (f", {one.name}" if one.name else "")
    found = one.friedman
    words = [
        f"{summary(one, settings)}.",
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
    return Section(named, words, tables, one.notes, [picture])


@cache
def _bundle(kind: str) -> str:
    """Return the part of DataTables that the itables package ships."""
    return (files("itables") / "html" / f"dt_bundle.{kind}").read_text(encoding="utf-8")


def _p(value: float) -> str:
    return "" if pd.isna(value) else "<0.001" if value < 0.001 else f"{value:.3f}"
