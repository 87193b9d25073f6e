"""Which records wait to be sent to a store: a file each, named after the record's id, that holds the run's folder.

Whoever is killed leaves them behind, and the next sweep with ``resume=true`` sends what they name.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from imbalance_lab.tracking.address import kept


def note(uri: str, record_id: str, folder: Path) -> None:
    """Note that a record waits; where nothing can be written, nothing is noted."""
    place = _place(uri)
    with suppress(OSError):
        place.mkdir(parents=True, exist_ok=True)
        (place / record_id).write_text(str(folder.absolute()))


def forget(uri: str, record_id: str) -> None:
    """Forget a record, which was sent."""
    with suppress(OSError):
        (_place(uri) / record_id).unlink()


def waiting(uri: str) -> dict[str, Path]:
    """Return the folders of the runs that wait by the ids of their records, the oldest first."""
    try:
        files = sorted(_place(uri).iterdir(), key=lambda file: file.stat().st_mtime_ns)
        return {file.name: Path(file.read_text()) for file in files}
    except OSError:  # none, or another process sends them
        return {}


def _place(uri: str) -> Path:
    return kept(uri, "unsent")
