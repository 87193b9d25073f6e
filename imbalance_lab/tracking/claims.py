"""Where the claims on the runs of a store are: two sweeps that resume at once do not make the same run.

Beside a database; for a server, among the temporary files of the machine. Sweeps on other machines do not see them.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

from imbalance_lab.tracking.store import SQLITE


def claims_of(uri: str) -> Path:
    """Return the file of the claims on the runs of a store."""
    if uri.startswith(SQLITE):
        return Path(uri.removeprefix(SQLITE).partition("?")[0] + ".claims")
    name = hashlib.sha256(uri.encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir(), f"imbalance_lab-{os.getuid()}-{name}.claims")
