"""A process that makes cells, from its start on: nothing is loaded before the collector of garbage is held."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING

from imbalance_lab.errors import one_line
from imbalance_lab.process import end_with_parent, hold_collector

if TYPE_CHECKING:
    from imbalance_lab.app.launchers.work import Done


def work(connection: Connection, parent: int) -> None:
    """Make cells until the process that asks for them ends this one, or has died; what it shows nobody sees."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)
    with suppress(KeyboardInterrupt, EOFError, OSError):
        end_with_parent(parent)
        hold_collector()
        from imbalance_lab.app.launchers.work import Worker

        worker = Worker()
        while True:
            task = connection.recv()
            try:
                answer: Done | str = worker.make(task)
            except Exception as error:
                answer = one_line(error)
            connection.send(answer)
    os._exit(0)
