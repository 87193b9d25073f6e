"""Many workers that log many runs into one store at once, and what that costs."""

from __future__ import annotations

import multiprocessing
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.synchronize import Barrier
from pathlib import Path

from sqlalchemy import create_engine, text

from experiments.server.copies import check, logged_once, make_record, stamped
from experiments.server.processes import cpu_seconds
from experiments.server.team import team_server
from imbalance_lab.tracking.address import SQLITE, absolute
from imbalance_lab.tracking.send import send

SECONDS_TO_BEGIN = 300.0
PRELOADED = ("experiments.server.load", "imbalance_lab.tracking.tracker")  # once for all workers


@dataclass(frozen=True)
class Cost:
    """What logging took.

    Parameters
    ----------
    workers, runs : int
    wall : float
        Seconds from the first run to the last.
    client : float
        CPU seconds of a worker for a run.
    slowest : float
        Wall seconds of the run that took longest.
    server, database : float or None
        CPU seconds for a run of MLflow's processes, and of PostgreSQL's; None where they are not ours.
    bytes : float or None
        By which a run makes the database larger; None where it is not known.
    """

    workers: int
    runs: int
    wall: float
    client: float
    slowest: float
    server: float | None
    database: float | None
    bytes: float | None

    def __str__(self) -> str:
        lines = [
            f"{self.runs} runs of {self.workers} workers, each there once and whole",
            f"wall: {self.wall:.1f} s, {self.runs / self.wall:.1f} runs a second, at most {self.slowest:.1f} s for one",
            f"CPU for a run: worker {self.client:.3f} s",
        ]
        if self.server is not None and self.database is not None:
            lines[-1] += f", MLflow's server {self.server:.3f} s, PostgreSQL {self.database:.3f} s"
        return "\n".join([*lines, *([] if self.bytes is None else [f"database: {self.bytes:,.0f} bytes a run"])])


def run(workers: int, runs: int, classes: int, processes: int, uri: str = "") -> Cost:
    """Log runs into a server of our own in a temporary folder, or into the store at `uri`.

    Parameters
    ----------
    workers, runs, classes : int
        `runs` in all, of so many classes.
    processes : int
        Of the server, if it is ours.
    uri : str
        Of another store.

    Raises
    ------
    Lost
        If a run is not there once, ended and with all that its record has.
    """
    with tempfile.TemporaryDirectory(prefix="load-") as scratch, store_at(uri, processes) as store:
        folder = Path(scratch)
        record = make_record(folder / "record", classes)
        expected = logged_once(record, folder)
        send(next(stamped(record, folder / "first", [0])), store.address)  # makes the tables and the experiment
        before, used = size(store.database), [cpu_seconds(pid) for pid in store.pids]
        shares = log(record, folder, store.address, workers, range(1, runs + 1))
        after, now = size(store.database), [cpu_seconds(pid) for pid in store.pids]
        check(store.database, range(runs + 1), expected)
    ours = [(b - a) / runs for a, b in zip(used, now, strict=True)] or [None, None]
    grown = None if before is None or after is None else (after - before) / runs
    wall = max(share.ended for share in shares) - min(share.began for share in shares)
    client, slowest = sum(share.cpu for share in shares) / runs, max(share.slowest for share in shares)
    return Cost(workers, runs, wall, client, slowest, *ours, grown)


@dataclass(frozen=True)
class Store:
    """Where runs are logged.

    Parameters
    ----------
    address : str
        What the workers are told.
    database : str
        Where it keeps them.
    pids : tuple of int
        Of MLflow's server and of PostgreSQL; empty where they are not ours.
    """

    address: str
    database: str
    pids: tuple[int, ...] = ()


@contextmanager
def store_at(uri: str, processes: int) -> Iterator[Store]:
    """Return the store at an address; of an empty one run a server and its database in a folder both may enter."""
    if uri:
        yield Store(absolute(uri), absolute(uri))
        return
    with tempfile.TemporaryDirectory(prefix="server-") as place:
        Path(place).chmod(0o711)
        with team_server(Path(place), processes=processes) as (served, database):
            yield Store(served.address, database.uri, (served.process.pid, database.pid))


@dataclass(frozen=True)
class Share:
    """What a worker did: when it began and ended, on one clock for all; its CPU seconds; its slowest run's seconds."""

    began: float
    ended: float
    cpu: float
    slowest: float


def log(record: Path, folder: Path, uri: str, workers: int, seeds: Sequence[int]) -> list[Share]:
    """Send a record under each seed, from so many processes at once."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(PRELOADED))
    barrier = context.Barrier(workers)
    with ProcessPoolExecutor(workers, context, _keep, (barrier,)) as pool:
        shares = [pool.submit(work, record, folder / f"worker-{k}", uri, seeds[k::workers]) for k in range(workers)]
        return [share.result() for share in shares]


_barriers: list[Barrier] = []  # of a worker


def _keep(barrier: Barrier) -> None:
    _barriers.append(barrier)


def work(record: Path, folder: Path, uri: str, seeds: Sequence[int]) -> Share:
    """Send a record under each of some seeds, once all workers are ready to."""
    copies = list(stamped(record, folder, seeds))
    _barriers[-1].wait(SECONDS_TO_BEGIN)
    began, used, slowest = time.perf_counter(), time.process_time(), 0.0
    for copy in copies:
        before = time.perf_counter()
        send(copy, uri)
        slowest = max(slowest, time.perf_counter() - before)
    return Share(began, time.perf_counter(), time.process_time() - used, slowest)


def size(uri: str) -> int | None:
    """Return how many bytes a database has; None of one that cannot be asked."""
    if uri.startswith(SQLITE):
        return sum(file.stat().st_size for file in Path(uri.removeprefix(SQLITE)).parent.glob("*.db*"))
    if not uri.startswith("postgresql"):
        return None
    engine = create_engine(uri)
    with engine.connect() as connection:
        found = connection.execute(text("select pg_database_size(current_database())")).scalar_one()
    engine.dispose()
    return int(found)
