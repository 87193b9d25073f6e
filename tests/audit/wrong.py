"""Classes for ``_target_`` that do not do what they should."""

from __future__ import annotations

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin

from imbalance_lab.data.base import Splitter
from imbalance_lab.data.rows import Split


class Classifier(ClassifierMixin, BaseEstimator):
    def fit(self, X, y, sample_weight=None):
        self.classes_ = np.unique(y)
        return self


class Raises(Classifier):
    def fit(self, X, y):
        raise RuntimeError("boom\nsecond line")


class RaisesValue(Classifier):
    def fit(self, X, y):
        raise ValueError("bad value")


class RaisesPredict(Classifier):
    def predict_proba(self, X):
        raise RuntimeError("boom")


class Constant(Classifier):
    def predict_proba(self, X):
        return self.scores(len(X), len(self.classes_))


class Wrong(Constant):
    def scores(self, rows, classes):
        return np.ones((rows, classes + 1))


class WrongRows(Constant):
    def scores(self, rows, classes):
        return np.ones((3, classes)) / 2


class Nan(Constant):
    def scores(self, rows, classes):
        return np.full((rows, classes), np.nan)


class Neg(Constant):
    def scores(self, rows, classes):
        return np.full((rows, classes), -1.0)


class Big(Constant):
    def scores(self, rows, classes):
        return np.full((rows, classes), 7.0)


class Str(Constant):
    def scores(self, rows, classes):
        return np.full((rows, classes), "x")


class OneD(Constant):
    def scores(self, rows, classes):
        return np.full(rows, 0.5)


class NoProba(Classifier):
    def predict(self, X):
        return np.zeros(len(X))


class NoClasses(ClassifierMixin, BaseEstimator):
    def fit(self, X, y):
        return self

    def predict_proba(self, X):
        return np.full((len(X), 2), 0.5)


class Exits(Classifier):
    def fit(self, X, y):
        raise SystemExit(3)


class Memory(Classifier):
    def fit(self, X, y):
        raise MemoryError


class InitRaises(Classifier):
    def __init__(self):
        raise RuntimeError("init boom")


class Sampler:
    def fit_resample(self, X, y):
        return self.rows(X), self.classes(y)

    def rows(self, X):
        return X

    def classes(self, y):
        return y


class SRaises(Sampler):
    def rows(self, X):
        raise RuntimeError("sampler boom")


class SShape(Sampler):
    def rows(self, X):
        return X[:5]


class SNone(Sampler):
    def fit_resample(self, X, y):
        return None


class SEmpty(Sampler):
    def fit_resample(self, X, y):
        return X[:0], y[:0]


class SCols(Sampler):
    def rows(self, X):
        return X[:, :1]


class SNan(Sampler):
    def rows(self, X):
        return X * np.nan


class SLabels(Sampler):
    def classes(self, y):
        return y + 10


class SFloatLabels(Sampler):
    def classes(self, y):
        return y + 0.5


class SOneClass(Sampler):
    def fit_resample(self, X, y):
        return X[y == 0], y[y == 0]


class Rearranged(Splitter):
    """Nothing is wrong with it: thirds of the rows in a random order."""

    def __init__(self, validation, test, seed):
        self.validation, self.seed = validation, seed

    def split(self, data):
        yield Split(*np.array_split(np.random.default_rng(self.seed).permutation(len(data.y)), 3))


class Leaky(Rearranged):
    def split(self, data):
        for split in super().split(data):
            yield split._replace(test=split.train)
