"""Send finished runs to MLflow: ``python -m imbalance_lab send FOLDER ... [uri=URI]``."""

from __future__ import annotations

import sys
from pathlib import Path

from pydantic.dataclasses import dataclass

from imbalance_lab.app.commands import Command, Typed, setting
from imbalance_lab.app.lines import error_line
from imbalance_lab.errors import ConfigError, DataError, LabError
from imbalance_lab.fields import STRICT
from imbalance_lab.runs.files import RECORD, read_outcome
from imbalance_lab.runs.reading import COPIES


@dataclass(frozen=True, config=STRICT)
class Settings:
    """Where the runs go.

    Parameters
    ----------
    uri : str
    """

    uri: str = setting("", "the MLflow store; by default the one a run was meant for", "sqlite:///mlflow.db")


def run(typed: Typed[Settings]) -> None:
    """Send the folders that are named."""
    from imbalance_lab.tracking.send import send_all

    if not typed.words:
        raise ConfigError("send needs the folders of finished runs, as in outputs/2026-11-23/12-00-00-a1b2c3")
    failed = []
    for folder in typed.words:
        try:
            runs = _finished(Path(folder))
            where = send_all(runs, typed.settings.uri or None)
            count = "sent" if runs == [Path(folder)] else f"{len(runs)} finished runs sent"
            print(f"{folder}: {count}; browse: {where}")
        except LabError as error:
            failed.append(error_line(error))
    sys.exit("\n".join(failed) or 0)


def _finished(folder: Path) -> list[Path]:
    """Return the folders of the finished runs below `folder`, such as those of a sweep; itself where there are none."""
    if not folder.is_dir():
        raise DataError(f"there is no folder {folder}" if not folder.exists() else f"{folder} is no folder of a run")
    files = [file for file in sorted(folder.rglob(RECORD)) if COPIES not in file.relative_to(folder).parts]
    return [file.parent for file in files if _is_finished(file)] or [folder]


def _is_finished(file: Path) -> bool:
    try:
        return bool((read_outcome(file.parent) or {}).get("outcome") == "finished")
    except (ValueError, AttributeError):  # somebody else's file of that name
        return False


main = Command("send", "send finished runs to MLflow", Settings, run, words="FOLDER ...")
