"""The same small sweep in SQLite, in PostgreSQL, and through a server: the same tables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import pandas as pd
import pytest
from mlflow import MlflowClient

from experiments.server.postgres import Cluster
from experiments.server.team import Served, mlflow_server
from imbalance_lab.tracking.read import read_runs
from tests.conftest import invoke
from tests.server.conftest import TYPED

pytestmark = pytest.mark.slow
OTHERS = [typed for typed in TYPED if typed != "model=logreg"]
SWEEP = ("-m", *OTHERS, "model=logreg,mlp", "strategy=none,inv_freq", "split=cv", "split.folds=2")
NAMED = ("tracking.experiment=same",)
OF_A_PLACE = ["start", "experiment_id", "link", "parent", "sweep"]  # ids, addresses and times


@dataclass(frozen=True)
class Shown:
    """What people and programs see of the runs of a store, but for ids, addresses and times."""

    terminal: str
    matrix: str
    runs: pd.DataFrame
    settings: pd.DataFrame
    metrics: pd.DataFrame
    folds: pd.DataFrame
    epochs: pd.DataFrame


def swept(uri: str, capfd: pytest.CaptureFixture[str]) -> Shown:
    """Make a half of a sweep, then resume the whole of it, and return what is shown of it."""
    assert invoke(*SWEEP, *NAMED, f"tracking.uri={uri}", "seed=0") == 0
    assert "4 finished" in capfd.readouterr().out
    assert invoke(*SWEEP, *NAMED, f"tracking.uri={uri}", "seed=0,1", "resume=true") == 0
    assert "4 finished, 4 already finished" in capfd.readouterr().out
    printed = []
    for format in ("terminal", "matrix"):
        assert invoke("compare", f"uri={uri}", "experiment=same", f"format={format}") == 0
        printed.append(capfd.readouterr().out)
    table = read_runs(uri, "balanced_accuracy", ["same"])
    names = dict(zip(table.runs.index, table.runs.name, strict=True))
    assert len(names) == len(set(names.values())) == 8
    timed = [column for column in table.metrics if str(column).startswith("timing/")]
    epochs = table.epochs(list(names)).replace({"run": names}).sort_values(["run", "key", "epoch"], ignore_index=True)
    frames = (
        table.runs.drop(columns=OF_A_PLACE),
        table.settings.drop(columns=[key for key in table.settings if key[0] == "tracking"]),
        table.metrics.drop(columns=timed),
        table.folds,
    )
    return Shown(*printed, *(frame.rename(index=names).sort_index().sort_index(axis=1) for frame in frames), epochs)


@pytest.fixture(scope="module")
def server_on_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("server")
    with mlflow_server(f"sqlite:///{folder}/mlflow.db", folder, processes=1) as running:
        yield running.address


def test_tables_are_the_same_in_every_store(
    database: Cluster, served: Served, server_on_sqlite: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    others = {"a server": served.address, "a server on SQLite": server_on_sqlite}
    expected = swept(f"sqlite:///{tmp_path}/mlflow.db", capfd)
    assert len(expected.epochs) and expected.folds.notna().all(axis=None)
    for place, uri in others.items():
        assert_same(expected, swept(uri, capfd), place)
    rename_experiment(database.uri)  # the server keeps its runs in that database
    assert_same(expected, swept(database.uri, capfd), "PostgreSQL")


def assert_same(expected: Shown, found: Shown, place: str) -> None:
    for field in fields(Shown):
        one, other = getattr(expected, field.name), getattr(found, field.name)
        if isinstance(one, str):
            assert one == other, (place, field.name)
        else:
            pd.testing.assert_frame_equal(one, other, check_exact=True, obj=f"{field.name} of {place}")


def rename_experiment(uri: str) -> None:
    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name("same")
    assert experiment is not None
    client.rename_experiment(experiment.experiment_id, "same, by the server")
