"""How long a recommendation may take, and how that is shown."""

from __future__ import annotations

import re
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from imbalance_lab.errors import ConfigError
from imbalance_lab.runs.cell import Outcome

UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}
TIME = re.compile(r"(\d+(?:\.\d+)?|\.\d+)\s*([smh]?)", re.IGNORECASE)


def seconds_of(budget: str | float) -> float:
    """Return the seconds that ``90s``, ``10m`` or ``2h`` stand for; a number is one of seconds.

    Raises
    ------
    ConfigError
        If it is no time above 0.

    Examples
    --------
    >>> seconds_of("10m"), seconds_of("1.5h"), seconds_of(45)
    (600.0, 5400.0, 45.0)
    """
    found = TIME.fullmatch(str(budget).strip())
    seconds = float(found[1]) * UNITS[found[2].lower() or "s"] if found else 0.0
    if seconds <= 0:
        raise ConfigError(f"budget={budget} is no time; 90s, 10m and 2h are")
    return seconds


def minutes(seconds: float) -> str:
    """Return a time as a clock shows it.

    >>> minutes(187.2), minutes(4000)
    ('3:07', '1:06:40')
    """
    whole = max(int(seconds), 0)
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d}"


class Bar:
    """How far the rounds are, and how long they may still take: to the last round, or to the end of the budget."""

    def __init__(self, bar: object, seconds: float) -> None:
        self._bar, self._ends = bar, time.monotonic() + seconds
        self._made, self._began = 0, time.monotonic()

    def begin(self, number: int, rounds: int, runs: int) -> None:
        """Begin a round, after which so many runs are left at most, those of the round included."""
        self._bar.set_description(f"round {number + 1} of at most {rounds}")  # type: ignore[attr-defined]
        self._bar.total = self._bar.n + runs  # type: ignore[attr-defined]
        self._show()

    def advance(self, outcome: Outcome) -> None:
        """Count a run."""
        self._made += 1
        self._bar.update()  # type: ignore[attr-defined]
        self._show()

    def _show(self) -> None:
        left = self._ends - time.monotonic()
        if self._made:
            each = (time.monotonic() - self._began) / self._made
            left = min(left, each * (self._bar.total - self._bar.n))  # type: ignore[attr-defined]
        self._bar.set_postfix_str(f"{minutes(left)} left at most")  # type: ignore[attr-defined]


@contextmanager
def progress_bar(seconds: float, shown: bool) -> Iterator[Bar]:
    """Show tqdm's bar, which notebooks draw too."""
    from tqdm import TqdmWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TqdmWarning)  # a notebook without widgets has the bar in text
        from tqdm.auto import tqdm

        form = "{desc}|{bar:14}| {n_fmt} of {total_fmt} runs{postfix}"
        bar = tqdm(total=1, disable=not shown, leave=False, bar_format=form)
    with bar:
        yield Bar(bar, seconds)
