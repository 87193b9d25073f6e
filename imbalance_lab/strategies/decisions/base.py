"""What all decisions share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Self

import numpy as np

from imbalance_lab.data.rows import Priors
from imbalance_lab.evaluation.metrics import Metric
from imbalance_lab.strategies.rules import Rule

# Validation rows of a class. Tuned on fewer, a threshold fits their noise: of two normal distributions two deviations
# apart, tuning on 2, 5, 10 and 20 rows of the rare one costs .066, .032, .018 and .011 of balanced accuracy on average
# (.165, .090, .048 and .029 in one sample of ten), and the validation rows promise .157, .094, .065 and .043 too much.
MIN_TUNING_ROWS = 10
MOST_NAMED = 3


class Decision(ABC):
    """Decides how the scores of one task become a class.

    Attributes
    ----------
    needs_validation : bool
        Whether it is fitted on validation rows.
    needs_prior : bool
        Whether it must know which prior the scores carry.
    """

    needs_validation: bool = False
    needs_prior: bool = False

    def for_classes(self, class_names: Sequence[str]) -> Self:
        """Return the decision for these classes, settings given by name looked up."""
        return self

    def with_metrics(self, metrics: Sequence[Metric]) -> Self:
        """Return the decision with its metric looked up by name, among `metrics` too."""
        return self

    @abstractmethod
    def fit(self, log_proba: np.ndarray, y: np.ndarray, priors: Priors) -> Rule:
        """Fit on validation rows, scores `log_proba` (n, C) and classes `y` (n,).

        Returns
        -------
        Rule
            Maps scores (m, C) to classes (m,); any function that does so is one.
        """

    def doubts(self, y: Sequence[np.ndarray], names: Sequence[Sequence[str]]) -> str | None:
        """Return a warning if it is tuned on too few validation rows, classes `y` (n,) of each task; else None."""
        if not self.needs_validation:
            return None
        found = [
            (int(count), name)
            for part, classes in zip(y, names, strict=True)
            for count, name in zip(np.bincount(part, minlength=len(classes)), classes, strict=True)
        ]
        few = sorted((count, name) for count, name in found if count < MIN_TUNING_ROWS)
        if not few:
            return None
        shown = ", ".join(f"'{name}' ({count})" for count, name in few[:MOST_NAMED])
        more = f" and {len(few) - MOST_NAMED} more" if len(few) > MOST_NAMED else ""
        return (
            f"the decision is tuned on few validation rows of {shown}{more}: below {MIN_TUNING_ROWS} it fits noise and "
            "promises too much; try decision=logit_adjust, a larger split.validation, or split=cv"
        )
