"""A comparison as a notebook shows it: what to use, then a compact table."""

from __future__ import annotations

import pandas as pd
from markupsafe import escape

from imbalance_lab.comparison.compared import Compared
from imbalance_lab.comparison.overall import Overall, across_answer
from imbalance_lab.comparison.report.budgets import explained as explained_gains
from imbalance_lab.comparison.report.budgets import gains_table, settings_table
from imbalance_lab.comparison.report.ink import svg
from imbalance_lab.comparison.report.stress import draw_stress, explained, stress_table
from imbalance_lab.comparison.report.text import figure, verdict_texts
from imbalance_lab.comparison.settings import Settings
from imbalance_lab.comparison.verdict import Comparison
from imbalance_lab.evaluation.metrics import heading_of
from imbalance_lab.runs.markup import block, rows

MOST_GROUPS = 12


def notebook(comparison: Comparison) -> str:
    """Return the comparison as HTML for a cell of a notebook, on light and dark pages."""
    settings, several = comparison.settings, len(comparison.compared) > 1
    title = f"{len(comparison.compared)} groups" if several else comparison.compared[0].group.title
    top = _line(title, comparison.overall)
    across = "".join(
        _line(f"Across {len(one.means)} datasets{_of(one.name)}", Overall(across_answer(one, settings)))
        for one in (comparison.across if len(comparison.across) > 1 else [])
    )
    groups = "".join(
        (_line(one.group.title, Overall(one.answer)) if several else "")
        + f"{rows(compact(one, settings))}{_notes(one.notes)}"
        for one in comparison.compared[:MOST_GROUPS]
    )
    stress = "".join(
        f"<p>{escape(explained(one, settings))}</p>{svg(draw_stress(one, settings), one.title, one.title)}"
        f"{rows(stress_table(one).reset_index())}"
        for one in comparison.stressed[:MOST_GROUPS]
    )
    tuned = "".join(
        f"<p>{escape(explained_gains(one, settings))}</p>{rows(gains_table(one).reset_index())}"
        f"{rows(settings_table(one).reset_index())}{_notes(one.notes)}"
        for one in comparison.tuned[:MOST_GROUPS]
    )
    more = len(comparison.compared) - MOST_GROUPS
    left = [f"{more} more groups are left out; to_frame() and to_html() have them all"] if more > 0 else []
    if unfinished := int(comparison.unfinished.runs.sum()):
        left.append(f"{unfinished} runs did not finish; .unfinished lists them with their reasons")
    return block(top + across + stress + tuned + groups + _notes([*left, *comparison.notes]))


def _line(title: str, one: Overall) -> str:
    use = escape(one.text.removesuffix(f" {one.answer.why}"))
    return f"<p>{escape(title)}: <strong>{use}</strong> {escape(one.answer.why)}</p>"


def _of(name: str) -> str:
    return f", {name}" if name else ""


def compact(one: Compared, settings: Settings) -> pd.DataFrame:
    """Return a group's strategies with their means and verdicts, as text."""
    table = one.table
    shown = pd.DataFrame({"strategy": table.index.astype(str), "runs": table.runs.map("{:.0f}".format).to_numpy()})
    shown[heading_of(settings.metric)] = [figure(*row) for row in table[["mean", "low", "high"]].to_numpy()]
    roles = {"baseline": settings.baseline, "control": settings.control}
    for role, name in list(roles.items())[: len(set(roles.values()))]:
        if f"{role}_difference" in table:
            ends = table[[f"{role}_{key}" for key in ("difference", "low", "high")]].to_numpy()
            shown[f"difference to {name}"] = [figure(mean, low, high, signed=True) for mean, low, high in ends]
            shown[f"than {name}"] = verdict_texts(table, role)
    return shown


def _notes(notes: list[str]) -> str:
    return "".join(f'<p class="note">{escape(note)}</p>' for note in notes)
