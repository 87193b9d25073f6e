"""A comparison as a notebook shows it: what to use, then a compact table."""

from __future__ import annotations

import pandas as pd
from markupsafe import escape

from imbalance_lab.comparison.answer import Answer
from imbalance_lab.comparison.compared import Compared
from imbalance_lab.comparison.report.answer import recommend_across
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
    settings = comparison.settings
    across = "".join(
        _line(f"Across {len(one.means)} datasets", recommend_across(one, settings)[0]) for one in comparison.across
    )
    groups = "".join(
        f"{_line(one.group.title, one.answer)}{rows(compact(one, settings))}{_notes(one.notes)}"
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
    return block(across + stress + tuned + groups + _notes([*left, *comparison.notes]))


def _line(title: str, answer: Answer) -> str:
    use = escape(f"{answer.verb} {answer.use}.")
    return f"<p>{escape(title)}: <strong>{use}</strong> {escape(answer.why)}</p>"


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
