"""Recall by epoch, over the seeds of a study, and pictures as files."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from PIL import Image

from experiments.runs import StudyRuns

BAND = 0.1, 0.9  # of the runs
COLOURS_OF_A_FILE = 256


def save_picture(figure: Figure, file: Path, dpi: int = 90) -> None:
    """Write a figure as a PNG with a palette, a third of the size of one without."""
    drawn = BytesIO()
    figure.savefig(drawn, format="png", dpi=dpi)
    colours = Image.open(drawn).convert("RGB")
    colours.quantize(COLOURS_OF_A_FILE, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(file, optimize=True)


def recall_by_epoch(runs: StudyRuns, spec: Mapping[str, Any]) -> Figure:
    """Draw validation recall by epoch: a row of panels per class, a column per value of a setting.

    A line is the mean over runs, its band holds the middle 80 % of them.

    Parameters
    ----------
    runs : StudyRuns
    spec : mapping
        ``classes``; ``setting`` that tells the columns apart, and ``panels``, the titles of its values; ``lines``,
        ``{what the study calls a run: {colour, dashed}}``.
    """
    classes, panels = spec["classes"], spec["panels"]
    figure = Figure(figsize=(3.1 * len(panels) + 0.6, 2.2 * len(classes) + 1.1), layout="constrained")
    grid = figure.subplots(len(classes), len(panels), sharex=True, sharey=True, squeeze=False)
    table = runs.table("balanced_accuracy")
    finished = table.runs[table.runs.outcome == "finished"]
    for column, (value, title) in enumerate(panels.items()):
        of_panel = finished[table.setting(spec["setting"])[finished.index] == value]
        for label, style in spec["lines"].items():
            chosen = list(of_panel.index[of_panel.strategy == label])
            for row, name in enumerate(classes if chosen else []):
                _line(grid[row, column], runs.epochs(chosen, f"recall/{name}"), style)
        grid[0, column].set_title(title, fontsize=9)
        grid[-1, column].set(xlabel="epoch", xscale="log")
    for row, name in enumerate(classes):
        grid[row, 0].set(ylabel=f"recall of {name}", ylim=(-0.03, 1.03))
    handles = [Line2D([], [], **_look(style), label=label) for label, style in spec["lines"].items()]
    figure.legend(handles=handles, loc="outside lower center", ncols=2, fontsize=8)
    return figure


def _line(axes: Axes, recalls: pd.DataFrame, style: Mapping[str, Any]) -> None:
    low, high = recalls.quantile(BAND[0], axis=1), recalls.quantile(BAND[1], axis=1)
    axes.plot(recalls.index, recalls.mean(axis=1), **_look(style))
    axes.fill_between(recalls.index, low, high, color=style["colour"], alpha=0.12, linewidth=0)


def _look(style: Mapping[str, Any]) -> dict[str, Any]:
    return {"color": style["colour"], "linestyle": "--" if style.get("dashed") else "-", "linewidth": 1.4}
