"""The offsets on log-probabilities that are best for a metric: exact for two classes, a local search for more."""

from __future__ import annotations

import numpy as np

from imbalance_lab.errors import ConfigError
from imbalance_lab.evaluation.metrics import HEADLINE, METRICS, Metric
from imbalance_lab.evaluation.scores import Confusion, Scores

MAX_PASSES = 20
EQUALLY_GOOD = 1e-12  # values that differ by less are equal


def best_offsets(log_proba: np.ndarray, y: np.ndarray, metric: Metric) -> np.ndarray:
    """Return offsets (C,) whose argmax rule is best for a metric on scores (n, C) and classes (n,).

    One class's offset at a time is moved over all values at which some row changes its class, to the best of them, and
    of equally good ones to the smallest move; until no move helps. Only differences of offsets matter, so the first
    class keeps 0 and two classes take one exact search. For more it is a local optimum: the search starts from no
    offsets, from the log of the class shares and from what is best for balanced accuracy; the best end counts, of
    equally good ones the first.

    Parameters
    ----------
    log_proba : ndarray of shape (n, C)
    y : ndarray of shape (n,), or (n, C)
        Classes, or how much each row counts as a row of each class; the latter needs `takes_shares` of the metric.
    metric : Metric
        A tunable one. One that is a sum over rows (`per_hit`, `per_row`) takes a time that does not depend on the
        number of classes, another function of the confusion matrix C times as much, and any other one evaluation per
        row.

    Examples
    --------
    >>> scores = np.array([[0.0, -3.0], [0.0, -2.0], [0.0, -1.0]])
    >>> best_offsets(scores, np.array([0, 1, 1]), METRICS["balanced_accuracy"]).tolist()
    [0.0, 2.5]
    """
    classes = log_proba.shape[1]
    starts = [np.zeros(classes)]
    if classes > 2:
        share = np.bincount(y, minlength=classes) / len(y) if y.ndim == 1 else y.mean(axis=0)
        rarity = -np.log(np.maximum(share, 0.5 / len(y)))
        starts.append(rarity - rarity[0])
        if metric is not METRICS[HEADLINE]:
            starts.append(best_offsets(log_proba, y, METRICS[HEADLINE]))
    truth = _Shares(y, metric) if y.ndim == 2 else y
    ends = [_climb(log_proba, truth, metric, start) for start in starts]
    best = max(value for value, _ in ends)
    return next(offsets for value, offsets in ends if value >= best - EQUALLY_GOOD)


class _MovedScores:
    """Scores (n, C) under changing offsets, with the two best classes of each row at hand."""

    def __init__(self, log_proba: np.ndarray, offsets: np.ndarray) -> None:
        self.log_proba = log_proba
        self._set(offsets)

    def _set(self, offsets: np.ndarray) -> None:
        self.offsets, self._scores = offsets, self.log_proba + offsets
        self._best = np.empty((len(self.log_proba), 2), dtype=np.int64)
        self._rank(np.arange(len(self.log_proba)))

    def rivals(self, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the best class but `k` of each row, and its score."""
        rival = np.where(self._best[:, 0] == k, self._best[:, 1], self._best[:, 0])
        return rival, self._scores[np.arange(len(rival)), rival]

    def move(self, k: int, offset: float) -> None:
        """Change the offset of class `k`; that of the first class stays 0 as all others give way."""
        offsets = self.offsets.copy()
        offsets[k] = offset
        if k == 0:
            self._set(offsets - offset)
            return
        self.offsets = offsets
        own = self._scores[:, k] = self.log_proba[:, k] + offset
        second = self._scores[np.arange(len(own)), self._best[:, 1]]
        self._rank(np.flatnonzero((self._best == k).any(axis=1) | (own >= second)))

    def _rank(self, rows: np.ndarray) -> None:
        """Find the two best classes of some rows; of equal ones the first."""
        scores = self._scores[rows]
        self._best[rows, 0] = first = scores.argmax(axis=1)
        scores[np.arange(len(rows)), first] = -np.inf
        self._best[rows, 1] = scores.argmax(axis=1)


def _climb(
    log_proba: np.ndarray, y: np.ndarray | _Shares, metric: Metric, offsets: np.ndarray
) -> tuple[float, np.ndarray]:
    classes, reached = len(offsets), -np.inf
    scores = _MovedScores(log_proba, offsets)
    for _ in range(MAX_PASSES):
        before = reached
        for k in range(1 if classes == 2 else 0, classes):
            reached, best = _best_offset(scores, y, metric, k)
            if best is not None:
                scores.move(k, best)
        if reached <= before + EQUALLY_GOOD:
            break
    return reached, scores.offsets


def _best_offset(scores: _MovedScores, y: np.ndarray | _Shares, metric: Metric, k: int) -> tuple[float, float | None]:
    """Return the best value of the metric over class k's offset, and that offset, or None: it is best where it is."""
    log_proba, offset = scores.log_proba, scores.offsets[k]
    rival, score = scores.rivals(k)
    # Row i is predicted as k once the offset exceeds this.
    needed = score - log_proba[:, k]
    order = np.argsort(needed, kind="stable")
    values, firsts = np.unique(needed[order], return_index=True)
    taken = np.append(
        firsts, len(needed)
    )  # rows predicted as k below the first value, between the values, above the last
    cuts = np.concatenate([[values[0] - 1], (values[1:] + values[:-1]) / 2, [values[-1] + 1]])

    rivals = rival[order]
    if isinstance(y, _Shares):
        found = y.values(order, rivals, k, taken, metric)
    else:
        found = _values(y[order], rivals, k, taken, metric, log_proba.shape[1])
    value = metric.sign * found
    value = np.where(np.isnan(value), -np.inf, value)
    stay = int(np.searchsorted(values, offset))  # the cut between the same values as today's offset
    if value[stay] >= value.max() - EQUALLY_GOOD:
        return float(value[stay]), None
    best = np.flatnonzero(value >= value.max() - EQUALLY_GOOD)
    return float(value.max()), float(cuts[best[np.abs(cuts[best] - offset).argmin()]])


def _values(own: np.ndarray, rivals: np.ndarray, k: int, taken: np.ndarray, metric: Metric, classes: int) -> np.ndarray:
    """Return the metric where the first `taken` rows are predicted as k and the others as their rival."""
    if metric.per_row is not None:  # what a row adds to it does not depend on the others
        added = metric.per_row(np.bincount(own, minlength=classes))
        as_rival = added[own, rivals]
        return np.asarray(as_rival.sum() + np.append(0, np.cumsum(added[own, k] - as_rival))[taken])
    if metric.per_hit is not None:
        added = metric.per_hit(np.bincount(own, minlength=classes))[own]
        as_rival = added * (own == rivals)
        gained = np.concatenate([[0], np.cumsum(added * (own == k) - as_rival)])
        return np.asarray(as_rival.sum() + gained[taken])
    if metric.needs == "confusion":
        # The built-in ones ignore classes without rows; one of somebody's own may go by the number of a class.
        present = np.flatnonzero(np.bincount(own, minlength=classes))
        columns = present if metric.name in METRICS else np.arange(classes)
        return metric.objective_values(_confusions(own, rivals, k, taken, columns))
    predicted, value = rivals.copy(), np.empty(len(taken))
    unknown = np.full((len(own), classes), np.nan)  # the metric declares that it does not depend on them
    for cut, stop in enumerate(taken):
        predicted[:stop] = k
        value[cut] = metric(Scores(own, predicted, unknown))
    if np.isnan(value).all():
        raise ConfigError(f"the metric {metric.name} is undefined on the validation rows; choose another")
    return value


def takes_shares(metric: Metric) -> bool:
    """Whether a metric can be computed of rows that count as rows of several classes, each to a part."""
    return metric.needs == "confusion" or metric.per_row is not None


class _Shares:
    """How much each row counts as a row of each class, shape (n, C), and what it adds where it is predicted as each."""

    def __init__(self, labels: np.ndarray, metric: Metric) -> None:
        self.labels, self.rows, self.support = labels, labels.sum(axis=1), labels.sum(axis=0)
        self.added = None
        if metric.per_hit is not None:
            self.added = labels * metric.per_hit(self.support)
        elif metric.per_row is not None:
            self.added = labels @ metric.per_row(self.support)

    def values(self, order: np.ndarray, rivals: np.ndarray, k: int, taken: np.ndarray, metric: Metric) -> np.ndarray:
        """Return the metric where the first `taken` rows of `order` are predicted as k, the others as their rival."""
        if self.added is not None:
            as_rival = self.added[order, rivals]
            return np.asarray(as_rival.sum() + _sums(self.added[order, k] - as_rival)[taken])
        hits = np.zeros((len(taken), len(self.support)))
        predicted = np.empty_like(hits)
        rows = self.rows[order]
        for j in range(len(self.support)):
            lost = _sums(np.where(rivals == j, self.labels[order, j], 0))
            left = _sums(np.where(rivals == j, rows, 0))
            hits[:, j] = lost[-1] - lost[taken]
            predicted[:, j] = left[-1] - left[taken]
        hits[:, k], predicted[:, k] = (_sums(part)[taken] for part in (self.labels[order, k], rows))
        return metric.objective_values(Confusion(hits, predicted, self.support))


def _sums(values: np.ndarray) -> np.ndarray:
    """Return the sum of the first 0, 1, ... values."""
    return np.append(0, np.cumsum(values))


def _confusions(own: np.ndarray, rivals: np.ndarray, k: int, taken: np.ndarray, columns: np.ndarray) -> Confusion:
    """Return the counts of the classes `columns`, for each number of rows `taken` from their rivals by k."""
    hit_as_rival = own == rivals
    hits = np.zeros((len(taken), len(columns)))
    predicted = np.empty_like(hits)
    for column, j in enumerate(columns):
        lost = np.concatenate([[0], np.cumsum(hit_as_rival & (own == j))])
        left = np.concatenate([[0], np.cumsum(rivals == j)])
        hits[:, column] = lost[-1] - lost[taken]
        predicted[:, column] = left[-1] - left[taken]
        if j == k:
            hits[:, column] = np.concatenate([[0], np.cumsum(own == k)])[taken]
            predicted[:, column] = taken
    return Confusion(hits, predicted, np.bincount(own, minlength=columns[-1] + 1)[columns].astype(float))
