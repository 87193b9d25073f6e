"""Which classes are taken for which."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import Normalize, PowerNorm
from matplotlib.figure import Figure

from imbalance_lab.evaluation.plots.canvas import CHARACTER, MARGIN, sheet
from imbalance_lab.evaluation.plots.palette import rarest_first, shortened, thirds
from imbalance_lab.evaluation.predictions import Predictions
from imbalance_lab.evaluation.scores import confusion_matrix

MOST_COUNTS = 15  # classes up to which each cell shows its number
MOST_NAMED = 30
MOST_LISTED = 10
CELL = 0.42  # inches
DARK = 0.5  # share above which a number is written in white


def draw_confusion(predictions: Predictions, classes: pd.DataFrame, balanced: float | None) -> Figure:
    """Draw the share of each true class (rows) that is predicted as each (columns), with the counts.

    Up to 30 classes are named, in their natural order; more are ordered by rarity, and the most frequent confusions are
    listed.
    """
    names = list(classes.index)
    counts = confusion_matrix(predictions.y, predictions.predicted, len(names))
    figure = _named(counts, names) if len(names) <= MOST_NAMED else _image(counts, names, rarest_first(classes))
    accuracy = "" if balanced is None else f": balanced accuracy {balanced:.3f}"
    figure.set_label(f"What each class is predicted as{accuracy}")
    return figure


def _named(counts: np.ndarray, names: Sequence[str]) -> Figure:
    labels = shortened(names)
    longest = max(map(len, labels))
    turned = longest > 4
    side = max(3.0, min(CELL * len(names), 5.0 - CHARACTER * longest))
    height = side + 2 * MARGIN + CHARACTER * (longest if turned else 1)
    figure, (axes,) = sheet(height, left=longest, below=longest if turned else 1, right=9)
    _draw_shares(figure, axes, counts, Normalize(0, 1))
    axes.set(xlabel="predicted class", ylabel="true class")
    axes.set_xticks(range(len(names)), labels, rotation=90 if turned else 0)
    axes.set_yticks(range(len(names)), labels)
    if len(names) <= MOST_COUNTS:
        shares = _shares(counts)
        for (row, column), count in np.ndenumerate(counts):
            colour = "white" if shares[row, column] > DARK else "black"
            axes.text(column, row, f"{count}", ha="center", va="center", color=colour, fontsize=8)
    return figure


def _image(counts: np.ndarray, names: Sequence[str], order: Sequence[str]) -> Figure:
    """Draw all classes as an image, rarest first, and below it the largest confusions by name."""
    numbers = {name: k for k, name in enumerate(names)}
    position = [numbers[name] for name in order]
    listed = _largest_confusions(counts, names)
    lines = 0.2 * (len(listed) + 1)
    figure, (axes, below) = sheet(5.2 + lines, right=9, rows=(3.7, lines), gap=0.3)
    _draw_shares(figure, axes, counts[np.ix_(position, position)], PowerNorm(0.5, 0, 1))
    groups = {title: len(part) for title, (_, part) in thirds(order).items()}
    ends = np.cumsum(list(groups.values()))
    centres = ends - np.array(list(groups.values())) / 2 - 0.5
    for end in ends[:-1] - 0.5:
        axes.axvline(end, color="#888888", linewidth=0.6)
        axes.axhline(end, color="#888888", linewidth=0.6)
    axes.set_xticks(centres, groups, fontsize=8)
    axes.set_yticks(centres, groups, fontsize=8, rotation=90, va="center")
    axes.tick_params(length=0)
    axes.set(xlabel="predicted class, rarest first", ylabel="true class, rarest first")
    below.set_axis_off()
    below.set_title(f"the {len(listed)} largest confusions, true → predicted", loc="left", fontsize=9)
    for line, text in enumerate(listed):
        below.text(0, 1 - (line + 0.7) / (len(listed) + 1), text, va="center", transform=below.transAxes, fontsize=8)
    return figure


def _draw_shares(figure: Figure, axes: Axes, counts: np.ndarray, scale: Normalize) -> None:
    image = axes.imshow(_shares(counts), norm=scale, cmap="Blues", interpolation="nearest")
    axes.set_anchor("W")
    axes.spines[["top", "right"]].set_visible(True)
    bar = figure.colorbar(image, cax=axes.inset_axes((1.04, 0.0, 0.04, 1.0)))
    bar.set_label("share of the true class", fontsize=8)
    bar.ax.tick_params(labelsize=8)


def _shares(counts: np.ndarray) -> np.ndarray:
    return np.asarray(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1))


def _largest_confusions(counts: np.ndarray, names: Sequence[str]) -> list[str]:
    """Return a line for each pair of classes that is confused most often, by rows."""
    at = np.flatnonzero(counts)
    at = at[at // len(counts) != at % len(counts)]
    largest = at[np.argsort(-counts.ravel()[at], kind="stable")[:MOST_LISTED]]
    pairs = [divmod(int(each), len(counts)) for each in largest]
    short, totals = shortened(names), counts.sum(axis=1)
    return [f"{short[true]} → {short[other]}: {counts[true, other]} of {totals[true]} rows" for true, other in pairs]
