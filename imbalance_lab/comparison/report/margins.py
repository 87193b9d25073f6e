"""Room around axes for what is written there, by the widths of the texts: a layout that draws them takes as long again.

Lengths are in inches, sizes of fonts in points.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

POINT = 1 / 72
SIZE, TITLE_SIZE, LEGEND_SIZE = 10.0, 10.5, 9.0
EDGE = 0.05
LEAST = 0.15  # right of the axes, for half a number below them
LINE = 1.25  # of a font's size
TEXT = LINE * SIZE * POINT
TICK, PAD = 3.5 * POINT, 3 * POINT
HANDLE, COLUMN_GAP, ROW_GAP, FRAME = 2.8, 2.0, 0.5, 0.4  # of a legend, in sizes of its font
MOST_COLUMNS = 4


@lru_cache(maxsize=4096)
def width_of(text: str, size: float = SIZE, bold: bool = False) -> float:
    """Return the width of a line of text."""
    font = FontProperties(size=size, weight="bold" if bold else "normal")
    width, _, _ = text_to_path.get_text_width_height_descent(text, font, ismath=False)
    return float(width) * POINT


def widest(texts: Iterable[str], size: float = SIZE) -> float:
    """Return the width of the widest of lines of text; 0 of none."""
    return max((width_of(text, size) for text in texts), default=0.0)


def lines_of(text: str, width: float, size: float = TITLE_SIZE, bold: bool = True) -> list[str]:
    """Return a text in lines that fit a width; a word that is wider stands alone."""
    lines = [""]
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and width_of(longer, size, bold) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def titled(figure: Figure, text: str) -> None:
    """Write a title over the whole width of a figure that matplotlib lays out."""
    lines = lines_of(text, figure.get_figwidth() - 2 * EDGE)
    figure.suptitle("\n".join(lines), x=0.01, ha="left", fontsize=TITLE_SIZE, fontweight="bold")


def lay_out(
    figure: Figure,
    height: float,
    title: str,
    beside: Sequence[str] = (),
    right: float = 0.0,
    above: float = 0.0,
    turned: bool = False,
) -> None:
    """Give the axes of a figure a height, and the figure the room that its texts take, with a title and a legend.

    Parameters
    ----------
    figure : Figure
        Its first axes have the labels, and what the legend explains.
    height : float
        Of all axes together.
    title : str
    beside : sequence of str
        What is written right of the axes.
    right, above : float
        Further room on these sides.
    turned : bool
        Whether the labels of the horizontal axis stand upright.
    """
    width, axes = figure.get_figwidth(), figure.axes[0]
    below, under = legend_below(figure, axes), _below_axis(axes, turned)
    lines = lines_of(title, width - 2 * EDGE)
    over = EDGE + (len(lines) * LINE * TITLE_SIZE + 0.8 * SIZE) * POINT + above
    whole = below + under + height + over
    figure.set_figheight(whole)
    figure.subplots_adjust(bottom=(below + under) / whole, top=1 - over / whole)
    left = _beside_axis(figure)  # how many numbers there are depends on the height
    right = max(EDGE + right + (widest(beside) + 2 * PAD if len(beside) else 0.0), LEAST)
    figure.subplots_adjust(left=left / width, right=1 - right / width)
    place: dict[str, Any] = {"x": EDGE / width, "ha": "left"}
    figure.suptitle("\n".join(lines), y=1 - EDGE / whole, va="top", fontsize=TITLE_SIZE, fontweight="bold", **place)
    if label := figure.get_supylabel():
        figure.supylabel(label, y=(below + under + height / 2) / whole, fontsize=SIZE, **place)
        return
    plot, half = width - left - right, width_of(axes.get_xlabel()) / 2
    centre = min(max(left + plot / 2, EDGE + half), width - EDGE - half)  # a long label stays within the figure
    axes.xaxis.set_label_coords((centre - left) / plot, (EDGE + TEXT - under) / height)
    axes.yaxis.set_label_coords((EDGE + TEXT - left) / plot, 0.5)


def legend_below(figure: Figure, axes: Axes) -> float:
    """Explain what is drawn at the lower edge of a figure, in as many columns as fit, and return the room it takes."""
    handles, labels = axes.get_legend_handles_labels()
    if not labels:
        return 0.0
    size, room = LEGEND_SIZE * POINT, figure.get_figwidth() - 2 * EDGE
    columns = min(MOST_COLUMNS, len(labels))
    while columns > 1 and _legend_width(labels, columns) > room:
        columns -= 1
    rows = -(-len(labels) // columns)
    figure.legend(
        handles,
        labels,
        loc="lower center",
        ncols=columns,
        fontsize=LEGEND_SIZE,
        frameon=False,
        borderaxespad=0,
        borderpad=FRAME,
    )
    return (rows * LINE + (rows - 1) * ROW_GAP + 2 * FRAME) * size


def _legend_width(labels: Sequence[str], columns: int) -> float:
    parts = [list(part) for part in np.array_split(np.asarray(labels, dtype=object), columns)]  # as matplotlib does
    texts = sum(widest(part, LEGEND_SIZE) for part in parts)
    return texts + (len(parts) * HANDLE + (len(parts) - 1) * COLUMN_GAP + 2 * FRAME) * LEGEND_SIZE * POINT


def _tick_labels(axis: Axis) -> list[str]:
    return axis.get_major_formatter().format_ticks(list(axis.get_majorticklocs()))


def _beside_axis(figure: Figure) -> float:
    axes = figure.axes[0]
    labelled = TEXT + PAD if axes.get_ylabel() or figure.get_supylabel() else 0.0
    return EDGE + labelled + widest(_tick_labels(axes.yaxis)) + TICK + PAD


def _below_axis(axes: Axes, turned: bool) -> float:
    ticks = widest(_tick_labels(axes.xaxis)) if turned else TEXT
    return EDGE + TEXT + 2 * PAD + ticks + TICK
