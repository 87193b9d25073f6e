"""Figures of a run, drawn without pyplot's global state."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.calibration import calibration_curve
from sklearn.metrics import precision_recall_curve

from imbalance_lab.evaluation.predictions import Predictions
from imbalance_lab.evaluation.scores import confusion_matrix

MOST_LABELS = 30
MOST_CURVES = 10
MOST_LABELS_DRAWN = 5
LONGEST_LABEL = 25


# A class may have the name $10_$20, which is no formula.
@rc_context({"text.parse_math": False})
def draw(
    predictions: Predictions,
    tasks: Sequence[Sequence[str]],
    classes: pd.DataFrame,
    history: pd.DataFrame | None,
    title: str,
) -> dict[str, Figure]:
    """Return the run's figures by file name.

    Parameters
    ----------
    predictions : Predictions
        Of the test rows, of all folds together.
    tasks : sequence of sequence of str
        Class names of each task; of many labels the first few are drawn.
    classes : DataFrame
        One row per class, with ``recall``, ``low``, ``high`` and ``support``; the index is the class name.
    history : DataFrame or None
        One row per epoch.
    title : str
    """
    figures = {"recall_per_class": draw_recall(classes)}
    for part, names in list(zip(predictions.tasks(), tasks, strict=True))[:MOST_LABELS_DRAWN]:
        suffix = f"_{re.sub(r'[^A-Za-z0-9_-]', '_', names[1])}" if len(tasks) > 1 else ""
        figures |= {
            f"confusion_matrix{suffix}": draw_confusion(part, names),
            f"precision_recall{suffix}": draw_precision_recall(part, names),
            f"reliability{suffix}": draw_reliability(part),
        }
    if history is not None:
        figures["epochs"] = draw_epochs(history, list(classes.index))
    for figure in figures.values():
        figure.suptitle(title, fontsize=9)
    return figures


@rc_context({"text.parse_math": False})
def save(figures: dict[str, Figure], folder: Path) -> None:
    """Write each figure as PNG."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, figure in figures.items():
        figure.savefig(folder / f"{name}.png", dpi=90)


def draw_confusion(predictions: Predictions, names: Sequence[str]) -> Figure:
    """Draw shares of each true class (rows) by predicted class, with the counts."""
    counts = confusion_matrix(predictions.y, predictions.predicted, len(names))
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    labels = _shortened(names) if len(names) <= MOST_LABELS else []
    longest = max(map(len, labels), default=4)
    figure, axes = _blank(max(4.0, 0.5 * len(labels) + 2.5), longest, longest if longest > 3 else 1)
    axes.imshow(shares, vmin=0, vmax=1, cmap="Blues")
    axes.set(xlabel="predicted", ylabel="true")
    if labels:
        axes.set_xticks(range(len(names)), labels, rotation=90 if longest > 3 else 0)
        axes.set_yticks(range(len(names)), labels)
        for (row, column), count in np.ndenumerate(counts):
            colour = "white" if shares[row, column] > 0.5 else "black"
            axes.text(column, row, str(count), ha="center", va="center", color=colour, fontsize=8)
    return figure


def draw_recall(classes: pd.DataFrame) -> Figure:
    """Draw the recall of each class with its interval, rarest class first."""
    table = classes.sort_values("support").dropna(subset=["recall"])
    labels = [f"{name} ({n:g})" for name, n in zip(_shortened(table.index), table.support, strict=True)]
    labels = labels if len(labels) <= MOST_LABELS else []
    figure, axes = _blank(max(3.0, 0.3 * len(labels) + 1.5), max(map(len, labels), default=1))
    at = np.arange(len(table))
    around = np.clip([table.recall - table.low, table.high - table.recall], 0, None)
    axes.barh(at, table.recall, color="#4878a8", xerr=around, error_kw={"elinewidth": 1, "capsize": 2})
    axes.set(xlabel="recall", xlim=(0, 1))
    axes.set_yticks(at if labels else [], labels)
    return figure


def draw_precision_recall(predictions: Predictions, names: Sequence[str]) -> Figure:
    """Draw precision against recall of each class against the rest; of many classes the rarest."""
    figure, axes = _blank()
    counts = np.bincount(predictions.y, minlength=len(names))
    present = [k for k in np.argsort(counts, kind="stable") if counts[k]]
    shown = present[:1] if len(names) == 2 else present[:MOST_CURVES]
    for k in shown:
        precision, recall, _ = precision_recall_curve(predictions.y == k, predictions.log_proba[:, k])
        axes.step(recall, precision, where="post", label=names[k], linewidth=1)
    axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.02))
    axes.legend(fontsize=7, title="class" if len(shown) == len(present) else "rarest classes")
    return figure


def draw_reliability(predictions: Predictions) -> Figure:
    """Draw observed frequency against predicted probability: of the positive class, or of the top label."""
    figure, axes = _blank()
    p = np.exp(predictions.log_proba)
    binary = p.shape[1] == 2
    scores = p[:, 1] if binary else p.max(axis=1)
    outcome = predictions.y == 1 if binary else p.argmax(axis=1) == predictions.y
    observed, predicted = calibration_curve(outcome, np.clip(scores, 0, 1), n_bins=10, strategy="quantile")
    axes.plot([0, 1], [0, 1], color="grey", linestyle=":", linewidth=1)
    axes.plot(predicted, observed, marker="o", markersize=4)
    which = "positive class" if binary else "predicted class"
    axes.set(xlabel=f"predicted probability of the {which}", ylabel="observed frequency", xlim=(0, 1), ylim=(0, 1))
    return figure


def draw_epochs(history: pd.DataFrame, names: Sequence[str]) -> Figure:
    """Draw validation balanced accuracy and the recall of each class by epoch, means over folds."""
    figure, axes = _blank()
    mean = history.groupby("epoch").mean()
    if "val/balanced_accuracy" in mean:
        axes.plot(mean.index, mean["val/balanced_accuracy"], color="black", linewidth=2, label="balanced accuracy")
        for name in names[:MOST_CURVES]:
            if f"val/recall/{name}" in mean:
                axes.plot(mean.index, mean[f"val/recall/{name}"], linewidth=1, label=name)
        axes.set(ylabel="validation recall", ylim=(0, 1))
    else:
        axes.plot(mean.index, mean["train/loss"], label="training loss")
        axes.set(ylabel="loss")
    axes.set(xlabel="epoch")
    axes.legend(fontsize=7)
    return figure


def _shortened(names: Iterable[object]) -> list[str]:
    return [name if len(name) <= LONGEST_LABEL else f"{name[: LONGEST_LABEL - 1]}…" for name in map(str, names)]


def _blank(height: float = 4.0, left: int = 4, below: int = 1) -> tuple[Figure, Axes]:
    """Return axes with room for labels of so many characters; to let matplotlib find out takes twice as long."""
    figure = Figure(figsize=(5.0, height))
    inches, margin = 0.085, 0.6
    figure.subplots_adjust(
        left=(margin + inches * left) / 5, right=0.97, bottom=(margin + inches * below) / height, top=1 - 0.4 / height
    )
    return figure, figure.subplots()
