"""The table of runs that a comparison works on, from the records of runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from imbalance_lab.runs.history import no_epochs, read_histories, stacked
from imbalance_lab.runs.markup import to_html
from imbalance_lab.runs.reading import RUN_COLUMNS, Key, RunRow, read_rows, row_of, setting_key, setting_name

EpochReader = Callable[[Sequence[str]], pd.DataFrame]
PARTS = ("runs", "settings", "metrics", "folds")
MOST_SHOWN = 30


@dataclass(frozen=True, repr=False, eq=False)
class RunTable:
    """Runs side by side: every frame has a row per run, indexed by its id.

    Parameters
    ----------
    runs : DataFrame
        ``name``, ``start`` (milliseconds), ``outcome`` (``finished``, ``already finished``, ``skipped``, ``failed``,
        ``killed``, ``running``), ``reason``, ``strategy``, ``model``, ``dataset``, ``seed`` (a number), ``data_hash``,
        ``config_hash``, ``version``, ``sweep``, ``parent`` (the run of its sweep in MLflow), ``experiment``,
        ``experiment_id``, ``link`` (where a person can look at it), ``tuned`` (what tuning chose in each fold, as JSON;
        see `tuned_of`).
    settings : DataFrame
        Every leaf of the configurations, as text; missing where a run has no such setting. Columns have two levels,
        ``group`` and ``key``: ``("sampler", "k_neighbors")``, ``("options", "sampler")``, ``("run", "seed")``.
    metrics : DataFrame
        Of the test rows, means over folds: ``balanced_accuracy``, ``recall/<class>``, ...; also ``timing/fit``,
        ``rows/test`` and the like, and ``interval/low/<metric>``, ``interval/high/<metric>``.
    folds : DataFrame
        The values of each fold; columns have two levels, ``metric`` and ``fold``. Empty if no run has several folds.
        A table from MLflow holds those of one metric, the one that was asked for.
    epochs : callable
        Takes ids of runs and returns their epochs: ``run``, ``key`` (``recall/<class>``, ``loss``), ``epoch``,
        ``value``.
    notes : sequence of str
        What could not be read, and why.

    Examples
    --------
    >>> record = {"outcome": "finished", "name": "a run", "strategy": "none", "model": "mlp", "dataset": {"name": "d"},
    ...           "metrics": {"balanced_accuracy": 0.5}, "config": {"seed": 3, "loss": {"gamma": 2.0}}}
    >>> table = RunTable.from_records([record])
    >>> table.setting("loss.gamma").to_list(), table.runs.seed.to_list()
    (['2.0'], [3])
    """

    runs: pd.DataFrame
    settings: pd.DataFrame
    metrics: pd.DataFrame
    folds: pd.DataFrame
    epochs: EpochReader = no_epochs
    notes: Sequence[str] = ()

    @classmethod
    def from_records(cls, records: Iterable[Any]) -> RunTable:
        """Make a table of records in memory.

        Parameters
        ----------
        records : iterable
            What ``record.json`` holds, as mappings, or objects whose ``summary()`` returns it. Ids are their places.

        Raises
        ------
        ValueError
            If one is the record of no run.
        """
        found, histories = [], {}
        for place, record in enumerate(records):
            content = record if isinstance(record, Mapping) else record.summary()
            found.append(row_of(str(place), content, start=place))
            if (history := getattr(record, "history", None)) is not None:
                histories[str(place)] = history
        return cls._of(found, epochs=partial(_of_histories, histories))

    @classmethod
    def from_folder(cls, *folders: str | Path) -> RunTable:
        """Read every ``record.json`` below the folders, of skipped, failed and killed runs too.

        Parameters
        ----------
        *folders : str or Path
            The ids of runs are their folders' paths, relative to the folder, or to what several have in common.
        """
        found, places, notes = read_rows([Path(folder) for folder in folders])
        return cls._of(found, epochs=partial(_of_folders, places), notes=notes)

    @classmethod
    def _of(cls, rows: Sequence[RunRow], epochs: EpochReader, notes: Sequence[str] = ()) -> RunTable:
        index = pd.Index([row.run for row in rows], name="run", dtype=object)
        runs = pd.DataFrame([row.about for row in rows], index=index, columns=list(RUN_COLUMNS), dtype=object)
        return cls(
            runs.astype({"seed": "Int64", "start": "int64"}),
            settings_frame([row.settings for row in rows], index),
            pd.DataFrame([row.metrics for row in rows], index=index).sort_index(axis=1),
            folds_frame([row.folds for row in rows], index),
            epochs,
            tuple(notes),
        )

    def __len__(self) -> int:
        return len(self.runs)

    def __repr__(self) -> str:
        return f"{len(self)} runs\n{self._shown().to_string(index=False)}"

    def _repr_html_(self) -> str:
        left_out = f", the first {MOST_SHOWN} of them" if len(self) > MOST_SHOWN else ""
        return to_html(self._shown(), f"{len(self)} runs{left_out}", self.notes)

    def _shown(self) -> pd.DataFrame:
        """Return what a person looks for first, of the first runs."""
        shown = self.runs[["strategy", "model", "dataset", "seed", "outcome"]].head(MOST_SHOWN)
        if "balanced_accuracy" in self.metrics:
            accuracy = self.metrics.balanced_accuracy.reindex(shown.index)
            shown = shown.assign(**{"balanced accuracy": accuracy.map(lambda v: "" if pd.isna(v) else f"{v:.3f}")})
        return shown.astype(object).where(shown.notna(), "")

    def only(self, wanted: pd.Series) -> RunTable:
        """Return the runs for which `wanted` holds."""
        kept = wanted.index[wanted]
        frames = {part: getattr(self, part) for part in PARTS}
        return replace(self, **{part: frame.loc[frame.index.intersection(kept)] for part, frame in frames.items()})

    def union(self, other: RunTable) -> RunTable:
        """Return the runs of both tables; of runs of one id those of this table."""
        other = other.only(pd.Series(~other.runs.index.isin(self.runs.index), index=other.runs.index))
        if not len(other) or not len(self):
            return self if len(self) else other
        mine = set(self.runs.index)

        def epochs(ids: Sequence[str]) -> pd.DataFrame:
            parts = [self.epochs([run for run in ids if run in mine]), other.epochs([r for r in ids if r not in mine])]
            return pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)

        frames: dict[str, Any] = {part: pd.concat([getattr(self, part), getattr(other, part)]) for part in PARTS}
        frames["settings"] = frames["settings"][sorted(frames["settings"], key=setting_name)]
        return replace(self, **frames, epochs=epochs, notes=(*self.notes, *other.notes))

    def to_frame(self) -> pd.DataFrame:
        """Return one row per run: what it is, how it ended, and its metrics."""
        return self.runs.join(self.metrics)

    def setting(self, name: str) -> pd.Series:
        """Return a setting of every run by its dotted name, as ``training.epochs`` or ``seed``.

        Raises
        ------
        KeyError
            If no run has such a setting.
        """
        return self.settings[setting_key(name)]

    def folds_of(self, metric: str) -> pd.DataFrame:
        """Return the values of one metric, a column for each fold."""
        if metric not in self.folds.columns.get_level_values("metric"):
            return pd.DataFrame(index=self.folds.index)
        own = self.folds.columns.get_level_values("metric") == metric
        return self.folds.loc[:, own].droplevel("metric", axis=1)


def _of_histories(histories: Mapping[str, pd.DataFrame], ids: Sequence[str]) -> pd.DataFrame:
    return stacked({run: histories[run] for run in ids if run in histories})


def _of_folders(places: Mapping[str, Path], ids: Sequence[str]) -> pd.DataFrame:
    return read_histories({run: places[run] for run in ids})


def settings_frame(settings: Sequence[Mapping[Key, str]], index: pd.Index) -> pd.DataFrame:
    """Return a row per run and a column per (group, key), in the order of their dotted names."""
    keys = sorted({key for row in settings for key in row}, key=setting_name)
    columns = pd.MultiIndex.from_tuples(keys, names=["group", "key"]) if keys else _no_columns("group", "key")
    values = [[row.get(key) for key in keys] for row in settings]
    return pd.DataFrame(values, index=index, columns=columns, dtype=object)


def folds_frame(folds: Sequence[Mapping[tuple[str, int], float]], index: pd.Index) -> pd.DataFrame:
    """Return a row per run that has folds, and a column per (metric, fold)."""
    keys = sorted({key for row in folds for key in row})
    columns = pd.MultiIndex.from_tuples(keys, names=["metric", "fold"]) if keys else _no_columns("metric", "fold")
    kept = [place for place, row in enumerate(folds) if row]
    values = [[folds[place].get(key) for key in keys] for place in kept]
    return pd.DataFrame(values, index=index[kept], columns=columns, dtype=float)


def _no_columns(*names: str) -> pd.MultiIndex:
    return pd.MultiIndex.from_arrays([[] for _ in names], names=list(names))
