"""The store: found, created once, asked for an experiment."""

from __future__ import annotations

import logging
import os
import re
from contextlib import nullcontext
from functools import cache
from pathlib import Path

# A server that is down is noticed in seconds, not in MLflow's minutes; what the user has set stays.
for _name, _value in {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # two lines for each run of a sweep; `where` says it once
}.items():
    os.environ.setdefault(_name, _value)

from filelock import FileLock
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

logging.getLogger("mlflow").setLevel(logging.WARNING)  # it announces every table it creates
logging.getLogger("alembic").setLevel(logging.WARNING)


def absolute(uri: str) -> str:
    """Return a store's address with the path of a SQLite file made absolute.

    >>> absolute("http://tracking:5000/")
    'http://tracking:5000'
    """
    prefix = "sqlite:///"
    if uri.startswith(prefix) and not uri.startswith(prefix + "/"):
        return prefix + str(Path(uri.removeprefix(prefix)).absolute())
    return uri.rstrip("/") if uri.startswith("http") else uri


@cache
def open_store(uri: str) -> MlflowClient:
    """Open a store, once in a process. Of many processes that find no database yet, one creates it and the others wait.

    Raises
    ------
    MlflowException, OSError
        If it cannot be reached.
    """
    file = Path(uri.removeprefix("sqlite:///"))
    if uri.startswith("sqlite:///"):
        file.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{file}.lock") if uri.startswith("sqlite:///") else nullcontext():
        client = MlflowClient(tracking_uri=uri)
        client.search_experiments(max_results=1)
    return client


def artifact_location(uri: str, artifacts: str | Path, experiment: str) -> str | None:
    """Return where a local store keeps the artifacts of an experiment; a server decides for itself (None)."""
    if uri.startswith("http") or uri == "databricks":
        return None
    return (Path(artifacts).absolute() / re.sub(r"[^\w.-]", "_", experiment)).as_uri()


def find_experiment(client: MlflowClient, name: str, artifact_location: str | None) -> str:
    """Return the id of the experiment `name`, which is created, as one of model training, if it does not exist."""
    if found := client.get_experiment_by_name(name):
        if found.lifecycle_stage == "deleted":
            client.restore_experiment(found.experiment_id)
        return str(found.experiment_id)
    try:
        tags = {"mlflow.experimentKind": "custom_model_development"}
        return str(client.create_experiment(name, artifact_location=artifact_location, tags=tags))
    except MlflowException:  # another process was quicker
        if found := client.get_experiment_by_name(name):
            return str(found.experiment_id)
        raise
