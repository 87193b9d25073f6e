"""Claims on cells: two sweeps that resume at once do not make the same run.

A claim is a lock on one byte of a file, which the system lets go with the process that holds it, however that ends: no
claim of a dead process is ever left. The file lies beside a database; for a server, among the temporary files of the
machine, so that only sweeps on one machine see each other's claims.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import tempfile
from pathlib import Path

from imbalance_lab.tracking.store import SQLITE

_open: dict[Path, int] = {}  # closing any descriptor of a file lets go all claims of the process on it


def claim(uri: str, cell: str) -> bool:
    """Claim a cell of a store until `release`, or the end of the process; False if another process has claimed it.

    Parameters
    ----------
    uri : str
        Of the store.
    cell : str
        Whatever identifies the run.

    Raises
    ------
    OSError
        If the file of claims cannot be written.
    """
    descriptor = _descriptor(uri)
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, _place(cell))
    except (BlockingIOError, PermissionError):
        return False
    return True


def release(uri: str, cell: str) -> None:
    """Let a claim go."""
    fcntl.lockf(_descriptor(uri), fcntl.LOCK_UN, 1, _place(cell))


def _descriptor(uri: str) -> int:
    file = _file(uri)
    if file not in _open:
        file.parent.mkdir(parents=True, exist_ok=True)
        _open[file] = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    return _open[file]


def _file(uri: str) -> Path:
    if uri.startswith(SQLITE):
        return Path(uri.removeprefix(SQLITE).partition("?")[0] + ".claims")
    return Path(tempfile.gettempdir(), f"imbalance_lab-{os.getuid()}-{_digest(uri)[:16]}.claims")


def _place(cell: str) -> int:
    return int(_digest(cell)[:15], 16)  # 60 bits: an offset in a file has 63


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
