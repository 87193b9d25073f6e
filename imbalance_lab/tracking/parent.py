"""The parent run of a sweep, and runs whose process died."""

from __future__ import annotations

import os
import socket
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence

import psutil
from mlflow import MlflowClient
from mlflow.entities import Experiment, Metric, Param, Run, RunTag
from mlflow.exceptions import MlflowException

from imbalance_lab.tracking.address import absolute
from imbalance_lab.tracking.description import Parent, Result, headline, paragraphs, table
from imbalance_lab.tracking.keys import unique_keys
from imbalance_lab.tracking.links import browse, server_of, view_path
from imbalance_lab.tracking.read import children
from imbalance_lab.tracking.store import artifact_location, find_experiment, open_store, quiet_loggers
from imbalance_lab.tracking.view import HEADLINE, MAX_RECALLS, RECALL, save_view

MAX_JOBS_LENGTH = 2000
MAX_LINKS = 3
SECONDS_TO_DIE = 10.0
STATUS = {"finished": "FINISHED", "failed": "FAILED", "killed": "KILLED", "skipped": "KILLED"}


@quiet_loggers()
def start_parent(uri: str, artifacts: str, experiment: str, name: str, grid: Mapping[str, Sequence[str]]) -> Parent:
    """Create a sweep's parent run with its grid as parameters; runs that dead processes left RUNNING are closed first.

    Raises
    ------
    Exception
        Whatever the store raises if it cannot be reached.
    """
    uri = absolute(uri)
    client = open_store(uri)
    close_dead(client, [found.experiment_id for found in client.search_experiments(max_results=1000)])
    experiment_id = find_experiment(client, experiment, artifact_location(uri, artifacts, experiment))
    record = uuid.uuid4().hex
    tags = {"sweep": name, "sweep_parent": "true", "record": record, **process_tags()}
    params = [Param(f"sweep/{key}", ",".join(values)[:6000]) for key, values in grid.items()]
    try:
        run = client.create_run(experiment_id, tags=tags, run_name=f"sweep {name}")
        client.log_batch(run.info.run_id, params=params[:100])
    except BaseException:  # a signal: nobody knows of the run yet
        if created := find_created(client, experiment_id, record):
            client.set_terminated(created, STATUS["killed"])
        raise
    return Parent(uri, run.info.run_id, experiment_id, name)


@quiet_loggers()
def end_parent(parent: Parent, outcome: str, result: Result) -> str | None:
    """Describe a sweep in its parent run and in its experiments, save their views, and close the run.

    Returns
    -------
    str or None
        What to type and to open to see its strategies; None if no run finished.
    """
    client = MlflowClient(tracking_uri=parent.uri)
    try:
        if outcome == "killed":
            _close_children(client, parent)
        _describe(client, parent, outcome, result)
        for file in result.files:
            client.log_artifact(parent.run_id, str(file))
        return _show(client, parent, result)
    finally:
        client.set_terminated(parent.run_id, STATUS[outcome])


@quiet_loggers()
def abandon_parent(parent: Parent, outcome: str) -> None:
    """Close the parent run of a sweep that was interrupted while it was described."""
    client = MlflowClient(tracking_uri=parent.uri)
    client.set_terminated(parent.run_id, STATUS[outcome])
    client.set_tag(parent.run_id, "outcome", outcome)


def _close_children(client: MlflowClient, parent: Parent) -> None:
    """End the runs of workers that were killed, which may take a moment to die."""
    experiments = [found.experiment_id for found in client.search_experiments(max_results=1000)]
    query = f"tags.`mlflow.parentRunId` = '{parent.run_id}' and attributes.status = 'RUNNING'"
    deadline = time.monotonic() + SECONDS_TO_DIE
    while running := client.search_runs(experiments, query, max_results=1000):
        _close_those_dead(client, running)
        if time.monotonic() > deadline:
            return
        time.sleep(0.2)


def _describe(client: MlflowClient, parent: Parent, outcome: str, result: Result) -> None:
    """Put the verdict first, then the numbers, the report and how the jobs ended."""
    counts = ", ".join(f"{count} {kind}" for kind, count in result.counts.items())
    jobs = "\n".join([counts, *(f"- {name}: {reason}" for name, reason in result.failures.items())])
    verdict = result.verdict.replace("\n", "\n\n")
    path = f"#/experiments/{parent.experiment_id}/runs/{parent.run_id}/artifacts"
    report = f"[Report]({path}/{result.files[0].name})" if result.files else ""
    rows = table(result.rows) if result.rows else ""
    tags = {"outcome": outcome, "mlflow.note.content": paragraphs(verdict, rows, report, jobs[:MAX_JOBS_LENGTH])}
    client.log_batch(parent.run_id, tags=[RunTag(key, text) for key, text in tags.items()])
    if len({row.dataset for row in result.rows}) == 1:
        best = next((row for row in result.rows if row.verb), max(result.rows, key=lambda row: row.mean))
        keys = unique_keys(best.recalls, kept=list(best.recalls)[:MAX_RECALLS])
        values = {HEADLINE: best.mean} | {f"{RECALL}{key}": best.recalls[name] for name, key in keys.items() if key}
        params = [Param("best/strategy", best.strategy), Param("best/model", best.model)]
        client.log_batch(parent.run_id, [Metric(key, value, 0, 0) for key, value in values.items()], params)
        verb = (best.verb or "best").rstrip(":").lower()
        client.update_run(parent.run_id, name=f"{verb} {best.strategy} {best.mean:.3f}")


def _show(client: MlflowClient, parent: Parent, result: Result) -> str | None:
    """Save the views of the experiments that the sweep has runs in, and describe those; return how to see the first."""
    if not result.rows:
        return None
    shown = []
    for experiment in _experiments(client, parent):
        own = [row for row in result.rows if row.dataset == experiment.name] or result.rows
        key = save_view(client, experiment.experiment_id)
        if not result.resumed:
            key = save_view(client, experiment.experiment_id, parent.sweep) or key
        if key is not None:
            path = view_path(experiment.experiment_id, key)
            run = f"[The sweep and its report](#/experiments/{parent.experiment_id}/runs/{parent.run_id})"
            first = headline(own, f"[Strategies]({path})")
            note = paragraphs(first, result.verdict.replace("\n", "\n\n"), table(own), run)
            client.set_experiment_tag(experiment.experiment_id, "mlflow.note.content", note)
            shown.append(f"{server_of(parent.uri)}/{path}")
    return browse(parent.uri, " ".join(shown[:MAX_LINKS])) if shown else None


def _experiments(client: MlflowClient, parent: Parent) -> list[Experiment]:
    """Return the experiments with runs of the sweep, or else its own."""
    known = {found.experiment_id: found for found in client.search_experiments(max_results=1000)}
    ids = dict.fromkeys(experiment for _, experiment, _ in children(client, parent.run_id)) or [parent.experiment_id]
    return [known[found] for found in ids if found in known]


def process_tags() -> dict[str, str]:
    """Return a tag that identifies this process among all, on any machine and at any time."""
    return {"process": f"{socket.gethostname()}/{os.getpid()}/{psutil.Process().create_time():.0f}"}


def find_created(client: MlflowClient, experiment_id: str, record: str) -> str | None:
    """Return the id of the run with this tag, whose creation may have been interrupted before it was known."""
    found = client.search_runs([experiment_id], f"tags.record = '{record}'", max_results=1)
    return str(found[0].info.run_id) if found else None


def holds(client: MlflowClient, run: str | None) -> bool:
    """Whether a store has a run of this id."""
    try:
        return run is not None and bool(client.get_run(run))
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            return False
        raise


def close_dead(client: MlflowClient, experiments: Sequence[str]) -> list[str]:
    """End runs of experiments that are RUNNING but whose process, on this machine, is gone; return their ids."""
    running = client.search_runs(list(experiments), "attributes.status = 'RUNNING'", max_results=1000)
    return _close_those_dead(client, running)


def _close_those_dead(client: MlflowClient, running: Iterable[Run]) -> list[str]:
    closed = []
    for run in running:
        if is_dead(run.data.tags.get("process", "")):
            tags = [RunTag("outcome", "killed"), RunTag("reason", "its process died")]
            client.log_batch(run.info.run_id, tags=tags)
            client.set_terminated(run.info.run_id, STATUS["killed"])
            closed.append(run.info.run_id)
    return closed


def is_dead(process: str) -> bool:
    """Whether the process that `process_tags` described ran on this machine and is gone."""
    host, _, rest = process.partition("/")
    pid, _, born = rest.partition("/")
    if host != socket.gethostname() or not pid.isdigit():
        return False
    try:
        found = psutil.Process(int(pid))
        return abs(found.create_time() - float(born)) > 2 or found.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
