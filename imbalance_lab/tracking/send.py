"""Send the records of finished runs to MLflow after the fact."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from itertools import groupby
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from mlflow.environment_variables import MLFLOW_TRACKING_URI

from imbalance_lab.errors import ConfigError, DataError
from imbalance_lab.options import make
from imbalance_lab.runs.files import RECORD, check_predictions, read_outcome
from imbalance_lab.runs.history import EPOCHS
from imbalance_lab.runs.identity import GROUPS, Identity
from imbalance_lab.runs.reading import VERSION
from imbalance_lab.tracking.address import Store
from imbalance_lab.tracking.batches import chunks
from imbalance_lab.tracking.deliver import Record, deliver
from imbalance_lab.tracking.links import page_of
from imbalance_lab.tracking.tracker import MlflowTracker

SENT = ("tags", "dataset", "metrics", "deviations", "intervals", "folds", "warnings", "never_predicted")
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
HIDDEN = "***"  # stands for user and password in a record
RUNS_AT_ONCE = 50


def send(folder: Path, uri: str | None = None) -> str | None:
    """Send the record of a finished run to MLflow and return where it can be seen; see `send_all`."""
    return send_all([folder], uri)


def send_all(folders: Sequence[Path], uri: str | None = None) -> str | None:
    """Send records of finished runs to MLflow, in their order, and return where the last of them can be seen.

    Runs that the store holds already are not sent again. What the store holds of a run that was cut off is replaced.

    Parameters
    ----------
    folders : sequence of Path
        Output folders of runs.
    uri : str, optional
        By default the one each run was meant for. Records hold no passwords: where that address had one,
        ``MLFLOW_TRACKING_URI`` is used.

    Raises
    ------
    DataError
        If there is no finished run in a folder, or a file of it is damaged: those before it are sent.
    ConfigError
        If the address had a password and none is given now.
    TrackingError
        If the server cannot be reached, or does not take a run: those before it are sent.
    """
    where = None
    for some in chunks(folders, RUNS_AT_ONCE):
        records: list[tuple[Store, Record]] = []
        damage: Exception | None = None
        for folder in some:
            try:
                records.append(_checked(folder, uri))
            except (DataError, ConfigError) as error:
                damage = error
                break
        for store, group in groupby(records, lambda pair: pair[0]):
            with closing(deliver([record for _, record in group], store)) as delivered:
                for one in delivered:
                    if one.error is not None:
                        raise one.error
                    if one.place is not None:
                        where = page_of(store.uri, one.place.experiment, one.place.run)
        if damage is not None:
            raise damage
    return where


def read(folder: Path) -> Record:
    """Return the record of a run that has just finished.

    Raises
    ------
    DataError
        If there is none.
    """
    record = read_outcome(folder)
    if record is None or record.get("outcome") != "finished":
        raise DataError(f"{folder} holds no finished run")
    config = _read_config(folder)
    epochs = pd.read_csv(folder / EPOCHS) if (folder / EPOCHS).is_file() else None
    return Record(folder, record, config, _identity(record, config), epochs)


def _checked(folder: Path, uri: str | None) -> tuple[Store, Record]:
    """Return a record and where it goes, after its files were read; raise DataError where one is damaged."""
    record = read_outcome(folder)
    if record is None or record.get("outcome") != "finished":
        raise DataError(f"{folder} holds no finished run")
    try:
        config = _read_config(folder)
        identity, store = _identity(record, config), _store(folder, config, uri)
        return store, Record(folder, record, config, identity, _check_files(folder, record, config))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, yaml.YAMLError) as error:
        raise DataError(
            f"the record in {folder} is damaged ({' '.join(str(error).split())}); repeat the run"
        ) from error


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


def _store(folder: Path, config: dict[str, Any], uri: str | None) -> Store:
    settings = {key: value for key, value in (config.get("tracking") or {}).items() if not key.startswith("_")}
    recorded = settings.get("uri") or "sqlite:///mlflow.db"
    if uri is None and HIDDEN in recorded:
        uri = MLFLOW_TRACKING_URI.get()  # type: ignore[no-untyped-call]
        if uri is None:
            raise ConfigError(
                f"{folder} was meant for {recorded}, and records hold no passwords: give the address with uri=, "
                "or in MLFLOW_TRACKING_URI"
            )
    tracker = MlflowTracker(**(settings | {"uri": uri or recorded}))  # which checks the settings
    return Store(tracker.uri, tracker.artifacts, tracker.experiment, tracker.max_classes)
