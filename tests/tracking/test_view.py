"""Views saved on an experiment: what MLflow's pages are asked to show."""

from __future__ import annotations

import base64
import json
import zlib
from dataclasses import replace
from pathlib import Path

import pytest
from mlflow import MlflowClient

from imbalance_lab.tracking import view
from imbalance_lab.tracking.description import Row, headline, table
from imbalance_lab.tracking.view import PREFIX, View, save_view

SUPPORT = {"a": 90, "b": 30, "c": 5, "d": 60}


@pytest.fixture
def client(store: Path) -> MlflowClient:
    return MlflowClient(f"sqlite:///{store}")


def add_run(client: MlflowClient, experiment: str, strategy: str, model: str = "mlp", sweep: str = "s") -> None:
    tags = {"strategy": strategy, "model": model, "dataset": "d", "sweep": sweep}
    run = client.create_run(experiment, tags=tags).info.run_id
    client.log_param(run, "strategy", strategy)
    client.log_metric(run, "test/balanced_accuracy", 0.5)
    for name, rows in SUPPORT.items():
        client.log_metric(run, f"test/support/{name}", rows)
        client.log_metric(run, f"test/recall/{name}", 0.5)
    client.set_terminated(run)


def states(client: MlflowClient, experiment: str) -> dict[str, dict]:
    tags = client.get_experiment(experiment).tags
    saved = {key.removeprefix(PREFIX): json.loads(tag) for key, tag in tags.items() if key.startswith(PREFIX)}
    packed = {key: one["state"].removeprefix("deflate;") for key, one in saved.items()}
    return {key: json.loads(zlib.decompress(base64.b64decode(text))) for key, text in packed.items()}


def test_a_view_has_the_rarest_class_next_to_balanced_accuracy(client: MlflowClient) -> None:
    experiment = client.create_experiment("d")
    assert save_view(client, experiment) is None
    for strategy in ("none", "smote", "none"):
        add_run(client, experiment, strategy)
    assert save_view(client, experiment) == "strategies"
    (state,) = states(client, experiment).values()
    shown = ["metrics.`test/balanced_accuracy`", *(f"metrics.`test/recall/{name}`" for name in "cbda")]
    assert state["selectedColumns"] == [*shown, "params.`strategy`", "params.`model`", "tags.`dataset`"]
    assert (state["orderByKey"], state["orderByAsc"]) == (shown[0], False)
    assert state["groupBy"]["groupByKeys"] == [{"mode": "tag", "groupByData": "strategy"}]
    assert state["groupsExpanded"] == {"tag.strategy.none": False, "tag.strategy.smote": False}
    charts = [chart["metricKey"] for chart in state["compareRunCharts"]]
    assert [f"metrics.`{key}`" for key in charts] == shown
    assert state["chartsSearchFilter"] == f"^({'|'.join(charts)})$"


def test_models_are_rows_of_their_own_where_there_are_several(client: MlflowClient) -> None:
    experiment = client.create_experiment("d")
    for model in ("mlp", "logreg"):
        add_run(client, experiment, "none", model)
    save_view(client, experiment)
    (state,) = states(client, experiment).values()
    assert [key["groupByData"] for key in state["groupBy"]["groupByKeys"]] == ["strategy", "model"]
    assert set(state["groupsExpanded"]) == {"tag.strategy.none,tag.model.mlp", "tag.strategy.none,tag.model.logreg"}


def test_views_are_replaced_and_old_ones_removed(client: MlflowClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(view, "MAX_SWEEPS", 2)
    clock = iter(range(100))
    monkeypatch.setattr(view.time, "time", lambda: next(clock))
    experiment = client.create_experiment("d")
    for sweep in ("one", "two", "two", "three"):
        add_run(client, experiment, "none", sweep=sweep)
        assert save_view(client, experiment) == "strategies"
        assert save_view(client, experiment, sweep) == sweep
    found = states(client, experiment)
    assert set(found) == {"strategies", "two", "three"}
    assert found["two"]["searchFilter"].endswith("tags.sweep = 'two'")


@pytest.mark.parametrize("sweep", [None, "one"])
def test_a_view_is_the_same_whether_sql_or_mlflow_reads_the_runs(
    client: MlflowClient, monkeypatch: pytest.MonkeyPatch, sweep: str | None
) -> None:
    experiment, other = client.create_experiment("d"), client.create_experiment("other")
    for strategy, model in (("smote", "mlp"), ("none", "logreg"), ("focal", "mlp")):
        add_run(client, experiment, strategy, model, "two" if strategy == "focal" else "one")
    add_run(client, other, "ros", sweep="one")
    add_run(client, experiment, "")  # as the parent of a sweep, which has no strategy
    client.create_run(experiment, tags={"strategy": "unfinished", "sweep": "one"})
    add_run(client, experiment, "gone", sweep="one")
    (gone,) = client.search_runs([experiment], "params.strategy = 'gone'")
    client.delete_run(gone.info.run_id)
    found = []
    for by_sql in (True, False):
        monkeypatch.setattr(view, "takes_many", lambda uri, answer=by_sql: answer)
        save_view(client, experiment, sweep)
        found.append(states(client, experiment))
    assert found[0] == found[1]
    (state,) = found[0].values()
    assert len(state["groupsExpanded"]) == (3 if sweep is None else 2)


def test_many_strategies_and_long_names_fit_into_a_tag() -> None:
    rows = tuple((f"sampler_{k}+focal(gamma={k / 7})", "mlp") for k in range(view.MAX_ROWS))
    recalls = tuple(f"test/recall/{'a long name of a class ' * 6}{k}" for k in range(view.MAX_RECALLS))
    assert len(View("strategies", view.FINISHED, ("strategy", "model"), recalls, rows).tag(0)) < 5000


def test_descriptions_of_many_strategies_stay_short() -> None:
    rows = [Row(f"s{k}", "mlp", "d", 3, k / 100, {"rare|": 0.5, "b": 0.25}) for k in range(30)]
    assert headline(rows).startswith("balanced accuracy (recall of rare|): **s29 0.290 (0.50)**, s28 0.280 (0.50)")
    assert headline(rows).endswith("s27 0.270 (0.50), ...")
    used = [*rows[:-2], replace(rows[-2], verb="Use"), rows[-1]]
    assert headline(used).startswith(
        "Use **s28**. balanced accuracy (recall of rare|): **s29 0.290 (0.50)**, s28 0.280"
    )
    lines = table(rows).splitlines()
    assert len(lines) == 22
    assert lines[0].endswith("| recall rare/ | recall b |")
    assert lines[2] == "| s29 | mlp | d | 3 | 0.290 | 0.500 | 0.250 |"
