"""What training did: validation recall and loss by epoch, which epoch was kept, and what the decision made of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from imbalance_lab.evaluation.plots.canvas import sheet
from imbalance_lab.evaluation.plots.palette import SAFE, Style, rarest_first, shortened, thirds
from imbalance_lab.evaluation.predictions import Predictions

THICK, THIN = 2.4, 1.3
BESIDE: Any = {"loc": "upper left", "bbox_to_anchor": (1.02, 1.02), "handlelength": 2.4}
ALL = Style("black", "-", "*")
RECALL, BALANCED = "val/recall/", "val/balanced_accuracy"


def draw_epochs(
    history: pd.DataFrame,
    validation: Sequence[Predictions],
    classes: pd.DataFrame,
    by_name: Mapping[str, Style],
) -> Figure:
    """Draw validation recall of each class and the losses by epoch, means over folds.

    Of many classes the rarest, the middle and the most frequent third are drawn. Epochs whose weights were kept are
    marked. Where the decision changes anything, a second panel shows their recalls before and after it.
    """
    mean = history.drop(columns="fold").groupby("epoch").mean()
    kept = sorted(history.epoch[history.kept > 0].unique()) if "kept" in history else []
    if BALANCED not in mean:
        figure, (axes,) = sheet(3.6, right=17)
        _mark(axes, kept)
        _draw_losses(axes, mean, axes)
        figure.set_label("Training loss by epoch")
        return figure
    curves = list(_curves(classes, by_name, mean))
    by_class, (before, after) = _effect(validation, list(classes.index))
    decided = any((part.log_proba.argmax(axis=2) != part.predicted).any() for part in validation)
    columns = (1.0, 0.28) if decided else (1.0,)
    figure, panels = sheet(5.1, right=22, rows=(3, 1.1), columns=columns, gap=0.1, above=0.1)
    top, bottom = panels[0], panels[len(columns)]
    for label, names, style in curves:
        values = mean[BALANCED] if style is ALL else mean[[f"{RECALL}{name}" for name in names]].mean(axis=1)
        width = THICK if style is ALL else THIN
        top.plot(mean.index, values, color=style.colour, linestyle=style.dash, linewidth=width, label=label)
    ends = mean.index[0], max(mean.index[-1], mean.index[0] + 1)
    top.set(ylabel="recall on validation rows", ylim=(0, 1.02), xlim=ends)
    top.xaxis.set_major_locator(MaxNLocator(integer=True))
    top.tick_params(labelbottom=False)
    _mark(top, kept)
    if decided:
        panels[-1].set_axis_off()
        changes = [(*by_class.loc[list(names)].mean().tolist(), style) for _, names, style in curves[1:]]
        _draw_effect(panels[1], [(before, after, ALL), *changes])
        at = history.epoch[history.kept > 0].mean() if kept else mean.index[-1]
        label = f"{curves[0][0]}\nafter the decision"
        top.plot([at], [after], ALL.marker, color="black", markersize=11, zorder=5, label=label)
    panels[len(columns) - 1].legend(*top.get_legend_handles_labels(), **BESIDE)
    _draw_losses(bottom, mean, panels[-1])
    _mark(bottom, kept)
    bottom.set_xlim(ends)
    reached = f", after the decision {after:.3f}" if decided else ""
    figure.set_label(f"Validation by epoch: balanced accuracy {before:.3f}{reached}")
    return figure


def _draw_effect(axes: Axes, changes: Sequence[tuple[float, float, Style]]) -> None:
    """Draw each figure of the kept epoch before and after the decision."""
    for before, after, style in changes:
        width, size = (THICK, 9) if style is ALL else (THIN, 6)
        axes.plot(
            [0, 1], [before, after], linestyle=style.dash, linewidth=width, color=style.colour, clip_on=False,
            marker=style.marker, markersize=size, markeredgecolor="black", markeredgewidth=0.6,
        )  # fmt: skip
    axes.set(xlim=(-0.25, 1.25), ylim=(0, 1.02))
    axes.set_xticks([0, 1], ["before", "after"], fontsize=8)
    axes.set_title("the decision", fontsize=8)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)


def _curves(
    classes: pd.DataFrame, by_name: Mapping[str, Style], mean: pd.DataFrame
) -> Iterator[tuple[str, Sequence[str], Style]]:
    """Yield label, classes and style of each curve; that of all together first."""
    order = [name for name in rarest_first(classes) if f"{RECALL}{name}" in mean]
    yield "balanced accuracy", order, ALL
    if len(order) <= len(SAFE):
        for name in order:
            yield shortened([name], 20)[0], [name], by_name[name]
        return
    for label, (colour, names) in thirds(order).items():
        yield f"{label} classes", names, Style(colour)


def _draw_losses(axes: Axes, mean: pd.DataFrame, beside: Axes) -> None:
    """Draw the losses, and explain them right of the axes `beside`."""
    axes.plot(mean.index, mean["train/loss"], color="#666666", linewidth=THIN, label="training loss")
    if "val/loss" in mean:
        axes.plot(mean.index, mean["val/loss"], color="#666666", linestyle="--", lw=THIN, label="validation loss")
    axes.set(xlabel="epoch", ylabel="loss")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    beside.legend(*axes.get_legend_handles_labels(), **BESIDE)


def _mark(axes: Axes, kept: Sequence[int]) -> None:
    """Draw a line at each epoch whose weights were kept."""
    several = f"epochs {kept[0]:g} to {kept[-1]:g}" if len(kept) > 1 else f"epoch {kept[0]:g}" if kept else ""
    for number, epoch in enumerate(kept):
        label = "_" if number else f"kept: {several}"
        axes.axvline(epoch, color="#444444", linestyle=(0, (2, 2)), linewidth=1, zorder=1, label=label)


def _effect(validation: Sequence[Predictions], names: Sequence[str]) -> tuple[pd.DataFrame, list[float]]:
    """Return recalls of each class (rows) and balanced accuracy before and after the decision, means over folds.

    Before it, the largest score wins.
    """
    largest = [part.log_proba.argmax(axis=2) for part in validation]
    by_class, balanced = {}, []
    for when, predicted in (("before", largest), ("after", [part.predicted for part in validation])):
        folds = [
            _recalls(part.y, each, part.log_proba.shape[2]) for part, each in zip(validation, predicted, strict=True)
        ]
        by_class[when] = pd.DataFrame(np.array([recalls.ravel() for recalls in folds]), columns=list(names)).mean()
        balanced.append(float(np.mean([np.nanmean(recalls, axis=1) for recalls in folds])))
    return pd.DataFrame(by_class), balanced


def _recalls(y: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Return the recall of each class of each task, shape (T, C), of rows (n, T); NaN without rows."""
    of_task = np.arange(y.shape[1]) * classes
    size = y.shape[1] * classes
    support = np.bincount((y + of_task).ravel(), minlength=size)
    hits = np.bincount((y + of_task)[predicted == y], minlength=size)
    recalls = np.divide(hits, support, out=np.full(size, np.nan), where=support > 0)
    return recalls.reshape(-1, classes)
