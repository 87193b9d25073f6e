"""What is added to the artifacts of a run that has ended."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mlflow.environment_variables import MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from sqlalchemy.exc import SQLAlchemyError

from imbalance_lab.errors import DataError, TrackingError, without_password
from imbalance_lab.runs.files import written_files
from imbalance_lab.tracking.address import absolute
from imbalance_lab.tracking.answers import answer_of
from imbalance_lab.tracking.store import open_store

NO_SUCH_RUN = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")  # the second for what cannot be an id


def add_artifacts(uri: str, run: str, make: Callable[[Path, Path], None]) -> None:
    """Add to a run's artifacts what `make` writes to its second folder, given those there are in its first.

    Raises
    ------
    DataError
        If there is no such run.
    TrackingError
        If the store cannot be reached, or does not hand out or take what it should.
    """
    where = f"MLflow at {without_password(uri)}"
    try:
        client = open_store(absolute(uri))
    except (MlflowException, SQLAlchemyError, OSError) as error:
        raise TrackingError(f"{where} cannot be reached: {answer_of(error)}") from error
    try:
        client.get_run(run)
    except (MlflowException, SQLAlchemyError, OSError) as error:
        if getattr(error, "error_code", None) in NO_SUCH_RUN:
            raise DataError(f"there is no folder '{run}', and no such run in {where} (uri= names another)") from error
        raise TrackingError(f"{where} cannot be reached: {answer_of(error)}") from error
    with TemporaryDirectory() as temporary:
        made = Path(temporary, "made")
        try:
            with without_progress_bars():
                recorded = Path(client.download_artifacts(run, "", temporary))
        except (MlflowException, OSError) as error:
            reason = answer_of(error)
            raise TrackingError(f"MLflow does not hand out the artifacts of run {run}: {reason}") from error
        make(recorded, made)
        try:
            with without_progress_bars():
                client.log_artifacts(run, str(made))
        except (MlflowException, OSError) as error:
            reason = answer_of(error)
            raise TrackingError(f"MLflow does not take the artifacts of run {run}: {reason}") from error


@contextmanager
def without_progress_bars() -> Iterator[None]:
    """Let MLflow draw no bar for each file, unless its user asked for them."""
    setting: Any = MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR
    if setting.is_set():
        yield
        return
    setting.set(False)
    try:
        yield
    finally:
        setting.unset()


def attach(uri: str, files: str, folder: Path) -> None:
    """Log what a run wrote, and nothing else that lies in its folder: that may be the working directory.

    Parameters
    ----------
    uri : str
        Of the store.
    files : str
        Where the run keeps its artifacts.
    folder : Path
    """
    repository: Any = get_artifact_repository(files, tracking_uri=uri)
    for file in written_files(folder):
        parent = file.relative_to(folder).parent.as_posix()
        repository.log_artifact(str(file), None if parent == "." else parent)
