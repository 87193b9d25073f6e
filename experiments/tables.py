"""The tables of an answer: the package's comparison of a study's runs, written down. No statistics of their own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from experiments.pictures import save_picture
from experiments.runs import StudyRuns
from imbalance_lab.comparison import Compared, Comparison, Settings, compare
from imbalance_lab.comparison.paired import BETTER, FEW_ROWS, FEW_RUNS, SAME, WORSE
from imbalance_lab.comparison.report.diagrams import draw_differences, draw_ranks, draw_recalls
from imbalance_lab.comparison.report.kinds import SIGNS
from imbalance_lab.comparison.report.stress import draw_stress, meaning_of, stress_table
from imbalance_lab.comparison.report.text import figure, flat, markdown_of_ranks, verdict_texts
from imbalance_lab.evaluation.metrics import heading_of
from imbalance_lab.runs.table import RunTable

SETTINGS = ("baseline", "control", "by", "rope")
ALIKE = ("dataset", "model")  # what the groups of one table have in common
VERDICTS = {"better than": [BETTER], "the same as": [SAME], "worse than": [WORSE], "open against": [FEW_RUNS, FEW_ROWS]}


def compared(runs: StudyRuns, spec: Mapping[str, Any], out: Path) -> list[str]:
    """Compare as one entry of a study's ``compare`` asks, and write every figure to ``tables/`` under `out`.

    Parameters
    ----------
    runs : StudyRuns
    spec : mapping
        ``title``, ``text``; ``file``, how the tables' names begin; ``metrics``, the verdicts being on the first;
        ``only``, ``{setting: [values]}`` of the runs wanted; ``competing``, the ``setting`` that competes in place of
        strategies and the ``names`` of its values; ``show``: ``groups`` (a table each), ``rows`` (all in one),
        ``across`` (datasets put together), ``gains`` (over the baseline, by model) or ``stress`` (by its levels);
        ``pictures``: ``recalls``, ``differences``, ``ranks``, ``stress``; and settings of the comparison.
    out : Path

    Returns
    -------
    list of str
        Paragraphs of Markdown.
    """
    settings = {key: spec[key] for key in SETTINGS if key in spec}
    found = []
    (out / "tables").mkdir(parents=True, exist_ok=True)
    for metric in spec["metrics"]:
        found.append(compare(chosen(runs.table(metric), spec), Settings(metric=metric, **settings)))
        file = out / "tables" / f"{spec['file']}-{metric.replace('/', '-')}.csv"
        flat(found[-1]).to_csv(file, index=False, float_format="%.6g")
    shown = SHOWN[spec.get("show", "groups")](found)
    text = [spec["text"]] if "text" in spec else []
    pictures = [_kept(name, drawn, out) for name, drawn in _drawn(found[0], spec) if drawn is not None]
    return [f"## {spec['title']}", *text, *shown, *pictures, f"Every figure: `tables/{spec['file']}-*.csv`."]


def chosen(table: RunTable, spec: Mapping[str, Any]) -> RunTable:
    """Return the runs that `spec` wants, what competes in them being called the strategy."""
    wanted = pd.Series(True, index=table.runs.index)
    for key, values in spec.get("only", {}).items():
        wanted &= table.setting(key).isin(values)
    if competing := spec.get("competing"):
        names = table.setting(competing["setting"]).map(competing["names"])
        table, wanted = replace(table, runs=table.runs.assign(strategy=names)), wanted & names.notna()
    return table.only(wanted)


def to_markdown(table: pd.DataFrame) -> str:
    """Return a table of text as Markdown.

    >>> print(to_markdown(pd.DataFrame({"recall": ["0.5"]}, index=pd.Index(["A"], name="class"))))
    | class | recall |
    |---|---|
    | A | 0.5 |
    """
    rows = [
        [table.index.name, *table],
        *([name, *row] for name, row in zip(table.index, table.to_numpy(), strict=True)),
    ]
    lines = ["| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * len(rows[0]), *lines[1:]])


def _drawn(one: Comparison, spec: Mapping[str, Any]) -> Iterator[tuple[str, Figure | None]]:
    """Yield the pictures that `spec` wants by their names."""
    wanted = spec.get("pictures", [])
    for number, group in enumerate(one.compared, start=1):
        which = f"-{number}" if len(one.compared) > 1 else ""
        if "recalls" in wanted:
            yield f"{spec['file']}-recalls{which}", draw_recalls(group)
        if "differences" in wanted:
            yield f"{spec['file']}-differences{which}", draw_differences(group, one.settings)
    for stressed in one.stressed if "stress" in wanted else []:
        yield f"{spec['file']}-{_file_name(stressed.name)}", draw_stress(stressed, one.settings)
    for across in one.across if "ranks" in wanted else []:
        yield f"{spec['file']}-ranks-{_file_name(across.name)}", draw_ranks(across, 1 - one.settings.confidence)


def _file_name(name: str) -> str:
    return re.sub(r"[^\w.-]+", "-", name).strip("-")


def _kept(name: str, drawn: Figure, out: Path) -> str:
    (out / "pictures").mkdir(parents=True, exist_ok=True)
    save_picture(drawn, out / "pictures" / f"{name}.png")
    return f"![{name.replace('-', ' ')}](pictures/{name}.png)"


def _groups(found: Sequence[Comparison]) -> list[str]:
    """Return a table for each group."""
    parts = []
    for same in zip(*(one.compared for one in found), strict=True):
        parts += [f"### {same[0].group.title}", to_markdown(_wide(same, [one.settings for one in found]))]
        parts += [f"Note: {note}." for note in same[0].notes]
    return parts


def _rows(found: Sequence[Comparison]) -> list[str]:
    """Return all groups in one table, with what tells them apart in columns."""
    settings, parts = [one.settings for one in found], []
    for same in zip(*(one.compared for one in found), strict=True):
        name = {key.removeprefix("options."): value for key, value in same[0].group.name.items() if key not in ALIKE}
        table = _wide(same, settings).reset_index()
        parts.append(table.assign(**name)[[*name, *table]])
    whole = pd.concat(parts).fillna("")
    notes = dict.fromkeys(note for one in found[0].compared for note in one.notes)
    return [to_markdown(whole.set_index(whole.columns[0])), *(f"Note: {note}." for note in notes)]


def _across(found: Sequence[Comparison]) -> list[str]:
    """Return what holds across datasets; the datasets by themselves are in the files."""
    one = found[0]
    ranks = re.sub(r"^#", "##", markdown_of_ranks(one), flags=re.MULTILINE)
    return [ranks, "### Verdicts dataset by dataset", to_markdown(_verdicts(one))]


def _gains(found: Sequence[Comparison]) -> list[str]:
    """Return what each strategy gains over the baseline by each metric, means over the datasets, the worst model first.

    Models are in the order of what they reach by the baseline alone.
    """
    parts = []
    for one in found:
        baseline, rows = one.settings.baseline, {}
        known = [across for across in one.across if baseline in across.means]
        for across in sorted(known, key=lambda across: one.settings.sign * across.means[baseline].mean()):
            gains = across.means.sub(across.means[baseline], axis=0).mean().drop(baseline)
            better = across.signed_rank["better"]
            cells = {strategy: f"{gain:+.3f} ({better[strategy]:.2f})" for strategy, gain in gains.items()}
            rows[across.name] = {
                "datasets": len(across.means),
                baseline: f"{across.means[baseline].mean():.3f}",
            } | cells
        table = pd.DataFrame.from_dict(rows, orient="index").fillna("").rename_axis("model")
        shown = to_markdown(table) if rows else "No two datasets have all results."
        parts += [f"### {heading_of(one.settings.metric)}: gain over {baseline} (P(better))", shown]
    return parts


def _stress(found: Sequence[Comparison]) -> list[str]:
    """Return strategies by levels of stress, a table for each metric and group."""
    parts = []
    for one in found:
        for stressed in one.stressed:
            heading = f"### {stressed.title}: {heading_of(one.settings.metric)}"
            parts += [heading, f"{meaning_of(stressed.setting).capitalize()}.", to_markdown(stress_table(stressed))]
        reference = next((stressed.reference for stressed in one.stressed if stressed.reference), "")
    signs = ", ".join(f"{sign} {verdict}" for verdict, sign in SIGNS.items())
    return [*parts, *([f"Against {reference} at the same level: {signs}."] if reference else [])]


SHOWN = {"groups": _groups, "rows": _rows, "across": _across, "gains": _gains, "stress": _stress}


def _wide(same: Sequence[Compared], settings: Sequence[Settings]) -> pd.DataFrame:
    """Return one group by several metrics: each mean with its interval, and the verdicts on the first metric."""
    first = same[0].table
    shown = pd.DataFrame({"runs": first.runs.map("{:.0f}".format)}, index=first.index)
    for one, setting in zip(same, settings, strict=True):
        ends = one.table.loc[first.index, ["mean", "low", "high"]]
        shown[setting.metric.replace("_", " ")] = [figure(*row) for row in ends.to_numpy()]
    for role, name in (("baseline", settings[0].baseline), ("control", settings[0].control)):
        if f"{role}_difference" in first and not (role == "control" and name == settings[0].baseline):
            ends = first[[f"{role}_{key}" for key in ("difference", "low", "high")]]
            shown[f"less {name}"] = [figure(*row, signed=True) for row in ends.to_numpy()]
            shown[f"than {name}"] = verdict_texts(first, role)
    return shown.rename_axis("strategy")


def _verdicts(one: Comparison) -> pd.DataFrame:
    """Count the datasets on which each strategy did better, the same or worse, or on which it is open."""
    every = flat(one)
    roles = {"baseline": one.settings.baseline, "control": one.settings.control}
    counts = {
        f"{word} {name}": every[f"{role}_verdict"].isin(verdicts)
        for role, name in roles.items()
        for word, verdicts in VERDICTS.items()
    }
    groups = [every.model, every.strategy]
    table = pd.DataFrame(counts).groupby(groups, sort=False).sum()
    table.insert(0, "datasets", every.groupby(groups, sort=False).size())
    return table.reset_index().set_index("model").sort_index(kind="stable")
