"""The four slots of a strategy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import numpy as np


class Priors(NamedTuple):
    """Class priors (C,) of one task: what the scores carry (None: they are no probabilities), and that of the data."""

    effective: np.ndarray | None
    natural: np.ndarray


class Sampler(Protocol):
    """Decides which training rows there are; every imbalanced-learn sampler is one."""

    def fit_resample(self, X: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return training rows (m, d) and their classes (m,) made from rows (n, d) and classes (n,)."""


Rule = Callable[[np.ndarray], np.ndarray]


class Decision(Protocol):
    """Decides how the scores of one task become a class."""

    @property
    def needs_validation(self) -> bool:
        """Whether it is fitted on validation rows."""

    @property
    def needs_prior(self) -> bool:
        """Whether it must know which prior the scores carry."""

    def for_classes(self, class_names: Sequence[str]) -> Decision:
        """Return the decision for these classes, settings given by name looked up."""

    def fit(self, log_proba: np.ndarray, y: np.ndarray, priors: Priors) -> Rule:
        """Fit on validation rows, `log_proba` (n, C) and `y` (n,); the rule maps scores (m, C) to classes (m,)."""
