"""The runs of a study: what its sweeps ran or found done, and what MLflow knows of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from imbalance_lab.runs.files import RECORD, read_outcome
from imbalance_lab.runs.table import RunTable
from imbalance_lab.tracking import open_store
from imbalance_lab.tracking.read import read_epochs, read_runs

MODEL = "network"  # what models are called where a study's names tell them apart


@dataclass(frozen=True)
class StudyRuns:
    """Where a study's runs are.

    Parameters
    ----------
    uri, experiment : str
    tags : DataFrame
        Of each run, indexed by its id in MLflow.
    names : mapping
        ``<strategy> <model>``: what the study calls it.
    """

    uri: str
    experiment: str
    tags: pd.DataFrame
    names: Mapping[str, str]

    def table(self, metric: str) -> RunTable:
        """Return the runs, under the study's names, with the folds of `metric`."""
        table = read_runs(self.uri, metric, [self.experiment])
        table = table.only(pd.Series(table.runs.index.isin(self.tags.index), index=table.runs.index))
        if not self.names:
            return table
        contender = table.runs.strategy + " " + table.runs.model
        return replace(table, runs=table.runs.assign(strategy=contender.map(self.names).fillna(contender), model=MODEL))

    def epochs(self, runs: Sequence[str], key: str) -> pd.DataFrame:
        """Return a figure of each epoch: a row per epoch, a column per run."""
        found = read_epochs(self.uri, runs)
        return found[found.key == key].pivot_table(index="epoch", columns="run", values="value")


def find(experiment: str, uri: str, folders: Sequence[Path], names: Mapping[str, str]) -> StudyRuns:
    """Return the latest run of each configuration that the sweeps in `folders` asked for.

    Raises
    ------
    SystemExit
        If one of them never ended well.
    """
    asked = {_hash(job) for folder in folders for job in sorted(folder.glob(f"*/{RECORD}"))}
    known = read_runs(uri, "balanced_accuracy", [experiment]).runs
    client = open_store(uri)
    rows = [{"run": run, "start": start} | client.get_run(run).data.tags for run, start in known.start.items()]
    tags = pd.DataFrame(rows).set_index("run")
    ended = tags[tags.config_hash.isin(asked) & tags.outcome.isin(["finished", "skipped"])]
    ended = ended.sort_values("start").drop_duplicates(["config_hash"], keep="last")
    if missing := len(asked) - len(ended):
        raise SystemExit(f"error: {missing} of {len(asked)} runs of {experiment} have not ended well")
    return StudyRuns(uri, experiment, ended, names)


def _hash(job: Path) -> str:
    """Return the hash of what a job was asked to do, whatever became of it."""
    record: dict[str, Any] = read_outcome(job.parent) or {}
    return str(record["identity"]["config_hash"])
