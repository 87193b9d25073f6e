"""The state of the process: environment variables, caches, signals, the garbage collector.

Importing the package changes none of it. The command line takes the process over for good (`take_over`); a call of the
library opens a `session`, which ends with it.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Generic, TypeVar

T = TypeVar("T")

# What is read when TensorFlow is loaded; what the user has set stays.
TENSORFLOW = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_ENABLE_ONEDNN_OPTS": "0",  # one order of additions, whatever the machine's kernels
    "TF_NUM_INTEROP_THREADS": "1",  # an operation on a small batch is over before a thread wakes up
}
# A server that is down is noticed in seconds, not in MLflow's minutes.
MLFLOW = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # two lines for each run of a sweep
}
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Recent(Generic[T]):
    """The values that were used last.

    Keys are compared, not hashed: settings may hold lists and dictionaries. One that cannot be compared, as if it holds
    arrays, equals no other.

    Parameters
    ----------
    capacity : int
        How many values are kept.

    Examples
    --------
    >>> squares = Recent[int](capacity=1)
    >>> squares.get([2], lambda: 4), squares.get([2], lambda: 5), squares.get([3], lambda: 9)
    (4, 4, 9)
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._kept: list[tuple[Any, T]] = []

    def get(self, key: Any, make: Callable[[], T]) -> T:
        """Return the value of an equal `key`, which is made if none is kept."""
        at = next((i for i, (known, _) in enumerate(self._kept) if _equal(known, key)), None)
        pair = (key, make()) if at is None else self._kept.pop(at)
        self._kept = [*self._kept, pair][-self._capacity :]
        return pair[1]


_caches: dict[str, Recent[Any]] | None = None  # None: no session is open
_tensorflow_is_ours = False
_collector_held = False
_collector_settled = False
_received: list[int] = []
_watches_parent = False


@contextmanager
def session() -> Iterator[None]:
    """Share data, their preparation and graphs among the runs inside, with the environment they need.

    At the end the environment is what it was, and what was shared is let go. Inside another session it changes nothing.
    """
    global _caches, _tensorflow_is_ours
    if _caches is not None:
        yield
        return
    loaded_before = "tensorflow" in sys.modules
    added = [name for name in TENSORFLOW | MLFLOW if name not in os.environ]
    _set_environment()
    _caches = {}
    try:
        yield
    finally:
        _caches = None
        _tensorflow_is_ours |= "tensorflow" in sys.modules and not loaded_before
        for name in added:
            os.environ.pop(name, None)


def take_over() -> None:
    """Prepare a process that does nothing but run experiments, for as long as it lives; a second call does nothing."""
    global _caches, _tensorflow_is_ours
    if _caches is None:
        _tensorflow_is_ours = "tensorflow" not in sys.modules
        _set_environment()
        _caches = {}


def cached(name: str, capacity: int, key: Any, make: Callable[[], T]) -> T:
    """Return the value kept under an equal `key` in the session's cache `name`; made anew where no session is open."""
    if _caches is None:
        return make()
    found: T = _caches.setdefault(name, Recent(capacity)).get(key, make)
    return found


def tensorflow_differs() -> bool:
    """Whether TensorFlow was loaded by somebody else, with kernels that may round otherwise than the command line's."""
    foreign = "tensorflow" in sys.modules and not _tensorflow_is_ours
    return foreign and os.environ.get("TF_ENABLE_ONEDNN_OPTS") != TENSORFLOW["TF_ENABLE_ONEDNN_OPTS"]


@contextmanager
def stderr_hidden() -> Iterator[None]:
    """Hide what libraries write to the process's standard error, past Python, while they are loaded."""
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def handle_signals() -> None:
    """Turn SIGINT, SIGTERM and SIGHUP into KeyboardInterrupt."""
    for number in SIGNALS:
        signal.signal(number, _interrupt)


def end_with_parent(seconds: float = 10.0) -> None:
    """End this process soon after the one that started it, however that ended; where `handle_signals` ran, do nothing.

    A worker of a parallel sweep would otherwise wait for minutes for more to do. The run it makes is interrupted as by
    SIGTERM, and has some seconds to be recorded.
    """
    global _watches_parent
    main = threading.current_thread() is threading.main_thread()
    if _watches_parent or not main or signal.getsignal(signal.SIGTERM) is _interrupt:
        return
    _watches_parent = True
    signal.signal(signal.SIGTERM, _interrupt)
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(seconds)
        os._exit(1)

    threading.Thread(target=watch, daemon=True, name="end with parent").start()


def ignore_signals() -> None:
    """Ignore SIGINT, SIGTERM and SIGHUP from now on, as the process ends in order."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def interrupted() -> bool:
    """Whether a signal has come: a library that is being imported may swallow the exception."""
    return bool(_received)


def hold_collector() -> None:
    """Collect no garbage until `settle_collector`: modules are about to be loaded.

    Loading TensorFlow or MLflow makes hundreds of thousands of objects that never die. Python's collector of cyclic
    garbage would look through them again and again, which is a third of the time the loading takes.
    """
    global _collector_held
    if not (_collector_held or _collector_settled):
        _collector_held = True
        gc.disable()


def settle_collector() -> None:
    """After `hold_collector`, leave what there is out of all collections to come; once, as runs leave garbage too."""
    global _collector_held, _collector_settled
    if _collector_held:
        _collector_held, _collector_settled = False, True
        gc.freeze()
        gc.enable()


def _set_environment() -> None:
    for name, value in (TENSORFLOW | MLFLOW).items():
        os.environ.setdefault(name, value)


def _interrupt(number: int, frame: FrameType | None) -> None:
    _received.append(number)
    raise KeyboardInterrupt(f"{signal.Signals(number).name} received")


def _equal(one: Any, other: Any) -> bool:
    try:
        return bool(one == other)
    except ValueError:
        return False
