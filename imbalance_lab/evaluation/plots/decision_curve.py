"""What acting on a model's probabilities gains, against acting on every row and on none."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from imbalance_lab.evaluation.plots.canvas import sheet
from imbalance_lab.evaluation.plots.palette import Style, shortened
from imbalance_lab.evaluation.predictions import Predictions

THRESHOLDS = np.arange(1, 100) / 100
ROOM = 4  # below 0 the axis has this part of the class's share


def decision_curve(positive: np.ndarray, p: np.ndarray, thresholds: np.ndarray = THRESHOLDS) -> pd.DataFrame:
    """Return the net benefit of the model and of treating all, a row for each threshold (Vickers and Elkin 2006).

    Parameters
    ----------
    positive : ndarray of shape (n,)
        Whether rows are of the class.
    p : ndarray of shape (n,)
        Its probability; rows with at least the threshold are treated.
    thresholds : ndarray of shape (m,)

    Examples
    --------
    >>> decision_curve(np.array([True, False]), np.array([0.8, 0.3]), np.array([0.2, 0.5])).round(3).to_numpy().tolist()
    [[0.375, 0.375], [0.5, 0.0]]
    """
    odds = thresholds / (1 - thresholds)
    order = np.sort(p), np.sort(p[positive])
    treated, hits = (len(part) - np.searchsorted(part, thresholds) for part in order)
    share = positive.mean()
    table = {"model": (hits - (treated - hits) * odds) / len(p), "all": share - (1 - share) * odds}
    return pd.DataFrame(table, index=pd.Index(thresholds, name="threshold"))


def draw_decision_curve(predictions: Predictions, classes: pd.DataFrame, by_name: Mapping[str, Style]) -> Figure:
    """Draw the net benefit of two classes over all thresholds."""
    names = list(classes.index)
    positive = predictions.y == 1
    table = decision_curve(positive, np.exp(predictions.log_proba[:, 1]))
    figure, (axes,) = sheet(3.6, left=6, right=1)
    axes.plot(table.index, table.model, color=by_name[names[1]].colour, lw=1.6, label="the model's probabilities")
    axes.plot(table.index, table["all"], color="#777777", lw=1, ls="--", label="every row")
    axes.axhline(0, color="#777777", lw=1, ls=":", label="no row")
    share = float(positive.mean())
    axes.set(xlim=(0, 1), ylim=(-share / ROOM, share * 1.05), ylabel="net benefit per row")
    axes.set_xlabel(f"threshold: probability of {shortened(names[1:])[0]} from which a row is acted on")
    axes.legend(loc="upper right")
    gains = int((table.model > np.maximum(table["all"], 0) + 1e-12).sum())
    where = f"better than both at {gains} of {len(table)} thresholds"
    figure.set_label(f"Net benefit of acting on {shortened(names[1:])[0]}: {where}")
    return figure
