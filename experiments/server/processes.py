"""Programs that serve on a port: started, waited for, and taken down with all that they started."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.error import HTTPError

import psutil

from imbalance_lab.errors import ConfigError

SECONDS_TO_START, SECONDS_TO_END = 180.0, 20.0
SHOWN = 300  # characters of a log


def free_port() -> int:
    """Return a port of the loopback address that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def serving(
    command: Sequence[str], health: str, folder: Path, log: Path, environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Start a program in a folder, wait until it answers at `health`, and end it with all that it started.

    Raises
    ------
    ConfigError
        If it ends, or does not answer in time.
    """
    with open(log, "wb") as opened:
        started = subprocess.Popen(
            command, cwd=folder, env={**os.environ, **(environment or {})}, stdin=subprocess.DEVNULL,
            stdout=opened, stderr=opened, start_new_session=True,
        )  # fmt: skip
    try:
        deadline = time.monotonic() + SECONDS_TO_START
        while not answers(health):
            if started.poll() is not None or time.monotonic() > deadline:
                last = " ".join(log.read_text(errors="replace").split())[-SHOWN:]
                raise ConfigError(f"{Path(command[0]).name} does not serve at {health} (see {log}): {last}")
            time.sleep(0.2)
        yield started
    finally:
        with suppress(ProcessLookupError):
            os.killpg(started.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            started.wait(SECONDS_TO_END)
        with suppress(ProcessLookupError):  # what it started may outlive it
            os.killpg(started.pid, signal.SIGKILL)
        started.wait()


def answers(url: str) -> bool:
    """Whether something answers at an address, be it that it asks for a password."""
    try:
        with urllib.request.urlopen(url, timeout=5) as reply:
            return bool(reply.status == 200)
    except HTTPError as error:
        return error.code == 401
    except OSError:
        return False


def cpu_seconds(pid: int) -> float:
    """Return the CPU time that a process and all that it started have taken, those that have ended included."""
    total = 0.0
    with suppress(psutil.NoSuchProcess):
        first = psutil.Process(pid)
        for process in (first, *first.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                total += times.user + times.system + times.children_user + times.children_system
    return total
