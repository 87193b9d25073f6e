"""The four kinds of verdicts that pictures and tables tell apart, and their signs."""

from __future__ import annotations

from typing import Any

from imbalance_lab.comparison.paired import BETTER, SAME, WORSE

OPEN = "open"
SIGNS = {BETTER: "▲", WORSE: "▼", SAME: "■", OPEN: "○"}


def kind_of(verdict: Any) -> str:
    """Return how a verdict is drawn: as better, worse, the same, or open.

    >>> kind_of("worse"), kind_of("not enough runs"), kind_of(float("nan"))
    ('worse', 'open', 'open')
    """
    return verdict if verdict in (BETTER, WORSE, SAME) else OPEN
