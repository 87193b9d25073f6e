"""What the pictures of a comparison are drawn with: colours, shapes, text, and SVG that follows the page's colours.

The colours are those of Okabe and Ito (2008), which colour-blind people tell apart; better and worse differ in shape
as well.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, ParamSpec, TypeVar

import numpy as np
from markupsafe import Markup
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from imbalance_lab.comparison.paired import BETTER, SAME, WORSE
from imbalance_lab.comparison.report.kinds import OPEN, kind_of

WIDTH = 5.0
POINTS_PER_INCH = 72  # of SVG
LONGEST_NAME = 28
INK, SOFT, BAND = "#000000", "#767676", "#e9e9e9"
COLOURS = {BETTER: "#009e73", WORSE: "#d55e00", SAME: "#0072b2", OPEN: SOFT}
SHAPES = {BETTER: "^", WORSE: "v", SAME: "s", OPEN: "o"}
# Of classes, the rarest first; without the palette's yellow, which is too light for a line.
CURVES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", INK, SOFT)
DASHES = ("-", "--", "-.", ":")
VARIABLES = {
    INK: "currentColor",
    SOFT: "var(--soft)",
    BAND: "var(--band)",
    COLOURS[BETTER]: "var(--better)",
    COLOURS[WORSE]: "var(--worse)",
    COLOURS[SAME]: "var(--same)",
}

P = ParamSpec("P")
T = TypeVar("T")


def plain_text(function: Callable[P, T]) -> Callable[P, T]:
    """Draw with text that is taken as it is: the class $10_$20 is no formula."""
    return rc_context({"text.parse_math": False, "font.size": 10, "axes.titlesize": 10, "axes.titleweight": "bold"})(
        function
    )


def marker(verdict: Any) -> dict[str, Any]:
    """Return how the point of a verdict is drawn; hollow where it is open."""
    kind = kind_of(verdict)
    inside = "none" if kind == OPEN else COLOURS[kind]
    return {"marker": SHAPES[kind], "color": COLOURS[kind], "markerfacecolor": inside, "markersize": 7}


def same_look(looks: Sequence[Mapping[str, Any]]) -> Iterator[tuple[dict[str, Any], np.ndarray]]:
    """Yield each of several looks with the places that have it, which are drawn together."""
    for look in {look["marker"]: look for look in looks}.values():
        yield dict(look), np.flatnonzero([other["marker"] == look["marker"] for other in looks])


def intervals(axes: Axes, verdicts: Sequence[Any], mean: np.ndarray, low: np.ndarray, high: np.ndarray) -> list[str]:
    """Draw differences with their intervals from the top down, and return their values as written beside them."""
    looks = [marker(verdict) for verdict in verdicts]
    for look, at in same_look(looks):
        ends = around(mean[at], low[at], high[at])
        axes.errorbar(mean[at], at, xerr=ends, elinewidth=1.8, capsize=3, linestyle="none", **look)
    shown = [f"{value:+.3f}" if np.isfinite(value) else "" for value in mean]
    beside = axes.get_yaxis_transform()
    for row, (text, look) in enumerate(zip(shown, looks, strict=True)):
        axes.text(1.02, row, text, transform=beside, va="center", color=look["color"])
    return shown


def explain(axes: Axes, verdicts: Iterable[Any]) -> None:
    """Name the shapes of the verdicts that are there, for the legend."""
    there = {kind_of(verdict) for verdict in verdicts}
    for kind in COLOURS:
        if kind in there:
            axes.plot([], [], linestyle="none", label=kind, **marker(kind))


def blank(height: float = 1.0, layout: Literal["constrained"] | None = None) -> tuple[Figure, Axes]:
    """Return an empty figure without a frame above and to the right."""
    figure = Figure(figsize=(WIDTH, height), layout=layout)
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def shortened(name: str, most: int = LONGEST_NAME) -> str:
    """Return a name of at most `most` characters.

    >>> shortened("smote(k_neighbors=3)", 10)
    'smote(k_n…'
    """
    return name if len(name) <= most else name[: most - 1] + "…"


def same_scale(figures: Sequence[Figure]) -> None:
    """Give the first axes of figures that stand side by side one scale."""
    ends = [figure.axes[0].get_xlim() for figure in figures]
    for figure in figures:
        figure.axes[0].set_xlim(min(low for low, _ in ends), max(high for _, high in ends))


def around(mean: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Return the ends of intervals as matplotlib wants them; an end that is unknown is not drawn."""
    known = np.isfinite(low) & np.isfinite(high)
    return np.where(known, np.maximum([mean - low, high - mean], 0), np.nan)


def svg(drawn: Figure, label: str, salt: str) -> Markup:
    """Return a figure as SVG for a page: its ink has the colours of the page's text, light or dark.

    Parameters
    ----------
    drawn : Figure
    label : str
        What it shows, for those who do not see it.
    salt : str
        Makes the identifiers within the picture differ from those of the page's others.
    """
    FigureCanvasSVG(drawn)
    if (layout := drawn.get_layout_engine()) is not None:  # saving would draw all of it for the layout, and once more
        drawn.set_dpi(POINTS_PER_INCH)
        layout.execute(drawn)
        drawn.set_layout_engine(None)
    file = io.BytesIO()
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": salt, "text.parse_math": False}):
        drawn.savefig(
            file,
            format="svg",
            transparent=True,
            metadata={"Date": None, "Creator": None, "Format": None, "Type": None},
        )
    text = file.getvalue().decode()
    # Hundredths of a point are fine enough, and halve what many curves take.
    text = re.sub(r' d="[^"]*"', lambda path: re.sub(r"(\.\d\d)\d+", r"\1", path[0]), text)
    text = re.sub(r'(<g) id="[^"]*"', r"\1", text[text.index("<svg ") :])
    text = re.sub(r'<\w[^>]* style="[^"]*"', lambda tag: re.sub("#[0-9a-f]{6}", _variable, tag[0]), text)
    return Markup(text.replace("<svg ", f'<svg role="img" aria-label="{Markup.escape(label)}" ', 1))


def _variable(found: re.Match[str]) -> str:
    return VARIABLES.get(found[0], found[0])
