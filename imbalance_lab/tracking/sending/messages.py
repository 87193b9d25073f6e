"""What is said to the process that sends. Each message has a number, and is answered with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imbalance_lab.tracking.address import Store


@dataclass(frozen=True)
class Recorded:
    """A run whose record is whole on disk; answered with why it could not be sent, or None.

    Parameters
    ----------
    folder : Path
    store : Store
    cell : str
        What the run is, which is claimed until it is sent (see `claims.being_sent`).
    record_id : str
    again : bool
        Whether it is of an earlier sweep, which may have sent it.
    """

    folder: Path
    store: Store
    cell: str
    record_id: str = ""
    again: bool = False


@dataclass(frozen=True)
class Aborted:
    """A run that was announced and did not finish; one that was handed over before is left as it is.

    Parameters
    ----------
    folder : Path
        With what it wrote.
    store : Store
    outcome, reason : str
    identity, settings : mapping
        The summary of what it is, and every setting.
    began : int
        When, in milliseconds.
    record_id : str
    sweep : mapping
        Tags.
    tags, dataset : mapping or None
        Once the data were loaded.
    epochs : sequence of (fold, epoch, metrics)
    """

    folder: Path
    store: Store
    outcome: str
    reason: str
    identity: Mapping[str, Any]
    settings: Mapping[str, Any]
    began: int
    record_id: str
    sweep: Mapping[str, str]
    tags: Mapping[str, str] | None
    dataset: Mapping[str, Any] | None
    epochs: Sequence[tuple[int | None, int, Mapping[str, float]]]


@dataclass(frozen=True)
class Call:
    """A function that needs MLflow, by its name in `worker.CALLS`; answered with what it returns, before runs wait."""

    name: str
    arguments: tuple[Any, ...] = ()
    urgent: bool = False  # interrupts what is being done


@dataclass(frozen=True)
class Drain:
    """Answered once all runs handed over before are sent: with the reasons of those below a folder that are not.

    Parameters
    ----------
    folder : Path
    seconds : float or None
        After so many no other run is sent.
    patience : float
        How many seconds to go on trying to reach a store that is away.
    """

    folder: Path
    seconds: float | None = None
    patience: float = 0.0


@dataclass(frozen=True)
class Stop:
    """Ends the process, once what is being sent is sent, or some seconds later."""


Message = Recorded | Aborted | Call | Drain | Stop
