"""The field types that options share."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, ConfigDict, Field

STRICT = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

Share = Annotated[float, Field(ge=0, lt=1)]
Positive = Annotated[int, Field(ge=1)]
# Weights by class name; a class may be called 1 or true.
ByName = Annotated[
    dict[str, Annotated[float, Field(gt=0, allow_inf_nan=False)]],
    BeforeValidator(lambda given: {_as_typed(k): v for k, v in given.items()} if isinstance(given, dict) else given),
]
Seed = Annotated[int, Field(ge=0, lt=2**32)]


def _as_typed(name: object) -> str:
    return str(name).lower() if isinstance(name, bool) else str(name)
