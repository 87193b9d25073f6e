"""The answer to a study: a page, its tables and its pictures, made from the runs."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from experiments.pictures import recall_by_epoch
from experiments.runs import StudyRuns, find
from experiments.study import Study
from imbalance_lab.comparison import Compared, Comparison, Settings, compare
from imbalance_lab.comparison.text import figure, flat, markdown, verdict_text
from imbalance_lab.types import RunTable

SETTINGS = ("baseline", "control", "by", "rope")
VERSION = "version/"


def write(study: Study, folders: Sequence[Path], out: Path, as_preset: bool) -> Path:
    """Write ``README.md``, ``tables/`` and ``pictures/`` under `out`.

    Parameters
    ----------
    study : Study
    folders : sequence of Path
        Of the sweeps' jobs.
    out : Path
    as_preset : bool
        Whether the sweeps are those of ``study.yaml``; what a person read from those is left out of other answers.

    Returns
    -------
    Path
        The page.
    """
    uri = os.environ.get("MLFLOW_TRACKING_URI", "sqlite:///mlflow.db")
    runs = find(study.name, uri, folders, study.names)
    parts = [f"# {study.title}", study.question, *_how(study, as_preset)]
    if as_preset and study.reading:
        parts += ["## Answer", study.reading]
    for spec in study.epochs:
        parts.append(_picture(runs, spec, out))
    for spec in study.compare:
        parts += _compared(runs, spec, out)
    page = out / "README.md"
    page.write_text("\n\n".join(part.strip() for part in [*parts, *_provenance(runs)]) + "\n")
    return page


def _how(study: Study, as_preset: bool) -> list[str]:
    said = f"    python -m experiments {study.name}"
    if as_preset:
        return [said, "`study.yaml` is the preset. All that follows was written by that command" + _but(study)]
    return [said, "This page answers other sweeps than those of the preset:", *(f"    {' '.join(s)}" for s in study.sweeps)]


def _but(study: Study) -> str:
    return ", but for the next section, which a person read from it." if study.reading else "."


def _picture(runs: StudyRuns, spec: Mapping[str, Any], out: Path) -> str:
    (out / "pictures").mkdir(parents=True, exist_ok=True)
    recall_by_epoch(runs, spec).savefig(out / "pictures" / f"{spec['file']}.png", dpi=90)
    return f"## {spec['title']}\n\n{spec['text']}\n\n![{spec['title']}](pictures/{spec['file']}.png)"


def _compared(runs: StudyRuns, spec: Mapping[str, Any], out: Path) -> list[str]:
    """Compare by each metric of `spec`; verdicts are on the first."""
    metrics, settings = spec["metrics"], {key: spec[key] for key in SETTINGS if key in spec}
    found = [compare(_chosen(runs.table(metric), spec), Settings(metric=metric, **settings)) for metric in metrics]
    (out / "tables").mkdir(parents=True, exist_ok=True)
    for metric, one in zip(metrics, found, strict=True):
        flat(one).to_csv(out / "tables" / f"{spec['file']}-{metric.replace('/', '-')}.csv", index=False, float_format="%.6g")
    parts = [f"## {spec['title']}", spec.get("text", "")]
    parts += SHOWN[spec.get("show", "groups")](found)
    return [*parts, f"Every figure: `tables/{spec['file']}-*.csv`."]


def _chosen(table: RunTable, spec: Mapping[str, Any]) -> RunTable:
    """Return the runs that `spec` wants, what competes in it being called the strategy."""
    columns = table.params.join(table.runs[["strategy", "outcome"]], lsuffix=" as run")
    wanted = pd.Series(True, index=table.runs.index)
    for key, values in spec.get("only", {}).items():
        wanted &= columns[key].isin(values)
    if competing := spec.get("competing"):
        names = columns[competing["setting"]].map(competing["names"])
        table, wanted = replace(table, runs=table.runs.assign(strategy=names)), wanted & names.notna()
    return table.only(wanted)


def _groups(found: Sequence[Comparison]) -> list[str]:
    parts = []
    for same in zip(*(one.compared for one in found), strict=True):
        parts += [f"### {same[0].group.title}", to_markdown(_wide(same, [one.settings for one in found]))]
        parts += [f"Note: {note}." for note in same[0].notes]
    return parts


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
            verdicts = zip(first[f"{role}_verdict"], first[f"{role}_more"], strict=True)
            shown[f"than {name}"] = [verdict_text(*pair) for pair in verdicts]
    return shown.rename_axis("strategy")


def _rows(found: Sequence[Comparison]) -> list[str]:
    """Return all groups in one table."""
    settings = [one.settings for one in found]
    tables = {same[0].group.title: _wide(same, settings) for same in zip(*(one.compared for one in found), strict=True)}
    titles = [title for title, table in tables.items() for _ in table.index]
    whole = pd.concat(tables.values()).fillna("").rename_axis(settings[0].baseline and "what")
    whole.insert(0, "of", titles)
    return [to_markdown(whole.reset_index().set_index("of"))]


def _across(found: Sequence[Comparison]) -> list[str]:
    """Return what holds across datasets; the datasets by themselves are in the tables."""
    return [re.sub(r"^#+", "###", markdown(replace(found[0], compared=[])), flags=re.MULTILINE)]


SHOWN = {"groups": _groups, "rows": _rows, "across": _across}


def to_markdown(table: pd.DataFrame) -> str:
    """Return a table of text as Markdown.

    >>> print(to_markdown(pd.DataFrame({"recall": ["0.5"]}, index=pd.Index(["A"], name="class"))))
    | class | recall |
    |---|---|
    | A | 0.5 |
    """
    rows = [[str(table.index.name), *map(str, table)], ["---"] * (len(table.columns) + 1)]
    rows += [[str(name), *map(str, row)] for name, row in zip(table.index, table.to_numpy(), strict=True)]
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines).replace("| --- ", "|---").replace("--- |", "---|")


def _provenance(runs: StudyRuns) -> list[str]:
    """Return what ran: how many runs and seeds, what was skipped and why, and the versions of the packages."""
    table = runs.table("balanced_accuracy")
    seeds = sorted(table.params.seed.astype(int).unique())
    kinds = table.runs.outcome.value_counts()
    said = f"{kinds.get('finished', 0)} runs finished, {kinds.get('skipped', 0)} were skipped; seeds {_range(seeds)}."
    skipped = table.runs[table.runs.outcome == "skipped"].groupby(["reason"]).size().sort_values(ascending=False)
    reasons = [f"- {count} times: {reason}" for reason, count in skipped.items()]
    versions = {key.removeprefix(VERSION): set(runs.tags[key]) for key in sorted(runs.tags) if key.startswith(VERSION)}
    stood = ", ".join(f"{package} {' and '.join(sorted(found))}" for package, found in versions.items())
    return ["## Runs", said, "\n".join(reasons), f"Versions: {stood}."] if reasons else ["## Runs", said, f"Versions: {stood}."]


def _range(seeds: Sequence[int]) -> str:
    whole = len(seeds) > 2 and list(seeds) == list(range(seeds[0], seeds[-1] + 1))
    return f"{seeds[0]} to {seeds[-1]}" if whole else ", ".join(map(str, seeds))
