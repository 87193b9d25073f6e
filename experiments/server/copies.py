"""One record under many seeds, and whether a store holds each of them once and whole."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml
from mlflow import MlflowClient
from mlflow.entities import Run

from imbalance_lab.errors import LabError
from imbalance_lab.runs.identity import Identity
from imbalance_lab.tracking.address import absolute
from imbalance_lab.tracking.membership import Membership
from imbalance_lab.tracking.send import send

EXPERIMENT = "load"
ROWS_OF_A_CLASS = 60
PAGE = 500
OWN = {"record", "config_hash", "mlflow.runName", "process", "seed", "run"}  # what tells copies of a record apart


class Lost(LabError):
    """A store does not hold what was logged into it."""


def make_record(folder: Path, classes: int) -> Path:
    """Make a run, which is logged again and again under another seed, and return the folder of its record."""
    import imbalance_lab as lab

    names = [f"class_{number}" for number in range(classes)]
    rows = classes * ROWS_OF_A_CLASS
    data = lab.option("dataset", "synthetic", rows=rows, priors=dict.fromkeys(names, 1 / classes))
    lab.sweep(data, "none", "logreg", folder=folder, progress=False)
    (found,) = folder.rglob("record.json")
    return found.parent


def stamped(record: Path, folder: Path, seeds: Sequence[int]) -> Iterator[Path]:
    """Yield folders with copies of a record, each under a seed and an id of its own."""
    config = yaml.safe_load((record / "config.yaml").read_text())
    kept = json.loads((record / "record.json").read_text())
    config["tracking"] = {"experiment": EXPERIMENT}
    for seed in seeds:
        changed = {**kept["identity"]["config"], "seed": seed}
        identity = Identity.from_summary({**kept["identity"], "config": changed})
        copy = Path(shutil.copytree(record, folder / str(seed)))
        one = {**kept, "name": identity.name, "identity": identity.summary(), "tags": {**kept["tags"], **identity.tags}}
        (copy / "record.json").write_text(json.dumps(one))
        (copy / "config.yaml").write_text(yaml.safe_dump({**config, "seed": seed}, sort_keys=False))
        Membership(id_of(seed), {"sweep": EXPERIMENT}).write(copy)
        yield copy


def id_of(seed: int) -> str:
    """Return the id of the record with a seed."""
    return f"load-{seed}"


def contents(run: Run) -> dict[str, Any]:
    """Return what a run in MLflow holds, but for what tells it from other runs of the record."""
    return {
        "status": run.info.status,
        "metrics": dict(run.data.metrics),
        "params": {key: value for key, value in run.data.params.items() if key not in OWN},
        "tags": {key: value for key, value in run.data.tags.items() if key not in OWN},
    }


def logged_once(record: Path, folder: Path) -> dict[str, Any]:
    """Return what a new SQLite store holds of the record."""
    store = absolute(f"sqlite:///{folder}/expected/mlflow.db")
    (copy,) = stamped(record, folder / "expected", [0])
    send(copy, store)
    (run,) = runs_in(store)
    return contents(run)


def runs_in(uri: str) -> list[Run]:
    """Return all runs of the experiment."""
    client, found, token = MlflowClient(uri), [], None
    experiment = client.get_experiment_by_name(EXPERIMENT)
    while True:
        page = client.search_runs([experiment.experiment_id], max_results=PAGE, page_token=token)
        found += page
        if not (token := page.token):
            return found


def check(uri: str, seeds: Sequence[int], expected: dict[str, Any]) -> None:
    """Raise Lost unless a store holds the record under each seed once, and whole."""
    runs = runs_in(uri)
    times = Counter(run.data.tags.get("record") for run in runs)
    wanted = {id_of(seed) for seed in seeds}
    if lost := wanted - set(times):
        raise Lost(f"{len(lost)} of {len(wanted)} runs are not in the store, as that of {min(lost)}")
    if twice := {key: count for key, count in times.items() if count != 1 or key not in wanted}:
        raise Lost(f"{len(twice)} runs are in the store more than once, or are none of these, as {twice.popitem()}")
    for run in runs:
        if (found := contents(run)) != expected:
            differing = sorted(key for key in expected if expected[key] != found[key])
            raise Lost(f"run {run.info.run_id} is not whole: its {', '.join(differing)} differ from the record's")
