"""Neighbours for samplers of millions of rows: found in nearby lists of rows, nearly always the nearest (faiss)."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_array

from imbalance_lab.errors import ConfigError, Incompatible

APPROXIMATE = "approximate"
FEW = 5_000  # rows, of which all are compared
# imbalanced-learn's samplers that take a classifier in the place of a number.
CLASSIFY = ("NeighbourhoodCleaningRule", "CondensedNearestNeighbour", "OneSidedSelection")
ROWS_OF_A_LIST = 40  # from which its centre is learnt
ITERATIONS = 5


class ApproximateNeighbors(BaseEstimator):  # type: ignore[misc]
    """The nearest rows, searched for in the lists whose centres are nearest (an inverted file, Jégou et al. 2011).

    It stands wherever imbalanced-learn takes a number of neighbours. The rows are shared out to ``4 sqrt(n)`` lists by
    k-means; of a row only those in the `probes` lists nearest to it are compared, by 32-bit Euclidean distance. Equal
    seeds give equal neighbours, whatever `n_jobs`. Up to 5,000 rows are all compared.

    Parameters
    ----------
    n_neighbors : int
        A row is its own nearest neighbour: imbalanced-learn's samplers that take k neighbours ask for k + 1.
    probes : int
        Lists that are searched; more find more of the nearest, and take longer.
    n_jobs : int, optional
        Threads of the search; by default one.
    random_state : int

    Examples
    --------
    >>> rows = np.random.default_rng(0).normal(size=(100, 3))
    >>> ApproximateNeighbors(n_neighbors=2).fit(rows).kneighbors(rows[:3], return_distance=False)[:, 0].tolist()
    [0, 1, 2]
    """

    def __init__(
        self, n_neighbors: int = 6, probes: int = 64, n_jobs: int | None = None, random_state: int = 0
    ) -> None:
        self.n_neighbors = n_neighbors
        self.probes = probes
        self.n_jobs = n_jobs
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None) -> ApproximateNeighbors:
        """Share out rows (n, d) to lists.

        Raises
        ------
        ConfigError
            If faiss is not installed.
        """
        faiss = _faiss()
        rows = _dense(X)
        n, width = rows.shape
        self.rows_ = rows
        if n <= FEW:
            self.index_ = faiss.IndexFlatL2(width)
        else:
            lists = int(4 * np.sqrt(n))
            self.index_ = faiss.IndexIVFFlat(faiss.IndexFlatL2(width), width, lists)
            self.index_.cp.seed = int(self.random_state or 0) % 2**31
            self.index_.cp.niter = ITERATIONS
            self.index_.cp.max_points_per_centroid = ROWS_OF_A_LIST
            self.index_.cp.min_points_per_centroid = 1  # fewer are no reason to print a line
            with _threads(faiss, 1):  # sums in another order would make other centres
                self.index_.train(rows)
        with _threads(faiss, 1):
            self.index_.add(rows)
        return self

    def kneighbors(self, X: Any = None, n_neighbors: int | None = None, return_distance: bool = True) -> Any:
        """Return the rows nearest to rows `X` (m, d), by default the fitted ones, whose own selves do not count then.

        Returns
        -------
        distances : ndarray of shape (m, k)
            If `return_distance`.
        indices : ndarray of shape (m, k)
            No more columns than there are rows.
        """
        own = X is None
        rows = self.rows_ if own else _dense(X)
        wanted = min((self.n_neighbors if n_neighbors is None else n_neighbors) + own, len(self.rows_))
        squared, found = self._search(rows, wanted)
        if own:
            squared, found = _without_self(squared, found)
        found = found.astype(np.int64)
        return (np.sqrt(np.maximum(squared, 0)), found) if return_distance else found

    def _search(self, rows: np.ndarray, wanted: int) -> tuple[np.ndarray, np.ndarray]:
        faiss = _faiss()
        with _threads(faiss, self.n_jobs):
            if len(self.rows_) <= FEW:
                squared, found = self.index_.search(rows, wanted)
                return squared, found
            lists = self.index_.nlist
            some, every = (faiss.SearchParametersIVF(nprobe=min(n, lists)) for n in (self.probes, lists))
            squared, found = self.index_.search(rows, wanted, params=some)
            if (short := (found < 0).any(axis=1)).any():  # its lists hold fewer rows than are wanted
                squared[short], found[short] = self.index_.search(rows[short], wanted, params=every)
        return squared, found

    def kneighbors_graph(self, X: Any = None, n_neighbors: int | None = None, mode: str = "connectivity") -> Any:
        """Return a sparse matrix (m, n) of the neighbours: 1, or with ``mode="distance"`` how far they are."""
        distances, found = self.kneighbors(X, n_neighbors)
        values = distances if mode == "distance" else np.ones_like(distances)
        starts = np.arange(0, found.size + 1, max(found.shape[1], 1))
        return sparse.csr_matrix((values.ravel(), found.ravel(), starts), shape=(len(found), len(self.rows_)))


def with_neighbours(sampler: Any) -> Any:
    """Return a sampler whose neighbours that are ``approximate`` are found so, as many as it takes by default."""
    if not hasattr(sampler, "get_params"):
        return sampler
    named = [key for key, value in sampler.get_params().items() if isinstance(value, str) and value == APPROXIMATE]
    if not named:
        return sampler
    fresh = copy.deepcopy(sampler)
    for key in named:
        owner, _, parameter = key.rpartition("__")
        part = fresh.get_params()[owner] if owner else fresh
        if (name := type(part).__name__) in CLASSIFY:
            raise Incompatible(f"{name} classifies by its neighbours, which are exact: give a number of them")
        default = inspect.signature(type(part)).parameters[parameter].default
        if not isinstance(default, int):
            raise ConfigError(
                f"sampler.{key.replace('__', '.')} is no number of neighbours, and nothing to approximate"
            )
        itself = name != "NearMiss"
        part.set_params(**{parameter: ApproximateNeighbors(n_neighbors=default + itself)})
    return fresh


def _without_self(squared: np.ndarray, found: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Leave out of each row's neighbours itself, or the last where copies of it stand before it."""
    is_self = found == np.arange(len(found))[:, None]
    is_self[~is_self.any(axis=1), -1] = True
    shape = len(found), found.shape[1] - 1
    return squared[~is_self].reshape(shape), found[~is_self].reshape(shape)


def _dense(X: Any) -> np.ndarray:
    rows = X.toarray() if sparse.issparse(X) else X
    return np.ascontiguousarray(check_array(rows, dtype=np.float32))


def _faiss() -> Any:
    try:
        import faiss
    except ImportError as error:
        raise ConfigError(
            "approximate neighbours need faiss, which is not installed: pip install 'imbalance-lab[neighbors]', or "
            "give a number of neighbours"
        ) from error
    return faiss


@contextmanager
def _threads(faiss: Any, count: int | None) -> Iterator[None]:
    """So many threads of faiss for a while."""
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(count or 1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)
