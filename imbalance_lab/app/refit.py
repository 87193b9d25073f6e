"""Train a finished run's configuration on all rows: ``python -m imbalance_lab refit run=RUN [out=FOLDER]``."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic.dataclasses import dataclass

from imbalance_lab import process
from imbalance_lab.app.commands import Command, Typed, setting
from imbalance_lab.app.models import is_logged, require_store, store_of
from imbalance_lab.app.screen import Screen
from imbalance_lab.errors import ConfigError, LabWarning
from imbalance_lab.fields import STRICT
from imbalance_lab.runs.card import decision_line, train_rows
from imbalance_lab.runs.files import REFITTED
from imbalance_lab.runs.refit import refit
from imbalance_lab.runs.saving import CARD, read_manifest
from imbalance_lab.runs.watch import messages


@dataclass(frozen=True, config=STRICT)
class Settings:
    """Which run, and where its model goes.

    Parameters
    ----------
    run, out, register, alias, uri : str
    """

    run: str = setting("", "the folder of a finished run, or its id in MLflow", "FOLDER")
    out: str = setting("", "its folder; by default model in the run's", "model")
    register: str = setting("", "a name in MLflow's model registry", "churn")
    alias: str = setting("", "of the registered version", "champion")
    uri: str = setting("", "the MLflow store; MLFLOW_TRACKING_URI if set", "sqlite:///mlflow.db")


def run(typed: Typed[Settings]) -> None:
    """Refit the run that is named, save the model, and log it where that is asked for."""
    settings = typed.settings
    if not settings.run:
        raise ConfigError("refit needs a run: run= names the folder of a finished run, or its id in MLflow")
    if settings.alias and not settings.register:
        raise ConfigError("alias= is that of a registered model: register= names it")
    process.take_over()
    process.handle_signals()
    try:
        _refit(settings)
    except KeyboardInterrupt:
        sys.exit("interrupted; nothing was written")


def _refit(settings: Settings) -> None:
    screen, uri, logged = Screen(), store_of(settings.uri), is_logged(settings.run)
    with warnings.catch_warnings(record=True) as caught, TemporaryDirectory() as temporary:
        warnings.simplefilter("default", LabWarning)
        folder = Path(settings.run).expanduser()
        if logged:
            require_store(uri, settings.run)
            from imbalance_lab.tracking.model import fetch_record

            folder = fetch_record(settings.run, uri, Path(temporary))
        classifier = refit(folder, observer=screen)
        out = Path(settings.out) if settings.out else Path(REFITTED) if logged else folder / REFITTED
        saved = classifier.save(out)
    for text in messages(caught):
        screen.warn(text)
    manifest = read_manifest(saved)
    screen.message(f"trained on all {train_rows(manifest):,} rows")
    screen.message(f"decision: {decision_line(manifest)}")
    screen.message(f"model: {saved}; its card: {saved / CARD}")
    if settings.register or logged:
        from imbalance_lab.tracking.model import log_model

        put = log_model(saved, uri, settings.run if logged else None, settings.register or None, settings.alias or None)
        address = put.uri
        if settings.register:
            address = f"models:/{settings.register}/{put.version}"
            address += f" (models:/{settings.register}@{settings.alias})" if settings.alias else ""
        screen.message(f"in MLflow: {address}")
    screen.message(f"next: python -m imbalance_lab predict new.csv model={saved}")


main = Command(
    "refit",
    "train a finished run's configuration on all rows",
    Settings,
    run,
    notes=(
        "No rows are left over for the decision, which is fitted on cross-validated\n"
        "scores. The model is a folder that predict and imbalance_lab.load take; register=\n"
        "puts it into MLflow's model registry too."
    ),
)
