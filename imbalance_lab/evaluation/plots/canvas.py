"""The sheet that every figure of a run is drawn on: its size, its title, and how it is written."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

WIDTH = 7.0  # inches
DPI = 150
LONGEST_SHOWN = 80  # characters of a title in bold print
FORMATS = ("png", "svg", "pdf")
CHARACTER, MARGIN, HEAD = 0.08, 0.62, 0.62  # inches: of a label's letter, around axes, for two lines of title
# A class may have the name $10_$20, which is no formula.
STYLE: Any = {
    "text.parse_math": False,
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "svg.hashsalt": "imbalance_lab",  # the same figure, the same bytes
    "text.hinting": "none",  # at this resolution letters look as well without, in a fifth less time
}
COMPRESSION: Any = {"compress_level": 3}  # two thirds of the time that the usual 6 takes, for a tenth more bytes
NO_DATE = {"png": {}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}


def sheet(
    height: float,
    left: float = 0,
    below: float = 0,
    right: float = 0,
    rows: Sequence[float] = (1,),
    columns: Sequence[float] = (1,),
    gap: float = 0.1,
    above: float = 0,
    **shared: Any,
) -> tuple[Figure, list[Axes]]:
    """Return a figure and its axes, row by row, with room for labels and a title.

    To let matplotlib find out how much room there must be takes twice as long.

    Parameters
    ----------
    height : float
        In inches.
    left, below, right : float
        Characters of the longest label on a side.
    above : float
        Further inches over the axes.
    rows, columns : sequence of float
        Relative heights and widths of the axes.
    gap : float
        Between axes, as a share of their size.
    """
    figure = Figure(figsize=(WIDTH, height))
    grid = figure.add_gridspec(
        len(rows),
        len(columns),
        height_ratios=rows,
        width_ratios=columns,
        left=(MARGIN + CHARACTER * left) / WIDTH,
        right=1 - (0.2 + CHARACTER * right) / WIDTH,
        bottom=(MARGIN - 0.1 + CHARACTER * below) / height,
        top=1 - (HEAD + above) / height,
        hspace=gap,
        wspace=gap,
    )
    return figure, list(grid.subplots(squeeze=False, **shared).ravel())


def entitle(figure: Figure, shows: str, of: str) -> None:
    """Write what is seen over a figure, and below it of what."""
    height, size = figure.get_figheight(), min(10, 10 * LONGEST_SHOWN / len(shows))
    figure.suptitle(shows, x=0.02, y=1 - 0.08 / height, ha="left", va="top", fontsize=size, fontweight="bold")
    figure.text(0.02, 1 - 0.29 / height, of, ha="left", va="top", fontsize=8, color="#444444")


@rc_context(STYLE)
def save(figures: dict[str, Figure], folder: Path, formats: Sequence[str] = ("png",)) -> None:
    """Write each figure in each of the formats: vector graphics take as long again, so they are drawn on request."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, figure in figures.items():
        for each in formats:
            packed = {"pil_kwargs": COMPRESSION} if each == "png" else {}
            with warnings.catch_warnings():  # a name with signs that no font has is drawn with boxes in their place
                warnings.filterwarnings("ignore", "Glyph .* missing from font", UserWarning)
                figure.savefig(folder / f"{name}.{each}", dpi=DPI, metadata=NO_DATE[each], **packed)
