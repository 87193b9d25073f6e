"""What other sets say about what helps, and what that and a table's own results say together.

A few rounds of cross-validation on one table prove little: the best mean among a dozen is the best by luck as often as
not, and on most tables nothing is proven better than plain training. What was found on other sets is therefore taken
into account, for as much as it is worth beside the table's own results: a mixed model. The value of strategy ``c`` with
model ``m`` on set ``s`` is ::

    mean[m] + imbalance[s] gain[c, m] + set[s] + model[s, m] + strategy[s, c] + pair[s, c, m] + noise

with ``imbalance = 1 - 1 / sqrt(rows of the largest class for one of the smallest)``, so that no strategy is expected
to help where classes are of one size, and with normal deviations. Means are estimated by least squares on the bundled
sets (``experiments/choice``), spreads by maximum likelihood. The noise of a table is estimated from its own folds,
whose correlation is that of the corrected t-test (Nadeau and Bengio 2003). Candidates of one model, and those of one
strategy, share a part of it, as they get the same rows wrong: how large these parts are is the same on all sets, and
estimated by least squares from what the folds of the bundled ones have left over. The expected value of each candidate
on this table, given the results so far, is then a matter of a linear equation: the best linear unbiased prediction
(Henderson 1975). On little data it leans on what helped elsewhere, on much data on the table's own results.

What has no mean of its own, as a strategy of the user's, is taken to be as good as the average one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from scipy.optimize import minimize, nnls

FILE = Path(__file__).with_name("evidence.yaml")
ANY_LEVEL = 10.0  # spread of what a set's candidates have in common: nothing is assumed about it
SMALLEST = 1e-4
PARTS = ("model", "strategy", "pair")  # what two candidates may have in common
APART: Mapping[str, float] = {"model": 0.0, "strategy": 0.0, "pair": 1.0}


@dataclass(frozen=True)
class Evidence:
    """What is known of a metric from other sets.

    Parameters
    ----------
    spread : mapping
        Deviations between sets: of ``model``, ``strategy`` and ``pair``.
    mean : mapping of model to float
        Of its candidates where classes are of one size.
    gain : mapping of model to mapping of strategy to float
        What imbalance adds or takes, relative to what it does to all.
    sets : int
        How many sets it comes from; 0 if nothing is known.
    noise : mapping
        Shares of the noise that a ``model``, a ``strategy`` and a ``pair`` of both has by itself; they sum to 1.
    """

    spread: Mapping[str, float] = field(default_factory=lambda: {"model": 1.0, "strategy": 1.0, "pair": 1.0})
    mean: Mapping[str, float] = field(default_factory=dict)
    gain: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    sets: int = 0
    noise: Mapping[str, float] = field(default_factory=lambda: APART)

    def mean_of(self, strategy: str, model: str, imbalance: float) -> float:
        """Return the mean of a candidate; of an unknown one that of its strategy, or of its model, or of all."""
        bare, of_model = strategy.partition("(")[0], self.gain.get(model, {})
        alike = [row[bare] for row in self.gain.values() if bare in row] if not of_model else list(of_model.values())
        gain = of_model.get(bare, float(np.mean(alike)) if alike else 0.0)
        level = self.mean.get(model, float(np.mean(list(self.mean.values()))) if self.mean else 0.0)
        return level + imbalance * gain


@dataclass(frozen=True)
class Results:
    """The results of the candidates on one table.

    Parameters
    ----------
    candidates : sequence of (str, str)
        Strategy and model of each.
    mean : ndarray of shape (K,)
        Over folds, those of fewer folds made up for.
    noise : ndarray of shape (K,)
        Variance of the mean, beside what all candidates have in common.
    imbalance : float
        As `imbalance_of` has it.
    left_over : ndarray of shape (K, K), optional
        Mean product of what means of folds and candidates leave over, if all candidates have all folds.
    """

    candidates: Sequence[tuple[str, str]]
    mean: np.ndarray
    noise: np.ndarray
    imbalance: float
    left_over: np.ndarray | None = None


def imbalance_of(ratio: float) -> float:
    """Return how imbalanced classes are, from 0 to 1, of the rows of the largest for one of the smallest.

    >>> imbalance_of(1), imbalance_of(4), imbalance_of(100)
    (0.0, 0.5, 0.9)
    """
    return 1 - ratio**-0.5


def results_of(values: pd.DataFrame, candidates: Sequence[tuple[str, str]], ratio: float, imbalance: float) -> Results:
    """Return the mean of each candidate, and how far it may be off.

    Parameters
    ----------
    values : DataFrame
        A row per candidate, a column per fold; NaN where a candidate was not run any more.
    candidates : sequence of (str, str)
        Strategy and model of each row.
    ratio : float
        Test rows by other rows.
    imbalance : float
        As `imbalance_of` has it.
    """
    table = values.to_numpy(dtype=float)
    whole = np.isfinite(table).all(axis=1)
    folds = table[whole].mean(axis=0) if whole.any() else np.nanmean(table, axis=0)
    apart = table - folds
    mean = np.nanmean(apart, axis=1)
    counts = np.isfinite(apart).sum(axis=1)
    rest = apart - mean[:, None]
    squares = np.nansum(np.square(rest))
    left_over = rest @ rest.T / len(folds) if whole.all() else None
    variance = squares / max(counts.sum() - len(counts) - len(folds) + 1, 1)
    noise = np.maximum(variance, SMALLEST**2) * (1 / counts + ratio)
    return Results(tuple(candidates), mean + folds.mean(), noise, imbalance, left_over)


def expected(results: Results, evidence: Evidence) -> tuple[np.ndarray, np.ndarray]:
    """Return the expected value of each candidate on the table, and the covariance of what is not known of it.

    Returns
    -------
    mean : ndarray of shape (K,)
    covariance : ndarray of shape (K, K)
    """
    prior = np.array([evidence.mean_of(*candidate, results.imbalance) for candidate in results.candidates])
    apart = _covariance(results.candidates, evidence.spread)
    seen = apart + ANY_LEVEL**2 + _noise(results.candidates, results.noise, evidence.noise)
    gain = np.linalg.solve(seen, apart + ANY_LEVEL**2).T
    # Of the level nothing is known, so that it is that of the results.
    return prior + gain @ (results.mean - prior), apart + ANY_LEVEL**2 - gain @ (apart + ANY_LEVEL**2)


def learn(sets: Sequence[Results]) -> Evidence:
    """Return what the results on some sets say, by maximum likelihood.

    Parameters
    ----------
    sets : sequence of Results
    """
    known = sorted({candidate for one in sets for candidate in one.candidates})
    columns = {candidate: at for at, candidate in enumerate(known)}
    shape = len(sets), len(known)
    table, noise = np.full(shape, np.nan), np.full(shape, np.nan)
    left_over = np.full((*shape, len(known)), np.nan)
    for row, one in enumerate(sets):
        at = [columns[candidate] for candidate in one.candidates]
        table[row, at], noise[row, at] = one.mean, one.noise
        if one.left_over is not None:
            left_over[row][np.ix_(at, at)] = one.left_over
    whole = np.isfinite(table).all(axis=1)
    imbalance = np.array([one.imbalance for one in sets])[whole]
    shares = _shares(known, left_over[whole])
    table, noise = table[whole], np.stack([_noise(known, row, shares) for row in noise[whole]])
    apart = table - table.mean(axis=1, keepdims=True)
    models = list(dict.fromkeys(model for _, model in known))
    levels, gains = _levels_and_gains(apart, [models.index(model) for _, model in known], imbalance)
    rest = apart - levels - imbalance[:, None] * gains

    def loss(logs: np.ndarray) -> float:
        covariance = _covariance(known, dict(zip(PARTS, np.exp(logs), strict=True))) + ANY_LEVEL**2 + noise
        _, size = np.linalg.slogdet(covariance)
        return float((size + np.einsum("sk,sk->s", rest, np.linalg.solve(covariance, rest[..., None])[..., 0])).sum())

    found = minimize(loss, np.log([0.03, 0.03, 0.02]), method="Nelder-Mead", options={"xatol": 0.01, "fatol": 0.01})
    spread = dict(zip(PARTS, np.maximum(np.exp(found.x), SMALLEST).tolist(), strict=True))
    of_pairs: dict[str, dict[str, float]] = {}
    for (strategy, model), value in zip(known, gains.tolist(), strict=True):
        of_pairs.setdefault(model, {})[strategy] = value
    of_models = {model: level for (_, model), level in zip(known, levels.tolist(), strict=True)}
    return Evidence(spread, of_models, of_pairs, len(apart), shares)


def _levels_and_gains(apart: np.ndarray, models: Sequence[int], imbalance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return of each candidate the level of its model and the gain by imbalance, shape (K,), by least squares.

    Parameters
    ----------
    apart : ndarray of shape (S, K)
        Relative to the mean of each set.
    models : sequence of int
        The model of each candidate.
    imbalance : ndarray of shape (S,)
    """
    size = len(models)
    level = np.eye(max(models) + 1)[list(models)]  # (K, M)
    design = np.concatenate(
        [np.broadcast_to(level, (len(apart), *level.shape)), imbalance[:, None, None] * np.eye(size)], axis=2
    )
    found = np.linalg.lstsq(design.reshape(-1, design.shape[2]), apart.ravel(), rcond=None)[0]
    return level @ found[: level.shape[1]], found[level.shape[1] :]


def _covariance(candidates: Sequence[tuple[str, str]], spread: Mapping[str, float]) -> np.ndarray:
    """Return the covariance of the candidates' deviations on a set, without what they have in common."""
    return np.asarray(np.sum([spread[part] ** 2 * same for part, same in _alike(candidates).items()], axis=0))


def _noise(candidates: Sequence[tuple[str, str]], noise: np.ndarray, shares: Mapping[str, float]) -> np.ndarray:
    """Return the covariance of the noise, shape (K, K), of its variance (K,) beside what all have in common.

    The folds of a candidate that has fewer of them are folds of the others, too: two have the noise of the one of more.
    """
    structure = np.sum([shares[part] * same for part, same in _alike(candidates).items()], axis=0)
    size = len(noise)
    # Of a variance of 1, this is left where the mean of the candidates is taken off.
    left = (np.trace(structure) - structure.sum() / size) / (size - 1) if size > 1 else 1.0
    return np.asarray(np.minimum.outer(noise, noise) * structure / max(left, SMALLEST))


def _shares(candidates: Sequence[tuple[str, str]], left_over: np.ndarray) -> dict[str, float]:
    """Return the shares of the noise, by least squares, of what each set's folds leave over, shape (S, K, K)."""
    sizes = np.trace(left_over, axis1=1, axis2=2)
    known = sizes > len(candidates) * SMALLEST**2
    if not known.any():
        return dict(APART)
    mean = (left_over[known] / sizes[known, None, None]).mean(axis=0)
    centre = np.eye(len(candidates)) - 1 / len(candidates)
    parts = [(centre @ same @ centre).ravel() for same in _alike(candidates).values()]
    found, _ = nnls(np.stack(parts, axis=1), mean.ravel())
    return dict(zip(PARTS, (found / found.sum()).tolist(), strict=True))


def _alike(candidates: Sequence[tuple[str, str]]) -> dict[str, np.ndarray]:
    """Return which candidates have the same model, strategy, or both, shape (K, K) each, as 0 and 1."""
    strategies, models = (np.array(part) for part in zip(*candidates, strict=True))
    model, strategy = models[:, None] == models, strategies[:, None] == strategies
    return dict(zip(PARTS, (part.astype(np.float64) for part in (model, strategy, model & strategy)), strict=True))


@cache
def _written() -> dict[str, Any]:
    tree: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8")) if FILE.is_file() else {}
    return tree


def evidence_for(metric: str) -> Evidence:
    """Return what is known of a metric; of an unknown one nothing, so that a table's own results count alone."""
    found = _written().get(metric)
    return Evidence() if found is None else Evidence(**found)


def write(by_metric: Mapping[str, Evidence], file: Path = FILE) -> None:
    """Write what was learnt, to where `evidence_for` reads it."""
    tree = {
        metric: {
            "sets": one.sets,
            "spread": {key: round(value, 4) for key, value in one.spread.items()},
            "noise": {key: round(value, 4) for key, value in one.noise.items()},
            "mean": {m: round(value, 4) for m, value in one.mean.items()},
            "gain": {m: {s: round(value, 4) for s, value in row.items()} for m, row in one.gain.items()},
        }
        for metric, one in by_metric.items()
    }
    file.write_text(yaml.safe_dump(tree, sort_keys=False), encoding="utf-8")
