"""What is logged of a run, kept until it is sent in few large calls: each is a transaction, or a request."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any, TypeVar

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag

from imbalance_lab.tracking.keys import key_for

PARAMS_PER_CALL, TAGS_PER_CALL, METRICS_PER_CALL = 100, 100, 800
MAX_PARAM_LENGTH, MAX_TAG_LENGTH = 6000, 5000
SECONDS_BETWEEN_CALLS = 10.0

# The names of metrics that end in a class or a label.
PER_CLASS = re.compile(r"(?P<what>(?:(?:val|test_interval/low|test_interval/high)/)?[a-z_0-9]+/)(?P<of>.+)$", re.DOTALL)

T = TypeVar("T")


class Batches:
    """Metrics, parameters and tags of one run that wait to be sent.

    Attributes
    ----------
    keys : mapping of str to str or None
        The part of a metric's key that stands for each class; None for a class that is left out.
    """

    def __init__(self) -> None:
        self.keys: Mapping[str, str | None] = {}
        self._metrics: list[Metric] = []
        self._params: list[Param] = []
        self._tags: list[RunTag] = []
        self._sent_at = time.monotonic()

    @property
    def are_due(self) -> bool:
        """Whether the last call was some seconds ago."""
        return time.monotonic() - self._sent_at > SECONDS_BETWEEN_CALLS

    def params(self, values: Sequence[tuple[str, Any]]) -> None:
        """Take the run's parameters."""
        self._params = [Param(key_for(key), str(value)[:MAX_PARAM_LENGTH]) for key, value in values]

    def tags(self, tags: Mapping[str, str]) -> None:
        """Take tags; empty ones are left out."""
        self._tags += [RunTag(key_for(key), text[:MAX_TAG_LENGTH]) for key, text in tags.items() if text]

    def metrics(self, prefix: str, values: Mapping[str, float], step: int = 0) -> None:
        """Take metrics of one step."""
        now = int(time.time() * 1000)
        for name, value in values.items():
            if (key := self._key(name)) is not None:
                self._metrics.append(Metric(prefix + key, float(value), now, step))

    @property
    def content(self) -> tuple[list[Metric], list[Param], list[RunTag]]:
        """What waits."""
        return self._metrics, self._params, self._tags

    def send(self, client: MlflowClient, run: str) -> None:
        """Send everything there is."""
        parts = (
            chunks(self._metrics, METRICS_PER_CALL),
            chunks(self._params, PARAMS_PER_CALL),
            chunks(self._tags, TAGS_PER_CALL),
        )
        for metrics, params, tags in zip_longest(*parts, fillvalue=()):
            client.log_batch(run, metrics, params, tags)
        self._metrics, self._params, self._tags, self._sent_at = [], [], [], time.monotonic()

    def _key(self, name: str) -> str | None:
        """Return the key of ``recall/<class>`` and the like; None for a class that is left out."""
        match = PER_CLASS.match(name)
        if match is None or match["of"] not in self.keys:
            return key_for(name)
        key = self.keys[match["of"]]
        return None if key is None else match["what"] + key


def chunks(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Yield `items` in parts of at most `size`."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
