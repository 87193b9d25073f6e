"""One line of a replication: a published figure beside ours."""

from __future__ import annotations

from dataclasses import dataclass

AGREES, DIFFERS, OPEN, UNKNOWN, OTHER = "yes", "no", "open", "no figure at hand", "not asked: other sets"


@dataclass(frozen=True)
class Line:
    """A published figure beside ours.

    Parameters
    ----------
    name, of, theirs : str
        The claim, what of ours stands beside it, and the published figure in words.
    ours, low, high : float
        Our figure with its interval.
    agrees : str
    """

    name: str
    of: str
    theirs: str
    ours: float
    low: float
    high: float
    agrees: str

    @property
    def cells(self) -> list[str]:
        """The line as text."""
        interval = f"{self.ours:.3f} [{self.low:.3f}, {self.high:.3f}]"
        return [self.name, self.of, self.theirs, interval, self.agrees]


def meets(low: float, high: float, least: float, most: float) -> str:
    """Return whether an interval shares a value with what theirs allows.

    >>> meets(0.79, 0.81, 0.785, 0.795), meets(0.80, 0.81, 0.785, 0.795)
    ('yes', 'no')
    """
    return AGREES if low <= most and high >= least else DIFFERS


def within(low: float, high: float, least: float, most: float) -> str:
    """Return whether an interval lies in what a claim allows, outside, or on both sides.

    >>> within(0.1, 0.2, 0.0, 1.0), within(-0.1, 0.2, 0.0, 1.0), within(-0.2, -0.1, 0.0, 1.0)
    ('yes', 'open', 'no')
    """
    if least <= low and high <= most:
        return AGREES
    return DIFFERS if high < least or low > most else OPEN
