"""Runs of stores that are away: they wait in their order, and each store is tried again, less and less often."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from imbalance_lab.errors import TrackingError
from imbalance_lab.tracking.sending.messages import Recorded

FIRST_DELAY, MAX_DELAY = 1.0, 30.0  # seconds between tries
RUNS_AT_ONCE = 50


@dataclass
class _Queue:
    """The runs that wait for one store."""

    at: float  # when it is tried again
    runs: list[Recorded] = field(default_factory=list)
    delay: float = FIRST_DELAY
    answers: bool = False  # and takes one batch after the other
    folder: Path = Path()  # of the run that it refused last
    reason: str = ""


class Away:
    """Used by two threads: one adds runs, the other sends them.

    Parameters
    ----------
    clock : callable
        Seconds.

    Examples
    --------
    >>> from imbalance_lab.tracking.address import Store
    >>> moment = [0.0]
    >>> away, run = Away(lambda: moment[0]), Recorded(Path("a"), Store("http://host", "", None, 50), "")
    >>> away.holds(run)
    False
    >>> away.settle([run], {Path("a"): TrackingError("no answer for a", 9)})
    >>> later = Recorded(Path("b"), run.store, "")
    >>> away.holds(later), away.due(), away.seconds_left()
    (True, [], 1.0)
    >>> moment[0] = 1.0
    >>> [str(one.folder) for one in away.due()]
    ['a', 'b']
    >>> away.settle([run, later], {}), away.seconds_left()
    (None, None)
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._queues: dict[str, _Queue] = {}

    def holds(self, run: Recorded) -> bool:
        """Take a run whose store is away; False where it is not."""
        with self._lock:
            queue = self._queues.get(run.store.uri)
            if queue is None:
                return False
            queue.runs.append(run)
            return True

    def due(self) -> list[Recorded]:
        """Return the first runs of a store that is to be tried again now."""
        with self._lock:
            now = self._clock()
            return next((queue.runs[:RUNS_AT_ONCE] for queue in self._queues.values() if queue.at <= now), [])

    def seconds_left(self) -> float | None:
        """Return in how many seconds a store is to be tried again; None if none is away."""
        with self._lock:
            return max(0.0, min(q.at for q in self._queues.values()) - self._clock()) if self._queues else None

    def settle(self, tried: Collection[Recorded], kept: Mapping[Path, TrackingError]) -> None:
        """Note what has become of runs of one store: those that are `kept` wait on, the others do not."""
        uri = next(iter(tried)).store.uri
        with self._lock:
            queue = self._queues.setdefault(uri, _Queue(self._clock(), list(tried), FIRST_DELAY / 2))
            queue.runs = [run for run in queue.runs if run not in tried or run.folder in kept]
            queue.delay = min(2 * queue.delay, MAX_DELAY) if kept else FIRST_DELAY / 2
            queue.at = self._clock() + (queue.delay if kept else 0)
            queue.answers = not kept
            for folder, error in kept.items():
                queue.folder, queue.reason = folder, str(error)
            if not queue.runs:
                del self._queues[uri]

    def hurry(self) -> None:
        """Try every store now, and then often again."""
        with self._lock:
            for queue in self._queues.values():
                queue.at, queue.delay = self._clock(), FIRST_DELAY / 4

    def waits_for(self, folder: Path, still_away: bool = False) -> bool:
        """Whether a run below a folder waits; where asked for, only for a store that has not answered since."""
        with self._lock:
            queues = [queue for queue in self._queues.values() if not (still_away and queue.answers)]
            return any(folder in run.folder.parents for queue in queues for run in queue.runs)

    def give_up(self, folder: Path) -> list[tuple[Recorded, str]]:
        """Let the runs below a folder go, and return them with the reasons."""
        gone = []
        with self._lock:
            for uri, queue in list(self._queues.items()):
                for run in [run for run in queue.runs if folder in run.folder.parents]:
                    queue.runs.remove(run)
                    gone.append((run, queue.reason.replace(str(queue.folder), str(run.folder))))
                if not queue.runs:
                    del self._queues[uri]
        return gone
