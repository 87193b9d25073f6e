"""Workers that are fed one cell at a time: losing one loses one cell."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter, deque
from collections.abc import Iterator, Sized

from imbalance_lab.app.launchers.base import MAX_ATTEMPTS, Lost
from imbalance_lab.app.launchers.work import Done, Task


class Pool(ABC):
    """Workers of an engine: those that are free, and those that make a cell. One that is lost is replaced."""

    @property
    @abstractmethod
    def free(self) -> Sized:
        """The workers that are there and do nothing."""

    @property
    @abstractmethod
    def made(self) -> Sized:
        """The cells that are being made."""

    @abstractmethod
    def give(self, task: Task) -> None:
        """Let a free worker make a cell."""

    @abstractmethod
    def wait(self) -> tuple[Task, Done | str] | None:
        """Return the next cell that ended, or why its worker did not end it; None if something else has happened.

        Raises
        ------
        ConfigError
            If no worker is left, nor room for one.
        """


def feed(pool: Pool, tasks: Iterator[Task], running: set[int]) -> Iterator[Done | Lost]:
    """Give each worker that is free a cell, until all have ended, and yield how; one is composed ahead.

    Parameters
    ----------
    pool : Pool
    tasks : iterator of Task
    running : set of int
        Holds the numbers of the cells that are being made.
    """
    waiting, attempts = deque[Task](), Counter[int]()

    def give() -> None:
        while pool.free and (task := waiting.popleft() if waiting else next(tasks, None)) is not None:
            pool.give(task)
            running.add(task.number)

    while True:
        give()
        if not waiting and (ahead := next(tasks, None)) is not None:
            waiting.append(ahead)
        if not waiting and not pool.made:
            return
        if (ended := pool.wait()) is None:
            continue
        task, result = ended
        running.discard(task.number)
        attempts[task.number] += 1
        if isinstance(result, Done):
            give()  # before anything is shown
            yield result
        elif attempts[task.number] < MAX_ATTEMPTS:
            waiting.appendleft(task)
        else:
            yield Lost(task.number, f"its worker was lost {MAX_ATTEMPTS} times, the last time as {result}")
