"""Runs put into groups within which they may be compared, and paired by seed and fold there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from imbalance_lab.errors import ConfigError
from imbalance_lab.options import SLOTS
from imbalance_lab.runs.table import RunTable

SEED = re.compile(r"(^|\.)(seed|random_state)$")
SLOT = re.compile(rf"^({'|'.join([*SLOTS, 'model'])})\.")
# What says how a run is recorded, or says again what a strategy's, model's or dataset's name says.
NO_SETTING = re.compile(
    r"^(run|strategy|model|output_dir|resume|save_model|tracking\..*|options\..*|(dataset|training|evaluation)\._target_)$"
)
NO_RESULT = re.compile(r"^(evaluation\.(?!calibration_bins).*|dataset\.(path|name|title))$")

KEPT = ("seed", "split.seed")


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
        One row per run: ``strategy``, ``seed``, and everything of the run table.
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


def group_runs(table: RunTable, metric: str, by: Sequence[str]) -> list[Group]:
    """Put the finished runs of a table into groups.

    Runs with different settings, or on different data, never share a group, whether ``by`` names the setting or not.

    Parameters
    ----------
    table : RunTable
    metric : str
    by : sequence of str
        Columns of the run table, or settings.

    Raises
    ------
    ConfigError
        If there is no such column, setting or metric.
    """
    finished = table.only(table.runs.outcome == "finished")
    if metric not in finished.metrics:
        raise ConfigError(f"no run logged the metric '{metric}'")
    finished = finished.only(finished.metrics[metric].notna())
    keys = pd.DataFrame({key: column(finished, key) for key in by}, index=finished.runs.index)
    used = dict.fromkeys([*_varying(finished.params), *KEPT, *by])
    finished = replace(finished, params=finished.params[[key for key in used if key in finished.params]])
    return [
        group
        # Settings are told apart over all datasets, so that groups of one name may be put side by side.
        for ids in _parts(keys.drop(columns="dataset", errors="ignore"))
        for group in _split(_of(finished, ids), metric, by)
    ]


def column(table: RunTable, key: str) -> pd.Series:
    """Return a column of the run table, or a setting, as text."""
    if key in table.runs:
        return table.runs[key].astype(str)
    if key in table.params:
        return table.params[key].astype(str)
    raise ConfigError(f"runs have no '{key}'")


def _parts(keys: pd.DataFrame) -> list[pd.Index]:
    """Return the rows of each combination of values."""
    if not len(keys.columns):
        return [keys.index]
    return [part.index for _, part in keys.groupby(list(keys), sort=True, dropna=False)]


def _of(table: RunTable, ids: pd.Index) -> RunTable:
    return table.only(pd.Series(table.runs.index.isin(ids), index=table.runs.index))


def _split(table: RunTable, metric: str, by: Sequence[str]) -> Iterator[Group]:
    """Yield a group for each dataset and each combination of the settings in which runs differ."""
    settings = _settings(table.params)
    apart = _needed(table.params[[key for key in settings if not key.startswith("dataset.")]].fillna(""))
    apart = apart.assign(dataset=table.runs.dataset.fillna(""))
    for ids in _parts(apart):
        part = _of(table, ids)
        common = {key: column(part, key).iloc[0] for key in by} | {"dataset": apart.dataset.loc[ids[0]]}
        name = common | {str(key): str(value) for key, value in apart.loc[ids[0]].items() if value}
        yield from _split_by_data(part, metric, by, name)


def _split_by_data(table: RunTable, metric: str, by: Sequence[str], name: dict[str, str]) -> Iterator[Group]:
    """Yield a group for each draw of a dataset, unless the draws are seeds like any other."""
    own = [key for key in _settings(table.params) if key.startswith("dataset.")]
    settings = _needed(table.params[own].fillna(""))
    with_data = settings.assign(data=table.runs.data_hash.str[:6])
    for ids in _parts(settings):
        part = _of(table, ids)
        replicate = _replicates(part.params)
        fresh = _one_each(part, replicate)
        drawn = part.runs[["data_hash"]] if not fresh else part.runs[[]]
        for same in _parts(drawn):
            shown = settings if fresh or part.runs.data_hash.nunique() == 1 else with_data
            told = {str(key): str(value) for key, value in shown.loc[same[0]].items() if value}
            some = _of(part, same)
            yield _group(some, metric, name | told, replicate, _contenders(some, by), fresh)


def _settings(params: pd.DataFrame) -> list[str]:
    """Return the settings in which runs differ and that change their results; of a strategy or model its name tells."""
    settings = [key for key in _varying(params) if not (SEED.search(key) or SLOT.match(key) or NO_RESULT.match(key))]
    return sorted(settings, key=lambda key: key.endswith("_target_"))  # the first of those that go together is shown


def _replicates(params: pd.DataFrame) -> pd.Series:
    """Name each run's seed; where several seeds vary, all of them."""
    seeds = [key for key in _varying(params) if SEED.search(key) and not SLOT.match(key)]
    return _labels(_without_copies(params[seeds]), params)


def _varying(params: pd.DataFrame) -> list[str]:
    counts = params.fillna("").nunique()
    return [str(key) for key in counts.index[counts > 1] if not NO_SETTING.search(str(key))]


def _without_copies(frame: pd.DataFrame) -> pd.DataFrame:
    """Leave out columns that repeat another one: ``split.seed`` is mostly ``seed``."""
    order = sorted(frame, key=lambda key: (key != "seed", key))
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


def _labels(seeds: pd.DataFrame, params: pd.DataFrame) -> pd.Series:
    """Name each run's seed; where several seeds vary, all of them."""
    if len(seeds.columns) <= 1:
        key = seeds.columns[0] if len(seeds.columns) else "seed"
        return params[key].astype(str) if key in params else pd.Series("0", index=params.index)
    return seeds.apply(lambda row: " ".join(f"{key}={value}" for key, value in row.items()), axis=1)


def _one_each(table: RunTable, replicate: pd.Series) -> bool:
    """Whether the data were drawn anew for each seed, on purpose."""
    data = table.runs.data_hash
    drawn = any(SEED.search(key) and key.startswith("dataset.") for key in _varying(table.params))
    return drawn and bool((data.groupby(replicate).nunique() == 1).all() and data.nunique() == replicate.nunique())


def _contenders(table: RunTable, by: Sequence[str]) -> pd.Series:
    """Name what competes: strategies, with the model where models compete, and with what else tells them apart."""
    names = table.runs.strategy.astype(str)
    if "model" not in by:
        names = names + " " + table.runs.model.astype(str)
    slots = table.params[[key for key in table.params if SLOT.match(str(key)) and not SEED.search(str(key))]]
    for name, ids in names.groupby(names).groups.items():
        own = slots.loc[ids]
        varying = _varying(own)
        if varying:  # options from a folder of the user's: their names do not say their settings
            names.loc[ids] = own[varying].apply(
                lambda row, name=name: f"{name}({','.join(f'{key}={value}' for key, value in row.dropna().items())})",
                axis=1,
            )
    return names


def _group(
    table: RunTable, metric: str, name: dict[str, str], replicate: pd.Series, contender: pd.Series, fresh_data: bool
) -> Group:
    runs = table.runs.assign(strategy=contender, seed=replicate.loc[table.runs.index]).sort_values("start")
    latest = runs.drop_duplicates(["strategy", "seed"], keep="last")
    metrics = table.metrics.loc[latest.index]
    values = _values(latest, metrics[metric], table.folds)
    if fresh_data:  # the folds of a seed share its data
        values = values.T.groupby(level="seed", sort=False).mean().T
        values.columns = pd.MultiIndex.from_product([values.columns, [0]], names=["seed", "fold"])
    notes = []
    if repeated := len(runs) - len(latest):
        notes.append(f"{repeated} run(s) of a cell that ran again later are left out")
    if len(versions := sorted(latest.version.dropna().unique())) > 1:
        notes.append(f"runs of {len(versions)} versions of the program: {', '.join(versions)}")
    if unpaired := _unpaired(values):
        notes.append(unpaired)
    if fresh_data:
        notes.append("every seed has data of its own, so the runs are independent")
    elif latest.seed.nunique() > 1 and table.params.get("split.seed", latest.seed).nunique() == 1:
        notes.append(
            "all seeds share one split: intervals tell how the training's randomness varies, not other test rows"
        )
    ratio = 0.0 if fresh_data else _ratio(metrics)
    if not np.isfinite(ratio):
        ratio = 0.25
        notes.append("runs do not say how many rows they trained and tested on; a fifth is taken to be tested")
    return Group(name, values, latest, metrics, ratio, notes)


def _values(runs: pd.DataFrame, means: pd.Series, folds: pd.DataFrame) -> pd.DataFrame:
    """Return the metric with a row per strategy and a column per (seed, fold)."""
    each = folds.reindex(runs.index).dropna(axis=1, how="all").astype(float)
    if 0 not in each:
        each[0] = np.nan
    each[0] = each[0].where(each.notna().any(axis=1), means)  # a run of one fold has its mean only
    each.index = pd.MultiIndex.from_frame(runs[["strategy", "seed"]])
    wide = pd.DataFrame(each.rename_axis(columns="fold").stack().dropna().unstack(["seed", "fold"]))
    order = sorted(range(len(wide.columns)), key=lambda k: (_natural(wide.columns[k][0]), wide.columns[k][1]))
    return wide.reindex(index=list(dict.fromkeys(runs.strategy)), columns=wide.columns[order])


def _natural(seed: str) -> tuple[int, float, str]:
    return (0, float(seed), "") if re.fullmatch(r"\d+", seed) else (1, 0.0, seed)


def _ratio(metrics: pd.DataFrame) -> float:
    """Return test rows by other rows, from what the runs say of themselves."""
    rows = metrics.reindex(columns=["rows/test", "rows/train", "rows/validation"]).mean()
    return float(rows["rows/test"] / (rows["rows/train"] + rows["rows/validation"]))


def _unpaired(values: pd.DataFrame) -> str | None:
    """Say which strategies lack seeds that others have."""
    seeds = values.columns.get_level_values("seed")
    missing = {
        str(name): sorted(set(seeds[row.isna()]), key=_natural) for name, row in values.iterrows() if row.isna().any()
    }
    if not missing:
        return None
    shown = [f"{name} lacks {', '.join(s[:5])}{', ...' if len(s) > 5 else ''}" for name, s in missing.items()]
    more = f" and {len(shown) - 8} others lack some" if len(shown) > 8 else ""
    said = f"means are over different seeds: {'; '.join(shown[:8])}{more}"
    return f"{said}; differences are taken over the seeds that both have"
