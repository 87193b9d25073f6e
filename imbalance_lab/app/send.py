"""Send finished runs to MLflow: ``python -m imbalance_lab send FOLDER ... [uri=URI]``."""

from __future__ import annotations

import sys
from pathlib import Path

from pydantic.dataclasses import dataclass

from imbalance_lab.app.commands import Command, Typed, setting
from imbalance_lab.app.lines import error_line
from imbalance_lab.errors import ConfigError, LabError
from imbalance_lab.fields import STRICT


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
    from imbalance_lab.tracking.send import send

    if not typed.words:
        raise ConfigError("send needs the folders of finished runs, as in outputs/2026-11-23/12-00-00-a1b2c3")
    failed = []
    for folder in typed.words:
        try:
            print(f"{folder}: sent; browse: {send(Path(folder), typed.settings.uri or None)}")
        except LabError as error:
            failed.append(error_line(error))
    sys.exit("\n".join(failed) or 0)


main = Command("send", "send finished runs to MLflow", Settings, run, words="FOLDER ...")
