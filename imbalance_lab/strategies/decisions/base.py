"""What all decisions share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Annotated, Self

import numpy as np
from pydantic import Field
from pydantic.dataclasses import dataclass

from imbalance_lab.data.rows import Priors
from imbalance_lab.evaluation.metrics import Metric
from imbalance_lab.fields import STRICT
from imbalance_lab.strategies.rules import Rule

# Rows of a class that a decision is fitted on. Tuned on fewer and nothing else, a threshold fits their noise: of two
# normal distributions two deviations apart, tuning on 2, 5, 10 and 20 rows of the rare one costs .066, .032, .018 and
# .011 of balanced accuracy on average (.165, .090, .048 and .029 in one sample of ten), and the rows promise .157,
# .094, .065 and .043 too much. Weighed against probabilities (`TunedThreshold.shrink`) they are hardly heard.
MIN_TUNING_ROWS = 10
MOST_NAMED = 3


class Decision(ABC):
    """Decides how the scores of one task become a class.

    Attributes
    ----------
    cv : int or None
        Folds: it is fitted on cross-validated scores of the training rows, too, and can do without validation rows.
    """

    cv: int | None = None

    @property
    def needs_validation(self) -> bool:
        """Whether there must be validation rows, on which it is fitted."""
        return False

    @property
    def needs_prior(self) -> bool:
        """Whether it must know which prior the scores carry."""
        return False

    @property
    def tuned(self) -> bool:
        """Whether it is fitted on rows that the model was not trained on."""
        return self.needs_validation or self.cv is not None

    @property
    def on_few_rows(self) -> str:
        """What becomes of it where a class has few rows, as a warning says it."""
        return "it fits noise and promises too much"

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
        """Return a warning if it is tuned on too few rows of a class, classes `y` (n,) of each task; else None."""
        if not self.tuned:
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
        rows, remedy = "validation rows", "decision.cv=5, a larger split.validation, or split=cv"
        if self.cv:
            rows, remedy = "rows", "decision=logit_adjust"
        few_of = f"the decision is tuned on few {rows} of {shown}{more}"
        return f"{few_of}: below {MIN_TUNING_ROWS} {self.on_few_rows}; try {remedy}"


@dataclass(frozen=True, config=STRICT, kw_only=True)
class Tuned(Decision):
    """A decision that is fitted on validation rows, or on cross-validated scores.

    Parameters
    ----------
    cv : int, optional
        Folds. The model is trained once more for each, on the other training rows (with validation rows as ever), and
        scores the fold; the decision is fitted on these rows and on validation rows, where there are some, together.
    """

    cv: Annotated[int, Field(ge=2)] | None = None

    @property
    def needs_validation(self) -> bool:
        """Whether there must be validation rows: without folds."""
        return self.cv is None
