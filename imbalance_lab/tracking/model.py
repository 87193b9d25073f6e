"""Saved models in MLflow: logged, registered under a name, and fetched again.

A logged model is one of MLflow's generic Python models: its data are the folder of a saved model, and its loader is
`imbalance_lab.tracking.served`, so that nothing is pickled.
"""

from __future__ import annotations

import logging
import shutil
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple, TypeVar

import pandas as pd
from mlflow import MlflowClient
from mlflow.artifacts import download_artifacts
from mlflow.entities import LoggedModel, LoggedModelOutput
from mlflow.exceptions import MlflowException
from mlflow.models import Model, ModelSignature
from mlflow.types import ColSpec, DataType, ParamSchema, ParamSpec, Schema
from mlflow.types.schema import AnyType
from sqlalchemy.exc import SQLAlchemyError

from imbalance_lab import __version__
from imbalance_lab.errors import ConfigError, DataError, TrackingError, reason_of, without_password
from imbalance_lab.runs.files import RECORD
from imbalance_lab.runs.saving import CARD, MANIFEST, read_manifest
from imbalance_lab.tracking.address import absolute
from imbalance_lab.tracking.artifacts import without_progress_bars
from imbalance_lab.tracking.store import artifact_location, find_experiment, open_store, quiet_loggers

LOADER = "imbalance_lab.tracking.served"
NAME = "model"  # of the logged model, in its run
CLASS_TYPES = {"i": DataType.long, "u": DataType.long, "f": DataType.double, "b": DataType.boolean}
NOT_THERE = ("RESOURCE_DOES_NOT_EXIST", "NOT_FOUND")

T = TypeVar("T")


class Logged(NamedTuple):
    """A logged model: its address, and where it was registered its version."""

    uri: str
    version: str | None


def log_model(
    folder: Path, uri: str, run: str | None = None, register: str | None = None, alias: str | None = None
) -> Logged:
    """Log a saved model to MLflow.

    Parameters
    ----------
    folder : Path
        Of the saved model.
    uri : str
        Of the store.
    run : str, optional
        The run that it belongs to; by default a new one, in the experiment of the dataset.
    register : str, optional
        Its name in the model registry.
    alias : str, optional
        Of the registered version, as ``champion``.

    Raises
    ------
    ConfigError
        If an alias is given and no name.
    DataError
        If there is no such run, or the model cannot be served.
    TrackingError
        If the store cannot be reached.
    """
    if alias and not register:
        raise ConfigError("alias= is that of a registered model: register= names it")
    manifest = read_manifest(folder)
    if not manifest["columns"]:
        raise DataError("this model was trained on rows that are no table, and MLflow's models take tables")
    return _guarded(uri, lambda client: _log(client, folder, manifest, uri, run, register, alias))


def log_kept(client: MlflowClient, folder: Path, run: str) -> None:
    """Log the model that a run kept, if it takes tables, as those of MLflow do."""
    manifest = read_manifest(folder)
    if manifest["columns"]:
        _create(client, folder, manifest, run)


def fetch(name: str, uri: str, to: Path) -> Path:
    """Download a model by its address, or the id of its run, and return the folder of the saved model.

    Raises
    ------
    DataError
        If there is none of that name.
    TrackingError
        If the store cannot be reached.
    """

    def download(client: MlflowClient) -> Path:
        address = name if ":/" in name else _model_of(client, name)
        with without_progress_bars():
            return Path(download_artifacts(artifact_uri=address, dst_path=str(to), tracking_uri=absolute(uri)))

    found = _guarded(uri, download, name)
    folders = sorted(file.parent for file in found.rglob(MANIFEST))
    if not folders:
        raise DataError(f"{name} in MLflow is no model of this program: it has no {MANIFEST}")
    if len(folders) > 1:
        raise DataError(
            f"{name} in MLflow holds {len(folders)} models, one for each fold; make one of all rows: refit run="
        )
    return folders[0]


def fetch_record(run: str, uri: str, to: Path) -> Path:
    """Download the record of a run, and return the folder that holds it.

    Raises
    ------
    DataError
        If there is no such run, or it has no record.
    TrackingError
        If the store cannot be reached.
    """

    def download(client: MlflowClient) -> Path:
        with without_progress_bars():
            return Path(client.download_artifacts(run, RECORD, str(to)))

    return _guarded(uri, download, run).parent


def _log(
    client: MlflowClient, folder: Path, manifest: Mapping[str, Any], uri: str, run: str | None, register: str | None,
    alias: str | None,
) -> Logged:  # fmt: skip
    if run is None:
        dataset = manifest["identity"]["dataset"]
        experiment = find_experiment(client, dataset, artifact_location(absolute(uri), "mlartifacts", dataset))
        run = client.create_run(experiment, run_name=f"refit {manifest['name']}").info.run_id
        client.set_terminated(run)
    model = _create(client, folder, manifest, run)
    address = f"models:/{model.model_id}"
    if not register:
        return Logged(address, None)
    return Logged(address, _register(client, register, alias, model.artifact_location, run, model.model_id, folder))


def _create(client: MlflowClient, folder: Path, manifest: Mapping[str, Any], run: str) -> LoggedModel:
    """Log a saved model as one of a run."""
    experiment = client.get_run(run).info.experiment_id
    params = {"strategy": manifest["identity"]["strategy"], "model": manifest["identity"]["model"]}
    model = client.create_logged_model(experiment, NAME, run, params=params)
    try:
        with TemporaryDirectory() as temporary:
            made = Path(temporary, "made")
            write_mlflow(folder, manifest, made, model.artifact_location, model.model_id, run)
            client.log_model_artifacts(model.model_id, str(made))
        client.log_outputs(run, [LoggedModelOutput(model.model_id, 0)])
        client.finalize_logged_model(model.model_id, "READY")
    except BaseException:
        client.finalize_logged_model(model.model_id, "FAILED")
        raise
    return model


def _register(
    client: MlflowClient, name: str, alias: str | None, source: str, run: str, model_id: str, folder: Path
) -> str:
    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    about = (folder / CARD).read_text(encoding="utf-8")
    version = client.create_model_version(name, source, run, description=about, model_id=model_id)
    if alias:
        client.set_registered_model_alias(name, alias, version.version)
    return str(version.version)


def write_mlflow(
    folder: Path, manifest: Mapping[str, Any], to: Path, location: str | None = None, model_id: str | None = None,
    run: str | None = None,
) -> None:  # fmt: skip
    """Write a saved model as one of MLflow's."""
    about = Model(artifact_path=location, run_id=run, model_uuid=model_id, model_id=model_id)
    with _quiet():
        from mlflow.pyfunc import save_model

        save_model(
            str(to),
            loader_module=LOADER,
            data_path=str(folder),
            mlflow_model=about,
            signature=signature(manifest),
            input_example=example(manifest),
            pip_requirements=requirements(manifest),
            model_config={"trusted": []},
        )
    shutil.copy(folder / CARD, to / CARD)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep MLflow from warning of its own code, and of what is installed here: the model was made with it."""
    logger = logging.getLogger("mlflow.utils.requirements_utils")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with quiet_loggers(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def signature(manifest: Mapping[str, Any]) -> ModelSignature:
    """Return what the model takes and gives.

    Where one reader of files gives another type than the next, a column takes any: whole numbers (floating-point ones
    if some are missing), dates (text), categories such as True and 1. MLflow converts none of these, and `Served` does.
    """
    inputs: list[Any] = [ColSpec(_type(about), name) for name, about in manifest["columns"].items()]
    shown = manifest["labels"] or manifest["classes"]["values"]
    probabilities: list[Any] = [ColSpec(DataType.double, f"probability/{name}") for name in shown]
    if manifest["labels"]:
        classes = [ColSpec(DataType.long, f"class/{label}") for label in shown]
    else:
        kind = pd.Series(shown).to_numpy().dtype.kind
        classes = [ColSpec(CLASS_TYPES.get(kind, DataType.string), "class")]
    prior = ParamSpec("prior", DataType.string, "natural")
    return ModelSignature(Schema(inputs), Schema([*classes, *probabilities]), ParamSchema([prior]))


def example(manifest: Mapping[str, Any]) -> pd.DataFrame:
    """Return a row of typical values, which is none of the training rows."""
    return pd.DataFrame({name: [about["typical"]] for name, about in manifest["columns"].items()})


def requirements(manifest: Mapping[str, Any]) -> list[str]:
    """Return what it takes to serve the model, as pip knows it."""
    versions = manifest["versions"]
    packages = ["scikit-learn", "imbalanced-learn", "numpy"]
    packages += ["keras", "tensorflow"] if manifest["model"] == "network" else []
    return [f"imbalance-lab=={__version__}", *(f"{name}=={versions[name]}" for name in packages if name in versions)]


def _type(about: Mapping[str, Any]) -> DataType | AnyType:
    if about["kind"] == "numeric" and not about["whole"]:
        return DataType.double
    if about["kind"] == "categorical" and not any(map(_may_be_no_text, about["categories"])):
        return DataType.string
    return AnyType()  # type: ignore[no-untyped-call]


def _may_be_no_text(category: str) -> bool:
    """Whether a category may be read as something else than text.

    >>> _may_be_no_text("True"), _may_be_no_text("007"), _may_be_no_text("north")
    (True, True, False)
    """
    return category in ("True", "False") or category.replace(".", "", 1).removeprefix("-").isdigit()


def _model_of(client: MlflowClient, run: str) -> str:
    """Return the address of the model that a run logged last, or of the one that it kept."""
    found = client.get_run(run)
    outputs = found.outputs.model_outputs if found.outputs is not None else []
    return f"models:/{outputs[-1].model_id}" if outputs else f"runs:/{run}/models"


def _guarded(uri: str, action: Callable[[MlflowClient], T], wanted: str = "") -> T:
    where = f"MLflow at {without_password(uri)}"
    try:
        return action(open_store(absolute(uri)))
    except (MlflowException, SQLAlchemyError, OSError) as error:
        if getattr(error, "error_code", None) in NOT_THERE:
            raise DataError(f"there is no '{wanted}' in {where}: {reason_of(error)}") from error
        raise TrackingError(f"{where} did not take or give the model: {reason_of(error)}") from error
