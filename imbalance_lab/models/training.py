"""How a network is trained."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import field, replace
from typing import Annotated, Any

import numpy as np
from pydantic import Field, InstanceOf
from pydantic.dataclasses import dataclass

from imbalance_lab.evaluation.metrics import HEADLINE, Metric, watchable
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
        Epochs without a better value of the metric on validation rows (of equal ones, a smaller loss) before training
        stops and the best weights are restored; None trains to the last epoch.
    metric : str or Metric
        What early stopping watches, of several labels their mean: any that is computed of the predictions for one task,
        as ``roc_auc`` or ``recall_at_precision_0.9``; of those of one's own by the name that `Evaluation.metrics` has.
    callbacks : list of callable
        Each makes a Keras callback.
    device_memory : int
        MB that training and validation rows may take on the device, as 32-bit numbers; more are fed by `tf.data`, in
        the same batches, and give the same numbers.
    """

    epochs: Annotated[int, Field(ge=1, le=MAX_EPOCHS)]
    batch_size: Positive
    optimizer: Callable[[], Any]
    patience: Positive | None = None
    metric: str | InstanceOf[Metric] = HEADLINE
    callbacks: list[Callable[[], Any]] = field(default_factory=list)
    device_memory: Positive = 1024

    @property
    def watched(self) -> Metric:
        """The metric that early stopping watches."""
        return watchable(self.metric) if isinstance(self.metric, str) else self.metric

    def first_epoch(self, share: float) -> int:
        """Return the epoch, from 0, at which begins what waits for a share of the epochs; it has the last at least.

        >>> [Training(epochs=10, batch_size=1, optimizer=int).first_epoch(share) for share in (0, 0.75, 0.8, 1)]
        [0, 8, 8, 9]
        """
        return min(int(np.ceil(round(share * self.epochs, 9))), self.epochs - 1)

    def with_metrics(self, metrics: Sequence[Metric]) -> Training:
        """Return the settings with their metric looked up, among `metrics` too.

        Raises
        ------
        ConfigError
            If there is no such metric, or it has no value for one task, of which the larger or smaller is better.
        """
        return replace(self, metric=watchable(self.metric, metrics)) if isinstance(self.metric, str) else self
