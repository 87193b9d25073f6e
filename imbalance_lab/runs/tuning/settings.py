"""How much is tried in tuning, and by what it is judged."""

from __future__ import annotations

from typing import Any, Literal

from pydantic.dataclasses import dataclass

from imbalance_lab.evaluation.metrics import HEADLINE
from imbalance_lab.fields import STRICT, Positive


@dataclass(frozen=True, config=STRICT)
class NoTuning:
    """Settings are as they are given."""


@dataclass(frozen=True, config=STRICT)
class Tuning:
    """The budget of tuning: how many settings are tried, and by what they are judged.

    Parameters
    ----------
    trials : int
        The first is of the settings as they are given.
    metric : str
        Of the predicted classes, or the scores, of one task; of several labels their mean. Of `Evaluation.metrics` by
        the name that it has there.
    on : {"validation", "cv"}
        The rows by which a trial is judged: the fold's validation rows, or its training rows, each scored by a model
        that was not trained on it (see `runs.inner`).
    pruner : {"none", "median", "hyperband", "successive_halving"}
        Which of Optuna's pruners ends trials of networks early, by the figure that early stopping watches.
    """

    trials: Positive = 50
    metric: str = HEADLINE
    on: Literal["validation", "cv"] = "validation"
    pruner: Literal["none", "median", "hyperband", "successive_halving"] = "none"

    def budget(self, name: str, space: dict[str, Any]) -> dict[str, Any]:
        """Return it as it identifies a run.

        >>> Tuning(trials=20).budget("optuna", {})["trials"]
        20
        """
        told = {key: getattr(self, key) for key in ("trials", "metric", "on", "pruner")}
        return {"name": name, **told, "space": space}
