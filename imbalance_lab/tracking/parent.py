"""The parent run of a sweep, and runs whose process died."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag

from imbalance_lab.tracking.store import absolute, artifact_location, find_experiment, open_store

MAX_NOTE_LENGTH = 5000
STATUS = {"finished": "FINISHED", "failed": "FAILED", "killed": "KILLED", "skipped": "KILLED"}


def start_parent(
    uri: str, artifacts: str, experiment: str, name: str, grid: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    """Create a sweep's parent run with its grid as parameters, and return where it is.

    Raises
    ------
    Exception
        Whatever the store raises if it cannot be reached.
    """
    uri = absolute(uri)
    client = open_store(uri)
    experiment_id = find_experiment(client, experiment, artifact_location(uri, artifacts, experiment))
    tags = {"sweep": name, "sweep_parent": "true", **process_tags()}
    run = client.create_run(experiment_id, tags=tags, run_name=f"sweep {name}")
    params = [Param(f"sweep/{key}", ",".join(values)[:6000]) for key, values in grid.items()]
    client.log_batch(run.info.run_id, params=params[:100])
    return {"uri": uri, "run_id": run.info.run_id}


def end_parent(
    parent: Mapping[str, Any],
    outcome: str,
    counts: Mapping[str, int],
    failures: Mapping[str, str],
    verdict: str | None = None,
    files: Sequence[Path] = (),
) -> None:
    """Log how many jobs ended how, name the failures, put the `verdict` first, attach `files`, and close the run."""
    client, run = MlflowClient(tracking_uri=parent["uri"]), parent["run_id"]
    metrics = [Metric(f"jobs/{kind.replace(' ', '_')}", count, 0, 0) for kind, count in counts.items()]
    lines = [", ".join(f"{count} {kind}" for kind, count in counts.items())]
    lines += [f"- {name}: {reason}" for name, reason in failures.items()]
    jobs = "\n".join(lines)[:MAX_NOTE_LENGTH]
    paragraphs = "".join(f"{line}\n\n" for line in (verdict or "").splitlines())[: MAX_NOTE_LENGTH - len(jobs)]
    tags = [RunTag("outcome", outcome), RunTag("mlflow.note.content", paragraphs + jobs)]
    try:
        client.log_batch(run, metrics=metrics, tags=tags)
        for file in files:
            client.log_artifact(run, str(file))
    finally:
        client.set_terminated(run, STATUS[outcome])


def process_tags() -> dict[str, str]:
    """Return a tag that identifies this process among all, on any machine and at any time."""
    return {"process": f"{socket.gethostname()}/{os.getpid()}/{psutil.Process().create_time():.0f}"}


def close_dead(client: MlflowClient, experiment_id: str) -> list[str]:
    """End runs of an experiment that are RUNNING but whose process, on this machine, is gone; return their ids."""
    closed = []
    for run in client.search_runs([experiment_id], "attributes.status = 'RUNNING'", max_results=1000):
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
        return abs(psutil.Process(int(pid)).create_time() - float(born)) > 2
    except psutil.NoSuchProcess:
        return True
