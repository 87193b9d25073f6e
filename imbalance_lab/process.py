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
import traceback
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
ONEDNN = "TF_ENABLE_ONEDNN_OPTS"
# A server that is down is noticed in seconds, not in MLflow's minutes.
MLFLOW = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_DISABLE_TELEMETRY": "true",  # its thread changes the environment, at which a request beside it fails
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


class _Sessions(threading.local):
    """What a thread's session shares; None while none is open."""

    caches: dict[str, Recent[Any]] | None = None


_sessions = _Sessions()  # of each thread its own: a graph holds the variables of one network at a time
_lock = threading.Lock()
_open_sessions = 0
_variables_added: list[str] = []
_tensorflow_is_ours = False
_tensorflow_differs = False
_collector_held = False
_collector_settled = False
_received: list[int] = []
_watches_parent = False


@contextmanager
def session() -> Iterator[None]:
    """Share data, their preparation and graphs among the runs inside, with the environment they need.

    At the end what was shared is let go, and the environment is what it was once the last session of the process ends.
    Inside another session it changes nothing.
    """
    if _sessions.caches is not None:
        yield
        return
    _enter_environment()
    _sessions.caches = {}
    try:
        yield
    finally:
        _sessions.caches = None
        _leave_environment()


def take_over() -> None:
    """Prepare a process that does nothing but run experiments, for as long as it lives; a second call does nothing."""
    if _sessions.caches is None:
        _enter_environment()
        _sessions.caches = {}


def cached(name: str, capacity: int, key: Any, make: Callable[[], T]) -> T:
    """Return the value kept under an equal `key` in the session's cache `name`; made anew where no session is open."""
    if _sessions.caches is None:
        return make()
    found: T = _sessions.caches.setdefault(name, Recent(capacity)).get(key, make)
    return found


def tensorflow_differs() -> bool:
    """Whether TensorFlow was loaded by somebody else, with kernels that may round otherwise than the command line's."""
    return _tensorflow_differs


def _enter_environment() -> None:
    global _open_sessions, _tensorflow_differs
    with _lock:
        _open_sessions += 1
        if _open_sessions > 1:
            return
        foreign = "tensorflow" in sys.modules and not _tensorflow_is_ours
        _tensorflow_differs = foreign and os.environ.get(ONEDNN) != TENSORFLOW[ONEDNN]
        for name, value in (TENSORFLOW | MLFLOW).items():
            if name not in os.environ:
                os.environ[name] = value
                _variables_added.append(name)


def _leave_environment() -> None:
    global _open_sessions, _tensorflow_is_ours
    with _lock:
        _open_sessions -= 1
        if _open_sessions:
            return
        _tensorflow_is_ours = "tensorflow" in sys.modules and not _tensorflow_differs
        while _variables_added:
            os.environ.pop(_variables_added.pop(), None)


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
    _stay_quiet_of_signals()


def end_with_parent(parent: int | None = None, seconds: float = 10.0) -> None:
    """End this process soon after the one that started it, however that ended; where `handle_signals` ran, do nothing.

    A worker of a parallel sweep would otherwise wait for minutes for more to do. The run it makes is interrupted as by
    SIGTERM, and has some seconds to be recorded.

    Parameters
    ----------
    parent : int, optional
        The process that started this one, where it is known: it may have died before it could be asked for.
    seconds : float
    """
    global _watches_parent
    main = threading.current_thread() is threading.main_thread()
    if _watches_parent or not main or signal.getsignal(signal.SIGTERM) is _interrupt:
        return
    _watches_parent = True
    signal.signal(signal.SIGTERM, _interrupt)
    _stay_quiet_of_signals()
    started_by = os.getppid() if parent is None else parent

    def watch() -> None:
        while os.getppid() == started_by:
            time.sleep(0.5)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(seconds)
        os._exit(1)

    threading.Thread(target=watch, daemon=True, name="end with parent").start()


def let_go(error: BaseException) -> None:
    """Let go what the calls that an error ended still hold, as the lock of a database that was being read."""
    seen: BaseException | None = error
    while seen is not None:
        traceback.clear_frames(seen.__traceback__)
        seen = seen.__context__


def ignore_signals() -> None:
    """Ignore SIGINT, SIGTERM and SIGHUP from now on, as the process ends in order."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def interrupt_where(wanted: Callable[[], bool]) -> Callable[[], None]:
    """Ignore the signals that end a process, and return what another thread calls to interrupt the main one.

    Parameters
    ----------
    wanted : callable
        Whether it is to be interrupted at this moment.
    """
    ignore_signals()

    def interrupt(number: int, frame: FrameType | None) -> None:
        if wanted():
            raise KeyboardInterrupt

    signal.signal(signal.SIGUSR1, interrupt)
    return lambda: signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)


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


def _interrupt(number: int, frame: FrameType | None) -> None:
    _received.append(number)
    raise KeyboardInterrupt(f"{signal.Signals(number).name} received")


def _stay_quiet_of_signals() -> None:
    """Show no traceback where a signal arrives in a destructor, which Python swallows: `interrupted` knows of it."""
    known = sys.unraisablehook
    if known.__module__ == __name__:
        return

    def show(unraisable: sys.UnraisableHookArgs) -> None:
        if not (_received and isinstance(unraisable.exc_value, KeyboardInterrupt)):
            known(unraisable)

    sys.unraisablehook = show


def _equal(one: Any, other: Any) -> bool:
    try:
        return bool(one == other)
    except ValueError:
        return False
