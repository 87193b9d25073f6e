"""Claims on the cells of a store: from when a run of ``resume=true`` is begun until it is sent."""

from __future__ import annotations

import time
from pathlib import Path

from imbalance_lab.runs.claims import claim, release
from imbalance_lab.runs.identity import Identity
from imbalance_lab.tracking.address import beside

TRIES, SECONDS_BETWEEN_TRIES = 20, 0.002


def cell_of(identity: Identity) -> str:
    """Return what identifies a run on data that are known."""
    return f"{identity.config_hash} {identity.data_hash} {identity.version}"


def being_sent(cell: str) -> str:
    """Return what the process that sends claims: whoever computed the run may be gone by then."""
    return f"{cell} is sent"


def claims_of(uri: str) -> Path:
    """Return the file with the claims on a store's cells."""
    return beside(uri, "claims")


def claim_cell(uri: str, cell: str) -> bool:
    """Claim a cell; False if another process is making or sending a run of it.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    file = claims_of(uri)
    if not claim(file, cell):
        return False
    free = claim(file, being_sent(cell))
    release(file, being_sent(cell) if free else cell)
    return free


def claim_for_sending(uri: str, cell: str) -> None:
    """Claim a run that waits to be sent; nobody else holds that for longer than a look."""
    for _ in range(TRIES):
        try:
            if claim(claims_of(uri), being_sent(cell)):
                return
        except OSError:  # where no file can be written the store refuses too, with its reason
            return
        time.sleep(SECONDS_BETWEEN_TRIES)


def release_sent(uri: str, cell: str) -> None:
    """Let go what `claim_for_sending` claimed."""
    try:
        release(claims_of(uri), being_sent(cell))
    except OSError:
        return
