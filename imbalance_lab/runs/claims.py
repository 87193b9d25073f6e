"""Claims on cells: of processes that share a folder or a store, one makes a run and the others do not.

A claim is a lock on one byte of a file, which the system lets go with the process that holds it, however that ends: no
claim of a dead process is ever left. Claims hold among the processes and threads of one machine: those of another do
not see them, even where the folder is shared.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CLAIMS = ".claims"  # in a folder of runs
SECONDS_BETWEEN_LOOKS = 0.2

_open: dict[Path, int] = {}  # closing any descriptor of a file lets go all claims of the process on it
_held: set[tuple[Path, int]] = set()  # the system does not keep the threads of a process apart
_lock = threading.Lock()


def claim(file: Path, cell: str) -> bool:
    """Claim a cell until `release`, or the end of the process; False if somebody else has claimed it.

    Parameters
    ----------
    file : Path
        Holds the claims; it is created, and stays empty.
    cell : str
        Whatever identifies the run.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    file, place = file.absolute(), _place(cell)
    with _lock:
        if (file, place) in _held:
            return False
        try:
            fcntl.lockf(_descriptor(file), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
        except (BlockingIOError, PermissionError):
            return False
        _held.add((file, place))
        return True


def release(file: Path, cell: str) -> None:
    """Let a claim go."""
    file, place = file.absolute(), _place(cell)
    with _lock:
        fcntl.lockf(_descriptor(file), fcntl.LOCK_UN, 1, place)
        _held.discard((file, place))


@contextmanager
def claimed(file: Path, cell: str) -> Iterator[None]:
    """Hold a claim while the block runs, once nobody else holds it; where no file can be written there is none."""
    try:
        while not claim(file, cell):
            time.sleep(SECONDS_BETWEEN_LOOKS)
    except OSError:
        yield
        return
    try:
        yield
    finally:
        release(file, cell)


def _descriptor(file: Path) -> int:
    if file not in _open:
        file.parent.mkdir(parents=True, exist_ok=True)
        _open[file] = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    return _open[file]


def _place(cell: str) -> int:
    return int(hashlib.sha256(cell.encode()).hexdigest()[:15], 16)  # 60 bits: an offset in a file has 63
