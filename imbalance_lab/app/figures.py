"""Draw the figures of finished runs: ``python -m imbalance_lab figures RUN ... [format=png,svg,pdf] [uri=URI]``.

A RUN is a folder (of a run, or of a whole sweep), which gets a folder ``figures``, or the id of a run in MLflow, among
whose artifacts they then are. A sweep does not draw them by itself: that would take longer than many a fit.
"""

from __future__ import annotations

import os
import re
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
from pydantic import BeforeValidator
from pydantic.dataclasses import dataclass

from imbalance_lab.app.commands import Command, Typed, setting
from imbalance_lab.app.lines import error_line
from imbalance_lab.errors import ConfigError, DataError, LabError
from imbalance_lab.evaluation import plots
from imbalance_lab.evaluation.metrics import HEADLINE
from imbalance_lab.fields import STRICT
from imbalance_lab.runs.files import RECORD, TRIALS, read_outcome, read_predictions


def _checked_formats(given: Any) -> tuple[str, ...]:
    """Return formats that figures can be written in."""
    names = [str(name).strip().lower() for name in (given.split(",") if isinstance(given, str) else given)]
    if unknown := [name for name in names if name not in plots.FORMATS]:
        raise ValueError(f"can be any of {', '.join(plots.FORMATS)}, not '{unknown[0]}'")
    return tuple(dict.fromkeys(names))


@dataclass(frozen=True, config=STRICT)
class Settings:
    """How figures are written, and where runs are looked for that are no folders.

    Parameters
    ----------
    format : sequence of str
        Written with commas, or as a list.
    uri : str
    """

    format: Annotated[tuple[str, ...], BeforeValidator(_checked_formats)] = setting(
        ("png", "svg"), f"any of {', '.join(plots.FORMATS)}", "png,svg"
    )
    uri: str = setting("", "the MLflow store; MLFLOW_TRACKING_URI if set", "sqlite:///mlflow.db")


def run(typed: Typed[Settings]) -> None:
    """Draw the runs that are named."""
    uri = typed.settings.uri or os.environ.get("MLFLOW_TRACKING_URI") or "sqlite:///mlflow.db"
    if not typed.words:
        raise ConfigError("figures needs runs: folders of runs or sweeps, or ids of runs in MLflow")
    failed = []
    for name in typed.words:
        try:
            print(f"{name}: {_draw(name, uri, typed.settings.format)}")
        except LabError as error:
            failed.append(error_line(error))
    sys.exit("\n".join(failed) or 0)


def _draw(name: str, uri: str, formats: Sequence[str]) -> str:
    folder = Path(name)
    return draw_all(folder, formats) if folder.exists() else draw_logged(name, uri, formats)


main = Command(
    "figures",
    "draw the figures of finished runs",
    Settings,
    run,
    words="RUN ...",
    notes="A RUN is a folder (of a run, or of a whole sweep), or the id of a run in MLflow.",
)


def draw_all(folder: Path, formats: Sequence[str]) -> str:
    """Draw the finished runs under `folder`, each in its own; return what was done.

    Raises
    ------
    DataError
        If there is none.
    """
    if not folder.is_dir():
        raise DataError(
            f"{folder} is no folder of a run; figures takes the folders of runs or sweeps, or ids in MLflow"
        )
    finished = [file.parent for file in sorted(folder.rglob(RECORD)) if is_finished(file.parent)]
    if not finished:
        raise DataError(f"{folder} holds no finished run")
    for one in finished:
        draw_run(one, one / "figures", formats)
    more = draw_stresses(folder, finished, formats)
    return f"figures of {len(finished)} {'run' if len(finished) == 1 else 'runs'} drawn{more}"


def draw_stresses(folder: Path, finished: Sequence[Path], formats: Sequence[str]) -> str:
    """Draw the headline metric against each stress of the runs under `folder` there; return what was done."""
    if not any((read_outcome(one) or {}).get("tags", {}).get("stress") for one in finished):
        return ""
    from imbalance_lab.comparison import compare
    from imbalance_lab.comparison.report.stress import draw_stress

    found = compare(folder)
    drawn = {re.sub(r"[^\w.-]+", "-", one.title): draw_stress(one, found.settings) for one in found.stressed}
    plots.save(drawn, folder / "figures", formats)
    return f", and {len(drawn)} against stress in {folder / 'figures'}" if drawn else ""


def draw_logged(run: str, uri: str, formats: Sequence[str]) -> str:
    """Draw a run in MLflow and put the figures among its artifacts; return what was done.

    Raises
    ------
    DataError
        If there is no such run, or it has not finished.
    TrackingError
        If MLflow cannot be reached.
    """
    file = uri.removeprefix("sqlite:///")
    if file != uri and not Path(file).is_file():
        raise DataError(f"there is no folder '{run}', and no MLflow database {file} here; uri= names another")
    from imbalance_lab.tracking import add_artifacts

    def draw(recorded: Path, to: Path) -> None:
        if not is_finished(recorded):
            raise DataError(f"run {run} in MLflow is no finished run of this program; of a sweep name its runs")
        draw_run(recorded, to / "figures", formats)

    add_artifacts(uri, run, draw)
    return "figures drawn, among its artifacts in MLflow"


def is_finished(folder: Path) -> bool:
    """Whether `folder` holds the whole record of a finished run."""
    summary = read_outcome(folder) or {}
    if not {"outcome", "name", "dataset", "classes", "folds"} <= set(summary):
        return False
    return summary["outcome"] == "finished" and (folder / "predictions.npz").is_file()


def draw_run(folder: Path, to: Path, formats: Sequence[str]) -> None:
    """Draw a finished run from its record in `folder`.

    Raises
    ------
    DataError
        If the record is damaged.
    """
    try:
        subject, tuned = read_subject(folder), _tuned(folder)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, zipfile.BadZipFile) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DataError(f"the record in {folder} is damaged ({reason}); repeat the run") from error
    plots.save(tuned | plots.draw(subject), to, formats)


def _tuned(folder: Path) -> dict[str, Any]:
    """Return what is drawn of the trials of a run, if it was tuned."""
    tuning = (read_outcome(folder) or {}).get("tuning")
    if not tuning or not tuning["space"] or not (folder / TRIALS).is_file():
        return {}
    from imbalance_lab.runs.tuning.figures import draw_tuning, read_trials

    return draw_tuning(read_trials(folder / TRIALS), tuning)


def read_subject(folder: Path) -> plots.Subject:
    """Return what is drawn of the finished run whose record is in `folder`."""
    summary = read_outcome(folder) or {}
    test, validation = (
        [read_predictions(folder, fold, part) for fold in range(len(summary["folds"]))]
        for part in ("test", "validation")
    )
    classes = pd.DataFrame.from_dict(summary["classes"], orient="index", dtype=float)
    names, size = list(classes.index), test[0].log_proba.shape[2]
    epochs, interval = folder / "epochs.csv", summary["intervals"][HEADLINE]
    return plots.Subject(
        dataset=summary["dataset"]["name"],
        name=summary["name"],
        tasks=[names[start : start + size] for start in range(0, len(names), size)],
        test=test,
        validation=validation,
        classes=classes,
        metrics=summary["metrics"],
        interval=(interval["low"], interval["high"]),
        history=pd.read_csv(epochs) if epochs.is_file() else None,
    )
