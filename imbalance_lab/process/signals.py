"""Ctrl-C and its kin: remembered, because a library that is being imported may swallow the exception."""

from __future__ import annotations

import signal
from types import FrameType

_received: list[int] = []


def install() -> None:
    """Turn SIGINT, SIGTERM and SIGHUP into KeyboardInterrupt."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)


def interrupted() -> bool:
    """Whether a signal has come."""
    return bool(_received)


def _interrupt(number: int, frame: FrameType | None) -> None:
    _received.append(number)
    raise KeyboardInterrupt(f"{signal.Signals(number).name} received")
