"""The process that sends: ``python -m imbalance_lab.tracking.sending.worker FILENO PARENT``.

It ignores the signals that end a sweep: whoever started it says what is to become of the rest, or has died, and then
there are some seconds for it.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
import warnings
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from multiprocessing.connection import Connection, wait
from pathlib import Path
from queue import Empty, PriorityQueue
from typing import Any

from imbalance_lab.errors import LabError, TrackingError
from imbalance_lab.process import hold_collector, interrupt_where, let_go, settle_collector
from imbalance_lab.tracking.cells import claim_for_sending, release_sent
from imbalance_lab.tracking.sending.away import RUNS_AT_ONCE, Away
from imbalance_lab.tracking.sending.messages import Aborted, Call, Drain, Message, Recorded, Stop

SECONDS_BETWEEN_LOOKS = 0.2
SECONDS_TO_GATHER = 2.0  # a run waits so long for others: they are sent together
GRACE = 5.0  # seconds for what is being sent when the process is to end
FIRST, NEXT, LATER, LAST = range(4)  # calls, runs, drains, the end


@dataclass(order=True)
class _Work:
    """Something to do, and who waits for it."""

    priority: int
    place: int
    message: Message = field(compare=False)
    number: int = field(default=0, compare=False)
    connection: Connection | None = field(default=None, compare=False)
    came: float = field(default_factory=time.monotonic, compare=False)


class Worker:
    """Reads messages in one thread, and does what they ask for in the main one.

    Parameters
    ----------
    listener : socket
        Where processes that compute connect to.
    parent : int
        The process that started this one.
    """

    def __init__(self, listener: socket.socket, parent: int) -> None:
        self._listener, self._parent = listener, parent
        self._connections: list[Connection] = []
        self._work: PriorityQueue[_Work] = PriorityQueue()
        self._places = count()
        self._drains: list[_Work] = []
        self._busy: Message | None = None
        self._deadline: float | None = None  # when what is being done is interrupted, and nothing else is sent
        self._interrupted = False
        self._exit_at: float | None = None
        self._failed: dict[Path, str] = {}
        self._handed_over: deque[str] = deque(maxlen=100)  # the last records, by which an interrupted message is known
        self._away = Away()
        self._tried: dict[Path, int] = {}
        self._last_tries: list[tuple[float, _Work]] = []  # drains, and until when they wait for stores that are away
        self._answering = threading.Lock()
        self._loaded = False

    def run(self) -> None:
        """Work until the end is asked for, or the parent has died."""
        self._interrupt_main = interrupt_where(self._stop_being_busy)
        threading.Thread(target=self._read, daemon=True, name="messages").start()
        warnings.simplefilter("ignore")  # MLflow's; those of a run are in its record
        hold_collector()
        from imbalance_lab.tracking.sending.calls import Calls

        self._calls = Calls()
        settle_collector()
        self._loaded = True
        while not isinstance((work := self._next()).message, Stop):
            if isinstance(work.message, Recorded):
                self._send(self._gather(work))
            else:
                self._attempt(work)
        self._deadline = None
        self._attempt(_Work(FIRST, 0, Call("abandon_all")))

    def _next(self) -> _Work:
        """Return what is to be done next; stores that are away are tried again on the way."""
        while True:
            if runs := self._away.due():
                self._deliver(runs)
            self._end_drains()
            seconds = self._away.seconds_left()
            with suppress(Empty):
                return self._work.get(timeout=None if seconds is None else max(seconds, 0.01))

    def _gather(self, first: _Work) -> list[_Work]:
        """Return a run and those of its store that come soon after it; none where something else comes first."""
        assert isinstance(first.message, Recorded)
        batch = [first]
        while len(batch) < RUNS_AT_ONCE and (left := first.came + SECONDS_TO_GATHER - time.monotonic()) > 0:
            try:
                work = self._work.get(timeout=left)
            except Empty:
                break
            if not isinstance(work.message, Recorded) or work.message.store != first.message.store:
                self._work.put(work)
                if work.priority > NEXT or isinstance(work.message, Recorded | Aborted):
                    break
                for one in batch:
                    self._work.put(one)
                return []
            batch.append(work)
        return batch

    def _read(self) -> None:
        """Take messages; a drain counts once everything that was said before has been read, by whomever."""
        while True:
            ready = wait([self._listener, *self._connections], 0 if self._drains else SECONDS_BETWEEN_LOOKS)
            for one in ready:
                if one is self._listener:
                    self._connections.append(Connection(self._listener.accept()[0].detach()))
                elif isinstance(one, Connection):
                    self._receive(one)
            if not ready:
                self._start_drains()
            self._look()

    def _receive(self, connection: Connection) -> None:
        try:
            number, message = connection.recv()
        except (OSError, EOFError):
            self._connections.remove(connection)
            connection.close()
            return
        if isinstance(message, Stop):
            self._end()
            return
        if isinstance(message, Aborted) and message.record_id in self._handed_over:
            self._answer(_Work(NEXT, 0, message, number, connection))
            return
        if isinstance(message, Recorded):
            self._handed_over.append(message.record_id)
            claim_for_sending(message.store.uri, message.cell)
            if self._away.holds(message):  # nobody waits for that
                self._answer(_Work(NEXT, 0, message, number, connection))
                return
        priority = FIRST if isinstance(message, Call) else LATER if isinstance(message, Drain) else NEXT
        work = _Work(priority, next(self._places), message, number, connection)
        if isinstance(message, Drain):
            self._drains.append(work)
            return
        self._work.put(work)
        if isinstance(message, Call) and message.urgent:
            self._interrupt_after(0)

    def _start_drains(self) -> None:
        for work in self._drains:
            if isinstance(work.message, Drain) and work.message.seconds is not None:
                self._interrupt_after(work.message.seconds)
            self._work.put(work)
        self._drains = []

    def _look(self) -> None:
        """Interrupt what takes too long, and see whether the parent has died."""
        now = time.monotonic()
        if self._exit_at is None and os.getppid() != self._parent:
            self._end()
        if self._exit_at is not None and now > self._exit_at:
            os._exit(1)
        if self._is_late() and self._busy is not None and not self._interrupted:
            self._interrupted = True
            self._interrupt_main()

    def _end(self) -> None:
        if not self._loaded:  # and nothing was begun
            os._exit(0)
        self._exit_at = time.monotonic() + 3 * GRACE
        self._interrupt_after(0 if isinstance(self._busy, Call) else GRACE)
        self._work.put(_Work(LAST, next(self._places), Stop()))

    def _interrupt_after(self, seconds: float) -> None:
        self._deadline, self._interrupted = time.monotonic() + seconds, False

    def _is_late(self) -> bool:
        return self._deadline is not None and time.monotonic() > self._deadline

    def _stop_being_busy(self) -> bool:
        busy, self._busy = self._busy is not None, None
        return busy

    def _attempt(self, work: _Work) -> None:
        value: Any = None
        error: LabError | None = None
        if isinstance(work.message, Call) and work.message.urgent:
            self._deadline = None
        try:
            self._busy = None if self._is_late() else work.message
            value = self._do(work.message)
        except KeyboardInterrupt:
            error = TrackingError("interrupted")
        except LabError as raised:
            error = raised
        except Exception as raised:
            from imbalance_lab.tracking.answers import answer_of  # which loads MLflow

            let_go(raised)
            error = TrackingError(answer_of(raised))
        finally:
            self._busy = None
        if isinstance(work.message, Drain):
            self._start_last_tries(work, work.message)
        else:
            self._answer(work, value, error)

    def _answer(self, work: _Work, value: Any = None, error: LabError | None = None) -> None:
        if work.connection is not None:
            with self._answering, suppress(OSError):  # whoever asked is gone
                work.connection.send((work.number, value, error))

    def _do(self, message: Message) -> Any:
        if isinstance(message, Call):
            return getattr(self._calls, message.name)(*message.arguments)
        if isinstance(message, Aborted):
            self._calls.close(message)
        return None

    def _start_last_tries(self, work: _Work, drain: Drain) -> None:
        """Wait for stores that are away, as long as the drain has patience."""
        if drain.seconds is None and self._away.waits_for(drain.folder):
            self._away.hurry()
            self._last_tries.append((time.monotonic() + drain.patience, work))
        else:
            self._end_drain(work, drain)

    def _end_drains(self) -> None:
        for until, work in list(self._last_tries):
            assert isinstance(work.message, Drain)
            folder, over = work.message.folder, time.monotonic() >= until
            if self._is_late() or not self._away.waits_for(folder) or (over and self._away.waits_for(folder, True)):
                self._last_tries.remove((until, work))
                self._end_drain(work, work.message)

    def _end_drain(self, work: _Work, drain: Drain) -> None:
        """Answer with the runs that are not sent, and why."""
        if self._exit_at is None:
            self._deadline = None
        for run, reason in self._away.give_up(drain.folder):
            self._settle(run, reason)
        found = {folder: reason for folder, reason in self._failed.items() if drain.folder in folder.parents}
        self._failed = {folder: reason for folder, reason in self._failed.items() if folder not in found}
        self._answer(work, found)

    def _send(self, batch: list[_Work]) -> None:
        """Send runs of one store, unless that is away, and say that nobody needs to wait for them."""
        runs = {work.message.folder: work.message for work in batch if isinstance(work.message, Recorded)}
        if new := [run for run in runs.values() if not self._away.holds(run)]:
            self._deliver(new)
        for work in batch:
            self._answer(work)

    def _deliver(self, runs: list[Recorded]) -> None:
        """Send runs of one store; those wait on for which it is worth trying again."""
        self._busy = None if self._is_late() else runs[0]
        try:
            failed = self._calls.send(runs, self._is_late)
        finally:
            self._busy = None
        kept = {}
        for run in runs:
            error, tried = failed.get(run.folder), self._tried.get(run.folder, 0)
            if error is not None and error.tries > tried and not self._is_late():
                kept[run.folder], self._tried[run.folder] = error, tried + 1
            else:
                self._settle(run, None if error is None else str(error))
        self._away.settle(runs, kept)

    def _settle(self, run: Recorded, reason: str | None) -> None:
        """Let go a run that was sent, or is not going to be."""
        self._tried.pop(run.folder, None)
        if reason is not None:
            self._failed[run.folder] = self._calls.mark(run.folder, reason)
        release_sent(run.store.uri, run.cell)


def main(start: Callable[[socket.socket, int], Worker] = Worker) -> None:
    """Serve on a socket that is open already, and leave at once: all that was sent is in the store."""
    try:
        start(socket.socket(fileno=int(sys.argv[1])), int(sys.argv[2])).run()
    finally:
        sys.stderr.flush()
        os._exit(0)


if __name__ == "__main__":
    main()
