"""How often one may look at a comparison and stop, without finding more differences that are not there.

Rounds of a cross-validation are added until the comparison is decided, so its verdict is looked at several times, and
each look is another chance of a false one. The error rate is therefore spent over the looks (Lan and DeMets 1983).

The corrected t-test of the comparison takes the results of all folds to be equally correlated, as they share their rows
(Nadeau and Bengio 2003): of ``J`` folds the mean has the variance ``s^2 (1 / J + ratio)``, and the means of two looks
have the covariance of the later one's variance. With the information ``I = 1 / (1 / J + ratio)`` the statistics of the
looks then are those of a Brownian motion, the case that group-sequential tests are made for: the level of each look
follows by integrating over the paths that crossed no earlier bound (Armitage, McPherson and Rowe 1969). What has been
spent up to a look is ``alpha I / I_max``, whatever the looks before it were, so that a budget may end anywhere and a
later call may go on.

Information grows little after the first rounds (ten folds of five-fold cross-validation have three quarters of that of
fifty), which is why most is spent at the first look, and why stopping early costs little.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.signal import fftconvolve
from scipy.special import ndtr, ndtri

GRID = np.linspace(-8.0, 8.0, 6401)
STEP = GRID[1] - GRID[0]
LOOKS = (2, 4, 7)  # after so many rounds, and after the last


def planned_looks(rounds: int) -> list[int]:
    """Return after which rounds the comparison is looked at.

    >>> planned_looks(10), planned_looks(3), planned_looks(1)
    ([2, 4, 7, 10], [2, 3], [1])
    """
    return [look for look in LOOKS if look < rounds] + [rounds]


def information(values: int, most: int, ratio: float) -> float:
    """Return the share of the information of `most` folds that the first `values` of them hold.

    Parameters
    ----------
    values, most : int
    ratio : float
        Test rows by other rows.

    Examples
    --------
    >>> round(information(10, 50, 0.25), 3)
    0.771
    """
    return (1 / most + ratio) / (1 / values + ratio)


def nominal_levels(shares: Sequence[float], alpha: float) -> np.ndarray:
    """Return the two-sided level of each look, by which all looks together have the error rate ``alpha shares[-1]``.

    Parameters
    ----------
    shares : sequence of float
        Of the information at each look, rising, at most 1.
    alpha : float

    Examples
    --------
    >>> nominal_levels([1.0], 0.05).round(4).tolist()
    [0.05]
    >>> nominal_levels([0.5, 1.0], 0.05).round(4).tolist()
    [0.025, 0.0336]
    """
    levels: list[float] = []
    density, before = np.empty(0), 0.0
    for share in shares:
        spread = np.sqrt(share - before)
        kernel = np.exp(-0.5 * np.square(GRID / spread)) / (spread * np.sqrt(2 * np.pi))
        density = kernel if not levels else fftconvolve(density, kernel, mode="same") * STEP
        tails = np.interp(GRID[GRID >= 0], GRID, np.clip(density, 0, None))
        outside = 2 * STEP * (np.cumsum(tails[::-1])[::-1] - tails / 2)
        bound = float(np.interp(-alpha * (share - before), -outside, GRID[GRID >= 0]))
        if not levels:  # known exactly
            bound = float(-ndtri(alpha * share / 2) * np.sqrt(share))
        levels.append(2 * ndtr(-bound / np.sqrt(share)))
        density = np.where(np.abs(GRID) < bound, density, 0.0)
        before = share
    return np.array(levels)


def confidence_of_look(shares: Sequence[float], confidence: float, tests: int) -> float:
    """Return the confidence at which the last of several looks is made, for Holm's method over `tests` strategies.

    Holm's method tests the smallest p-value at the level divided by the tests. Bounds are therefore those of that level
    for each strategy, times the tests: far out, the looks depend less on each other, and the bounds of the whole level
    would allow too much. The method's later, larger levels are then safe as well.

    Examples
    --------
    >>> round(confidence_of_look([1.0], 0.95, tests=10), 4)
    0.95
    >>> confidence_of_look([0.8, 1.0], 0.95, tests=10) > 0.95
    True
    """
    alpha = 1 - confidence
    return 1 - tests * float(nominal_levels(shares, alpha / tests)[-1])
