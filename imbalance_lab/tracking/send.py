"""Send the records of finished runs to MLflow after the fact."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import yaml

from imbalance_lab.errors import DataError
from imbalance_lab.runs.files import read_outcome
from imbalance_lab.runs.identity import Identity
from imbalance_lab.tracking.tracker import MlflowTracker


def send(folder: Path, uri: str | None = None) -> str | None:
    """Send the record of a finished run to MLflow and return where it can be seen.

    Parameters
    ----------
    folder : Path
        A run's output folder.
    uri : str, optional
        By default the one the run was meant for.

    Raises
    ------
    DataError
        If there is no finished run in `folder`.
    TrackingError
        If the server cannot be reached.
    """
    record = read_outcome(folder)
    if record is None or record["outcome"] != "finished":
        raise DataError(f"{folder} holds no finished run")
    config = yaml.safe_load((folder / "config.yaml").read_text())
    settings = {key: value for key, value in config["tracking"].items() if not key.startswith("_")}
    settings = {"uri": "sqlite:///mlflow.db"} | settings
    tracker = MlflowTracker(**(settings | ({"uri": uri} if uri else {})))
    tracker.start(Identity.from_summary(record["identity"]), config)
    tracker.describe(record["tags"], record["dataset"])
    if (epochs := folder / "epochs.csv").is_file():
        for row in pd.read_csv(epochs).to_dict("records"):
            fold, epoch = int(row.pop("fold")), int(row.pop("epoch"))
            shown = {str(key): value for key, value in row.items() if not str(key).startswith("val/called/")}
            tracker.epoch(fold if len(record["folds"]) > 1 else None, epoch, shown)
    tracker.finish(record, folder)
    return tracker.where
