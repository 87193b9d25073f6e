"""A table of runs as one Parquet file, which others can add to and compare without running anything again."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from imbalance_lab.errors import DataError
from imbalance_lab.evaluation.predictions import Predictions
from imbalance_lab.runs.files import read_predictions
from imbalance_lab.runs.reading import RUN_COLUMNS, seed_number, setting_key, setting_name
from imbalance_lab.runs.table import RunTable, folds_frame, settings_frame

METRIC, FOLD, SETTINGS, TEST = "metric/", "fold/", "settings", "test/"
PARQUET = ".parquet"
ROWS = ("rows/",)  # without which runs cannot be paired


def write_parquet(
    table: RunTable,
    file: Path,
    metrics: Collection[str],
    folders: Mapping[str, Path] | None = None,
    keep_tests: bool = False,
) -> None:
    """Write runs, their settings, metrics and folds, a row per run.

    Parameters
    ----------
    table : RunTable
    file : Path
        Replaced in one piece.
    metrics : collection of str
        That are kept; numbers of rows are kept always.
    folders : mapping of str to Path, optional
        Of runs, by their ids: their test predictions are kept too.
    keep_tests : bool
        Whether predictions that `file` holds of other runs of the table stay in it.
    """
    kept = [name for name in table.metrics if name in metrics or str(name).startswith(ROWS)]
    settings = [_text(row) for row in table.settings.to_dict("records")]
    parts = [
        table.runs[list(RUN_COLUMNS)].astype(object).where(table.runs.notna(), None).assign(seed=table.runs.seed),
        pd.DataFrame({SETTINGS: settings}, index=table.runs.index),
        table.metrics[kept].add_prefix(METRIC),
    ]
    for metric in dict.fromkeys(table.folds.columns.get_level_values("metric")):
        if metric in metrics:
            values = table.folds_of(metric).reindex(table.runs.index)
            parts.append(values.set_axis([f"{FOLD}{fold}/{metric}" for fold in values], axis=1))
    finished = table.runs.index[table.runs.outcome == "finished"]
    tests = {run: _flat(folders[run], table) for run in finished if folders and run in folders}
    kept_before = _tests(file, [run for run in finished if run not in tests]) if keep_tests and file.is_file() else {}
    if tests or kept_before:
        parts.append(pd.DataFrame.from_dict(tests | kept_before, orient="index").reindex(table.runs.index))
    temporary = file.with_name(f".{file.name}")
    pd.concat(parts, axis=1).to_parquet(temporary, compression="zstd", compression_level=19)
    temporary.replace(file)


def read_parquet(file: Path) -> RunTable:
    """Return the runs of a file that `write_parquet` wrote, or that somebody else did with the same columns.

    Raises
    ------
    DataError
        If it holds no runs.
    """
    frame = _read(file)
    lacking = [name for name in ("strategy", "model", "dataset", SETTINGS) if name not in frame]
    if lacking:
        raise DataError(f"{file} is no table of runs: it has no column {', '.join(lacking)}")
    index = pd.Index(frame.index.astype(str), name="run", dtype=object)
    frame = frame.set_axis(index, axis=0)
    runs = frame.reindex(columns=list(RUN_COLUMNS)).astype(object)
    seeds = pd.array([seed_number(_plain(value)) for value in runs.seed], dtype="Int64")
    runs = runs.where(runs.notna(), None).assign(seed=seeds)
    settings = [{setting_key(name): value for name, value in json.loads(text).items()} for text in frame[SETTINGS]]
    folds = frame[[name for name in frame if str(name).startswith(FOLD)]]
    found = [
        {_fold(str(name)): value for name, value in row.items() if not np.isnan(value)}
        for row in folds.to_dict("records")
    ]
    metrics = frame[[name for name in frame if str(name).startswith(METRIC)]]
    return RunTable(
        runs.astype({"start": "int64"}),
        settings_frame(settings, index),
        metrics.rename(columns=lambda name: name.removeprefix(METRIC)).sort_index(axis=1),
        folds_frame(found, index),
    )


def read_tests(file: Path, run: str) -> list[Predictions]:
    """Return the test predictions of a run, by fold.

    Raises
    ------
    DataError
        If the file does not hold them.
    """
    frame = _read(file)
    if f"{TEST}rows" not in frame or run not in frame.index or frame[f"{TEST}classes"].isna()[run]:
        raise DataError(f"{file} holds no predictions of {run}")
    row: Mapping[Any, Any] = frame.loc[run].to_dict()
    classes = int(row[f"{TEST}classes"])
    arrays = [np.array(row[f"{TEST}{key}"]) for key in Predictions._fields]
    arrays[2] = arrays[2].reshape(-1, classes)
    of = np.array(row[f"{TEST}fold"])
    return [Predictions(*(array[of == fold] for array in arrays)) for fold in np.unique(of)]


def _read(file: Path) -> pd.DataFrame:
    try:
        return pd.read_parquet(file)
    except (OSError, ValueError) as error:
        raise DataError(f"{file} cannot be read: {' '.join(str(error).split())[:200]}") from error


def _flat(folder: Path, table: RunTable) -> dict[str, Any]:
    """Return the test predictions of all folds as lists."""
    parts: list[Predictions] = []
    while len(parts) < max(table.folds.columns.get_level_values("fold").nunique(), 1):
        try:
            parts.append(read_predictions(folder, len(parts)))
        except KeyError:
            break
    rows, y, log_proba, predicted = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    if y.ndim == 2 and y.shape[1] > 1:
        raise DataError(f"{folder}: predictions of several labels are not kept in a table")
    fold = np.repeat(np.arange(len(parts), dtype=np.int16), [len(part.rows) for part in parts])
    columns = {"fold": fold, "rows": rows.astype(np.int32), "y": y.ravel().astype(np.int16)}
    columns |= {"log_proba": log_proba.ravel().astype(np.float32), "predicted": predicted.ravel().astype(np.int16)}
    return {f"{TEST}{key}": value for key, value in columns.items()} | {f"{TEST}classes": log_proba.shape[-1]}


def _tests(file: Path, runs: Collection[str]) -> dict[str, dict[str, Any]]:
    """Return the columns of the test predictions that a file holds of some runs."""
    frame = _read(file)
    held = frame[[name for name in frame if str(name).startswith(TEST)]].dropna()
    found: dict[Any, dict[Any, Any]] = held.loc[held.index.intersection(list(runs))].to_dict("index")
    return found


def _text(settings: Mapping[Any, Any]) -> str:
    return json.dumps({setting_name(key): value for key, value in settings.items() if isinstance(value, str)})


def _fold(name: str) -> tuple[str, int]:
    fold, _, metric = name.removeprefix(FOLD).partition("/")
    return metric, int(fold)


def _plain(value: Any) -> Any:
    return None if pd.isna(value) else int(value)
