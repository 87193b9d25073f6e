"""A comparison for a terminal: what to use and how sure that is, in the width that there is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from imbalance_lab.comparison.answer import reference_of
from imbalance_lab.comparison.budgets import UNTUNED
from imbalance_lab.comparison.compared import Compared
from imbalance_lab.comparison.overall import across_answer
from imbalance_lab.comparison.paired import BETTER, FEW_ROWS, FEW_RUNS, SAME, WORSE
from imbalance_lab.comparison.report.budgets import explained as explained_gains
from imbalance_lab.comparison.report.budgets import gains_table, narrow_gains, settings_table
from imbalance_lab.comparison.report.coloured import coloured
from imbalance_lab.comparison.report.layout import Grid, cut, shortened, wrapped
from imbalance_lab.comparison.report.stress import explained, stress_table
from imbalance_lab.comparison.report.text import (
    figure,
    group_table,
    number,
    ranks_table,
    unfinished_table,
    verdict_texts,
)
from imbalance_lab.comparison.settings import Settings
from imbalance_lab.comparison.verdict import Comparison
from imbalance_lab.evaluation.metrics import heading_of

MOST_GROUPS = 2  # that are shown by themselves; of more there is a line each
MOST_LINES = 40  # of a list of groups
MOST_ROWS = 20
MOST_STRESSES = 4
MOST_TUNED = 2
MOST_NOTES = 6
READABLE_NAME, SHORT_NAME = 24, 12
SHORT = {BETTER: "better", WORSE: "worse", SAME: "same", FEW_RUNS: "few runs", FEW_ROWS: "few rows"}
SHORTEST = SHORT | {FEW_RUNS: "open", FEW_ROWS: "open"}


def terminal(
    comparison: Comparison, width: int | None = None, colour: bool = False, every_column: bool = False, then: str = ""
) -> str:
    """Return the comparison as text of lines of at most `width` characters.

    Parameters
    ----------
    comparison : Comparison
    width : int or None
        None for as wide as it is.
    colour : bool
        Whether the best and what is proven are coloured.
    every_column : bool
        Whether every group is shown with everything that is known of its strategies.
    then : str
        What can be typed next.
    """
    lines = list(_lines(comparison, width, every_column))
    if then:
        lines += ["", *then.splitlines()]
    return "\n".join(coloured(lines) if colour else lines)


def _lines(comparison: Comparison, width: int | None, every_column: bool) -> Iterator[str]:
    settings, compared = comparison.settings, comparison.compared
    few = len(compared) <= MOST_GROUPS
    yield from [*wrapped(comparison.overall.text, width), ""]
    if len(compared) > 1:
        yield from _overview(comparison, width)
    for place, one in enumerate(compared if few or every_column else []):
        if place or len(compared) > 1:
            yield ""
        yield from _group(one, settings, width, every_column, with_answer=len(compared) > 1)
    for stress in comparison.stressed[:MOST_STRESSES]:
        yield from ["", *wrapped(explained(stress, settings), width), ""]
        full, short = (_plain(stress_table(stress, ends).head(MOST_ROWS)) for ends in (True, False))
        yield from (full if width is None or full.width() <= width else short).lines(width)
    yield from _tuned(comparison, width, every_column)
    for across in comparison.across:
        named = f"Across {len(across.means)} datasets" + (f", {across.name}" if across.name else "")
        yield from ["", *wrapped(f"{named}; critical difference {across.critical_difference:.2f}", width), ""]
        yield from _plain(ranks_table(across)).lines(width)
        if len(comparison.across) > 1:
            yield from ["", *wrapped(across_answer(across, settings).text, width)]
        yield from _notes(across.notes, width)
    if len(comparison.unfinished):
        yield from ["", "Not finished", ""]
        yield from _unfinished(comparison.unfinished, width)
    yield from _notes(comparison.notes, width)
    if not few and not every_column:
        key, value = next(iter(compared[0].group.name.items()))
        yield from wrapped(f"columns=all shows each group, {key}={value} one of them.", width)


def _tuned(comparison: Comparison, width: int | None, every_column: bool) -> Iterator[str]:
    """Yield what tuning bought each strategy, and with every column what it chose."""
    shown = comparison.tuned if every_column else comparison.tuned[:MOST_TUNED]
    for one in shown:
        yield from ["", *wrapped(explained_gains(one, comparison.settings), width), ""]
        tried = [gains_table(one), narrow_gains(one, SHORT), narrow_gains(one, SHORTEST, ends=False)]
        grids = [_plain(table) for table in tried]
        yield from next((grid for grid in grids if width is None or grid.width() <= width), grids[-1]).lines(width)
        if every_column:
            yield from ["", *wrapped("Best settings over runs and folds", width), ""]
            yield from _plain(settings_table(one)).lines(width)
        yield from _notes(one.notes, width)
    if shown and not every_column:
        more = len(comparison.tuned) - len(shown)
        what = f"that of {more} more groups, and " if more else ""
        yield from wrapped(f"columns=all shows {what}the best settings of each strategy.", width)


def _group(
    one: Compared, settings: Settings, width: int | None, every_column: bool, with_answer: bool
) -> Iterator[str]:
    yield from wrapped(f"{one.group.title}: {_what(one, settings)}", width)
    yield ""
    if every_column:
        yield from _plain(group_table(one, settings)).lines(width)
    else:
        yield from _fitting(one, settings, width).lines(width)
        if (more := len(one.table) - MOST_ROWS) > 0:
            yield from wrapped(f"and {more} more; columns=all shows them", width)
    if with_answer:
        yield from ["", *wrapped(one.answer.text, width)]
    elif one.notes:
        yield ""
    yield from _notes(one.notes, width)


def _what(one: Compared, settings: Settings) -> str:
    """Return what the columns are."""
    parts = [f"{heading_of(settings.metric)}, {settings.confidence:.0%} intervals"]
    if len(one.recalls.columns):
        parts.append(f"rarest: recall of {cut(str(one.recalls.columns[0]), 30)}")
    if one.group.budget != UNTUNED and "tuning" not in one.group.name:
        parts.append(f"tuned, {one.group.budget}")
    if role := reference_of(one.table, settings):
        parts.append(f"differences to the {role} {getattr(settings, role)}, within {settings.rope:g} the same")
    return "; ".join(parts)


def _fitting(one: Compared, settings: Settings, width: int | None) -> Grid:
    """Return the fullest table that fits.

    Names come before the mark of the best, which is first anyway, and before the intervals of the means: those of the
    differences are what the verdicts go by.
    """
    tried: list[tuple[Grid, int | None]] = []
    for make, lengths in (
        (_full, [None]), (_short, [None, READABLE_NAME]), (_differences_only, [None]), (_short, [SHORT_NAME]),
        (_narrow, [None, SHORT_NAME]),
    ):  # fmt: skip
        grid = make(one, settings)
        tried += [(shown, names) for names in lengths for shown in (grid, replace(grid, marks=()))]
    narrowest = _narrowest(one, settings)
    return next((grid for grid, names in tried if width is None or grid.width(names) <= width), narrowest)


def _full(one: Compared, settings: Settings) -> Grid:
    table, role = _shown(one, settings), reference_of(one.table, settings)
    verdicts = {"verdict": verdict_texts(table, role)} if role else {}
    return _grid(one, settings, {heading_of(settings.metric): _means(table)} | _differences(table, role) | verdicts)


def _short(one: Compared, settings: Settings) -> Grid:
    table, role = _shown(one, settings), reference_of(one.table, settings)
    columns = {heading_of(settings.metric): _means(table)} | _differences(table, role)
    return _grid(one, settings, columns | _verdicts(table, role, SHORT))


def _differences_only(one: Compared, settings: Settings) -> Grid:
    """Return a table with the intervals of the differences, but for those of the means."""
    table, role = _shown(one, settings), reference_of(one.table, settings)
    columns = {"mean": list(table["mean"].map(number))} | _differences(table, role)
    return _grid(one, settings, columns | _verdicts(table, role, SHORT))


def _narrow(one: Compared, settings: Settings) -> Grid:
    table, role = _shown(one, settings), reference_of(one.table, settings)
    means = [text.replace(" 0.", " .").replace("[0.", "[.") for text in _means(table)]
    heading = heading_of(settings.metric)
    columns = {heading if len(heading) <= len(means[0]) else "mean": means} | _differences(table, role, ends=False)
    return _grid(one, settings, columns | _verdicts(table, role, SHORTEST))


def _narrowest(one: Compared, settings: Settings) -> Grid:
    table, role = _shown(one, settings), reference_of(one.table, settings)
    columns = {"mean": list(table["mean"].map(number))} | _differences(table, role, ends=False)
    return _grid(one, settings, columns | _verdicts(table, role, SHORTEST))


def _means(table: pd.DataFrame) -> list[str]:
    return [figure(*row) for row in table[["mean", "low", "high"]].to_numpy()]


def _differences(table: pd.DataFrame, role: str, ends: bool = True) -> dict[str, list[str]]:
    if not role:
        return {}
    found = table[[f"{role}_{key}" for key in ("difference", "low", "high")]].to_numpy()
    if ends:
        return {"difference": [figure(mean, low, high, signed=True) for mean, low, high in found]}
    return {"diff.": [figure(row[0], np.nan, np.nan, signed=True) for row in found]}


def _verdicts(table: pd.DataFrame, role: str, words: Mapping[str, str]) -> dict[str, list[str]]:
    return {"verdict": [words.get(verdict, "") for verdict in table[f"{role}_verdict"]]} if role else {}


def _grid(one: Compared, settings: Settings, columns: Mapping[str, list[str]]) -> Grid:
    """Return a table with the rarest class's recall beside the means, and what the others are held against named."""
    table, role = _shown(one, settings), reference_of(one.table, settings)
    reference = table.index == getattr(settings, role or "control")
    columns = dict(columns)
    if "verdict" in columns:
        texts = zip(columns["verdict"], reference, strict=True)
        columns["verdict"] = [role if itself else text for text, itself in texts]
    heading, *others = columns
    rarest = [number(value) or "-" for value in one.recalls.reindex(table.index).iloc[:, :1].to_numpy().ravel()]
    shown = {heading: columns[heading]} | ({"rarest": rarest} if rarest else {}) | {key: columns[key] for key in others}
    rows = [list(map(str, row)) for row in zip(table.index, *shown.values(), strict=True)]
    marks = [" (best)" if name == one.table.index[0] and len(one.table) > 1 else "" for name in table.index]
    return Grid(["strategy", *shown], rows, marks)


def _shown(one: Compared, settings: Settings) -> pd.DataFrame:
    """Return the first rows, and those that the others are held against."""
    named = one.table.index.isin([settings.baseline, settings.control])
    first = np.arange(len(one.table)) < MOST_ROWS
    if len(one.table) > MOST_ROWS:
        first &= np.arange(len(one.table)) < MOST_ROWS - int((named & ~first).sum())
    return one.table[first | named]


def _overview(comparison: Comparison, width: int | None) -> Iterator[str]:
    """Yield a table of the groups: the best of each, and how sure that is."""
    settings, compared = comparison.settings, comparison.compared[:MOST_LINES]
    roles = [reference_of(one.table, settings) for one in compared]
    references = list(dict.fromkeys(getattr(settings, role) for role in roles if role))
    against = f"; differences to {' or '.join(references)}" if references else ""
    what = f"{len(comparison.compared)} groups, {heading_of(settings.metric)}; rarest: recall of the rarest class"
    yield from wrapped(f"{what}{against}", width)
    yield ""
    differ = [key for key in compared[0].group.name if len({one.group.name.get(key) for one in compared}) > 1]
    rows = []
    for one, role in zip(compared, roles, strict=True):
        best = one.table.iloc[0]
        verdict = (
            role if role and best.name == getattr(settings, role) else SHORT.get(str(best.get(f"{role}_verdict")), "")
        )
        name = ", ".join(one.group.name.get(str(key), "") for key in differ or ["dataset"])
        rarest = one.recalls.iloc[0, :1].map(number).to_list() or ["-"]
        difference = figure(best.get(f"{role}_difference", np.nan), np.nan, np.nan, signed=True)
        extra = [f"{key}={value}" for key, value in one.group.name.items() if key not in compared[0].group.name]
        rows.append([", ".join([name, *extra]), str(best.name), number(best["mean"]), *rarest, difference, verdict])
    if width is not None:
        best_names = shortened([row[1] for row in rows], max(width // 3 - 2, 8))
        rows = [[row[0], best_names[row[1]], *row[2:]] for row in rows]
    yield from Grid([", ".join(differ or ["dataset"]), "best", "mean", "rarest", "diff.", "verdict"], rows).lines(width)
    if (more := len(comparison.compared) - MOST_LINES) > 0:
        yield from wrapped(f"... and {more} more groups; format=csv, json and html have them all", width)


def _plain(frame: pd.DataFrame) -> Grid:
    rows = [[str(name), *map(str, row)] for name, row in zip(frame.index, frame.to_numpy(), strict=True)]
    return Grid([str(frame.index.name or "strategy"), *(str(column).strip() for column in frame)], rows)


def _unfinished(frame: pd.DataFrame, width: int | None) -> Iterator[str]:
    """Yield a line for each reason, and what it stopped."""
    if width is None:
        yield from _plain(unfinished_table(frame)).lines(None)
        return
    for keys, part in frame.groupby(["outcome", "reason"], sort=False):
        outcome, reason = map(str, keys)
        names = list(dict.fromkeys(part.strategy))
        several = f" and {len(names) - 3} more" if len(names) > 3 else ""
        runs = int(part.runs.sum())
        text = f"{runs} {outcome}: {', '.join(names[:3])}{several}: {reason}"
        yield from wrapped(text, width)[:3]


def _notes(notes: list[str], width: int | None) -> Iterator[str]:
    for note in notes[:MOST_NOTES]:
        yield from wrapped(f"Note: {note}", width)
    if (more := len(notes) - MOST_NOTES) > 0:
        yield from wrapped(f"{more} more notes are in format=markdown, json and html", width)
