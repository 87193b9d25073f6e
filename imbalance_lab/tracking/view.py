"""The first screen in MLflow: views saved on an experiment, a row per strategy with its mean recalls, best first.

MLflow's pages keep a view as a tag of the experiment: JSON with a name and a state, which is compressed.
"""

from __future__ import annotations

import base64
import json
import time
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlflow import MlflowClient

from imbalance_lab.tracking.bulk import takes_many
from imbalance_lab.tracking.database import finished_from_database

PREFIX = "mlflow.sharedViewState."
OF_EXPERIMENT = "strategies"  # the key of an experiment's view; that of a sweep's view is its name
HEADLINE, RECALL, SUPPORT = "test/balanced_accuracy", "test/recall/", "test/support/"
# Parents of sweeps have no such parameter.
FINISHED = "attributes.status = 'FINISHED' and params.strategy != ''"
GROUPS = ("strategy", "model", "dataset")
MAX_RECALLS = 6  # columns and charts
MAX_SWEEPS = 10  # whose views are kept
MAX_RUNS, MAX_ROWS = 1000, 100
WIDTHS = {
    "attributes.`Run Name`": 360,
    f"metrics.`{HEADLINE}`": 150,
    "metrics": 115,
    "params": 130,
    "tags": 130,
}  # pixels


@dataclass(frozen=True)
class View:
    """What a view shows of the runs that pass its filter.

    Parameters
    ----------
    name : str
    search : str
        MLflow's filter of runs.
    groups : tuple of str
        Tags: runs that agree in all of them are one row.
    recalls : tuple of str
        Keys of metrics, that of the rarest class first.
    rows : tuple of tuple of str
        The values of the groups in each row.
    """

    name: str
    search: str
    groups: tuple[str, ...]
    recalls: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...] = ()

    @property
    def columns(self) -> list[str]:
        """The columns of the table, in their order."""
        return [
            *(f"metrics.`{key}`" for key in (HEADLINE, *self.recalls)),
            *(f"params.`{key}`" for key in ("strategy", "model")),
            "tags.`dataset`",
        ]

    def state(self) -> dict[str, Any]:
        """Return the state of MLflow's page of runs."""
        first = "attributes.`Run Name`"
        return {
            "searchFilter": self.search,
            "orderByKey": f"metrics.`{HEADLINE}`",
            "orderByAsc": False,
            "startTime": "ALL",
            "lifecycleFilter": "Active",
            "datasetsFilter": [],
            "modelVersionFilter": "All Runs",
            "selectedColumns": self.columns,
            "columnOrder": [first, *self.columns],
            "columnWidths": {key: WIDTHS.get(key) or WIDTHS[key.partition(".")[0]] for key in [first, *self.columns]},
            "runsHiddenMode": "SHOW_ALL",
            "viewMaximized": False,
            "runListHidden": False,
            "useGroupedValuesInCharts": True,
            "groupBy": {
                "aggregateFunction": "average",
                "groupByKeys": [{"mode": "tag", "groupByData": group} for group in self.groups],
            },
            # What is not named here is shown with its runs below it.
            "groupsExpanded": {
                ",".join(f"tag.{group}.{value}" for group, value in zip(self.groups, row, strict=True)): False
                for row in self.rows
            },
            "globalLineChartConfig": {"xAxisKey": "step", "lineSmoothness": 0, "selectedXAxisMetricKey": ""},
            **self._charts(),
        }

    def _charts(self) -> dict[str, Any]:
        keys = (HEADLINE, *self.recalls)
        section = {"uuid": "strategies", "name": "strategies", "display": True, "isReordered": True, "columns": 3}
        charts = [
            {
                "uuid": f"strategies-{k}",
                "type": "BAR",
                "runsCountToCompare": 20,
                "metricSectionId": section["uuid"],
                "deleted": False,
                "isGenerated": False,
                "metricKey": key,
                "displayName": key.removeprefix("test/"),
            }
            for k, key in enumerate(keys)
        ]
        return {
            "compareRunSections": [section],
            "compareRunCharts": charts,
            # MLflow adds a chart for every other metric: the search among charts hides those.
            "chartsSearchFilter": "^(" + "|".join(key.replace(".", r"\.") for key in keys) + ")$",
            "hideEmptyCharts": True,
            "isAccordionReordered": True,
        }

    def tag(self, now: int) -> str:
        """Return the tag that holds the view; `now` in milliseconds."""
        packed = base64.b64encode(zlib.compress(json.dumps(self.state()).encode(), level=9)).decode()
        return json.dumps({"name": self.name, "createdAt": now, "updatedAt": now, "state": f"deflate;{packed}"})


def view_of(tags: Sequence[Mapping[str, str]], metrics: Sequence[Mapping[str, float]], name: str, search: str) -> View:
    """Return the view that tells finished runs apart, by the tags and the metrics of each."""
    varied = [group for group in GROUPS[1:] if len({one.get(group) for one in tags}) > 1]
    recalls = rarest_first(metrics)[:MAX_RECALLS]
    groups = (GROUPS[0], *varied)
    rows = dict.fromkeys(tuple(one.get(group, "") for group in groups) for one in tags)
    return View(name, search, groups, tuple(recalls), tuple(rows)[:MAX_ROWS])


def rarest_first(metrics: Sequence[Mapping[str, float]]) -> list[str]:
    """Return the keys of the recalls that runs logged, that of the class with the fewest test rows first.

    >>> rarest_first([{"test/recall/a": 0.9, "test/recall/b": 0.5, "test/support/a": 90, "test/support/b": 10}])
    ['test/recall/b', 'test/recall/a']
    """
    rows: dict[str, float] = {}
    for found in metrics:
        for key in found:
            if key.startswith(RECALL):
                rows.setdefault(key, found.get(SUPPORT + key.removeprefix(RECALL), 0.0))
    return sorted(rows, key=lambda key: (rows[key], key))


def save_view(client: MlflowClient, experiment: str, sweep: str | None = None) -> str | None:
    """Save the view of an experiment, or of one of its sweeps in the place of an earlier one; return its key.

    None if no run has finished.
    """
    search = FINISHED if sweep is None else f"{FINISHED} and tags.sweep = '{sweep}'"
    if takes_many(client.tracking_uri):
        found = finished_from_database(client.tracking_uri, experiment, sweep, GROUPS, (RECALL, SUPPORT), MAX_RUNS)
    else:
        runs = client.search_runs([experiment], search, max_results=MAX_RUNS)
        found = [(run.data.tags, run.data.metrics) for run in runs]
    if not found:
        return None
    tags, metrics = zip(*found, strict=True)
    key, name = (OF_EXPERIMENT, "strategies") if sweep is None else (sweep, f"sweep {sweep}")
    now = int(time.time() * 1000)
    client.set_experiment_tag(experiment, PREFIX + key, view_of(tags, metrics, name, search).tag(now))
    if sweep is not None:
        _remove_old(client, experiment)
    return key


def _remove_old(client: MlflowClient, experiment: str) -> None:
    """Remove the views of all but the last sweeps."""
    saved = {
        key: json.loads(tag)
        for key, tag in client.get_experiment(experiment).tags.items()
        if key.startswith(PREFIX) and tag.startswith('{"name": "sweep ')
    }
    for key in sorted(saved, key=lambda key: -saved[key]["updatedAt"])[MAX_SWEEPS:]:
        client.delete_experiment_tag(experiment, key)
