"""Processes of this machine that are fed one cell at a time."""

from __future__ import annotations

import os
import signal
from collections import deque
from collections.abc import Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Annotated

from hydra.core.utils import env_override
from joblib import cpu_count
from pydantic import Field, validate_call

from imbalance_lab.app.launchers.base import Lost, WorkerEngine
from imbalance_lab.app.launchers.feeding import Pool, feed
from imbalance_lab.app.launchers.work import Done, Place, Task
from imbalance_lab.app.launchers.working import work
from imbalance_lab.errors import ConfigError

SECONDS_TO_END = 10.0
SPAWN = get_context("spawn")  # the process that follows the sweep has threads, which a fork would leave locked


class Processes(WorkerEngine):
    """Runs a sweep's cells in processes of this machine, each of which makes many.

    joblib hands results back to Hydra's launcher for it once all have ended, and gives up where a process dies.

    Parameters
    ----------
    n_jobs : int
        Processes at once; -1: as many as there are cores.

    Raises
    ------
    ValidationError
        If it is less.
    """

    @validate_call
    def __init__(self, n_jobs: Annotated[int, Field(ge=-1)] = -1) -> None:
        self._workers = cpu_count() if n_jobs < 0 else n_jobs

    def check(self) -> None:
        """Look whether there is any process at all.

        Raises
        ------
        ConfigError
            If not.
        """
        if self._workers == 0:
            raise ConfigError("hydra.launcher.n_jobs=0 runs nothing: give the jobs at once, or -1 for one per core")

    def results(self, tasks: Iterator[Task], place: Place) -> Generator[Done | Lost, None, None]:
        """Yield how the tasks ended."""
        try:
            yield from feed(self._pool, tasks, self.running)
        finally:
            self._pool.stop()

    def prepare(self, count: int) -> None:
        """Start the processes."""
        self._pool = _Processes(self.environment)
        for _ in range(min(count, self._workers)):
            self._pool.start()


@dataclass(frozen=True)
class _Member:
    process: BaseProcess
    connection: Connection


class _Processes(Pool):
    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = environment
        self._free: deque[_Member] = deque()
        self._made: dict[Connection, tuple[_Member, Task]] = {}

    @property
    def free(self) -> deque[_Member]:
        return self._free

    @property
    def made(self) -> dict[Connection, tuple[_Member, Task]]:
        return self._made

    def start(self) -> None:
        """Start a process, which a terminal's Ctrl-C leaves alone: it ends when it is told."""
        ours, its = SPAWN.Pipe()
        process = SPAWN.Process(target=work, args=(its, os.getpid()), daemon=True)
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            with env_override(self._environment):
                process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        its.close()
        self._free.append(_Member(process, ours))

    def give(self, task: Task) -> None:
        """Let a free process make a cell."""
        member = self._free.popleft()
        self._made[member.connection] = member, task
        with suppress(OSError):  # it has died: waiting finds that
            member.connection.send(task)

    def wait(self) -> tuple[Task, Done | str]:
        """Return the next cell that ended, or why its process did not end it."""
        connection = wait(list(self._made))[0]
        assert isinstance(connection, Connection)
        member, task = self._made.pop(connection)
        try:
            answer: Done | str = connection.recv()
        except (EOFError, OSError):
            member.process.join()
            self.start()
            code = member.process.exitcode or 0
            return task, f"its process was ended by {signal.Signals(-code).name}" if code < 0 else f"it exited ({code})"
        self._free.append(member)
        return task, answer

    def stop(self) -> None:
        """End all processes; those that make a cell have some seconds to record that."""
        members = [*self._free, *(member for member, _ in self._made.values())]
        for member in members:
            member.process.terminate()
        for member in members:
            member.process.join(SECONDS_TO_END)
            member.process.kill()
            member.process.join()
            member.connection.close()
