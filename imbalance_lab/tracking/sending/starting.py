"""The process that sends is started by the first sweep of a process, serves the later ones too, and ends with it."""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path

from imbalance_lab.errors import TrackingError
from imbalance_lab.tracking.sending.channel import Channel, channel_to
from imbalance_lab.tracking.sending.messages import Stop

WORKER = "imbalance_lab.tracking.sending.worker"
MAX_SOCKET_NAME = 100  # bytes: the system takes some 104
SECONDS_TO_END = 20.0


@dataclass(frozen=True)
class _Started:
    process: subprocess.Popen[bytes]
    address: str


_started: _Started | None = None
_lock = threading.Lock()


def start() -> str:
    """Start the process unless it runs, and return its address. It has the environment that its caller has now."""
    global _started
    with _lock:
        if _started is not None and _started.process.poll() is None:
            with contextlib.suppress(TrackingError):
                channel_to(_started.address).call("adopt", dict(os.environ), os.getcwd())
                return _started.address
        if _started is None:
            atexit.register(_stop)
        _started = _start()
        return _started.address


def _start() -> _Started:
    folder = Path(tempfile.mkdtemp(prefix="imbalance_lab-"))  # of this user alone
    if len(os.fsencode(folder)) > MAX_SOCKET_NAME:
        folder.rmdir()
        folder = Path(tempfile.mkdtemp(prefix="imbalance_lab-", dir="/tmp"))
    address = str(folder / "s")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen(128)
        listener.set_inheritable(True)
        process = subprocess.Popen(
            [sys.executable, "-m", WORKER, str(listener.fileno()), str(os.getpid())],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=[listener.fileno()],
        )
    return _Started(process, address)


def _stop() -> None:
    """End the process; it has some seconds for what it is doing."""
    if _started is None:
        return
    with contextlib.suppress(TrackingError):
        Channel(_started.address).send(Stop())
    try:
        _started.process.wait(SECONDS_TO_END)
    except subprocess.TimeoutExpired:
        _started.process.kill()
        _started.process.wait()
    shutil.rmtree(Path(_started.address).parent, ignore_errors=True)
