"""Precision against recall over all thresholds, and where the decision is on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.metrics import precision_recall_curve

from imbalance_lab.evaluation.plots.canvas import CHARACTER, WIDTH, sheet
from imbalance_lab.evaluation.plots.palette import SAFE, Style, colours_of, rarest_first, shortened
from imbalance_lab.evaluation.plots.recall import rarity_bar
from imbalance_lab.evaluation.predictions import Predictions

MOST_CURVES = len(SAFE)
RAREST_DRAWN = 5
MIN_ROWS = 10
AVERAGE = "average precision"
MOST_DRAWN = 20_000  # points of a curve; there is one for each row


def draw_precision_recall(
    predictions: Predictions, classes: pd.DataFrame, by_name: Mapping[str, Style], metrics: Mapping[str, float]
) -> Figure:
    """Draw precision against recall of each class against the rest; of two classes of the rarer, of many the rarest.

    A dotted line is the prevalence, which is what chance reaches; a large dot is where the decision puts the class. Of
    many classes a second panel shows the average precision of all.
    """
    names = list(classes.index)
    support = np.bincount(predictions.y, minlength=len(names))
    rows = dict(zip(names, support, strict=True))
    present = [name for name in rarest_first(classes) if rows[name]]
    average = {name: metrics.get(f"average_precision/{name}", np.nan) for name in present}
    if len(names) == 2:
        shown = names[1:] if support[1] else present[:1]
    else:
        # A curve of a few rows says nothing; where there are classes of more, the rarest of those are drawn.
        enough = [name for name in present if rows[name] >= MIN_ROWS]
        shown = present if len(present) <= MOST_CURVES else (enough or present)[:RAREST_DRAWN]
    crowded = len(names) > 2 and len(shown) < len(present)
    shares = {name: rows[name] / len(predictions.y) for name in shown}
    entries = [_entry(name, average[name], shares[name], crowded) for name in shown]
    figure, axes = _panels(crowded, max(map(len, "\n".join(entries).split("\n"))))
    for name, entry in zip(shown, entries, strict=True):
        _draw_curve(axes[0], predictions, names.index(name), by_name[name], entry, marked=crowded)
    axes[0].set(xlabel="recall", ylabel="precision", xlim=(0, 1.02), ylim=(0, 1.03))
    axes[0].plot([], [], "ko", ms=7, label="after the decision")
    axes[0].plot([], [], "k:", lw=1, label="prevalence")
    if crowded:
        size = f" with {MIN_ROWS} rows or more" if rows[shown[0]] >= MIN_ROWS > support.min() else ""
        axes[0].set_title(f"the {len(shown)} rarest classes{size}", loc="left", fontsize=9)
        figure.legend(*axes[0].get_legend_handles_labels(), loc="lower left", ncols=3, title=AVERAGE, alignment="left")
        _draw_averages(figure, axes[1], average, np.array([rows[name] for name in present]), by_name)
    else:
        axes[0].legend(loc="upper left", bbox_to_anchor=(1.0, 1.02), labelspacing=0.6)
    mean = np.nanmean(list(average.values())) if len(shown) > 1 else average[shown[0]]
    of = f"mean over {len(present)} classes" if len(shown) > 1 else f"class {shortened(shown)[0]}"
    figure.set_label(f"Precision and recall: {AVERAGE} {mean:.3f} ({of})")
    return figure


def _panels(crowded: bool, longest: int) -> tuple[Figure, list[Axes]]:
    if crowded:
        return sheet(4.8, right=9, below=9, columns=(1, 1), gap=0.3, above=0.15)
    return sheet(4.0, right=min(0.85 * longest + 5, 0.45 * WIDTH / CHARACTER))


def _entry(name: str, average: float, prevalence: float, crowded: bool) -> str:
    name = shortened([name], 20)[0]
    return f"{name}: {average:.2f}" if crowded else f"{name}, prevalence {prevalence:.3f},\n{AVERAGE} {average:.2f}"


def _draw_curve(axes: Axes, predictions: Predictions, k: int, style: Style, entry: str, marked: bool = False) -> None:
    """Draw the curve of a class; the colours of many rare classes are alike, so that theirs are `marked` all along."""
    truth, decided = predictions.y == k, predictions.predicted == k
    scores = predictions.log_proba[:, k]
    if predictions.log_proba.shape[1] == 2:  # ranked by log-odds, as the metrics are
        scores = scores - predictions.log_proba[:, 1 - k]
    precision, recall, _ = precision_recall_curve(truth, scores)
    if len(recall) > MOST_DRAWN:
        drawn = np.linspace(0, len(recall) - 1, MOST_DRAWN).astype(int)
        precision, recall = precision[drawn], recall[drawn]
    line = {"color": style.colour, "linestyle": style.dash, "linewidth": 1.6}
    if marked:
        line |= {"marker": style.marker, "markersize": 4, "markevery": 0.12, "linewidth": 1.0}
    axes.step(recall, precision, where="post", **line)
    axes.plot([], [], color=style.colour, linestyle=style.dash, marker=style.marker, mec="black", mew=0.6, label=entry)
    axes.axhline(truth.mean(), color=style.colour, linestyle=":", linewidth=1, zorder=1)
    hits = (truth & decided).sum()
    if decided.any():
        point = hits / truth.sum(), hits / decided.sum()
        axes.plot(*point, style.marker, color=style.colour, ms=8, mec="black", mew=0.8, zorder=4, clip_on=False)


def _draw_averages(
    figure: Figure, axes: Axes, average: Mapping[str, float], support: np.ndarray, by_name: Mapping[str, Style]
) -> None:
    """Draw average precision against prevalence of all classes, and name the lowest."""
    prevalence = support / support.sum()
    values = np.array(list(average.values()))
    axes.scatter(prevalence, values, c=colours_of(average, by_name), s=18, zorder=3)
    ends = np.array([prevalence.min() * 0.8, prevalence.max() * 1.25])
    axes.plot(ends, ends, "k:", linewidth=1)
    axes.set_xscale("log")
    axes.set(xlabel="prevalence", ylabel=AVERAGE, ylim=(0, 1.03), xlim=tuple(ends))
    axes.set_title(f"all {len(values)} classes", loc="left", fontsize=9)
    axes.minorticks_off()
    ticks = _ticks(prevalence)
    axes.set_xticks(ticks, [f"{tick:.2g}" for tick in ticks])
    rarity_bar(figure, axes)


def _ticks(prevalence: np.ndarray) -> Sequence[float]:
    low, high = prevalence.min(), prevalence.max()
    return [low, float(np.sqrt(low * high)), high] if high > 1.5 * low else [low]
