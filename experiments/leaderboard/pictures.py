"""The picture of what strategies gain on which kind of set."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from imbalance_lab.comparison.report.ink import blank, plain_text
from imbalance_lab.comparison.report.margins import titled

FOUND = 0.2  # of the scale's ends


@plain_text
def draw_kinds(kinds: pd.DataFrame, model: str) -> Figure:
    """Draw the mean gain of each strategy in each third of the sets.

    Parameters
    ----------
    kinds : DataFrame
        A row per strategy, columns (fact, third).
    model : str
    """
    figure, axes = blank(0.24 * len(kinds) + 2.2, layout="constrained")
    figure.set_figwidth(8)
    image = axes.pcolormesh(kinds.to_numpy(), vmin=-FOUND, vmax=FOUND, cmap="RdBu", linewidth=0)
    for (row, column), value in np.ndenumerate(kinds.to_numpy()):
        shade = "white" if abs(value) > 0.7 * FOUND else "black"
        axes.text(column + 0.5, row + 0.5, f"{value:+.2f}", ha="center", va="center", fontsize=7, color=shade)
    axes.set_yticks(np.arange(len(kinds)) + 0.5, kinds.index, fontsize=8)
    axes.set_xticks(
        np.arange(len(kinds.columns)) + 0.5, [third for _, third in kinds], fontsize=8, rotation=30, ha="right"
    )
    facts = list(dict.fromkeys(fact for fact, _ in kinds))
    for at, fact in enumerate(facts):
        axes.text(3 * at + 1.5, -0.3, fact, ha="center", va="bottom", fontsize=9)
        axes.axvline(3 * at, color="white", linewidth=3)
    axes.invert_yaxis()
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    figure.colorbar(image, ax=axes, shrink=0.6, label="gain in balanced accuracy")
    titled(figure, f"What {model} gains over plain training, by kind of set\n")
    return figure
