"""Ensembles whose members are each fitted to as many rows of every class, chosen by what the members before got wrong.

They are scikit-learn classifiers over any scikit-learn classifier that gives probabilities.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils import check_random_state, get_tags
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

LARGEST_SEED = np.iinfo(np.int32).max

# Of rows to whose class an ensemble gives the probability p.
HARDNESS: Mapping[str, Callable[[np.ndarray], np.ndarray]] = MappingProxyType(
    {
        "absolute": lambda p: 1 - p,
        "squared": lambda p: np.square(1 - p),
        "cross_entropy": lambda p: -np.log(np.maximum(p, np.finfo(np.float64).eps)),
    }
)


class _Balanced(MetaEstimatorMixin, ClassifierMixin, BaseEstimator):
    """Members fitted one after the other, each to as many rows of every class as the smallest has."""

    def __init__(self, estimator: Any = None, n_estimators: int = 50, *, random_state: Any = None) -> None:
        self.estimator = estimator
        self.n_estimators = n_estimators
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> Self:
        """Fit the members.

        Rows have no weights: every class counts the same already.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n, d)
        y : array-like of shape (n,)

        Raises
        ------
        ValueError
            If there is one class only, or the classifier gives no probabilities, or a parameter is out of range.
        """
        X, y = validate_data(self, X, y, accept_sparse="csr", ensure_all_finite=False)
        check_classification_targets(y)
        self.classes_, classes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"{type(self).__name__} needs two classes, and y has one class only")
        if self.n_estimators < 1:
            raise ValueError(f"n_estimators must be 1 or more, not {self.n_estimators}")
        member = self._member()
        if not hasattr(member, "predict_proba"):
            raise ValueError(
                f"{type(self).__name__} needs the probabilities of {type(member).__name__}, which has none"
            )
        random = check_random_state(self.random_state)
        drawing = self._drawing(classes, random)
        self.estimators_: list[Any] = []
        for _ in range(self.n_estimators):
            rows = drawing.rows()
            fresh = clone(member)
            seeds = [key for key in fresh.get_params() if key == "random_state" or key.endswith("__random_state")]
            fresh.set_params(**{key: random.randint(LARGEST_SEED) for key in sorted(seeds)})
            self.estimators_.append(fresh.fit(X[rows], y[rows]))
            if len(self.estimators_) < self.n_estimators:
                proba = np.asarray(fresh.predict_proba(X), dtype=np.float64)
                drawing.learn(proba[np.arange(len(classes)), classes])
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the mean of the members' probabilities, shape (n, C)."""
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse="csr", ensure_all_finite=False, reset=False)
        return np.asarray(np.mean([member.predict_proba(X) for member in self.estimators_], axis=0))

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Return the logarithm of `predict_proba`, shape (n, C)."""
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def predict(self, X: Any) -> np.ndarray:
        """Return the most probable class, shape (n,)."""
        proba = self.predict_proba(X)
        return np.asarray(self.classes_[proba.argmax(axis=1)])

    @abstractmethod
    def _drawing(self, classes: np.ndarray, random: np.random.RandomState) -> _Drawing:
        """Return what chooses each member's rows; `classes` (n,) are numbers."""

    def _member(self) -> Any:
        return DecisionTreeClassifier() if self.estimator is None else self.estimator

    def __sklearn_tags__(self) -> Any:
        """Return the tags of the classifier inside, as far as rows go."""
        tags = super().__sklearn_tags__()
        inner = get_tags(self._member()).input_tags
        tags.input_tags.sparse, tags.input_tags.allow_nan = inner.sparse, inner.allow_nan
        return tags


class SelfPacedEnsembleClassifier(_Balanced):
    r"""Self-paced ensemble (SPE; Liu et al. 2020), of two classes and of more.

    The first member :math:`f_0` is fitted to the rows of the smallest class and as many random rows of each other.
    Before the i-th, the rows of each larger class are cut into `k_bins` bins of equal width by their hardness
    :math:`H(x, y, F_i)` under the mean of the members so far, :math:`F_i = \frac1i \sum_{j<i} f_j`; with the mean
    hardness :math:`h_l` of bin l, as many rows as the smallest class has are drawn, in shares

    .. math:: \frac{p_l}{\sum_m p_m}, \quad p_l = \frac{1}{h_l + \alpha_i}, \quad \alpha_i = \tan\frac{i\pi}{2(n-1)}

    from the bins: at first a bin counts the more the easier its rows are, at the end all bins count the same, so that
    the few hard rows count as much as the many easy ones. The scores are the mean of all n members, as in the authors'
    code (the paper leaves :math:`f_0` out). With more than two classes the hardness of a row comes from the probability
    p of its own class.

    Parameters
    ----------
    estimator : classifier, optional
        Cloned for each member; a decision tree by default.
    n_estimators : int
        Members n.
    k_bins : int
    hardness : {"absolute", "squared", "cross_entropy"}
        H: ``1 - p``, ``(1 - p) ** 2``, ``-log p``.
    replacement : bool
        Whether the rows of each bin, and those of the smallest class, are drawn with replacement, which the paper does
        not say and the authors' library does: members differ more. Without, the smallest class is there whole, and the
        other bins give more where one has fewer rows than its share.
    random_state : int, RandomState or None

    Attributes
    ----------
    classes_ : ndarray of shape (C,)
    estimators_ : list of fitted classifiers

    References
    ----------
    Z. Liu, W. Cao, Z. Gao, J. Bian, H. Chen, Y. Chang, T.-Y. Liu: Self-paced Ensemble for Highly Imbalanced Massive
    Data Classification. ICDE 2020.

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> X, y = make_classification(500, weights=[0.95], random_state=0)
    >>> SelfPacedEnsembleClassifier(n_estimators=5, random_state=0).fit(X, y).predict_proba(X).shape
    (500, 2)
    """

    def __init__(
        self,
        estimator: Any = None,
        n_estimators: int = 50,
        *,
        k_bins: int = 5,
        hardness: str = "absolute",
        replacement: bool = True,
        random_state: Any = None,
    ) -> None:
        super().__init__(estimator, n_estimators, random_state=random_state)
        self.k_bins = k_bins
        self.hardness = hardness
        self.replacement = replacement

    def _drawing(self, classes: np.ndarray, random: np.random.RandomState) -> _Drawing:
        if self.hardness not in HARDNESS:
            raise ValueError(f"hardness must be one of {', '.join(HARDNESS)}, not {self.hardness!r}")
        if self.k_bins < 1:
            raise ValueError(f"k_bins must be 1 or more, not {self.k_bins}")
        hardness = HARDNESS[self.hardness]
        return _SelfPaced(classes, random, self.n_estimators, self.k_bins, hardness, self.replacement)


class BalanceCascadeClassifier(_Balanced):
    r"""BalanceCascade (Liu, Wu and Zhou 2009), of two classes and of more.

    Each member :math:`H_i` is fitted to the rows of the smallest class and as many random rows of what is left of each
    other; then, of each other class k of :math:`n_k` rows, those are left for the members to come to whose own class
    :math:`H_i` gives the smallest probabilities: its threshold :math:`\theta_i` is set so that the share

    .. math:: f_k = \left(\frac{n_{\min}}{n_k}\right)^{\frac{1}{T - 1}}

    of them is on the wrong side, and the others, which it gets right, are removed. So the last of T members has as many
    rows of each class left as the smallest one has. Rows of equal probability are taken in random order, as trees tell
    few rows apart. The scores are the members' mean probability; the paper adds the constant :math:`-\sum_i \theta_i`,
    which moves the threshold of two classes and nothing else: that is what a decision is for.

    Parameters
    ----------
    estimator : classifier, optional
        Cloned for each member (in the paper, AdaBoost); a decision tree by default.
    n_estimators : int
        Members T.
    random_state : int, RandomState or None

    Attributes
    ----------
    classes_ : ndarray of shape (C,)
    estimators_ : list of fitted classifiers

    References
    ----------
    X.-Y. Liu, J. Wu, Z.-H. Zhou: Exploratory Undersampling for Class-Imbalance Learning. IEEE Transactions on Systems,
    Man, and Cybernetics B 39(2), 2009.

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> X, y = make_classification(500, weights=[0.95], random_state=0)
    >>> BalanceCascadeClassifier(n_estimators=5, random_state=0).fit(X, y).predict_proba(X).shape
    (500, 2)
    """

    def _drawing(self, classes: np.ndarray, random: np.random.RandomState) -> _Drawing:
        return _Cascade(classes, random, self.n_estimators)


class _Drawing:
    """Chooses as many rows of every class as the smallest has, at random.

    Parameters
    ----------
    classes : ndarray of shape (n,)
    random : RandomState
    members : int
    replacement : bool
    """

    def __init__(
        self, classes: np.ndarray, random: np.random.RandomState, members: int, replacement: bool = False
    ) -> None:
        self.random, self.members, self.replacement, self.fitted = random, members, replacement, 0
        self.rows_of = [np.flatnonzero(classes == k) for k in range(classes.max() + 1)]
        self.size = min(map(len, self.rows_of))

    def rows(self) -> np.ndarray:
        """Return the rows of the next member, sorted."""
        whole = [len(rows) == self.size and not self.replacement for rows in self.rows_of]
        chosen = [rows if whole[k] else self.choose(k) for k, rows in enumerate(self.rows_of)]
        return np.sort(np.concatenate(chosen))

    def choose(self, k: int) -> np.ndarray:
        """Return `size` rows of a class."""
        return self.some(self.rows_of[k], self.size)

    def learn(self, proba: np.ndarray) -> None:
        """Take the probability (n,) that the last member gives each row's own class."""
        self.fitted += 1

    def some(self, rows: np.ndarray, size: int) -> np.ndarray:
        """Return `size` of the rows."""
        return rows[self.random.choice(len(rows), size=size, replace=self.replacement)]


class _SelfPaced(_Drawing):
    def __init__(
        self,
        classes: np.ndarray,
        random: np.random.RandomState,
        members: int,
        bins: int,
        hardness: Callable[[np.ndarray], np.ndarray],
        replacement: bool,
    ) -> None:
        super().__init__(classes, random, members, replacement)
        self._bins, self._hardness, self._total = bins, hardness, np.zeros(len(classes))

    def learn(self, proba: np.ndarray) -> None:
        super().learn(proba)
        self._total += proba

    def choose(self, k: int) -> np.ndarray:
        rows = self.rows_of[k]
        if not self.fitted or len(rows) == self.size:
            return super().choose(k)
        hard = self._hardness(self._total[rows] / self.fitted)
        low, width = hard.min(), np.ptp(hard)
        if width == 0:
            return super().choose(k)
        bin_of = np.minimum(((hard - low) / width * self._bins).astype(int), self._bins - 1)
        population = np.bincount(bin_of, minlength=self._bins)
        mean = np.bincount(bin_of, weights=hard, minlength=self._bins) / np.maximum(population, 1)
        alpha = np.tan(np.pi / 2 * self.fitted / (self.members - 1))
        able = np.where(population > 0, self.size, 0) if self.replacement else population
        sizes = shared_out(self.size, 1 / (mean + alpha), able)
        return np.concatenate([self.some(rows[bin_of == one], size) for one, size in enumerate(sizes) if size])


class _Cascade(_Drawing):
    def __init__(self, classes: np.ndarray, random: np.random.RandomState, members: int) -> None:
        super().__init__(classes, random, members)
        self._all = [len(rows) for rows in self.rows_of]

    def learn(self, proba: np.ndarray) -> None:
        super().learn(proba)
        for k, rows in enumerate(self.rows_of):
            kept = self._all[k] * (self.size / self._all[k]) ** (self.fitted / (self.members - 1))
            shuffled = self.random.permutation(rows)
            self.rows_of[k] = shuffled[np.argsort(proba[shuffled], kind="stable")][: round(kept)]


def shared_out(total: int, weight: np.ndarray, population: np.ndarray) -> np.ndarray:
    """Return how many to take of each of several groups, `total` in all, in shares of their weights.

    Parameters
    ----------
    total : int
        At most as many as there are.
    weight : ndarray of shape (groups,)
    population : ndarray of shape (groups,)
        As many as there are in each; what one cannot give, the others give.

    Examples
    --------
    >>> shared_out(10, np.array([2.0, 2.0, 1.0]), np.array([100, 3, 100])).tolist()
    [5, 3, 2]
    """
    full = population == 0
    while True:
        part = np.where(full, 0, weight) / max(weight[~full].sum(), np.finfo(float).tiny)
        ideal = np.where(full, population, (total - population[full].sum()) * part)
        over = ~full & (ideal > population)
        if not over.any():
            break
        full |= over
    taken = ideal.astype(int)
    left = total - taken.sum()
    taken[np.argsort(taken - ideal, kind="stable")[:left]] += 1  # the largest remainders
    return taken
