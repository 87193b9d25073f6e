"""What a table of runs holds of one run, from its record."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from imbalance_lab.options import leaves
from imbalance_lab.runs.files import RECORD

Key = tuple[str, str]  # group and key of a setting

SWEEP = "sweep.json"  # in the folder of a sweep: its name, and its parent run in MLflow
COPIES = "artifacts"  # the folder in which MLflow keeps a copy of a run's files
OUTCOMES = ("finished", "already finished", "skipped", "failed", "killed", "running")
RUN_COLUMNS = (
    "experiment", "experiment_id", "name", "start", "outcome", "reason", "sweep", "strategy", "model", "dataset",
    "data_hash", "config_hash", "version", "seed", "parent", "link", "tuned",
)  # fmt: skip
TUNED = ("best", "best_value", "default_value", "finished", "pruned", "seconds")
NO_GROUP = "run"  # stands in the place of the group for settings that belong to none
# What records and MLflow's parameters hold beside the settings of a run: its names, where it writes, who records it.
NO_SETTINGS = frozenset(
    [(NO_GROUP, key) for key in ("run", "strategy", "model", "output_dir", "resume")] + [("evaluation", "figures")]
)
NO_GROUPS = frozenset({"tracking"})
VERSION = "version/imbalance_lab"
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class RunRow:
    """One run: its id, and what the frames of a table hold of it."""

    run: str
    about: dict[str, Any]
    settings: Mapping[Key, str]
    metrics: Mapping[str, float]
    folds: Mapping[tuple[str, int], float]


def setting_key(name: str) -> Key:
    """Return group and key of a setting by its dotted name.

    >>> setting_key("sampler.k_neighbors"), setting_key("seed")
    (('sampler', 'k_neighbors'), ('run', 'seed'))
    """
    group, dot, key = name.partition(".")
    return (group, key) if dot else (NO_GROUP, name)


def settings_of(values: Iterable[tuple[str, Any]]) -> dict[Key, str]:
    """Return the settings among values by their dotted names, as text.

    >>> settings_of([("loss.gamma", 2.0), ("tracking.uri", "sqlite:///mlflow.db"), ("output_dir", "outputs")])
    {('loss', 'gamma'): '2.0'}
    """
    found = {setting_key(name): str(value) for name, value in values}
    return {key: value for key, value in found.items() if key not in NO_SETTINGS and key[0] not in NO_GROUPS}


def setting_name(key: Any) -> str:
    """Return the dotted name of a setting by its group and key.

    >>> setting_name(("sampler", "k_neighbors")), setting_name(("run", "seed"))
    ('sampler.k_neighbors', 'seed')
    """
    return key[1] if key[0] == NO_GROUP else f"{key[0]}.{key[1]}"


def seed_number(value: Any) -> int | None:
    """Return a seed as a number; None where there is none. Version 0.1.0 recorded ``seed=true``, which is 1.

    >>> seed_number("7"), seed_number("True"), seed_number(None)
    (7, 1, None)
    """
    text = {"True": "1", "False": "0"}.get(str(value), str(value))
    return int(text) if text.isdecimal() else None


def row_of(run: str, record: Mapping[str, Any], start: int) -> RunRow:
    """Return what a table holds of a record.

    Parameters
    ----------
    run : str
        Its id.
    record : mapping
        What ``record.json`` holds. The configuration stands in its ``identity``; in records of version 0.1.0, which
        have none, under ``config``.
    start : int
        When the run started or ended, in milliseconds: the later of two runs of one cell counts.

    Raises
    ------
    ValueError
        If it is the record of no run.
    """
    outcome = record.get("outcome", "finished" if "metrics" in record else None)
    if outcome not in OUTCOMES or "name" not in record:
        raise ValueError("it is no record of a run")
    identity, tags, dataset = record.get("identity") or {}, record.get("tags") or {}, record.get("dataset") or {}
    config = identity.get("config") or record.get("config") or {}
    settings = settings_of(leaves(config)) if config else {}
    about = {
        "name": record["name"],
        "start": start,
        "outcome": outcome,
        "reason": record.get("reason"),
        "strategy": identity.get("strategy", record.get("strategy")),
        "model": identity.get("model", record.get("model")),
        "dataset": identity.get("dataset") or (dataset.get("name") if isinstance(dataset, Mapping) else dataset),
        "data_hash": identity.get("data_hash") or tags.get("data_hash"),
        "config_hash": identity.get("config_hash") or tags.get("config_hash"),
        "version": identity.get("version") or tags.get(VERSION),
        "seed": seed_number(identity.get("seed", settings.get((NO_GROUP, "seed")))),
        "tuned": listed(tuned_of(record)),
    }
    metrics = {key: float(value) for key, value in (record.get("metrics") or {}).items()}
    for name, ends in (record.get("intervals") or {}).items():
        metrics |= {f"interval/{end}/{name}": float(value) for end, value in ends.items()}
    folds = record.get("folds") or []
    values = {
        (key, fold): float(value)
        for fold, result in enumerate(folds if len(folds) > 1 else [])
        for key, value in result["metrics"].items()
    }
    return RunRow(run, about, settings, _known(metrics), _known(values))


def tuned_of(record: Mapping[str, Any]) -> list[str]:
    """Return what tuning chose in each fold as JSON, of what ``record.json`` holds; nothing of a run without tuning.

    Each holds ``best`` (a value for each setting, as ``loss.gamma``), its ``best_value`` on the rows that trials are
    judged by and the ``default_value`` of the settings as they were given, how many trials ``finished`` and were
    ``pruned``, and their ``seconds``.

    Examples
    --------
    >>> fold = {"best": {"loss.gamma": 1.5}, "best_value": 0.75, "default_value": 0.5, "seconds": 9.5}
    >>> tuned_of({"folds": [{"metrics": {}, "tuning": fold}]})[0][:44]
    '{"best":{"loss.gamma":1.5},"best_value":0.75'
    >>> tuned_of({"folds": [{"metrics": {}}]})
    []
    """
    folds = [fold["tuning"] for fold in record.get("folds") or [] if fold.get("tuning")]
    found = folds or ([record["tuning"]] if record.get("tuning") else [])
    return [json.dumps({key: one.get(key) for key in TUNED}, separators=(",", ":")) for one in found]


def listed(folds: Sequence[str]) -> str | None:
    """Return what tuning chose in each fold as a table of runs holds it; None where there is nothing."""
    return f"[{','.join(folds)}]" if folds else None


def read_rows(folders: Sequence[Path]) -> tuple[list[RunRow], dict[str, Path], list[str]]:
    """Read every record below the folders, the oldest first; a copy, as MLflow keeps among its artifacts, is no run.

    Returns
    -------
    rows : list of RunRow
    places : dict
        The folder of each run, by its id.
    notes : list of str
        Which files are no records of runs.
    """
    files = sorted({file.absolute() for folder in folders for file in folder.rglob(RECORD)})
    root = os.path.commonpath([folder.absolute() for folder in folders]) if folders else "."
    rows, places, notes = [], {}, []
    seen: set[str] = set()
    # What MLflow may have copied is read last, and left out where the file it is a copy of was read.
    for copied, modified, file in sorted((file.parent.name == COPIES, file.stat().st_mtime_ns, file) for file in files):
        folder = file.parent
        run = folder.relative_to(root).as_posix() if folder != Path(root) else folder.name
        try:
            text = file.read_text(encoding="utf-8")
            row, sweep = row_of(run, read_record(folder, text), start=modified // 10**6), sweep_of(folder)
        except (ValueError, TypeError, AttributeError, KeyError, OSError, yaml.YAMLError) as error:
            notes.append(f"{file} is left out: {' '.join(str(error).split())[:200] or type(error).__name__}")
            continue
        if copied and text in seen:
            continue
        seen.add(text)
        rows.append(RunRow(run, row.about | sweep, row.settings, row.metrics, row.folds))
        places[run] = folder
    return sorted(rows, key=lambda row: row.about["start"]), places, notes


def read_record(folder: Path, text: str) -> dict[str, Any]:
    """Return the record of which `text` is the file in `folder`, its configuration with it."""
    record = json.loads(text)
    if not isinstance(record, dict):
        raise ValueError("it is no record of a run")
    if "identity" not in record and "config" not in record and (folder / "config.yaml").is_file():
        record["config"] = yaml.load((folder / "config.yaml").read_text(encoding="utf-8"), _LOADER)
    return record


def sweep_of(folder: Path) -> dict[str, Any]:
    """Return the sweep of the run in `folder` and its parent run, where it is one of a sweep."""
    file = folder.parent / SWEEP
    if not file.is_file():
        return {}
    sweep = json.loads(file.read_text(encoding="utf-8"))
    return {"sweep": sweep["name"], "parent": (sweep.get("parent") or {}).get("run_id")}


def _known(values: dict[Any, float]) -> dict[Any, float]:
    return {key: value for key, value in values.items() if not math.isnan(value)}
