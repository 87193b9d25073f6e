"""MLflow. Nothing else imports it.

Creates the run when training starts, so that it can be watched, and sends what there is to log in few large batches.
A server that cannot be reached does not stop a run: the record is on disk by then, and
``python -m imbalance_lab.tracking FOLDER ...`` sends it later.
"""

from __future__ import annotations

import getpass
import logging
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, TypeVar

# A server that is down is noticed in seconds, not in MLflow's minutes; what the user has set stays.
for _name, _value in {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
}.items():
    os.environ.setdefault(_name, _value)

from filelock import FileLock
from mlflow import MlflowClient
from mlflow.entities import (
    Dataset as MlflowDataset,
)
from mlflow.entities import (
    DatasetInput,
    InputTag,
    Metric,
    Param,
    RunTag,
)
from mlflow.exceptions import MlflowException

from imbalance_lab.config import leaves
from imbalance_lab.types import Dataset, RunRecord, TrackingError

logging.getLogger("mlflow").setLevel(logging.WARNING)  # it announces every table it creates
logging.getLogger("alembic").setLevel(logging.WARNING)

PARAMS_A_CALL, METRICS_A_CALL = 100, 1000
LONGEST_PARAM, LONGEST_TAG = 6000, 5000
SECONDS_BETWEEN_CALLS = 10.0
STATUS = {"finished": "FINISHED", "failed": "FAILED", "killed": "KILLED", "skipped": "KILLED"}

T = TypeVar("T")


class MlflowTracker:
    """Logs one run.

    Parameters
    ----------
    uri : str
        A database (``sqlite:///mlflow.db``) or the address of a server.
    artifacts : str
        Folder for artifacts of a local store; a server has a place of its own.
    experiment : str or None
        By default named after the dataset.
    log_model : bool
        Whether the trained model is kept as an artifact.
    max_classes : int
        Per-class metrics are logged for at most so many classes, the rarest first.
    """

    def __init__(
        self,
        uri: str,
        artifacts: str = "mlartifacts",
        experiment: str | None = None,
        log_model: bool = False,
        max_classes: int = 50,
    ) -> None:
        self.uri, self.artifacts, self.experiment = absolute(uri), Path(artifacts).absolute(), experiment
        self.log_model, self.max_classes = log_model, max_classes
        self._client: MlflowClient | None = None
        self._run: str | None = None
        self._experiment_id: str | None = None
        self._kept: set[str] | None = None
        self._waiting: list[Metric] = []
        self._sent_at = time.monotonic()
        self._unreachable: str | None = None

    @property
    def where(self) -> str | None:
        """The command or address that shows the run."""
        if self.uri.startswith("http"):
            return f"{self.uri}/#/experiments/{self._experiment_id}/runs/{self._run}"
        default = self.uri == absolute("sqlite:///mlflow.db")
        return "mlflow ui" if default else f"mlflow ui --backend-store-uri {self.uri}"

    def start(self, name: str, config: dict[str, Any], tags: dict[str, str], dataset: Dataset) -> None:
        """Create the run with its parameters and tags; that a server is away is remembered until the end."""
        rare_first = [dataset.class_names[k] for k in dataset.counts.argsort(kind="stable")]
        self._kept = set(rare_first[: self.max_classes])
        self._guarded(lambda: self._create(self.experiment or dataset.name, name, config, tags, dataset))

    def epoch(self, fold: int, epoch: int, metrics: Mapping[str, float]) -> None:
        """Queue an epoch's metrics; the queue is sent every few seconds."""
        prefix = f"fold_{fold}/" if fold else ""
        self._waiting += self._metrics({prefix + key: value for key, value in metrics.items()}, epoch)
        if time.monotonic() - self._sent_at > SECONDS_BETWEEN_CALLS:
            self._guarded(self._flush)

    def finish(self, record: RunRecord, folder: Path) -> None:
        """Send the record under `folder` and close the run.

        Raises
        ------
        TrackingError
            If the server could not be reached, now or before.
        """
        self._guarded(lambda: self._send(record, folder))
        if self._unreachable:
            raise TrackingError(
                f"the run finished, but MLflow at {self.uri} could not be reached ({self._unreachable}); its record "
                f"is in {folder}; send it later with python -m imbalance_lab.tracking {folder}"
            )

    def abort(self, outcome: str, reason: str, folder: Path) -> None:
        """Close a run that did not finish, with its reason as a tag and what is on disk as artifacts."""
        self._guarded(lambda: self._close(outcome, reason, folder))

    def _create(
        self, experiment: str, name: str, config: dict[str, Any], tags: dict[str, str], dataset: Dataset
    ) -> None:
        self._client = open_store(self.uri)
        self._experiment_id = find_experiment(self._client, experiment, self._artifact_location(experiment))
        own = {"mlflow.user": _user(), "mlflow.source.name": "imbalance_lab", "mlflow.source.type": "LOCAL"}
        if commit := tags.get("git_commit"):
            own["mlflow.source.git.commit"] = commit.removesuffix("-dirty")
        run = self._client.create_run(self._experiment_id, tags=own | tags, run_name=name)
        self._run = run.info.run_id
        params = [Param(key_for(key), str(value)[:LONGEST_PARAM]) for key, value in leaves(config)]
        for part in chunks(params, PARAMS_A_CALL):
            self._client.log_batch(self._run, params=part)
        self._client.log_inputs(self._run, [_dataset_input(dataset)])

    def _send(self, record: RunRecord, folder: Path) -> None:
        client, run = self._opened()
        self._waiting += self._metrics({_grouped(key): value for key, value in record.metrics.items()}, 0)
        bounds = {
            f"interval/{end}/{key}": value for end, column in record.intervals.items() for key, value in column.items()
        }
        self._waiting += self._metrics(bounds, 0)
        if len(record.folds) > 1:
            for fold, result in enumerate(record.folds):
                self._waiting += self._metrics({f"fold/{k}": v for k, v in result.metrics.items()}, fold)
        self._flush()
        tags = [RunTag("outcome", "finished"), RunTag("mlflow.note.content", note(record))]
        tags += [RunTag("warnings", "\n".join(record.warnings)[:LONGEST_TAG])] if record.warnings else []
        client.log_batch(run, tags=tags)
        if self.log_model:
            for fold, result in enumerate(record.folds):
                target = folder / "models" / str(fold)
                target.mkdir(parents=True, exist_ok=True)
                result.model.save(str(target))
        client.log_artifacts(run, str(folder))
        client.set_terminated(run, STATUS["finished"])

    def _close(self, outcome: str, reason: str, folder: Path) -> None:
        if self._run is None:
            return
        client, run = self._opened()
        self._flush()
        client.log_batch(run, tags=[RunTag("outcome", outcome), RunTag("reason", reason[:LONGEST_TAG])])
        if folder.is_dir():
            client.log_artifacts(run, str(folder))
        client.set_terminated(run, STATUS[outcome])

    def _flush(self) -> None:
        client, run = self._opened()
        for part in chunks(self._waiting, METRICS_A_CALL):
            client.log_batch(run, metrics=part)
        self._waiting, self._sent_at = [], time.monotonic()

    def _metrics(self, values: Mapping[str, float], step: int) -> list[Metric]:
        now = int(time.time() * 1000)
        return [Metric(key_for(k), float(v), now, step) for k, v in values.items() if self._is_kept(k)]

    def _is_kept(self, key: str) -> bool:
        per_class = re.search(r"(?:recall|precision|f1|support|roc_auc|average_precision)/(.+?)(?:_std)?$", key)
        return self._kept is None or per_class is None or per_class[1] in self._kept

    def _opened(self) -> tuple[MlflowClient, str]:
        if self._client is None or self._run is None:
            raise TrackingError("the run was never created")
        return self._client, self._run

    def _guarded(self, action: Callable[[], None]) -> None:
        if self._unreachable:
            return
        try:
            action()
        except (MlflowException, OSError) as error:
            self._unreachable = " ".join(str(error).split())[:300]

    def _artifact_location(self, experiment: str) -> str | None:
        if self.uri.startswith("http") or self.uri == "databricks":
            return None
        return (self.artifacts / re.sub(r"[^\w.-]", "_", experiment)).as_uri()


def absolute(uri: str) -> str:
    """Return a store's address with the path of a SQLite file made absolute.

    >>> absolute("http://tracking:5000/")
    'http://tracking:5000'
    """
    prefix = "sqlite:///"
    if uri.startswith(prefix) and not uri.startswith(prefix + "/"):
        return prefix + str(Path(uri.removeprefix(prefix)).absolute())
    return uri.rstrip("/") if uri.startswith("http") else uri


def open_store(uri: str) -> MlflowClient:
    """Open a store. Of many processes that find no database yet, one creates it and the others wait.

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


def key_for(name: str) -> str:
    """Return `name` with what MLflow does not allow in a key replaced.

    >>> key_for("recall/<=50K (%)")
    'recall/__50K ___'
    """
    return re.sub(r"[^\w\-.:/ ]", "_", name)[:250]


def chunks(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Yield `items` in parts of at most `size`."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def note(record: RunRecord) -> str:
    """Return the run's description in the UI: its result in Markdown."""
    low, high = record.intervals.loc["balanced_accuracy", ["low", "high"]]
    lines = [
        f"**balanced accuracy {record.metrics['balanced_accuracy']:.3f}** "
        f"({low:.3f} to {high:.3f}), {len(record.folds)} fold(s), {len(record.test.y)} test rows",
        "",
        "| class | training rows | after sampling | weight | recall | interval | test rows |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, row in record.classes.head(50).iterrows():
        lines.append(
            f"| {name} | {row.train_rows:g} | {row.sampled_rows:g} | {row.weight:.3g} "
            f"| {row.recall:.3f} | {row.low:.3f} to {row.high:.3f} | {row.support:g} |"
        )
    return "\n".join([*lines, "", *(f"Note: {text}" for text in record.warnings)])[:LONGEST_TAG]


def _grouped(key: str) -> str:
    return key if key.startswith("seconds/") else f"test/{key}"


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"


def _dataset_input(dataset: Dataset) -> DatasetInput:
    classes = dict(zip(dataset.class_names[:50], dataset.counts.tolist(), strict=False))
    entity = MlflowDataset(
        name=dataset.name,
        digest=dataset.content_hash,
        source_type="imbalance_lab",
        source=dataset.name,
        profile=str({"rows": len(dataset.y), "classes": classes}),
    )
    return DatasetInput(entity, [InputTag("mlflow.data.context", "training")])
