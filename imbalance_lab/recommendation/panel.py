"""What is tried on a table: strategies and models that suit it, plain training and the control always among them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from imbalance_lab.data.dataset import Dataset
from imbalance_lab.errors import DataError
from imbalance_lab.evaluation.metrics import HEADLINE, find
from imbalance_lab.options import Option, option
from imbalance_lab.recommendation.splits import split_by, with_folds
from imbalance_lab.runs.spec import specify

PLAIN, THRESHOLDS = "none", "tuned_threshold"
THRESHOLDS_ONLY = (PLAIN, THRESHOLDS, "logit_adjust")
STRATEGIES = (*THRESHOLDS_ONLY, "inv_freq", "sqrt_inv", "ros", "rus")  # decisions, weights, training rows
FEW_STRATEGIES = (*THRESHOLDS_ONLY, "inv_freq")
OF_MODEL = {"random_forest": THRESHOLDS_ONLY, "hist_gb": FEW_STRATEGIES}
MODELS, OF_LARGE_TABLES = ("logreg", "random_forest", "hist_gb"), ("logreg", "hist_gb")
LARGE, VERY_LARGE = 200_000, 2_000_000  # values (rows times columns)
MOST_FOLDS, FEWEST_ROWS = 5, 3
MANY_ROUNDS, FEW_ROUNDS = 10, 4
TOLERANCE = 0.2  # of the region of practical equivalence


@dataclass(frozen=True)
class Candidate:
    """A strategy with a model, one of those that are tried.

    Parameters
    ----------
    strategy : str, Strategy or Option
    model : str, Option or object
    titles : (str, str)
        What strategy and model are called.
    cost : int
        How much there is to it: of those that are as good the simplest is recommended.
    """

    strategy: Any
    model: Any
    titles: tuple[str, str]
    cost: int

    @property
    def name(self) -> str:
        """How the comparison calls it."""
        return " ".join(self.titles)


@dataclass(frozen=True)
class Panel:
    """What is tried, and how often.

    Parameters
    ----------
    candidates : tuple of Candidate
        In the order in which they are tried.
    folds : int
        Of each round's cross-validation.
    rounds : int
        At most; one where rows are in an order of time, as nothing is drawn then.
    split : Option
        Of each round.
    plain, control : dict of model's title to name of the candidate
        Plain training, and plain training with tuned thresholds.
    """

    candidates: tuple[Candidate, ...]
    folds: int
    rounds: int
    split: Option
    plain: dict[str, str]
    control: dict[str, str]

    @property
    def ratio(self) -> float:
        """Test rows by other rows."""
        return 1 / (self.folds - 1)


def panel_for(
    data: Dataset,
    strategies: Sequence[Any] | None = None,
    models: Sequence[Any] | None = None,
    metric: str = HEADLINE,
    split: Option | None = None,
) -> Panel:
    """Return what is worth trying on a table.

    What is tried by default follows what was found on other sets (``experiments/real_world``, ``experiments/choice``):

    - Plain training (``none``) and plain training with thresholds tuned on validation rows (``tuned_threshold``) are
      always tried: whatever does not beat the latter is not worth its trouble. The thresholds are tuned for `metric`
      where it is one of the decisions.
    - Computed thresholds (``logit_adjust``) cost nothing and rank first with networks and forests; inverse-frequency
      weights and oversampling are as good or better with logistic regression, whose boundary they move, and do little
      for trees, which fit their rows whatever these weigh. A forest is therefore tried with thresholds only, boosted
      trees with weights too, a linear model with samplers as well.
    - SMOTE was never in front, is refused where columns are categories, and focal losses did nothing: they are tried on
      request only (``strategies=[smote_nc]``).
    - Which model is best differs more from set to set than which strategy is, so that three kinds are tried: a linear
      one, a forest and boosted trees; on large tables not the forest, which takes longest.
    - Of tables so large that a round takes minutes, samplers are left out, and there are fewer rounds.
    - Several labels exclude samplers.

    Parameters
    ----------
    data : Dataset
    strategies, models : sequence, optional
        In the place of the default ones; plain training and the control are added.
    metric : str
    split : Option, optional
        As of `split_by`; by default by class.

    Raises
    ------
    DataError
        If a class has too few rows to be trained on, validated and tested.
    """
    if (fewest := int(data.counts.min())) < FEWEST_ROWS:
        small = [repr(n) for n, rows in zip(data.class_names, data.counts, strict=True) if rows < FEWEST_ROWS]
        raise DataError(
            f"dataset '{data.name}': class {', '.join(small[:4])} has too few rows ({fewest}): to train, to validate "
            f"and to test takes {FEWEST_ROWS}; collect more, or leave such classes out by min_class_rows={FEWEST_ROWS}"
        )
    values = len(data) * max(len(data.kinds), 1)
    chosen_models = list(models or (MODELS if values < LARGE else OF_LARGE_TABLES))
    of_each = {
        at: list(strategies) if strategies else list(_strategies(model, values, bool(data.labels)))
        for at, model in enumerate(chosen_models)
    }
    control = _tuned_for(metric)
    candidates: dict[str, Candidate] = {}
    plain, controls = {}, {}
    for at, model in enumerate(chosen_models):
        wanted = [PLAIN, control, *(s for s in of_each[at] if s not in (PLAIN, THRESHOLDS))]
        made = []
        for strategy in wanted:
            identity = specify(data, strategy, model)
            cost = cost_of(identity.options, at)
            made.append(Candidate(strategy, model, (identity.strategy, identity.model), cost))
            candidates.setdefault(made[-1].name, made[-1])
        plain[made[0].titles[1]], controls[made[0].titles[1]] = made[0].name, made[1].name
    split = with_folds(split or split_by(None, None), data, min(MOST_FOLDS, fewest))
    rounds = MANY_ROUNDS if values < VERY_LARGE else FEW_ROUNDS
    if split.settings.get("order") is not None:
        rounds = 1
    return Panel(tuple(candidates.values()), split.settings["folds"], rounds, split, plain, controls)


def _strategies(model: Any, values: int, labels: bool) -> Sequence[str]:
    if isinstance(model, str) and model in OF_MODEL:
        return OF_MODEL[model]
    return FEW_STRATEGIES if values >= VERY_LARGE or labels else STRATEGIES


def _tuned_for(metric: str) -> Any:
    """Return the control: thresholds tuned for the metric, if it is one of the decisions, else for the headline one."""
    known = find(metric)
    own = metric != HEADLINE and known is not None and known.tunable
    return option("decision", THRESHOLDS, metric=metric) if own else THRESHOLDS


def simplest(expected: np.ndarray, costs: Sequence[int], rope: float) -> int:
    """Return which candidate to use: the simplest of those that are expected to be about as good as the best.

    Parameters
    ----------
    expected : ndarray of shape (K,)
        Larger is better.
    costs : sequence of int
        How much there is to each; of equal ones the better is taken.
    rope : float
        A fifth of it is the most that may be lost.

    Examples
    --------
    >>> simplest(np.array([0.803, 0.804, 0.71]), [1, 4, 0], rope=0.01)
    0
    """
    good = np.flatnonzero(expected >= expected.max() - TOLERANCE * rope)
    return int(min(good, key=lambda at: (costs[int(at)], -expected[at])))


def cost_of(options: Any, model: int) -> int:
    """Return how much there is to a strategy: nothing, thresholds, weights, other rows, another loss; or several.

    Parameters
    ----------
    options : mapping of group to Option
        Of a run.
    model : int
        The place of its model, the simplest first.
    """
    weights = {"decision": 1, "class_weight": 3, "sampler": 4, "loss": 5, "representation": 5}
    return 10 * model + sum(weight for slot, weight in weights.items() if not options[slot].is_empty)
