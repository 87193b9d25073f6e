"""Runs put into groups within which they may be compared, and paired by seed and fold there."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from imbalance_lab.comparison.budgets import BUDGET, TUNING, about_tuning, budgets, is_budget, with_budgets
from imbalance_lab.comparison.contenders import bare_strategies, contenders, dataset_names, paths_of
from imbalance_lab.comparison.keys import (
    BEFORE,
    MODEL,
    SEED,
    SPLIT,
    SPLIT_SEED,
    USED_BY_NAME,
    changes_results,
    in_slot,
    is_detail,
    is_seed,
    varying,
)
from imbalance_lab.comparison.values import in_order, ratio_of, repeated_cells, unpaired_seeds, values_of
from imbalance_lab.errors import ConfigError
from imbalance_lab.evaluation.metrics import CORRECTED
from imbalance_lab.evaluation.metrics.aliases import did_you_mean
from imbalance_lab.options import nearest
from imbalance_lab.runs.reading import Key, setting_key, setting_name
from imbalance_lab.runs.table import RunTable


@dataclass(frozen=True)
class Group:
    """Finished runs that differ in nothing but strategy and seed.

    Parameters
    ----------
    name : dict
        What they have in common: the keys of ``by``, and settings in which other groups differ.
    values : DataFrame
        The metric: a row per strategy, a column per (seed, fold); NaN where a run is missing.
    runs : DataFrame
        One row per run: ``strategy`` (the contender's name), ``bare_strategy`` (its options without settings and
        model), ``bare_model``, ``seed``, the strategy's ``recorded`` name, how it was tuned (see `about_tuning`), and
        everything of the run table.
    metrics : DataFrame
        Of the same runs.
    ratio : float
        Test rows by other rows; 0 if every seed has data of its own.
    notes : list of str
        What a reader should know of how it was put together.
    """

    name: dict[str, str]
    values: pd.DataFrame
    runs: pd.DataFrame
    metrics: pd.DataFrame
    ratio: float
    notes: list[str]

    @property
    def title(self) -> str:
        """The name in one line."""
        return ", ".join(value if key in ("dataset", "model") else f"{key}={value}" for key, value in self.name.items())

    @property
    def budget(self) -> str:
        """How much its runs were tuned, as ``50 trials``; ``none`` if they were not."""
        return str(self.runs.budget.iloc[0])

    @property
    def typed_budget(self) -> str:
        """What is typed for its budget; nothing if its runs were not tuned."""
        return str(self.runs.typed_budget.iloc[0])

    def of_strategy(self, name: str) -> list[str]:
        """Return the contenders whose strategy, without settings and model, is `name`."""
        return list(dict.fromkeys(self.runs.strategy[self.runs.bare_strategy == name]))


def group_runs(table: RunTable, metric: str, by: Sequence[str], fixed: Collection[str] = ()) -> list[Group]:
    """Put the finished runs of a table into groups.

    Runs with different settings, or on data of different sources, or tuned with different budgets, never share a group,
    whether ``by`` names the setting or not, and whatever the data are labelled.

    Parameters
    ----------
    table : RunTable
    metric : str
    by : sequence of str
        Columns of the run table, or dotted names of settings.
    fixed : collection of str
        Names of strategies that get no settings beside them.

    Raises
    ------
    ConfigError
        If there is no such column, setting or metric.
    """
    finished = table.only(table.runs.outcome == "finished")
    if metric not in finished.metrics:
        known = [str(name) for name in finished.metrics]
        plain = ", ".join(name for name in known if "/" not in name and not name.endswith(CORRECTED))
        near = did_you_mean(metric, known) or f"; there are {plain}"
        raise ConfigError(f"no run logged the metric '{metric}'{near}")
    finished = _prepared(finished.only(finished.metrics[metric].notna()), by)
    keys = pd.DataFrame({key: column(finished, key) for key in by}, index=finished.runs.index)
    return [
        group
        # Settings are looked at over all datasets, so that groups of one name may be put side by side.
        for ids in _parts(keys.drop(columns="dataset", errors="ignore"))
        for group in _split(_of(finished, ids), metric, by, fixed)
    ]


def column(table: RunTable, name: str) -> pd.Series:
    """Return a column of the run table, or a setting by its dotted name, as text.

    Raises
    ------
    ConfigError
        If there is neither.
    """
    if name in table.runs:
        return table.runs[name].astype(str)
    if setting_key(name) in table.settings:
        return table.setting(name).astype(str)
    if name == TUNING:
        return budgets(table.settings)
    known = [*map(str, table.runs), *map(setting_name, table.settings)]
    raise ConfigError(f"runs have no '{name}'{nearest(name, known)}")


def _prepared(table: RunTable, by: Sequence[str]) -> RunTable:
    """Return the table with values written alike, a name for each dataset, and the settings that matter."""
    settings = table.settings.copy()
    for key in settings:
        settings[key] = _written_alike(key, settings[key])
    model = settings.get(MODEL, table.runs.model)
    runs = table.runs.assign(
        dataset=dataset_names(table.runs.dataset, settings),
        recorded=table.runs.strategy,
        bare_strategy=bare_strategies(table.runs, settings),
        bare_model=model.fillna(table.runs.model),
    ).join(about_tuning(settings))
    settings = with_budgets(settings)
    kept = dict.fromkeys([*varying(settings), SEED, SPLIT_SEED, *map(setting_key, by), *USED_BY_NAME])
    settings = settings[[key for key in kept if key in settings]].astype(object)  # in one block, which is fast to cut
    return replace(table, runs=runs, settings=settings)


def _written_alike(key: Any, values: pd.Series) -> pd.Series:
    """Return values that mean the same as one text: seeds of version 0.1.0, classes that moved to other modules."""
    values = values.fillna(BEFORE[key]) if key in BEFORE else values
    if is_seed(key):
        return values.replace({"True": "1", "False": "0"})
    if key[1].split(".")[-1] == "_target_":
        ours = values.str.startswith("imbalance_lab.").fillna(False).astype(bool)
        return values.where(~ours, values.str.rsplit(".", n=1).str[-1])
    return values


def _parts(keys: pd.DataFrame) -> list[pd.Index]:
    """Return the rows of each combination of values."""
    if not len(keys.columns):
        return [keys.index]
    parts = keys.groupby(list(keys), sort=False, dropna=False)
    return [part.index for _, part in sorted(parts, key=lambda found: in_order(found[0]))]


def _of(table: RunTable, ids: pd.Index) -> RunTable:
    return table.only(pd.Series(table.runs.index.isin(ids), index=table.runs.index))


def _split(table: RunTable, metric: str, by: Sequence[str], fixed: Collection[str]) -> Iterator[Group]:
    """Yield a group for each dataset and each combination of the settings in which runs differ."""
    settings = [key for key in _settings(table.settings) if key[0] != "dataset"]
    tuning = [key for key in settings if is_budget(setting_name(key))]
    others = [key for key in settings if key not in tuning]
    # A budget is named whatever else tells runs apart.
    shown = [_needed(table.settings[keys].fillna("")) for keys in (others, [key for key in tuning if key != BUDGET])]
    apart = _named(pd.concat([*shown, table.settings[[key for key in tuning if key == BUDGET]]], axis=1))
    apart = apart.assign(dataset=table.runs.dataset)
    for ids in sorted(_parts(apart), key=lambda ids: table.runs.trials[ids[0]]):
        part = _of(table, ids)
        common = {key: column(part, key).iloc[0] for key in by} | {"dataset": apart.dataset.loc[ids[0]]}
        yield from _split_by_data(part, metric, by, common | _values_of(apart, ids), fixed)


def _split_by_data(
    table: RunTable, metric: str, by: Sequence[str], name: Mapping[str, str], fixed: Collection[str]
) -> Iterator[Group]:
    """Yield a group for each source and each draw of a dataset, unless the draws are seeds like any other."""
    own = [key for key in _settings(table.settings) if key[0] == "dataset"]
    settings = _named(_needed(table.settings[own].fillna("")))
    path = paths_of(table, settings)
    with_data = settings.assign(data=table.runs.data_hash.str[:6])
    for ids in _parts(settings.assign(_path=path)):
        part = _of(table, ids)
        replicate = _replicates(part.settings)
        fresh = _one_each(part, replicate)
        drawn = part.runs[["data_hash"]] if not fresh else part.runs[[]]
        source = {"dataset": f"{name['dataset']} ({path[ids[0]]})"} if path[ids[0]] else {}
        for same in _parts(drawn):
            shown = settings if fresh or part.runs.data_hash.nunique() == 1 else with_data
            some = _of(part, same)
            full = {**name, **source, **_values_of(shown, same)}
            yield _group(some, metric, full, replicate, contenders(some, by, fixed), fresh)


def _values_of(frame: pd.DataFrame, ids: pd.Index) -> dict[str, str]:
    """Return what the rows have in common, by column, without what is empty."""
    return {str(name): str(value) for name, value in frame.loc[ids[0]].items() if value}


def _settings(settings: pd.DataFrame) -> list[Key]:
    """Return the settings in which runs differ and that change results, but those of strategies and models."""
    keys = [key for key in varying(settings) if changes_results(key) and not (is_seed(key) or in_slot(key))]
    # The first of those that go together is shown.
    return sorted(keys, key=lambda key: (key[1].endswith("_target_"), is_detail(key)))


def _named(settings: pd.DataFrame) -> pd.DataFrame:
    """Return settings under their dotted names."""
    return settings.set_axis([setting_name(key) for key in settings], axis=1)


def _replicates(settings: pd.DataFrame) -> pd.Series:
    """Name each run's seed; where several seeds vary, all of them."""
    seeds = [key for key in varying(settings) if is_seed(key) and not in_slot(key)]
    return _labels(_without_copies(settings[seeds]), settings)


def _without_copies(frame: pd.DataFrame) -> pd.DataFrame:
    """Leave out columns that repeat another one: ``split.seed`` is mostly ``seed``."""
    if len(frame.columns) < 2:
        return frame
    order = sorted(frame, key=lambda key: (key != SEED, setting_name(key)))
    return frame[order].T.drop_duplicates().T


def _needed(frame: pd.DataFrame) -> pd.DataFrame:
    """Leave out columns, from the last, without which the rows fall into the same parts."""
    kept = list(frame)
    for key in reversed(list(frame)):
        rest = [other for other in kept if other != key]
        parts = frame[rest].drop_duplicates() if rest else frame.iloc[:1]
        if len(frame[kept].drop_duplicates()) == len(parts):
            kept = rest
    return frame[kept]


def _labels(seeds: pd.DataFrame, settings: pd.DataFrame) -> pd.Series:
    """Name each run's seed; where several seeds vary, all of them."""
    if len(seeds.columns) <= 1:
        key = seeds.columns[0] if len(seeds.columns) else SEED
        return settings[key].astype(str) if key in settings else pd.Series("0", index=settings.index)
    return _named(seeds).apply(lambda row: " ".join(f"{key}={value}" for key, value in row.items()), axis=1)


def _one_each(table: RunTable, replicate: pd.Series) -> bool:
    """Whether the data were drawn anew for each seed, on purpose."""
    data = table.runs.data_hash
    drawn = any(is_seed(key) and key[0] == "dataset" for key in varying(table.settings))
    return drawn and bool((data.groupby(replicate).nunique() == 1).all() and data.nunique() == replicate.nunique())


def _group(
    table: RunTable, metric: str, name: dict[str, str], replicate: pd.Series, contender: pd.Series, fresh_data: bool
) -> Group:
    runs = table.runs.assign(strategy=contender, seed=replicate.loc[table.runs.index])
    runs = runs.sort_values("start")
    latest = runs.drop_duplicates(["strategy", "seed"], keep="last")
    metrics = table.metrics.loc[latest.index]
    values = values_of(latest, metrics[metric], table.folds_of(metric))
    if fresh_data:  # the folds of a seed share its data
        values = values.T.groupby(level="seed", sort=False).mean().T
        values.columns = pd.MultiIndex.from_product([values.columns, [0]], names=["seed", "fold"])
    notes = []
    if repeated := repeated_cells(runs, latest, metrics[metric], table.metrics[metric]):
        notes.append(repeated)
    if len(versions := sorted(latest.version.dropna().unique())) > 1:
        notes.append(f"runs of {len(versions)} versions of the program: {', '.join(versions)}")
    if unpaired := unpaired_seeds(values):
        notes.append(unpaired)
    if fresh_data:
        notes.append("every seed has data of its own, so the runs are independent")
    elif latest.seed.nunique() > 1 and _is_one_split(table.settings):
        notes.append("all seeds share one split: intervals show how training varies, not how other test rows would")
    ratio = 0.0 if fresh_data else ratio_of(metrics)
    if not np.isfinite(ratio):
        ratio = 0.25
        notes.append("how many rows were trained and tested on is not recorded; a fifth is taken to be tested")
    return Group(name, values, latest, metrics, ratio, notes)


def _is_one_split(settings: pd.DataFrame) -> bool:
    """Whether every seed had the same test rows: the split was given or has a seed that stayed as it was."""
    keys: list[Any] = list(settings)
    seeds = [key for key in keys if key[0] == "split" and is_seed(key)]
    known = SPLIT in settings or SPLIT_SEED in settings
    return known and not any(settings[key].nunique() > 1 for key in seeds)
