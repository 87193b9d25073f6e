"""Passwords on the command line: kept from Hydra, which writes what was typed into files."""

from __future__ import annotations

import os
from collections.abc import Sequence

from imbalance_lab.errors import without_password

ADDRESS, VARIABLE = "tracking.uri", "MLFLOW_TRACKING_URI"


def hide(arguments: Sequence[str]) -> list[str]:
    """Move an address with a password to the environment, where the configuration and workers find it.

    >>> hide(["tracking.uri=sqlite:///mine.db", "seed=1"])
    ['tracking.uri=sqlite:///mine.db', 'seed=1']
    """
    kept = []
    for argument in arguments:
        key, _, value = argument.partition("=")
        if key == ADDRESS and without_password(value) != value:
            os.environ[VARIABLE] = value.strip("'\"")
        else:
            kept.append(argument)
    return kept
