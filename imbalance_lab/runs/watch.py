"""What is noticed while a run goes on: how long its stages take, and the warnings of libraries."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from imbalance_lab.errors import LabWarning


class Clock:
    """Wall time of named stages."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        """Time one stage."""
        started = time.perf_counter()
        yield
        self.seconds[stage] = time.perf_counter() - started


@contextmanager
def collected_warnings() -> Iterator[list[warnings.WarningMessage]]:
    """Keep warnings for the record instead of printing them one by one."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for noise in (DeprecationWarning, FutureWarning, PendingDeprecationWarning, ResourceWarning):
            warnings.simplefilter("ignore", noise)
        yield caught


def messages(caught: list[warnings.WarningMessage]) -> list[str]:
    """Return each distinct warning as one line; those of libraries name their kind."""
    lines = (
        " ".join(str(w.message).split())
        if issubclass(w.category, LabWarning)
        else f"{w.category.__name__}: {' '.join(str(w.message).split())}"
        for w in caught
    )
    return list(dict.fromkeys(lines))
