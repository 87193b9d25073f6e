"""What a trial is worth: a metric on rows of the fold that its model was not trained on."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from sklearn.model_selection import StratifiedKFold

from imbalance_lab.data.dataset import Dataset
from imbalance_lab.data.rows import Priors, Seeds, Split
from imbalance_lab.errors import ConfigError, Incompatible, LabWarning
from imbalance_lab.evaluation.metrics import Metric, watchable
from imbalance_lab.evaluation.scores import Scores
from imbalance_lab.runs.inner import cross_validated
from imbalance_lab.runs.plan import Plan
from imbalance_lab.runs.train import train
from imbalance_lab.strategies.decisions import Decision
from imbalance_lab.strategies.rules import as_rule

DECISION_FOLDS = 5
Report = Callable[[int, float], None]


@dataclass(frozen=True)
class Objective:
    """The value of a plan in one fold; test rows are not among its rows.

    Parameters
    ----------
    metric : Metric
    cross_validates : bool
        Whether it is judged by its training rows, each scored by a model that was not trained on it.
    dataset : Dataset
    split : Split
        Without test rows.
    fold : int
    """

    metric: Metric
    cross_validates: bool
    dataset: Dataset
    split: Split
    fold: int

    def __call__(self, plan: Plan, report: Report | None = None) -> float:
        """Return the value.

        A decision that is fitted on rows that the model was not trained on is judged by others of them than those it
        is fitted on, in turn, or it would promise too much.

        Parameters
        ----------
        plan : Plan
        report : callable, optional
            Given, of a network on validation rows, the number of each epoch and the figure that early stopping watches.

        Raises
        ------
        LabError
            If the plan cannot be trained on these rows.
        """
        targets, more = self.dataset.targets, None
        if self.cross_validates:
            held_out = cross_validated(plan, self.dataset, self.split)
            rows, scores, priors = held_out.rows, held_out.log_proba, held_out.priors
        else:
            if plan.decision.cv is not None:
                held_out = cross_validated(plan, self.dataset, self.split)
                more = held_out.log_proba, targets[held_out.rows]
            trained, scores = train(plan, self.dataset, self.split, self.fold, on_epoch=self._watched(plan, report))
            rows, priors = self.split.validation, trained.priors
        known, seed = targets[rows], Seeds.spawn(plan.seed, self.fold).tuning
        values = []
        for t, prior in enumerate(priors):
            further = None if more is None else (more[0][:, t], more[1][:, t])
            predicted = decided(plan.decision, scores[:, t], known[:, t], prior, seed, further)
            bins = plan.evaluation.calibration_bins
            values.append(self.metric(Scores(known[:, t], predicted, scores[:, t], bins)))
        return float(np.mean(values))

    def _watched(self, plan: Plan, report: Report | None) -> Callable[[int, Mapping[str, float]], None]:
        """Return what is given every epoch: it reports the figure that early stopping watches, better the same way."""
        if report is None or plan.training is None:
            return lambda epoch, metrics: None
        watched = plan.training.metric
        metric = watchable(watched) if isinstance(watched, str) else watched
        same = metric.larger_is_better == self.metric.larger_is_better
        return lambda epoch, metrics: report(epoch, metrics[f"val/{metric.name}"] * (1 if same else -1))


def metric_of(name: str, plan: Plan) -> Metric:
    """Return the metric by which a plan is tuned.

    Raises
    ------
    ConfigError
        If there is none of that name that has one value for one task, the larger or the smaller of which is better.
    Incompatible
        If it is one of probabilities, and the model gives none.
    """
    metric = watchable(name, plan.evaluation.metrics, "tuning.metric")
    if metric.needs == "probabilities" and not plan.learner.gives_probabilities:
        raise Incompatible(
            f"tuning.metric={name} is one of probabilities, and the scores of the model are none; "
            "use tuning.metric=balanced_accuracy"
        )
    return metric


def check(on: str, pruner: str, plan: Plan) -> None:
    """Refuse tuning on validation rows where a split sets none aside, and pruning by figures that there are not.

    Raises
    ------
    ConfigError
    """
    if on == "validation" and plan.split.validation == 0:
        raise ConfigError(
            "tuning.on=validation judges settings by validation rows and split.validation=0; set "
            "split.validation=0.2, or use tuning.on=cv"
        )
    if pruner != "none" and on == "cv":
        raise ConfigError(
            f"tuning.pruner={pruner} ends trials by what they reach on validation rows, and tuning.on=cv judges them "
            "by others; use tuning.pruner=none, or tuning.on=validation"
        )
    if pruner != "none" and plan.training is None:
        text = f"tuning.pruner={pruner} ends no trial early: the model is not trained in epochs"
        warnings.warn(text, LabWarning, stacklevel=2)


def decided(
    decision: Decision,
    log_proba: np.ndarray,
    y: np.ndarray,
    priors: Priors,
    seed: int,
    more: tuple[np.ndarray, np.ndarray] | None = None,
) -> np.ndarray:
    """Return the classes (n,) of scores (n, C); a decision that is fitted to rows decides others than those.

    Parameters
    ----------
    decision : Decision
    log_proba : ndarray of shape (n, C)
    y : ndarray of shape (n,)
    priors : Priors
    seed : int
        Of the parts into which the rows are shared out, class by class.
    more : tuple of ndarray, optional
        Scores and classes of further rows, to which it is fitted too.

    Examples
    --------
    >>> from imbalance_lab.strategies.decisions import Argmax
    >>> even = np.array([0.5, 0.5])
    >>> decided(Argmax(), np.log([[0.9, 0.1], [0.2, 0.8]]), np.array([0, 1]), Priors(even, even), 0).tolist()
    [0, 1]
    """

    def rule(rows: np.ndarray, others: np.ndarray) -> np.ndarray:
        scores, known = log_proba[rows], y[rows]
        if more is not None:
            scores, known = np.concatenate([scores, more[0]]), np.concatenate([known, more[1]])
        return as_rule(decision.fit(scores, known, priors)).on(log_proba[others])(log_proba[others])

    every = np.arange(len(y))
    parts = min(DECISION_FOLDS, int(np.bincount(y).max()))
    if not decision.tuned or parts < 2:
        return rule(every, every)
    found = np.empty(len(y), dtype=int)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of a class with fewer rows than parts
        for fitted, left in StratifiedKFold(parts, shuffle=True, random_state=seed).split(log_proba, y):
            found[left] = rule(fitted, left)
    return found
