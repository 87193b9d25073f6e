"""What a person may name as a model: its folder, a run, or an address in MLflow."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from imbalance_lab.errors import ConfigError, DataError
from imbalance_lab.runs.classifier import Classifier
from imbalance_lab.runs.files import MODELS, RECORD, REFITTED
from imbalance_lab.runs.saving import is_model, load

DEFAULT_STORE = "sqlite:///mlflow.db"


def store_of(uri: str) -> str:
    """Return the address of the MLflow store: what was typed, what the environment says, or the file here."""
    return uri or os.environ.get("MLFLOW_TRACKING_URI") or DEFAULT_STORE


def is_logged(name: str) -> bool:
    """Whether a name is one in MLflow: an address, or the id of a run where there is no such folder.

    >>> is_logged("models:/churn@champion"), is_logged("outputs/2026-11-23")
    (True, False)
    """
    return re.match(r"(models|runs):/", name) is not None or bool(
        re.fullmatch(r"[0-9a-f]{32}", name) and not Path(name).exists()
    )


def find_model(name: str, uri: str, trusted: Sequence[str] = ()) -> Classifier:
    """Return the fitted classifier that a name stands for.

    Raises
    ------
    DataError
        If there is none, or more than one.
    TrackingError
        If MLflow cannot be reached.
    """
    if not is_logged(name):
        return load(_folder(Path(name).expanduser()), trusted)
    with _fetched(name, store_of(uri)) as folder:
        return load(folder, trusted)


def require_store(uri: str, wanted: str) -> None:
    """Refuse a database that is not there: MLflow would create an empty one.

    Raises
    ------
    DataError
    """
    file = uri.removeprefix("sqlite:///")
    if file != uri and not Path(file).is_file():
        raise DataError(f"there is no folder '{wanted}', and no MLflow database {file} here; uri= names another")


@contextmanager
def _fetched(name: str, uri: str) -> Iterator[Path]:
    require_store(uri, name)
    from imbalance_lab.tracking.model import fetch

    with TemporaryDirectory() as temporary:
        yield fetch(name, uri, Path(temporary))


def _folder(folder: Path) -> Path:
    """Return the folder of the one model that a folder holds or is."""
    if is_model(folder) or not (folder / RECORD).is_file():
        return folder
    found = [one for one in (folder / REFITTED, *sorted((folder / MODELS).glob("*"))) if is_model(one)]
    if not found:
        raise DataError(
            f"the run in {folder} kept no model: save_model=true keeps them, and "
            f"python -m imbalance_lab refit run={folder} makes one of all rows"
        )
    if is_model(folder / REFITTED) or len(found) == 1:
        return found[0]
    raise ConfigError(
        f"the run in {folder} kept {len(found)} models, one for each fold: name one, as model={found[0]}, or make one "
        "of all rows with refit"
    )
