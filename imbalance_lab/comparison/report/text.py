"""A comparison as text for other programs: Markdown, CSV, JSON; and the texts of its cells."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from rich import box
from rich.console import Console
from rich.table import Table

from imbalance_lab.comparison.across import Across
from imbalance_lab.comparison.budgets import UNTUNED
from imbalance_lab.comparison.compared import Compared
from imbalance_lab.comparison.paired import FEW_RUNS
from imbalance_lab.comparison.settings import Settings
from imbalance_lab.comparison.side_by_side import summary
from imbalance_lab.comparison.verdict import Comparison
from imbalance_lab.evaluation.metrics import heading_of, shown_at

MOST_GROUPS = 40
GAINS = ["validation", "pairs", "untuned", "difference", "low", "high", "p", "verdict"]


def markdown(comparison: Comparison, then: str = "") -> str:
    """Return the comparison as Markdown: the answer first, with what can be typed next, where there is something."""
    return "\n".join(_sections(comparison, then))


def markdown_of_ranks(comparison: Comparison) -> str:
    """Return what holds across the datasets as Markdown."""
    return "\n".join([*_ranks(comparison), *(f"Note: {note}\n" for note in comparison.notes)])


def csv(comparison: Comparison) -> str:
    """Return a line for each strategy of each group, with everything that is known of it."""
    return flat(comparison).to_csv(index=False)


def flat(comparison: Comparison) -> pd.DataFrame:
    """Return one table: a row for each strategy of each group."""
    parts = [
        table.reset_index().assign(**one.group.name)[[*one.group.name, "strategy", *table]]
        for one, table in zip(comparison.compared, _with_gains(comparison), strict=True)
    ]
    return pd.concat(parts, ignore_index=True)


def _with_gains(comparison: Comparison) -> Iterable[pd.DataFrame]:
    """Yield the table of each group; of tuned ones with what tuning bought."""
    bought = iter(comparison.tuned)
    for one in comparison.compared:
        yield (
            one.table
            if one.group.budget == UNTUNED
            else one.table.join(next(bought).gains[GAINS].add_prefix("tuning_"))
        )


def to_json(comparison: Comparison) -> str:
    """Return the comparison as JSON; what is unknown is null."""
    tree = {
        "metric": comparison.settings.metric,
        "answer": comparison.overall.text,
        "settings": {k: v for k, v in vars(comparison.settings).items() if not k.startswith("_")},
        "groups": [
            {
                **one.group.name,
                "answer": one.answer.text,
                "verdict": one.verdict,
                "notes": one.notes,
                "strategies": _records(one.table.rename_axis("strategy").reset_index()),
                "recall": {str(name): row.dropna().to_dict() for name, row in one.recalls.iterrows()},
            }
            for one in comparison.compared
        ],
        "across": [
            {
                "of": one.name,
                "datasets": list(map(str, one.means.index)),
                "average_ranks": one.ranks.to_dict(),
                "friedman": one.friedman,
                "critical_difference": one.critical_difference,
                "nemenyi": one.nemenyi.to_dict(),
                "wilcoxon_holm": one.wilcoxon.to_dict(),
                "signed_rank": one.signed_rank.to_dict("index"),
                "notes": one.notes,
            }
            for one in comparison.across
        ],
        "stress": [
            {"of": one.name, "setting": one.setting, "values": _records(one.values.reset_index())}
            for one in comparison.stressed
        ],
        "tuning": [
            {
                "of": one.name,
                "budget": one.typed,
                "strategies": _records(one.gains.rename_axis("strategy").reset_index()),
                "settings": _records(one.settings),
                "runs": _records(one.chosen),
                "notes": one.notes,
            }
            for one in comparison.tuned
        ],
        "unfinished": _records(comparison.unfinished),
        "notes": comparison.notes,
    }
    return json.dumps(_known(tree), indent=1, default=str)


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(key): value for key, value in row.items()} for row in table.to_dict("records")]


def _known(tree: Any) -> Any:
    """Replace what is not a number in JSON by null."""
    if isinstance(tree, dict):
        return {key: _known(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [_known(value) for value in tree]
    value = tree.item() if isinstance(tree, np.generic) else tree
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _sections(comparison: Comparison, then: str) -> Iterable[str]:
    settings = comparison.settings
    how = f"{settings.confidence:.0%} intervals, equivalent within {settings.rope:g}"
    overall = comparison.overall
    use = overall.text.removesuffix(f" {overall.answer.why}")
    yield f"**{use}** {overall.answer.why}\n"
    if then:
        purpose, _, command = then.partition("\n")
        yield f"{purpose}\n\n    {command}\n"
    yield f"# {heading_of(settings.metric)}, {how}\n"
    for one in comparison.compared[:MOST_GROUPS]:
        yield f"## {one.group.title}\n"
        yield _render(group_table(one, settings))
        yield f"{one.answer.text} {one.verdict}\n" if len(comparison.compared) > 1 else f"{one.verdict}\n"
        yield from (f"Note: {note}\n" for note in one.notes)
    if (more := len(comparison.compared) - MOST_GROUPS) > 0:
        yield f"... and {more} more groups; format=csv, json and html have them all\n"
    yield from _stresses(comparison)
    yield from _tuned(comparison)
    yield from _matrices(comparison)
    yield from _ranks(comparison)
    if len(comparison.unfinished):
        yield "## Not finished\n"
        yield _render(unfinished_table(comparison.unfinished))
    yield from (f"Note: {note}\n" for note in comparison.notes)


def _ranks(comparison: Comparison) -> Iterable[str]:
    """Yield the ranks across datasets, where there are enough of them."""
    for across in comparison.across:
        yield f"## Across {len(across.means)} datasets" + (f", {across.name}\n" if across.name else "\n")
        yield _render(ranks_table(across))
        yield f"{summary(across, comparison.settings)}. Critical difference {across.critical_difference:.2f}.\n"
        yield from (f"Note: {note}\n" for note in across.notes)


def _stresses(comparison: Comparison) -> Iterable[str]:
    """Yield strategies by levels of stress, where there are several."""
    from imbalance_lab.comparison.report.stress import explained, stress_table

    for one in comparison.stressed:
        yield f"## {one.title}\n"
        yield _render(stress_table(one))
        yield f"{explained(one, comparison.settings)}.\n"


def _tuned(comparison: Comparison) -> Iterable[str]:
    """Yield what tuning bought and what it chose, where runs were tuned."""
    from imbalance_lab.comparison.report.budgets import explained, gains_table, settings_table

    for one in comparison.tuned[:MOST_GROUPS]:
        yield f"## What tuning bought, {one.name}\n"
        yield _render(gains_table(one))
        yield f"{explained(one, comparison.settings)}.\n"
        yield _render(settings_table(one))
        yield "Best settings over runs and folds.\n"
        yield from (f"Note: {note}\n" for note in one.notes)


def _matrices(comparison: Comparison) -> Iterable[str]:
    """Yield datasets by strategies, where there is more than one dataset."""
    from imbalance_lab.comparison.report.matrix import matrices

    for one in matrices(comparison):
        if len(one.mean) > 1:
            yield "## Datasets by strategies" + (f", {one.name}\n" if one.name else "\n")
            cells = one.mean.map(number) + one.deviation.map(lambda value: "" if pd.isna(value) else f" ± {value:.3f}")
            bold = cells.mask(one.best, "**" + cells + "**")
            yield _render(bold.rename_axis("dataset"))
            yield "Mean and standard deviation over seeds and folds; the best of each dataset in bold.\n"


def group_table(one: Compared, settings: Settings) -> pd.DataFrame:
    """Return what is shown of a group, as text: a row per strategy."""
    table = one.table
    shown = pd.DataFrame(index=table.index)
    shown["runs"] = table.runs.map("{:.0f}".format)
    shown[heading_of(settings.metric)] = [figure(*row) for row in table[["mean", "low", "high"]].to_numpy()]
    for key in shown_at("report"):
        if key in table and key != settings.metric:
            shown[heading_of(key)] = table[key].map(number)
    for role, name in (("baseline", settings.baseline), ("control", settings.control)):
        if f"{role}_difference" in table and not (role == "control" and settings.control == settings.baseline):
            ends = table[[f"{role}_{key}" for key in ("difference", "low", "high")]].to_numpy()
            shown[f"difference to {name}"] = [figure(mean, low, high, signed=True) for mean, low, high in ends]
            shown["verdict" if role == "baseline" else "verdict "] = verdict_texts(table, role)
    return shown


def ranks_table(across: Across) -> pd.DataFrame:
    """Return average ranks, and the posterior probabilities against the baseline, as text."""
    shown = pd.DataFrame({"average rank": across.ranks.map("{:.2f}".format)})
    shown["mean"] = across.means.mean().map(number)
    for key, header in (("better", "P(better)"), ("same", "P(same)"), ("worse", "P(worse)")):
        shown[header] = across.signed_rank.get(key, pd.Series(dtype=float)).reindex(shown.index).map(number)
    return shown.rename_axis("strategy")


def unfinished_table(unfinished: pd.DataFrame) -> pd.DataFrame:
    """Return the cells without a finished run, as text."""
    return unfinished.astype(str).set_index("dataset")


def verdict_texts(table: pd.DataFrame, role: str) -> list[str]:
    """Return the verdicts of a group's strategies against its ``baseline`` or ``control``, in words."""
    columns = (table[f"{role}_{key}"] for key in ("verdict", "more", "most"))
    return [verdict_text(*row) for row in zip(*columns, strict=True)]


def verdict_text(verdict: Any, more: float, most: float) -> str:
    """Return a verdict, and about how many more runs it takes where there is none and that can be known.

    >>> verdict_text("not enough runs", 4.0, 18.0), verdict_text("not enough runs", 12.0, float("nan"))
    ('not enough runs (4 to 18 more)', 'not enough runs (12 more or over)')
    """
    if not isinstance(verdict, str):
        return ""
    if verdict != FEW_RUNS or np.isnan(more):
        return verdict
    if more == most:
        return f"{verdict} (about {more:.0f} more)"
    return f"{verdict} ({more:.0f} {'more or over' if np.isnan(most) else f'to {most:.0f} more'})"


def figure(mean: float, low: float, high: float, signed: bool = False) -> str:
    """Return a mean with its interval.

    >>> figure(0.5, 0.4, 0.6)
    '0.500 [0.400, 0.600]'
    """
    if np.isnan(mean):
        return "" if signed else "-"
    sign = "+" if signed else ""
    return f"{mean:{sign}.3f}" + ("" if np.isnan(low) else f" [{low:{sign}.3f}, {high:{sign}.3f}]")


def number(value: float) -> str:
    """Return a number with three digits, or nothing."""
    return "" if pd.isna(value) else f"{value:.3f}"


def _render(frame: pd.DataFrame) -> str:
    table = Table(box=box.MARKDOWN)
    table.add_column(str(frame.index.name))
    for header in frame:
        table.add_column(str(header), justify="left" if header == "reason" else "right")
    for name, row in frame.iterrows():
        table.add_row(*(str(cell).replace("|", "\\|") for cell in (name, *row)))
    console = Console(file=io.StringIO(), width=100_000, highlight=False, markup=False, color_system=None)
    console.print(table)
    return console.file.getvalue()  # type: ignore[attr-defined]
