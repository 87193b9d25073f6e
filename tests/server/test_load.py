"""Many workers at one server with PostgreSQL behind it: nothing lost, nothing twice, everything whole."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from mlflow import MlflowClient

from experiments.server import copies, figures
from experiments.server.__main__ import main
from experiments.server.load import Cost, run
from experiments.server.postgres import Cluster
from imbalance_lab.tracking.send import send


@pytest.mark.slow
def test_eight_workers_log_160_runs_into_a_server(database: Cluster) -> None:
    cost = run(workers=8, runs=160, classes=4, processes=2)  # and looks whether they are there
    assert (cost.workers, cost.runs) == (8, 160)
    assert cost.server is not None and cost.database is not None and cost.bytes is not None
    assert 0 < cost.server < 1 and 0 < cost.database < cost.server
    assert 20_000 < cost.bytes < 200_000


def test_workers_log_into_any_store(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    typed = ["load", "workers=2", "runs=6", f"uri=sqlite:///{tmp_path}/mlflow.db", f"out={tmp_path}/load.csv"]
    main(typed)
    shown = capsys.readouterr().out
    assert "6 runs of 2 workers, each there once and whole" in shown
    assert "server" not in shown
    (found,) = MlflowClient(f"sqlite:///{tmp_path}/mlflow.db").search_experiments(filter_string="name = 'load'")
    assert found.lifecycle_stage == "active"
    row = pd.read_csv(tmp_path / "load.csv").iloc[0]
    assert (row.store, row.workers, row.runs, row.classes) == ("sqlite", 2, 6, 4)
    assert "| sqlite | 2 | 6 | 4 |" in (tmp_path / "README.md").read_text()


def test_a_load_of_the_same_size_takes_the_place_of_the_earlier_one(tmp_path: Path) -> None:
    file, cost = tmp_path / "load.csv", Cost(2, 6, 3.0, 0.5, 0.25, None, None, None)
    figures.add(file, "sqlite", 4, cost, "load")
    figures.add(file, "server", 4, replace(cost, server=0.1, database=0.02, bytes=63_259.0), "load")
    figures.add(file, "sqlite", 4, replace(cost, wall=4.0), "load")
    table = pd.read_csv(file)
    assert list(zip(table.store, table.wall, strict=True)) == [("server", 3.0), ("sqlite", 4.0)]
    lines = [line for line in (tmp_path / "README.md").read_text().splitlines() if line.startswith("| s")]
    assert lines[1:] == [
        "| server | 2 | 6 | 4 | 3 | 0.2 | 0.500 | 0.100 | 0.020 | 63 |",
        "| sqlite | 2 | 6 | 4 | 4 | 0.2 | 0.500 | - | - | - |",
    ]


def test_a_run_that_is_lost_there_twice_or_not_whole_is_noticed(store: Path, tmp_path: Path) -> None:
    uri = f"sqlite:///{store}"
    record = copies.make_record(tmp_path / "record", classes=2)
    expected = copies.logged_once(record, tmp_path)
    for copy in copies.stamped(record, tmp_path / "copies", range(3)):
        send(copy, uri)
        send(copy, uri)
    copies.check(uri, range(3), expected)
    with pytest.raises(copies.Lost, match="1 of 4 runs are not in the store, as that of load-3"):
        copies.check(uri, range(4), expected)
    client, (first, *_) = MlflowClient(uri), copies.runs_in(uri)
    client.log_metric(first.info.run_id, "test/balanced_accuracy", 0.0)
    with pytest.raises(copies.Lost, match="is not whole: its metrics differ"):
        copies.check(uri, range(3), expected)
    (another,) = copies.stamped(record, tmp_path / "another", [7])
    send(another, uri)
    (twice,) = (run.info.run_id for run in copies.runs_in(uri) if run.data.tags["record"] == "load-7")
    client.set_tag(twice, "record", "load-0")
    with pytest.raises(copies.Lost, match="1 runs are in the store more than once, or are none of these"):
        copies.check(uri, range(3), expected)


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        (["load", "runs=none"], "error: runs=none: a number from 1 on"),
        (["load", "run=3"], "error: there is no run"),
        (["port=0"], "error: port=0: a number from 1 on"),
    ],
)
def test_mistakes_are_one_line(typed: list[str], reason: str) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(typed)
    assert str(stopped.value).splitlines()[-1] == reason
