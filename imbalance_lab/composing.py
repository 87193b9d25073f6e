"""Hydra composes a job of a sweep twice, to see whether it can and to run it, and composing outlasts a small fit."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from hydra.plugins.sweeper import Sweeper


@cache
def compose_each_value_once() -> None:
    """Make Hydra's sweepers try, before they start, one job for each value of each key instead of every job."""
    try_all = Sweeper.validate_batch_is_legal

    def try_values(self: Sweeper, batch: Sequence[Sequence[str]]) -> None:
        try_all(self, with_new_values(batch))

    Sweeper.validate_batch_is_legal = try_values  # type: ignore[method-assign]


def with_new_values(jobs: Sequence[Sequence[str]]) -> list[Sequence[str]]:
    """Return the jobs that have an override none before them has.

    >>> with_new_values([["a=1", "b=1"], ["a=1", "b=2"], ["a=2", "b=1"], ["a=2", "b=2"]])
    [['a=1', 'b=1'], ['a=1', 'b=2'], ['a=2', 'b=1']]
    """
    seen: set[str] = set()
    new = []
    for job in jobs:
        if not seen.issuperset(job):
            seen.update(job)
            new.append(job)
    return new
