"""The offsets on log-probabilities that are best for a metric: exact for two classes, a local search for more."""

from __future__ import annotations

from typing import Literal

import numpy as np

TunedMetric = Literal["balanced_accuracy", "g_mean", "macro_f1", "mcc", "worst_class_recall"]

PASSES = 20


def best_offsets(log_proba: np.ndarray, y: np.ndarray, metric: TunedMetric) -> np.ndarray:
    """Return offsets (C,) whose argmax rule is best for `metric` on scores (n, C) and classes (n,).

    One class's offset at a time is moved over all values at which some row changes its class, to the best of them, and
    of equally good ones to the smallest move; until no move helps. Only differences of offsets matter, so the first
    class keeps 0 and two classes take one exact search. For more it is a local optimum: the search starts from no
    offsets, from the log of the class shares and from what is best for balanced accuracy; the best end counts, of
    equally good ones the first.

    Examples
    --------
    >>> scores = np.array([[0.0, -3.0], [0.0, -2.0], [0.0, -1.0]])
    >>> best_offsets(scores, np.array([0, 1, 1]), "balanced_accuracy").tolist()
    [0.0, 2.5]
    """
    classes = log_proba.shape[1]
    starts = [np.zeros(classes)]
    if classes > 2:
        share = np.bincount(y, minlength=classes) / len(y)
        rarity = -np.log(np.maximum(share, 0.5 / len(y)))
        starts.append(rarity - rarity[0])
        if metric != "balanced_accuracy":
            starts.append(best_offsets(log_proba, y, "balanced_accuracy"))
    ends = [_climb(log_proba, y, metric, start) for start in starts]
    best = max(value for value, _ in ends)
    return next(offsets for value, offsets in ends if value >= best - 1e-12)


class _Scores:
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


def _climb(log_proba: np.ndarray, y: np.ndarray, metric: TunedMetric, offsets: np.ndarray) -> tuple[float, np.ndarray]:
    classes, reached = len(offsets), -np.inf
    scores = _Scores(log_proba, offsets)
    for _ in range(PASSES):
        before = reached
        for k in range(1 if classes == 2 else 0, classes):
            reached, best = _best_offset(scores, y, metric, k)
            if best is not None:
                scores.move(k, best)
        if reached <= before + 1e-12:
            break
    return reached, scores.offsets


def _best_offset(scores: _Scores, y: np.ndarray, metric: TunedMetric, k: int) -> tuple[float, float | None]:
    """Return the best value of the metric over class k's offset, and that offset, or None: it is best where it is."""
    log_proba, offset = scores.log_proba, scores.offsets[k]
    rival, score = scores.rivals(k)
    # Row i is called k once the offset exceeds this.
    needed = score - log_proba[:, k]
    order = np.argsort(needed, kind="stable")
    values, firsts = np.unique(needed[order], return_index=True)
    called_k = np.append(firsts, len(y))  # how many rows are called k below the first value, between, above the last
    cuts = np.concatenate([[values[0] - 1], (values[1:] + values[:-1]) / 2, [values[-1] + 1]])

    own, rivals = y[order], rival[order]
    value = _values(own, rivals, k, called_k, metric, log_proba.shape[1])
    stay = int(np.searchsorted(values, offset))  # the cut between the same values as today's offset
    if value[stay] >= value.max() - 1e-12:
        return float(value[stay]), None
    best = np.flatnonzero(value >= value.max() - 1e-12)
    return float(value.max()), float(cuts[best[np.abs(cuts[best] - offset).argmin()]])


def _values(
    own: np.ndarray, rivals: np.ndarray, k: int, called_k: np.ndarray, metric: TunedMetric, classes: int
) -> np.ndarray:
    """Return the metric when the first `called_k` rows are called k and the others their rival."""
    support = np.bincount(own, minlength=classes)
    if metric == "balanced_accuracy":  # what a row adds to it does not depend on the others
        share = 1 / (np.count_nonzero(support) * support[own])
        as_rival = share * (own == rivals)
        gained = np.concatenate([[0], np.cumsum(share * (own == k) - as_rival)])
        return np.asarray(as_rival.sum() + gained[called_k])
    present = np.flatnonzero(support)
    hit_as_rival = own == rivals
    value = np.zeros((len(called_k), len(present)))
    hits = np.empty_like(value)
    called = np.empty_like(value)
    for column, j in enumerate(present):
        lost = np.concatenate([[0], np.cumsum(hit_as_rival & (own == j))])
        left = np.concatenate([[0], np.cumsum(rivals == j)])
        hits[:, column] = lost[-1] - lost[called_k]
        called[:, column] = left[-1] - left[called_k]
        if j == k:
            hits[:, column] = np.concatenate([[0], np.cumsum(own == k)])[called_k]
            called[:, column] = called_k
    return _METRICS[metric](hits, called, support[present].astype(float))


def _recalls(hits: np.ndarray, support: np.ndarray) -> np.ndarray:
    return hits / support


def _mcc(hits: np.ndarray, called: np.ndarray, support: np.ndarray) -> np.ndarray:
    # Rows called a class that has none of them are missing from `called`; they are n less the sum, all in one class.
    n = support.sum()
    others = n - called.sum(axis=1)
    spread = np.sqrt((n**2 - np.square(called).sum(axis=1) - others**2) * (n**2 - np.square(support).sum()))
    return (hits.sum(axis=1) * n - called @ support) / np.where(spread > 0, spread, np.inf)


_METRICS = {
    "worst_class_recall": lambda hits, called, support: _recalls(hits, support).min(axis=1),
    "g_mean": lambda hits, called, support: np.exp(np.log(np.maximum(_recalls(hits, support), 1e-300)).mean(axis=1)),
    "macro_f1": lambda hits, called, support: (2 * hits / (called + support)).mean(axis=1),
    "mcc": _mcc,
}
