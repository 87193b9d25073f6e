"""A run's record on disk. It is written before anything is sent to a tracking server."""

from __future__ import annotations

import json
import os
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from imbalance_lab.errors import DataError
from imbalance_lab.evaluation.predictions import Predictions
from imbalance_lab.runs.record import RunRecord

RECORD = "record.json"
RESUMED = "resumed.json"  # beside the record of a run that a later sweep found finished
PREDICTIONS = "predictions.npz"
TRIALS = "trials.csv"
WRITTEN = (RECORD, "config.yaml", "classes.csv", "epochs.csv", TRIALS, PREDICTIONS, "error.txt")
MODELS, REFITTED = "models", "model"  # of the folds, by their numbers; of all rows
LOOKED_AT, WORTH_COMPRESSING = 32_768, 0.5  # values of an array; what is left of them
PICTURES = (".png", ".svg", ".pdf")
DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def write_record(record: RunRecord, folder: Path) -> dict[str, Any]:
    """Write everything that is kept of a finished run under `folder`, and return what ``record.json`` says.

    ``predictions.npz`` holds ``<fold>/test/log_proba`` and the like, so metrics and decisions can be recomputed without
    training.
    """
    folder.mkdir(parents=True, exist_ok=True)
    settings = json.loads(json.dumps(record.settings, default=str))  # an object of one's own stands as its text
    (folder / "config.yaml").write_text(yaml.dump(settings, Dumper=DUMPER, sort_keys=False))
    record.classes.to_csv(folder / "classes.csv", index_label="class")
    if record.history is not None:
        record.history.to_csv(folder / "epochs.csv", index=False)
    if record.identity.tuning:
        record.trials.to_csv(folder / TRIALS, index=False)
    arrays = {
        f"{fold}/{part}/{key}": value
        for fold, result in enumerate(record.folds)
        for part, predictions in (("validation", result.validation), ("test", result.test))
        for key, value in predictions._asdict().items()
    }
    _write_arrays(folder / PREDICTIONS, arrays)
    return write_outcome(folder, **record.summary())


def _write_arrays(file: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write what `numpy.savez_compressed` writes, but as it is what does not shrink to half: in a tenth of the time.

    The first level of compression leaves a tenth more of scores than the sixth, and takes a sixth of its time.
    """
    with zipfile.ZipFile(file, "w", compresslevel=1) as archive:
        for name, array in arrays.items():
            archive.compression = zipfile.ZIP_DEFLATED if _shrinks(array) else zipfile.ZIP_STORED
            with archive.open(f"{name}.npy", "w", force_zip64=True) as opened:
                np.lib.format.write_array(opened, np.asanyarray(array), allow_pickle=False)


def _shrinks(array: np.ndarray) -> bool:
    start = np.ravel(array)[:LOOKED_AT].tobytes()
    return len(zlib.compress(start, 1)) < WORTH_COMPRESSING * len(start)


def save_models(record: RunRecord, folder: Path) -> None:
    """Write each fold's model into a folder of its number under `folder`, from which `imbalance_lab.load` reads it."""
    for fold in range(len(record.folds)):
        record.classifier(fold).save(folder / str(fold))


def write_outcome(folder: Path, outcome: str, **details: Any) -> dict[str, Any]:
    """Write ``record.json`` in one piece.

    `outcome` is ``finished``, ``already finished``, ``skipped``, ``failed`` or ``killed``.
    """
    return _write_json(folder / RECORD, {"outcome": outcome, **details})


def write_resumed(folder: Path, outcome: str, **details: Any) -> dict[str, Any]:
    """Write how a run ended that had finished in this folder before: its record stays."""
    return _write_json(folder / RESUMED, {"outcome": outcome, **details})


def _write_json(file: Path, content: dict[str, Any]) -> dict[str, Any]:
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_name(f".{file.name}")
    temporary.write_text(_json(content))
    os.replace(temporary, file)
    return content


def _json(content: Mapping[str, Any]) -> str:
    """Return JSON with a line for each entry and each entry of an entry: with `indent` Python would write all of it.

    >>> print(_json({"outcome": "finished", "metrics": {"accuracy": 0.5, "recall/a": 1.0}, "folds": []}))
    {
     "outcome": "finished",
     "metrics": {
      "accuracy": 0.5,
      "recall/a": 1.0
     },
     "folds": []
    }
    """
    encode = json.JSONEncoder(default=str).encode
    lines = []
    for key, value in content.items():
        if isinstance(value, dict) and value:
            inner = ",\n".join(f"  {encode({name: entry})[1:-1]}" for name, entry in value.items())
            lines.append(f" {encode(key)}: {{\n{inner}\n }}")
        else:
            lines.append(f" {encode({key: value})[1:-1]}")
    return "{\n" + ",\n".join(lines) + "\n}"


def written_files(folder: Path) -> list[Path]:
    """Return the files under `folder` that a run writes, by name: the folder may hold anything else besides."""
    named = [folder / name for name in WRITTEN]
    figures = sorted(file for file in folder.glob("figures/*") if file.suffix in PICTURES)
    models = sorted([*folder.glob(f"{MODELS}/[0-9]*/*"), *folder.glob(f"{REFITTED}/*")])
    return [file for file in (*named, *figures, *models) if file.is_file()]


def mark_untracked(folder: Path, reason: str) -> dict[str, Any]:
    """Note in a finished run's record that it is not in MLflow, and why; return the record."""
    return write_outcome(folder, **{**(read_outcome(folder) or {}), "untracked": reason})


def mark_tracked(folder: Path, record: Mapping[str, Any]) -> dict[str, Any]:
    """Take back `mark_untracked`, and return the record."""
    return write_outcome(folder, **{key: value for key, value in record.items() if key != "untracked"})


def read_outcome(folder: Path, name: str = RECORD) -> dict[str, Any] | None:
    """Return what ``record.json`` under `folder` says, or another file; None if the run never wrote one.

    Raises
    ------
    DataError
        If it is damaged.
    """
    file = folder / name
    if not file.is_file():
        return None
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(f"{file} is damaged ({error}); repeat the run") from error
    if not isinstance(found, dict):
        raise DataError(f"{file} is no record of a run; move it away")
    return found


@contextmanager
def _predictions(file: Path) -> Iterator[Any]:
    """Open a file of predictions; of one that is no archive NumPy would say how to unpickle it."""
    with file.open("rb") as opened:  # NumPy leaves a damaged file open
        if not zipfile.is_zipfile(opened):
            raise ValueError("it is no NumPy archive")
        opened.seek(0)
        with np.load(opened) as arrays:
            yield arrays


def check_predictions(folder: Path, folds: int) -> None:
    """Read all predictions of a run; those that somebody deleted to save space are none.

    Raises
    ------
    ValueError
        If the file is damaged or lacks a fold.
    """
    file = folder / PREDICTIONS
    if not file.is_file():
        return
    try:
        with _predictions(file) as arrays:
            lengths = {key: len(arrays[key]) for key in arrays.files}
        missing = [fold for fold in range(folds) if f"{fold}/test/log_proba" not in lengths]
    except (OSError, ValueError, EOFError, TypeError, AttributeError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"{PREDICTIONS}: {' '.join(str(error).split()) or type(error).__name__}") from error
    if missing:
        raise ValueError(f"{PREDICTIONS} has no test rows of fold {missing[0]}")


def read_predictions(folder: Path, fold: int = 0, part: str = "test") -> Predictions:
    """Read back the predictions of one fold; `part` is ``validation`` or ``test``."""
    with _predictions(folder / PREDICTIONS) as arrays:
        return Predictions(*(arrays[f"{fold}/{part}/{key}"] for key in Predictions._fields))
