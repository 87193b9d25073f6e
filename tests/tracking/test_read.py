"""Tables of runs from MLflow: by SQL where its schema is known, else through its client; equal to those of records."""

from __future__ import annotations

import json
import shutil
import sqlite3
from itertools import product
from pathlib import Path

import pandas as pd
import pytest
from mlflow import MlflowClient

from imbalance_lab.runs.table import RunTable
from imbalance_lab.tracking import database, read
from imbalance_lab.tracking.database import epochs_from_database, has_known_schema
from imbalance_lab.tracking.read import _epochs_from_client, read_epochs, read_runs
from tests.conftest import TINY, invoke, replaced

ABOUT = ["name", "outcome", "reason", "strategy", "model", "dataset", "seed", "config_hash", "sweep", "parent", "tuned"]
LATER = ["data_hash", "version"]  # of runs that did not finish only MLflow knows them
TYPED = replaced(TINY, ["tracking=mlflow"])


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory, _migrated: Path) -> Path:
    """A folder with records and a store of the same runs: networks, skipped ones, several folds."""
    folder = tmp_path_factory.mktemp("logged")
    shutil.copy(_migrated, folder / "mlflow.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert invoke("-m", *TYPED, "model=logreg", "strategy=none,focal,smote", "seed=0,1") == 0
        tuned = ["tuning=optuna", "tuning.trials=2"]
        assert invoke("-m", *TYPED, "model=logreg", "split=cv", "split.folds=2", *tuned) == 0
        assert invoke("-m", *TYPED, "model=linear", "strategy=none") == 0
    return folder


def by_cell(table: RunTable, metric: str) -> dict[str, pd.DataFrame]:
    """Return a table's frames with its runs under the hashes of their configurations instead of their ids."""
    cells = table.runs.config_hash
    done = table.runs[table.runs.outcome == "finished"]
    other = [key for key in table.metrics if key.startswith("interval/") and not key.endswith(f"/{metric}")]
    frames = {
        "runs": table.runs[ABOUT].astype(object),
        "later": done[LATER],
        "settings": table.settings,
        "metrics": table.metrics.drop(columns=other).loc[done.index],
        "folds": table.folds_of(metric),
    }
    return {
        name: frame.where(frame.notna(), None).rename(index=cells).rename_axis(None).sort_index().sort_index(axis=1)
        for name, frame in frames.items()
    }


@pytest.mark.parametrize("metric", ["balanced_accuracy", "recall/c"])
def test_the_table_of_records_is_the_table_of_mlflow(logged: Path, metric: str) -> None:
    records = RunTable.from_folder(logged)
    assert len(records) == 8
    ours = by_cell(records, metric)
    theirs = by_cell(read_runs(f"sqlite:///{logged}/mlflow.db", metric), metric)
    assert ours["folds"].shape == (1, 2)
    assert list(records.runs.outcome.value_counts().items()) == [("finished", 6), ("skipped", 2)]
    for name, frame in ours.items():
        pd.testing.assert_frame_equal(frame, theirs[name], check_dtype=False, check_column_type=False, check_exact=True)


def test_what_tuning_chose_is_read_of_each_fold(logged: Path) -> None:
    (text,) = read_runs(f"sqlite:///{logged}/mlflow.db", "balanced_accuracy").runs.tuned.dropna()
    chosen = json.loads(text)
    assert [list(one["best"]) for one in chosen] == [["model.estimator.C"]] * 2
    assert all(one["best_value"] >= one["default_value"] for one in chosen)


def test_epochs_of_records_are_those_of_mlflow(logged: Path) -> None:
    found = []
    for table in (RunTable.from_folder(logged), read_runs(f"sqlite:///{logged}/mlflow.db", "balanced_accuracy")):
        epochs = table.epochs(list(table.runs.index))
        found.append(epochs.drop(columns="run").sort_values(["key", "epoch"]).reset_index(drop=True))
    assert {"recall/c", "balanced_accuracy", "loss"} <= set(found[0].key)
    pd.testing.assert_frame_equal(*found, check_dtype=False)


def test_a_known_schema_is_read_by_sql_and_another_through_the_client(
    logged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ways = []
    for way in ("runs_from_database", "_from_client", "epochs_from_database", "_epochs_from_client"):
        own = getattr(read, way)
        monkeypatch.setattr(read, way, lambda *given, own=own, way=way: (ways.append(way), own(*given))[1])
    uri = f"sqlite:///{logged}/mlflow.db"
    known = read_runs(uri, "balanced_accuracy")
    epochs = known.epochs(list(known.runs.index))
    assert ways == ["runs_from_database", "epochs_from_database"]

    monkeypatch.setattr(database, "SCHEMAS", frozenset({"another revision"}))
    other = read_runs(uri, "balanced_accuracy")
    assert ways[2:] == ["_from_client"]
    for part in ("runs", "settings", "metrics", "folds"):
        one, two = (getattr(table, part).sort_index(axis=0).sort_index(axis=1) for table in (known, other))
        pd.testing.assert_frame_equal(one, two, check_dtype=False, obj=part)
    through = other.epochs(list(known.runs.index))
    assert ways[3:] == ["_epochs_from_client"]
    order = ["run", "key", "epoch"]
    one, two = (frame.sort_values(order).reset_index(drop=True) for frame in (epochs, through))
    pd.testing.assert_frame_equal(one, two, check_dtype=False)


@pytest.mark.parametrize(
    "statement", ["update alembic_version set version_num = 'newer'", "delete from alembic_version"]
)
def test_the_revision_stands_in_the_database(store: Path, statement: str) -> None:
    assert has_known_schema(f"sqlite:///{store}")
    with sqlite3.connect(store) as connection:
        connection.execute(statement)
    connection.close()
    assert not has_known_schema(f"sqlite:///{store}")
    assert not has_known_schema("http://127.0.0.1:9")


def test_a_store_of_version_0_1_0(store: Path) -> None:
    client = MlflowClient(f"sqlite:///{store}")
    tags = {"mlflow.source.name": "imbalance_lab", "strategy": "smote", "model": "mlp", "dataset": "yeast",
            "config_hash": "c0", "data_hash": "d0", "version/imbalance_lab": "0.1.0"}  # fmt: skip
    run = client.create_run(client.create_experiment("yeast"), tags=tags, run_name="smote mlp seed=True").info.run_id
    params = {"run": "smote mlp seed=True", "strategy": "smote", "model": "mlp", "seed": "True"}
    params |= {"options.loss": "focal", "sampler.k_neighbors": "5", "model._target_": "Mlp", "dataset.counts.a.b": "7"}
    for name, value in params.items():
        client.log_param(run, name, value)
    client.log_metric(run, "test/recall/a", 0.5)
    client.set_terminated(run)
    table = read_runs(f"sqlite:///{store}", "recall/a")
    assert dict(table.settings.loc[run]) == {
        ("run", "seed"): "True",
        ("options", "loss"): "focal",
        ("sampler", "k_neighbors"): "5",
        ("model", "_target_"): "Mlp",
        ("dataset", "counts.a.b"): "7",
    }
    assert (table.runs.seed[run], table.runs.version[run], table.runs.strategy[run]) == (1, "0.1.0", "smote")
    assert table.runs.link[run] == f"http://localhost:5000/#/experiments/1/runs/{run}"
    assert table.metrics.to_dict("index") == {run: {"recall/a": 0.5}}


@pytest.fixture
def client(store: Path) -> MlflowClient:
    return MlflowClient(f"sqlite:///{store}")


def test_epochs_are_the_same_from_the_database_and_through_the_client(client: MlflowClient, store: Path) -> None:
    experiment = client.create_experiment("epochs")
    runs = [client.create_run(experiment).info.run_id for _ in range(2)]
    keys = ["val/recall/a", "val/loss", "fold_0/val/recall/val/b", "fold_1/val/recall/val/b"]
    others = ["train/loss", "test_interval/low/recall/a", "folded/val/loss", "test_fold/recall/a"]
    for k, (run, key) in enumerate(product(runs, keys + others)):
        for epoch in (1, 2, 3):
            client.log_metric(run, key, float("nan") if (k, epoch) == (0, 2) else k + epoch / 10, step=epoch)
    uri = f"sqlite:///{store}"
    direct, through = (sorted(read(client, uri, runs)) for read in (epochs_from_database, _epochs_from_client))
    assert direct == through
    assert len(direct) == len(runs) * len(keys) * 3 - 1
    assert (runs[1], "fold_1/val/recall/val/b", 3, 11.3) in direct

    found = read_epochs(uri, runs)
    assert list(found) == ["run", "key", "epoch", "value"]
    assert set(found.key) == {"recall/a", "loss", "recall/val/b"}
    assert len(read_epochs(uri, [])) == 0


def test_the_runs_below_a_sweep_are_the_same_by_sql_and_by_mlflow(
    logged: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = MlflowClient(f"sqlite:///{logged}/mlflow.db")
    ids = [one.experiment_id for one in client.search_experiments()]
    parents = [run.info.run_id for run in client.search_runs(ids, "tags.sweep_parent = 'true'")]
    assert len(parents) == 3
    for parent in parents:
        found = read.children(client, parent)
        with monkeypatch.context() as patch:
            patch.setattr(read, "takes_many", lambda uri: False)
            assert read.children(client, parent) == found
        assert found
        assert all(config for _, _, config in found)
