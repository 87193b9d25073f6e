"""Send the records of finished runs to MLflow after the fact."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from mlflow.environment_variables import MLFLOW_TRACKING_URI

from imbalance_lab.errors import ConfigError, DataError
from imbalance_lab.options import make
from imbalance_lab.runs.claims import claimed
from imbalance_lab.runs.files import mark_tracked, mark_untracked, read_outcome
from imbalance_lab.runs.history import KEPT
from imbalance_lab.runs.identity import GROUPS, Identity
from imbalance_lab.runs.reading import VERSION
from imbalance_lab.tracking.store import beside
from imbalance_lab.tracking.tracker import MlflowTracker

NO_FIGURES = ("val/predicted_count/", KEPT)
HIDDEN = "***"  # stands for user and password in a record


def send(folder: Path, uri: str | None = None) -> str | None:
    """Send the record of a finished run to MLflow and return where it can be seen.

    A run that the store holds already is not sent again. What the store holds of a run that was cut off is replaced.

    Parameters
    ----------
    folder : Path
        A run's output folder.
    uri : str, optional
        By default the one the run was meant for. Records hold no passwords: where that address had one,
        ``MLFLOW_TRACKING_URI`` is used.

    Raises
    ------
    DataError
        If there is no finished run in `folder`.
    ConfigError
        If the address had a password and none is given now.
    TrackingError
        If the server cannot be reached.
    """
    record = read_outcome(folder)
    if record is None or record.get("outcome") != "finished":
        raise DataError(f"{folder} holds no finished run")
    try:
        config = yaml.safe_load((folder / "config.yaml").read_text(encoding="utf-8"))
        identity = _identity(record, config)
        tracker = _tracker(folder, config, uri)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, yaml.YAMLError) as error:
        raise DataError(
            f"the record in {folder} is damaged ({' '.join(str(error).split())}); repeat the run"
        ) from error
    with claimed(beside(tracker.uri, "claims"), f"record {folder.absolute()}"):
        tracker.continue_record(folder)
        if not tracker.find_sent(identity):
            _send(tracker, identity, record, config, folder)
        elif "untracked" in record:
            mark_tracked(folder, record)
    return tracker.where


def _send(
    tracker: MlflowTracker, identity: Identity, record: Mapping[str, Any], config: Mapping[str, Any], folder: Path
) -> None:
    reason = record.get("untracked")
    if reason is not None:
        record = mark_tracked(folder, record)  # it is among what is sent
    try:
        _log(tracker, identity, record, config, folder)
    except BaseException:
        if reason is not None:
            mark_untracked(folder, reason)
        raise


def _log(
    tracker: MlflowTracker, identity: Identity, record: Mapping[str, Any], config: Mapping[str, Any], folder: Path
) -> None:
    tracker.start(identity, config)
    tracker.describe(record["tags"], record["dataset"])
    if (epochs := folder / "epochs.csv").is_file():
        for row in pd.read_csv(epochs).to_dict("records"):
            fold, epoch = int(row.pop("fold")), int(row.pop("epoch"))
            shown = {str(key): value for key, value in row.items() if not str(key).startswith(NO_FIGURES)}
            tracker.epoch(fold if len(record["folds"]) > 1 else None, epoch, shown)
    tracker.finish(record, folder)


def _identity(record: Mapping[str, Any], config: Mapping[str, Any]) -> Identity:
    """Return what the run is; a record of version 0.1.0 holds the configuration it was made from."""
    if "identity" in record:
        return Identity.from_summary(record["identity"])
    options = [make(group, config["options"][group], config[group]) for group in GROUPS if group in config]
    changed = {
        option.group: {key: value for key, value in option.changed.items() if not key.endswith("_target_")}
        for option in options
    }
    tags = record["tags"]
    about = {"dataset": record["dataset"]["name"], "data_hash": tags["data_hash"], "version": tags[VERSION]}
    return Identity.from_summary({"config": config, "changed": changed, **about})


def _tracker(folder: Path, config: dict[str, Any], uri: str | None) -> MlflowTracker:
    settings = {key: value for key, value in (config.get("tracking") or {}).items() if not key.startswith("_")}
    recorded = settings.get("uri") or "sqlite:///mlflow.db"
    if uri is None and HIDDEN in recorded:
        uri = MLFLOW_TRACKING_URI.get()  # type: ignore[no-untyped-call]
        if uri is None:
            raise ConfigError(
                f"{folder} was meant for {recorded}, and records hold no passwords: give the address with uri=, "
                "or in MLFLOW_TRACKING_URI"
            )
    return MlflowTracker(**(settings | {"uri": uri or recorded}))
