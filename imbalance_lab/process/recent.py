"""What is dear to make and the same for many runs of a process, kept for the next of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Recent(Generic[T]):
    """The values that were used last.

    Keys are compared, not hashed: settings may hold lists and dictionaries. One that cannot be compared, as if it holds
    arrays, equals no other.

    Parameters
    ----------
    most : int
        How many values are kept.

    Examples
    --------
    >>> squares = Recent[int](most=1)
    >>> squares.get([2], lambda: 4), squares.get([2], lambda: 5), squares.get([3], lambda: 9)
    (4, 4, 9)
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: list[tuple[Any, T]] = []

    def get(self, key: Any, make: Callable[[], T]) -> T:
        """Return the value of an equal `key`, which is made if none is kept."""
        at = next((i for i, (known, _) in enumerate(self._kept) if _equal(known, key)), None)
        pair = (key, make()) if at is None else self._kept.pop(at)
        self._kept = [*self._kept, pair][-self._most :]
        return pair[1]


def _equal(one: Any, other: Any) -> bool:
    try:
        return bool(one == other)
    except ValueError:
        return False
