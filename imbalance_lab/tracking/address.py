"""Addresses of stores. MLflow is not loaded for them."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

from imbalance_lab.errors import StoreError

SQLITE = "sqlite:///"
DEFAULT = "sqlite:///mlflow.db"


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

    >>> located("s3://bucket/prefix/")
    's3://bucket/prefix'
    """
    return artifacts.rstrip("/") if "://" in artifacts else str(Path(artifacts).absolute())


def beside(uri: str, ending: str) -> Path:
    """Return a file of this machine that belongs to a store: beside a database's file, else among temporary files."""
    if uri.startswith(SQLITE):
        return Path(f"{uri.removeprefix(SQLITE).partition('?')[0]}.{ending}").absolute()
    name = hashlib.sha256(uri.encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir(), f"imbalance_lab-{os.getuid()}-{name}.{ending}")
