"""The answer to a study: a page, its tables and its pictures, made from the runs."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from experiments.pictures import recall_by_epoch, save_picture
from experiments.runs import StudyRuns, find
from experiments.study import Study
from experiments.tables import compared

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
    uri = os.environ.get("MLFLOW_TRACKING_URI") or "sqlite:///mlflow.db"
    runs = find(study.name, uri, folders, study.names)
    parts = [f"# {study.title}", study.question, *_how(study, as_preset)]
    if as_preset and study.reading:
        parts += ["## Answer", study.reading]
    for spec in study.epochs:
        parts.append(_picture(runs, spec, out))
    for spec in study.compare:
        parts += compared(runs, spec, out)
    out.mkdir(parents=True, exist_ok=True)
    page = out / "README.md"
    page.write_text("\n\n".join(part.strip("\n") for part in [*parts, *_provenance(runs)]) + "\n")
    return page


def _how(study: Study, as_preset: bool) -> list[str]:
    typed = f"    python -m experiments {study.name}"
    if not as_preset:
        asked = "\n".join(f"    {' '.join(sweep)}" for sweep in study.sweeps)
        return [typed, "This page answers other sweeps than those of the preset:", asked]
    by_hand = "\nA person wrote the next section after reading the others." if study.reading else ""
    return [typed, f"runs the sweeps of `study.yaml` and writes this page, its tables and pictures.{by_hand}"]


def _picture(runs: StudyRuns, spec: Mapping[str, Any], out: Path) -> str:
    (out / "pictures").mkdir(parents=True, exist_ok=True)
    save_picture(recall_by_epoch(runs, spec), out / "pictures" / f"{spec['file']}.png")
    return f"## {spec['title']}\n\n{spec['text']}\n\n![{spec['title']}](pictures/{spec['file']}.png)"


def _provenance(runs: StudyRuns) -> list[str]:
    """Return what ran: how many runs and seeds, what was skipped and why, and the versions of the packages."""
    table = runs.table("balanced_accuracy")
    kinds = table.runs.outcome.value_counts()
    seeds = ", ".join(map(str, sorted(table.runs.seed.dropna().unique())))
    counts = f"{kinds.get('finished', 0)} runs finished, {kinds.get('skipped', 0)} were skipped. Seeds: {seeds}."
    reasons = table.runs[table.runs.outcome == "skipped"].reason.value_counts()
    skipped = "\n".join(f"- skipped {count} times: {reason}" for reason, count in reasons.items())
    versions = {key.removeprefix(VERSION): set(runs.tags[key]) for key in sorted(runs.tags) if key.startswith(VERSION)}
    stood_on = ", ".join(f"{package} {' and '.join(sorted(found))}" for package, found in versions.items())
    return ["## Runs", counts, *([skipped] if skipped else []), f"Versions: {stood_on}."]
