"""Send the records of finished runs to MLflow after the fact."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from mlflow.environment_variables import MLFLOW_TRACKING_URI

from imbalance_lab.errors import ConfigError, DataError, TrackingError
from imbalance_lab.options import make
from imbalance_lab.process import let_go
from imbalance_lab.runs.claims import claimed
from imbalance_lab.runs.files import RECORD, check_predictions, mark_tracked, mark_untracked, read_outcome
from imbalance_lab.runs.history import EPOCHS, KEPT
from imbalance_lab.runs.identity import GROUPS, Identity
from imbalance_lab.runs.reading import VERSION
from imbalance_lab.tracking.address import beside
from imbalance_lab.tracking.tracker import MlflowTracker

NO_FIGURES = ("val/predicted_count/", KEPT)
SENT = ("tags", "dataset", "metrics", "deviations", "intervals", "folds", "warnings", "never_predicted")
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
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
        If there is no finished run in `folder`, or a file of it is damaged: nothing is sent then.
    ConfigError
        If the address had a password and none is given now.
    TrackingError
        If the server cannot be reached.
    """
    record = read_outcome(folder)
    if record is None or record.get("outcome") != "finished":
        raise DataError(f"{folder} holds no finished run")
    try:
        config = _read_config(folder)
        identity = _identity(record, config)
        tracker = _tracker(folder, config, uri)
        epochs = _check_files(folder, record, config)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, yaml.YAMLError) as error:
        raise DataError(
            f"the record in {folder} is damaged ({' '.join(str(error).split())}); repeat the run"
        ) from error
    with claimed(beside(tracker.uri, "claims"), f"record {folder.absolute()}"):
        tracker.continue_record(folder)
        if not tracker.find_sent(identity):
            _send(tracker, identity, record, config, epochs, folder)
        elif "untracked" in record:
            mark_tracked(folder, record)
    return tracker.where


def send_recorded(folder: Path, tracker: MlflowTracker) -> str:
    """Send the record of a run that has just finished, unless somebody else has sent it meanwhile; return its id.

    Raises
    ------
    DataError
        If there is none.
    TrackingError
        If the server cannot be reached.
    """
    with claimed(beside(tracker.uri, "claims"), f"record {folder.absolute()}"):
        record, config = read_outcome(folder), _read_config(folder)
        if record is None:
            raise DataError(f"{folder} holds no finished run")
        tracker.continue_record(folder)
        identity = _identity(record, config)
        sent = False
        with suppress(TrackingError):  # which is raised with what to do as it is sent
            sent = tracker.find_sent(identity)
        if not sent:
            epochs = pd.read_csv(folder / EPOCHS) if (folder / EPOCHS).is_file() else None
            _send(tracker, identity, record, config, epochs, folder)
        elif "untracked" in record:
            mark_tracked(folder, record)
    return tracker.record_id


def _read_config(folder: Path) -> Any:
    return yaml.load((folder / "config.yaml").read_text(encoding="utf-8"), LOADER)


def _check_files(folder: Path, record: Mapping[str, Any], config: Mapping[str, Any]) -> pd.DataFrame | None:
    """Return the epochs, and raise what reading raises where a file is damaged: before anything is sent."""
    for key in SENT:
        if not isinstance(record[key], list if key in ("folds", "warnings", "never_predicted") else dict):
            raise TypeError(f"'{key}' in {RECORD} is not what a run writes")
    if lost := set(record.get("identity", {}).get("config", {})) - set(config):
        raise ValueError(f"config.yaml has no '{min(lost)}'")
    check_predictions(folder, len(record["folds"]))
    if (classes := folder / "classes.csv").is_file() and "class" not in pd.read_csv(classes, nrows=0):
        raise ValueError("classes.csv has no column 'class'")
    if not (file := folder / EPOCHS).is_file():
        return None
    epochs = pd.read_csv(file)
    if missing := {"fold", "epoch"} - set(epochs):
        raise ValueError(f"{EPOCHS} has no column '{min(missing)}'")
    return epochs


def _send(
    tracker: MlflowTracker,
    identity: Identity,
    record: Mapping[str, Any],
    config: Mapping[str, Any],
    epochs: pd.DataFrame | None,
    folder: Path,
) -> None:
    reason = record.get("untracked")
    if reason is not None:
        record = mark_tracked(folder, record)  # it is among what is sent
    try:
        tracker.start(identity, config)
        tracker.describe(record["tags"], record["dataset"])
        _log_epochs(tracker, epochs, several=len(record["folds"]) > 1)
        tracker.finish(record, folder)
    except BaseException as error:
        if not isinstance(error, Exception):  # a signal
            let_go(error)
            tracker.abort("killed", "interrupted while it was sent", folder)
        if reason is not None:
            mark_untracked(folder, reason)
        raise


def _log_epochs(tracker: MlflowTracker, epochs: pd.DataFrame | None, several: bool) -> None:
    for row in [] if epochs is None else epochs.to_dict("records"):
        fold, epoch = int(row.pop("fold")), int(row.pop("epoch"))
        shown = {str(key): value for key, value in row.items() if not str(key).startswith(NO_FIGURES)}
        tracker.epoch(fold if several else None, epoch, shown)


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
