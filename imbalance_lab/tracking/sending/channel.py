"""The connection of a thread that computes to the process that sends."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from itertools import count
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from imbalance_lab.errors import TrackingError
from imbalance_lab.tracking.sending.messages import Aborted, Call, Drain, Message, Recorded

MAX_WAITING = 50  # runs of one process that are handed over and not sent: it waits for the first of them


class _Open(threading.local):
    channels: dict[str, Channel] | None = None


_open = _Open()


class Channel:
    """A connection, made when it is first used. An interrupted exchange closes it, and the next one opens another.

    Parameters
    ----------
    address : str
        Of the process's socket.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._numbers = count()
        self._connection: Connection | None = None
        self._waiting: dict[int, tuple[str, Callable[[], None]]] = {}
        self._answers: dict[int, tuple[Any, Exception | None]] = {}

    def call(self, name: str, *arguments: Any, urgent: bool = False) -> Any:
        """Return what a function of the process returns, and raise what it raises.

        Raises
        ------
        TrackingError
            If the process has ended.
        """
        return self._ask(Call(name, arguments, urgent))

    def drain(self, folder: Path, seconds: float | None = None, patience: float = 0.0) -> dict[Path, str]:
        """Wait until all that was handed over is sent, and return why runs below `folder` could not be.

        Parameters
        ----------
        folder : Path
        seconds : float, optional
            What is left after so many is not sent.
        patience : float
            How many seconds to wait for a store that is away.
        """
        found: dict[Path, str] = self._ask(Drain(folder.absolute(), seconds, patience))
        return found

    def hand_over(self, run: Recorded | Aborted, done: Callable[[], None], wait: bool = True) -> None:
        """Hand over a run, and call `done` some time after it was sent; wait where too many are under way.

        Raises
        ------
        TrackingError
            If the process has ended.
        """

        def exchange() -> None:
            self._waiting[self._post(run)] = (run.cell if isinstance(run, Recorded) else "", done)
            while (wait and len(self._waiting) > MAX_WAITING) or self._opened().poll():
                self._take()

        self._guarded(exchange)

    def wait_for(self, cell: str) -> None:
        """Wait until a run that was handed over is sent."""

        def exchange() -> None:
            while any(waiting == cell for waiting, _ in self._waiting.values()):
                self._take()

        self._guarded(exchange)

    def send(self, message: Message) -> None:
        """Send a message whose answer nobody waits for."""
        self._guarded(lambda: self._post(message))

    def _ask(self, message: Message) -> Any:
        def exchange() -> tuple[Any, Exception | None]:
            number = self._post(message)
            while number not in self._answers:
                self._take()
            return self._answers.pop(number)

        value, error = self._guarded(exchange)
        if error is not None:
            raise error
        return value

    def _guarded(self, exchange: Callable[[], Any]) -> Any:
        try:
            return exchange()
        except (OSError, EOFError) as error:
            self._close()
            raise TrackingError("the process that sends runs to MLflow has ended") from error
        except BaseException:  # a signal, perhaps in the middle of a message
            self._close()
            raise

    def _post(self, message: Message) -> int:
        number = next(self._numbers)
        self._opened().send((number, message))
        return number

    def _take(self) -> None:
        number, value, error = self._opened().recv()
        if number in self._waiting:
            _, done = self._waiting.pop(number)
            done()
        else:
            self._answers[number] = value, error

    def _opened(self) -> Connection:
        if self._connection is None:
            with socket.socket(socket.AF_UNIX) as made:
                made.connect(self._address)
                self._connection = Connection(made.detach())
        return self._connection

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection, self._waiting, self._answers = None, {}, {}


def channel_to(address: str) -> Channel:
    """Return this thread's connection to the process at an address."""
    if _open.channels is None:
        _open.channels = {}
    return _open.channels.setdefault(address, Channel(address))
