"""Addresses of stores. MLflow is not loaded for them."""

from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from imbalance_lab.errors import StoreError
from imbalance_lab.options import EXTRAS

SQLITE = "sqlite:///"
DEFAULT = "sqlite:///mlflow.db"


@dataclass(frozen=True)
class Store:
    """Where a run goes: the settings of `MlflowTracker`.

    Parameters
    ----------
    uri : str
        It may hold a password.
    artifacts : str
    experiment : str or None
    max_classes : int
    """

    uri: str = field(repr=False)
    artifacts: str
    experiment: str | None
    max_classes: int


def absolute(uri: str) -> str:
    """Return a store's address with the path of a SQLite file made absolute.

    Raises
    ------
    StoreError
        If it is a database in memory, which is gone when the process ends.

    Examples
    --------
    >>> absolute("http://tracking:5000/")
    'http://tracking:5000'
    """
    if uri.startswith("sqlite"):
        if uri.rstrip("/") == "sqlite:" or ":memory:" in uri:
            raise StoreError(
                f"tracking.uri={uri} is a database in memory, which is gone when the process ends; "
                "name a file: tracking.uri=sqlite:///mlflow.db"
            )
        if uri.startswith(SQLITE) and not uri.startswith(SQLITE + "/"):
            return SQLITE + str(Path(uri.removeprefix(SQLITE)).absolute())
    return uri.rstrip("/") if uri.startswith("http") else uri


def located(artifacts: str) -> str:
    """Return a place of artifacts with the path of a folder made absolute; an address stays as it is.

    Raises
    ------
    StoreError
        If what is needed to reach it is not installed.

    Examples
    --------
    >>> located("gs://bucket/prefix/")
    'gs://bucket/prefix'
    """
    if artifacts.startswith("s3://") and find_spec("boto3") is None:
        raise StoreError(f"tracking.artifacts={artifacts} needs boto3; pip install 'imbalance-lab[{EXTRAS['boto3']}]'")
    return artifacts.rstrip("/") if "://" in artifacts else str(Path(artifacts).absolute())


def beside(uri: str, ending: str) -> Path:
    """Return a file of this machine that belongs to a store: beside a database's file, else among temporary files."""
    return _beside_file(uri, ending) or Path(
        tempfile.gettempdir(), f"imbalance_lab-{os.getuid()}-{_hash(uri)}.{ending}"
    )


def kept(uri: str, ending: str) -> Path:
    """Return a file that belongs to a store and outlives the machine's next start: else among the user's state.

    That is ``$XDG_STATE_HOME``, or ``~/.local/state``.
    """
    if (file := _beside_file(uri, ending)) is not None:
        return file
    state = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    return Path(state, "imbalance_lab", f"{_hash(uri)}.{ending}")


def _beside_file(uri: str, ending: str) -> Path | None:
    """Return a file beside that of a SQLite database; None for another store."""
    if not uri.startswith(SQLITE):
        return None
    return Path(f"{uri.removeprefix(SQLITE).partition('?')[0]}.{ending}").absolute()


def _hash(uri: str) -> str:
    return hashlib.sha256(uri.encode()).hexdigest()[:16]
