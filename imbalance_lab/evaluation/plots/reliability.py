"""Whether probabilities are what they say, and how many rows have which."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from sklearn.calibration import calibration_curve

from imbalance_lab.evaluation.plots.canvas import sheet
from imbalance_lab.evaluation.plots.palette import Style, shortened
from imbalance_lab.evaluation.predictions import Predictions

BINS = 10  # of equally many rows
BARS = 20  # of equal width
SKEWED = 10  # the highest bar over the median one, above which counts are on a logarithmic axis


def draw_reliability(
    predictions: Predictions, classes: pd.DataFrame, by_name: Mapping[str, Style], error: float | None
) -> Figure:
    """Draw observed frequency against predicted probability, and below it how many rows have which probability.

    Of two classes the probability is that of the rarer one, and where the decision is a threshold it is marked; of more
    classes it is that of the class with the largest.
    """
    names = list(classes.index)
    p = np.exp(predictions.log_proba)
    binary = len(names) == 2
    scores = np.clip(p[:, 1] if binary else p.max(axis=1), 0, 1)
    outcome = predictions.y == 1 if binary else p.argmax(axis=1) == predictions.y
    observed, predicted = calibration_curve(outcome, scores, n_bins=BINS, strategy="quantile")
    which = f"class {shortened(names[1:])[0]}" if binary else "the most probable class"
    colour = by_name[names[1]].colour if binary else "#222222"
    figure, (top, bottom) = sheet(4.4, right=1, rows=(3, 1), gap=0.08, sharex=True)
    top.plot([0, 1], [0, 1], color="#777777", linestyle=":", linewidth=1, label="perfectly calibrated")
    top.plot(predicted, observed, "o-", color=colour, ms=5, lw=1.4, label=f"{BINS} bins of equally many rows")
    top.set(ylabel="observed frequency", ylim=(0, 1.02), xlim=(0, 1))
    counts, edges = np.histogram(scores, BARS, (0, 1))
    bottom.bar(edges[:-1], counts, 1 / BARS, align="edge", color=colour, alpha=0.85)
    bottom.set(xlabel=f"predicted probability of {which}", ylabel="test rows")
    if counts.max() > SKEWED * np.median(counts[counts > 0]):
        bottom.set(yscale="log", ylabel="test rows (log)", ylim=(0.5, 2 * counts.max()))
        bottom.yaxis.set_major_formatter("{x:g}")
        bottom.minorticks_off()
    threshold = _threshold(classes) if binary else None
    if threshold is not None:
        for axes in (top, bottom):
            axes.axvline(threshold, color="black", linestyle="--", linewidth=1)
        top.plot([], [], "k--", lw=1, label=f"decision: {shortened(names[1:])[0]} from {threshold:.3f}")
    top.legend(loc="lower right")
    written = "" if error is None else f": calibration error {error:.3f}"
    figure.set_label(f"Reliability of {which}{written}")
    return figure


def _threshold(classes: pd.DataFrame) -> float | None:
    """Return the probability of the second class from which on it is predicted; None if no threshold is recorded."""
    if "offset" not in classes or not np.isfinite(classes.offset).all():
        return None
    first, second = classes.offset
    return float(1 / (1 + np.exp(second - first)))
