"""One run in MLflow: created when training starts, so that it can be watched; logged in few large batches.

Every call is a transaction of its own in a database, or a request to a server.
"""

from __future__ import annotations

import contextlib
import getpass
import json
import re
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Annotated, Any, TypeVar

from mlflow import MlflowClient
from mlflow.entities import Dataset as MlflowDataset
from mlflow.entities import DatasetInput, InputTag, Metric, Param, Run, RunTag
from mlflow.exceptions import MlflowException
from pydantic import Field, validate_call

from imbalance_lab.errors import LabError, TrackingError, reason_of, without_password
from imbalance_lab.options import leaves
from imbalance_lab.runs.files import written_files
from imbalance_lab.runs.history import KEPT, PREFIX
from imbalance_lab.runs.identity import Identity
from imbalance_lab.runs.observers import Tracker
from imbalance_lab.tracking.claims import claim, release
from imbalance_lab.tracking.keys import key_for, unique_keys
from imbalance_lab.tracking.links import browse, link, server_of, view_path
from imbalance_lab.tracking.parent import STATUS, close_dead, process_tags
from imbalance_lab.tracking.store import absolute, artifact_location, find_experiment, open_store
from imbalance_lab.tracking.view import OF_EXPERIMENT, save_view

PARAMS_PER_CALL, TAGS_PER_CALL, METRICS_PER_CALL = 100, 100, 800
MAX_PARAM_LENGTH, MAX_TAG_LENGTH = 6000, 5000
KEPT_EPOCH = f"{PREFIX}{KEPT}"
MAX_EXPERIMENT_NAME = 200  # it is the name of a folder of artifacts, too
SECONDS_BETWEEN_CALLS = 10.0
MEMBERSHIP = "tracking.json"  # beside a run's record: its id in any store, and the sweep it belongs to
PARENT = "mlflow.parentRunId"
ENDED_WELL = [(outcome, STATUS[outcome]) for outcome in ("finished", "skipped")]

# The names of metrics that end in a class or a label.
PER_CLASS = re.compile(r"(?P<what>(?:(?:val|test_interval/low|test_interval/high)/)?[a-z_0-9]+/)(?P<of>.+)$", re.DOTALL)

T = TypeVar("T")


class MlflowTracker(Tracker):
    """Logs one run.

    Parameters
    ----------
    uri : str
        A database (``sqlite:///mlflow.db``) or the address of a server.
    artifacts : str
        Folder for artifacts of a local store; a server has a place of its own.
    experiment : str or None
        By default named after the dataset.
    max_classes : int
        Per-class metrics are logged for at most so many classes, the rarest first.

    Raises
    ------
    ConfigError
        If the address is a database in memory.
    ValidationError
        If a setting has a value it cannot take.
    """

    @validate_call
    def __init__(
        self,
        uri: str | None,
        artifacts: Annotated[str, Field(min_length=1)] = "mlartifacts",
        experiment: Annotated[str, Field(min_length=1, max_length=MAX_EXPERIMENT_NAME)] | None = None,
        max_classes: Annotated[int, Field(ge=0)] = 50,
    ) -> None:
        self.uri = absolute(uri or "sqlite:///mlflow.db")
        self.artifacts, self.experiment = Path(artifacts).absolute(), experiment
        self.max_classes = max_classes
        self._client: MlflowClient | None = None
        self._run: str | None = None
        self._experiment_id: str | None = None
        self._keys: dict[str, str | None] = {}
        self._metrics: list[Metric] = []
        self._params: list[Param] = []
        self._tags: list[RunTag] = []
        self._sent_at = time.monotonic()
        self._failed: str | None = None
        self._record_id = uuid.uuid4().hex
        self._sweep_tags: dict[str, str] = {}
        self._claimed: str | None = None

    @property
    def where(self) -> str | None:
        """The command or address that shows the run."""
        if self._run is None:
            return None
        if self._experiment_id is not None and not self.uri.startswith("http"):
            return browse(self.uri, f"{server_of(self.uri)}/{view_path(self._experiment_id, OF_EXPERIMENT)}")
        return link(self.uri, str(self._experiment_id), self._run)

    def join_sweep(self, name: str, parent: Mapping[str, Any] | None) -> None:
        """Make the run to come one of a sweep: with a tag of its name, below its parent run if there is one."""
        self._sweep_tags = {"sweep": name} | ({PARENT: parent["run_id"]} if parent else {})

    def continue_record(self, folder: Path) -> None:
        """Make the run to come that of the record in `folder`: of the same sweep, and no second one in a store."""
        file = folder / MEMBERSHIP
        if file.is_file():
            kept = json.loads(file.read_text())
            self._record_id, self._sweep_tags = kept["record_id"], kept["sweep"]

    def find_sent(self, identity: Identity) -> bool:
        """Whether the store has the whole run already; what it has of a run that was cut off is deleted.

        Raises
        ------
        TrackingError
            If the store cannot be reached.
        """
        found: list[Run] = []
        self._guarded(lambda: found.extend(self._sent(self.experiment or identity.dataset)))
        self._raise_failure("the record was not sent, because ", "")
        return bool(found)

    def finished_on(self, identity: Identity) -> set[str]:
        """Return the data hashes of the runs of this very configuration that have ended well or were skipped.

        Runs of the experiment that are RUNNING although their process is gone are closed on the way.
        """
        found: set[str] = set()
        self._guarded(lambda: found.update(self._finished_on(identity)))
        return found

    def finished_by_other_versions(self, identity: Identity) -> int:
        """Return how many finished runs of other versions the experiment has; those above 1000 are not counted."""
        found: list[int] = [0]
        self._guarded(lambda: found.append(self._finished_by_other_versions(identity)))
        return found[-1]

    def claim(self, identity: Identity) -> bool:
        """Claim a run on data that are known, until it ends; False if another process is making it."""
        cell = f"{identity.config_hash} {identity.data_hash} {identity.version}"
        try:
            free = claim(self.uri, cell)
        except OSError:  # where no file can be written the store refuses too, with its reason
            return True
        self._claimed = cell if free else None
        return free

    def start(self, identity: Identity, config: Mapping[str, Any]) -> None:
        """Create the run with its parameters; that a server is away is remembered until the end."""
        self._guarded(lambda: self._create(identity, config))

    def describe(self, tags: Mapping[str, str], dataset: Mapping[str, Any]) -> None:
        """Log the tags and the dataset."""
        rare_first = sorted(dataset["classes"], key=dataset["classes"].get)
        self._keys = unique_keys(dataset["classes"], kept=rare_first[: self.max_classes])
        if commit := tags.get("git_commit"):
            tags = {**tags, "mlflow.source.git.commit": commit.removesuffix("-dirty")}
        self._guarded(lambda: self._describe(tags, dataset))

    def epoch(self, fold: int | None, epoch: int, metrics: Mapping[str, float]) -> None:
        """Queue an epoch's metrics; the queue is sent every few seconds."""
        self._queue("" if fold is None else f"fold_{fold}/", metrics, epoch)
        if time.monotonic() - self._sent_at > SECONDS_BETWEEN_CALLS:
            self._guarded(self._flush)

    def finish(self, record: Mapping[str, Any], folder: Path) -> None:
        """Send the record under `folder` and close the run.

        Raises
        ------
        TrackingError
            If the server was away or refused something, now or before.
        """
        self._write_membership(folder)
        self._guarded(lambda: self._send(record, folder))
        self._release()
        self._raise_failure(
            "the run finished, but ",
            f"; its record is in {folder}; send it later with python -m imbalance_lab send {folder}",
        )

    def abort(self, outcome: str, reason: str, folder: Path) -> None:
        """Close a run that did not finish, with its reason as a tag and what is on disk as artifacts."""
        self._guarded(lambda: self._close(outcome, reason, folder))
        self._release()

    def _release(self) -> None:
        if self._claimed is not None:
            release(self.uri, self._claimed)
            self._claimed = None

    def _finished_on(self, identity: Identity) -> set[str]:
        client = open_store(self.uri)
        if (known := client.get_experiment_by_name(self.experiment or identity.dataset)) is None:
            return set()
        close_dead(client, known.experiment_id)
        query = f"tags.config_hash = '{identity.config_hash}' and tags.`version/imbalance_lab` = '{identity.version}'"
        runs = client.search_runs([known.experiment_id], query, max_results=1000)
        ended = [run for run in runs if (run.data.tags.get("outcome"), run.info.status) in ENDED_WELL]
        return {run.data.tags["data_hash"] for run in ended}

    def _finished_by_other_versions(self, identity: Identity) -> int:
        client = open_store(self.uri)
        if (known := client.get_experiment_by_name(self.experiment or identity.dataset)) is None:
            return 0
        query = f"tags.outcome = 'finished' and tags.`version/imbalance_lab` != '{identity.version}'"
        return len(client.search_runs([known.experiment_id], query, max_results=1000))

    def _create(self, identity: Identity, config: Mapping[str, Any]) -> None:
        experiment = self.experiment or identity.dataset
        self._client = open_store(self.uri)
        self._experiment_id = find_experiment(
            self._client, experiment, artifact_location(self.uri, self.artifacts, experiment)
        )
        tags = {"mlflow.user": _user(), "mlflow.source.name": "imbalance_lab", "mlflow.source.type": "LOCAL"}
        tags |= process_tags() | self._sweep_tags | {"record": self._record_id}
        tags |= {key: text for key, text in identity.tags.items() if text}
        tags = {key: text[:MAX_TAG_LENGTH] for key, text in tags.items()}
        run = self._client.create_run(self._experiment_id, tags=tags, run_name=identity.name)
        self._run = run.info.run_id
        named = [("run", identity.name), ("strategy", identity.strategy), ("model", identity.model), *leaves(config)]
        self._params = [Param(key_for(key), str(value)[:MAX_PARAM_LENGTH]) for key, value in named]

    def _sent(self, experiment: str) -> list[Run]:
        client = self._client = open_store(self.uri)
        if not _holds(client, self._sweep_tags.get(PARENT)):
            self._sweep_tags.pop(PARENT, None)
        if (known := client.get_experiment_by_name(experiment)) is None:
            return []
        whole = []
        for run in client.search_runs([known.experiment_id], f"tags.record = '{self._record_id}'"):
            if run.info.status == STATUS["finished"]:
                whole.append(run)
                self._run, self._experiment_id = run.info.run_id, known.experiment_id
            else:
                client.delete_run(run.info.run_id)
        return whole

    def _write_membership(self, folder: Path) -> None:
        file = folder / MEMBERSHIP
        if not file.is_file():  # a record that is sent to another store stays what it was
            file.write_text(json.dumps({"record_id": self._record_id, "sweep": self._sweep_tags}, indent=1))

    def _describe(self, tags: Mapping[str, str], dataset: Mapping[str, Any]) -> None:
        client, run = self._opened()
        self._tag(tags)
        self._flush()
        client.log_inputs(run, [_dataset_input(dataset)])

    def _send(self, record: Mapping[str, Any], folder: Path) -> None:
        client, run = self._opened()
        whole = {key: value for key, value in record["metrics"].items() if key.startswith(("timing/", "rows/"))}
        self._queue("", whole)
        self._queue("test/", {key: value for key, value in record["metrics"].items() if key not in whole})
        self._queue("test_std/", record["deviations"])
        for name, interval in record["intervals"].items():
            self._queue("", {f"test_interval/{end}/{name}": value for end, value in interval.items()})
        if len(record["folds"]) > 1:
            for fold, result in enumerate(record["folds"]):
                self._queue("test_fold/", result["metrics"], fold)
        for fold, result in enumerate(record["folds"]):
            prefix = f"fold_{fold}/" if len(record["folds"]) > 1 else ""
            for epoch in result.get("kept_epochs", ()):
                self._queue(prefix, {KEPT_EPOCH: 1.0}, epoch)
        self._tag({"outcome": "finished", "mlflow.note.content": note(record)})
        self._tag({"warnings": "\n".join(record["warnings"]), "never_predicted": ", ".join(record["never_predicted"])})
        self._flush()
        self._attach(folder)
        client.set_terminated(run, STATUS["finished"])
        if not self._sweep_tags and self._experiment_id is not None:  # a sweep saves its views when it ends
            save_view(client, self._experiment_id)

    def _close(self, outcome: str, reason: str, folder: Path) -> None:
        if self._run is None:
            return
        client, run = self._opened()
        self._tag({"outcome": outcome, "reason": reason})
        self._flush()
        self._attach(folder)
        client.set_terminated(run, STATUS[outcome])

    def _attach(self, folder: Path) -> None:
        """Log what the run wrote, and nothing else that lies in its folder: that may be the working directory."""
        client, run = self._opened()
        for file in written_files(folder):
            parent = file.relative_to(folder).parent.as_posix()
            client.log_artifact(run, str(file), None if parent == "." else parent)

    def _flush(self) -> None:
        client, run = self._opened()
        parts = (
            chunks(self._metrics, METRICS_PER_CALL),
            chunks(self._params, PARAMS_PER_CALL),
            chunks(self._tags, TAGS_PER_CALL),
        )
        for metrics, params, tags in zip_longest(*parts, fillvalue=()):
            client.log_batch(run, metrics, params, tags)
        self._metrics, self._params, self._tags, self._sent_at = [], [], [], time.monotonic()

    def _tag(self, tags: Mapping[str, str]) -> None:
        self._tags += [RunTag(key_for(key), text[:MAX_TAG_LENGTH]) for key, text in tags.items() if text]

    def _queue(self, prefix: str, values: Mapping[str, float], step: int = 0) -> None:
        now = int(time.time() * 1000)
        for name, value in values.items():
            if (key := self._key(name)) is not None:
                self._metrics.append(Metric(prefix + key, float(value), now, step))

    def _key(self, name: str) -> str | None:
        """Return the key of ``recall/<class>`` and the like; None for a class that is left out."""
        match = PER_CLASS.match(name)
        if match is None or match["of"] not in self._keys:
            return key_for(name)
        key = self._keys[match["of"]]
        return None if key is None else match["what"] + key

    def _opened(self) -> tuple[MlflowClient, str]:
        if self._client is None or self._run is None:
            raise TrackingError("the run was not created")
        return self._client, self._run

    def _guarded(self, action: Callable[[], None]) -> None:
        """Do what may fail without taking the run with it: the store's first error is kept for the end.

        An error of our own is a bug, and is raised.
        """
        if self._failed:
            return
        try:
            action()
        except LabError:
            raise
        except Exception as error:
            self._failed = reason_of(error)
            self._try_to_end("failed")
            if not is_store_error(error):
                raise

    def _raise_failure(self, before: str, after: str) -> None:
        if self._failed:
            where = f"MLflow at {without_password(self.uri)}"
            raise TrackingError(f"{before}{where} could not take it ({self._failed}){after}")

    def _try_to_end(self, outcome: str) -> None:
        """Leave no run RUNNING on a server that answers but does not take what it is sent."""
        if self._client is not None and self._run is not None:
            with contextlib.suppress(Exception):
                self._client.set_terminated(self._run, STATUS[outcome])


def is_store_error(error: Exception) -> bool:
    """Whether an error is that of a store, its driver or the network, rather than a bug in this package.

    Stores of artifacts raise exceptions of their own libraries (botocore's, azure's); a bug raises one of Python's.

    >>> is_store_error(ConnectionError("refused")), is_store_error(KeyError("metrics"))
    (True, False)
    """
    if isinstance(error, OSError | ImportError):  # requests' errors are OSErrors
        return True
    return type(error).__module__.partition(".")[0] not in ("builtins", "imbalance_lab")


def _holds(client: MlflowClient, run: str | None) -> bool:
    try:
        return run is not None and bool(client.get_run(run))
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            return False
        raise


def chunks(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Yield `items` in parts of at most `size`."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def note(record: Mapping[str, Any]) -> str:
    """Return the run's description in the UI: its result in Markdown."""
    interval = record["intervals"]["balanced_accuracy"]
    lines = [
        f"**balanced accuracy {record['metrics']['balanced_accuracy']:.3f}** "
        f"({interval['low']:.3f} to {interval['high']:.3f}), {len(record['folds'])} fold(s)",
        "",
        "| class | training rows | after sampling | weight | offset | recall | interval | test rows |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, row in list(record["classes"].items())[:50]:
        recall = "- | -" if row["recall"] is None else f"{row['recall']:.3f} | {row['low']:.3f} to {row['high']:.3f}"
        offset = "-" if row.get("offset") is None else f"{row['offset']:.3f}"
        sizes = f"{row['train_rows']:g} | {row['sampled_rows']:g} | {row['weight']:.3g} | {offset}"
        lines.append(f"| {name} | {sizes} | {recall} | {row['support']:g} |")
    return "\n".join([*lines, "", *_thresholds(record), *(f"Note: {text}" for text in record["warnings"])])


def _thresholds(record: Mapping[str, Any]) -> Iterator[str]:
    """Yield from which probability the second class of two is decided for, of each label and fold."""
    for fold, result in enumerate(record["folds"]):
        for rule in result.get("decision", ()):
            if "threshold" in rule:
                where = f", fold {fold}" if len(record["folds"]) > 1 else ""
                yield f"Decision{where}: {list(rule['offsets'])[-1]} from a probability of {rule['threshold']:.3f}"


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"


def _dataset_input(dataset: Mapping[str, Any]) -> DatasetInput:
    entity = MlflowDataset(
        name=dataset["name"],
        digest=dataset["hash"],
        source_type="imbalance_lab",
        source=dataset["name"],
        profile=json.dumps(
            {"rows": sum(dataset["classes"].values()), "classes": dict(list(dataset["classes"].items())[:50])}
        ),
    )
    return DatasetInput(entity, [InputTag("mlflow.data.context", "training")])
