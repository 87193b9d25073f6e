"""Many runs: one after the other or several at once, going on where an earlier call of the same folder ended."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from imbalance_lab import process
from imbalance_lab.errors import LabError
from imbalance_lab.runs.cell import Cell, Outcome
from imbalance_lab.runs.claims import CLAIMS, SECONDS_BETWEEN_LOOKS, claim, release
from imbalance_lab.runs.files import RECORD, read_outcome
from imbalance_lab.runs.identity import Identity
from imbalance_lab.runs.observers import Tracker
from imbalance_lab.runs.run import load, run

MakeTracker = Callable[[], Tracker]


def run_all(
    identities: Sequence[Identity],
    folder: Path | None = None,
    make_tracker: MakeTracker = Tracker,
    jobs: int = 1,
    on_outcome: Callable[[Outcome], None] = lambda outcome: None,
    on_found: Callable[[Path], None] = lambda folder: None,
) -> list[Outcome]:
    """Make the runs, and return how each ended, in their order.

    Parameters
    ----------
    identities : sequence of Identity
    folder : Path, optional
        Each run has a folder of its own in it; what has finished there is not run again, and what another process is
        making there is waited for.
    make_tracker : callable
        Makes what follows a run, in the process that makes the run.
    jobs : int
        Runs at once, each in a process of its own; -1 is one per core.
    on_outcome : callable
        Given how each run ended, in the order in which they end.
    on_found : callable
        Given the folder of each run that has finished before; what it changes in the record is read again.
    """
    found: dict[int, Outcome] = {}
    left: list[tuple[int, Identity, Path | None]] = []
    for at, identity in enumerate(identities):
        to = None if folder is None else folder / f"{identity.config_hash}-{_data_hash(identity)}"
        if (outcome := _finished(to, identity)) is None:
            left.append((at, identity, to))
            continue
        assert to is not None
        on_found(to)
        found[at] = _finished(to, identity) or outcome
        on_outcome(found[at])
    for at, outcome in _outcomes(left, make_tracker, jobs):
        found[at] = outcome
        on_outcome(outcome)
    return [found[at] for at in range(len(identities))]


def attempt(
    identity: Identity, folder: Path | None, make_tracker: MakeTracker = Tracker, figures: bool = False
) -> Cell:
    """Make one run, which is recorded however it ends.

    Raises
    ------
    KeyboardInterrupt
        If the process was interrupted, once that is recorded.
    """
    cell = Cell(folder, identity.name)
    cell.identity = identity
    settings = {**identity.config, "output_dir": None if folder is None else str(folder)}

    def make() -> Any:
        cell.tracker = make_tracker()
        return run(identity, None, cell.tracker, folder, settings, figures)

    cell.attempt(make)
    return cell


def _outcomes(
    left: Sequence[tuple[int, Identity, Path | None]], make_tracker: MakeTracker, jobs: int
) -> Iterator[tuple[int, Outcome]]:
    claimed_by_others = []
    for at, outcome in _first_outcomes(left, make_tracker, jobs):
        if outcome is None:
            claimed_by_others.append(at)
        else:
            yield at, outcome
    for at, identity, to in left:
        if at in claimed_by_others:
            while (outcome := _attempt_claimed(identity, to, make_tracker)) is None:
                time.sleep(SECONDS_BETWEEN_LOOKS)
            yield at, outcome


def _first_outcomes(
    left: Sequence[tuple[int, Identity, Path | None]], make_tracker: MakeTracker, jobs: int
) -> Iterator[tuple[int, Outcome | None]]:
    """Yield how the runs ended; None for one that another process is making."""
    if jobs == 1 or len(left) < 2:
        for at, identity, to in left:
            yield at, _attempt_claimed(identity, to, make_tracker)
        return
    from joblib import Parallel, cpu_count, delayed, parallel_config

    at_once = min(cpu_count() if jobs < 0 else jobs, len(left))
    threads = max(cpu_count() // at_once, 1)
    with parallel_config("loky", n_jobs=at_once, inner_max_num_threads=threads):
        tasks = (delayed(_in_worker)(*one, make_tracker, threads, os.getpid()) for one in left)
        yield from Parallel(return_as="generator_unordered")(tasks)


def _in_worker(
    at: int, identity: Identity, folder: Path | None, make_tracker: MakeTracker, threads: int, parent: int
) -> tuple[int, Outcome | None]:
    for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
        os.environ.setdefault(name, str(threads))
    process.end_with_parent(parent)
    process.take_over()
    return at, _attempt_claimed(identity, folder, make_tracker)


def _attempt_claimed(identity: Identity, folder: Path | None, make_tracker: MakeTracker) -> Outcome | None:
    """Make one run, unless another process has finished it meanwhile; None if one is making it."""
    if folder is None:
        return attempt(identity, None, make_tracker).outcome
    claims = folder.parent / CLAIMS
    if not claim(claims, folder.name):
        return None
    try:
        return _finished(folder, identity) or attempt(identity, folder, make_tracker).outcome
    finally:
        release(claims, folder.name)


def _data_hash(identity: Identity) -> str:
    """Return a part of the data's hash; data that cannot be loaded fail the run that needs them."""
    try:
        data = load(identity.options).without_rare_classes(identity.settings.min_class_rows)
    except LabError:
        return "unread"
    return data.content_hash[:8]


def _finished(folder: Path | None, identity: Identity) -> Outcome | None:
    """Return the outcome of the very run in `folder` if it has finished there, by this version."""
    if folder is None or not (folder / RECORD).is_file():
        return None
    record = read_outcome(folder) or {}
    same = record.get("outcome") == "finished" and record["identity"]["version"] == identity.version
    epochs = folder / "epochs.csv"
    return Outcome(record, pd.read_csv(epochs) if epochs.is_file() else None, folder) if same else None
