"""How a network is trained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field
from typing import Annotated, Any

from pydantic import Field
from pydantic.dataclasses import dataclass

from imbalance_lab.fields import STRICT, Positive

MAX_EPOCHS = 10**9


@dataclass(frozen=True, config=STRICT)
class Training:
    """How a network is trained.

    Parameters
    ----------
    epochs, batch_size : int
    optimizer : callable
        Makes a fresh Keras optimizer.
    patience : int or None
        Epochs without a rise of validation balanced accuracy (of equal ones, a fall of validation loss) before training
        stops and the best weights are restored; None trains to the last epoch.
    callbacks : list of callable
        Each makes a Keras callback.
    """

    epochs: Annotated[int, Field(ge=1, le=MAX_EPOCHS)]
    batch_size: Positive
    optimizer: Callable[[], Any]
    patience: Positive | None = None
    callbacks: list[Callable[[], Any]] = field(default_factory=list)
