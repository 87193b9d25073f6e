"""The field types that options share."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, ConfigDict, Field

STRICT = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

Share = Annotated[float, Field(ge=0, lt=1)]
Positive = Annotated[int, Field(ge=1)]
MAX_TITLE = 200  # it names a folder of artifacts, too
Title = Annotated[str, Field(min_length=1, max_length=MAX_TITLE)]
# Weights by class name; a class may be called 1 or true.
ByName = Annotated[
    dict[str, Annotated[float, Field(gt=0, allow_inf_nan=False)]],
    BeforeValidator(lambda given: {_as_typed(k): v for k, v in given.items()} if isinstance(given, dict) else given),
]


def _whole(value: object) -> object:
    """Refuse ``true`` and ``false``, which Python takes for 1 and 0, and 1e3, which it takes for no whole number."""
    if isinstance(value, bool | float):
        raise ValueError(f"is a whole number of 0 or more, not {str(value).lower()}")
    return value


Seed = Annotated[int, BeforeValidator(_whole), Field(ge=0, lt=2**32)]


def _as_typed(name: object) -> str:
    return str(name).lower() if isinstance(name, bool) else str(name)
