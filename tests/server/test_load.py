"""Many workers at one server with PostgreSQL behind it: nothing lost, nothing twice, everything whole."""

from __future__ import annotations

from pathlib import Path

import pytest
from mlflow import MlflowClient

from experiments.server import copies
from experiments.server.__main__ import main
from experiments.server.load import run
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
    main(["load", "workers=2", "runs=6", f"uri=sqlite:///{tmp_path}/mlflow.db"])
    shown = capsys.readouterr().out
    assert "6 runs of 2 workers, each there once and whole" in shown
    assert "server" not in shown
    (run,) = MlflowClient(f"sqlite:///{tmp_path}/mlflow.db").search_experiments(filter_string="name = 'load'")
    assert run.lifecycle_stage == "active"


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
