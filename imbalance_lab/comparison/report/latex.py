"""A comparison as LaTeX: a table of datasets by strategies for a paper, in the style of the package booktabs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import pandas as pd

from imbalance_lab.comparison.report.matrix import Matrix, matrices
from imbalance_lab.comparison.settings import Settings
from imbalance_lab.comparison.verdict import Comparison
from imbalance_lab.evaluation.metrics import heading_of

WIDEST = 6  # strategies that stand side by side; more stand below each other, unless there are more datasets
SPECIAL = {
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", '"': "''",
    **{character: f"\\{character}" for character in "&%$#_{}"},
    **{character: f"{{{character}}}" for character in "[]*"},  # which begin arguments of a line's end
}  # fmt: skip


def latex(comparison: Comparison) -> str:
    """Return a table for each model and setting; the document needs the package booktabs."""
    head = "% \\usepackage{booktabs}"
    return "\n\n".join([head, *("\n".join(_table(one, comparison.settings)) for one in matrices(comparison))]) + "\n"


def escaped(text: str) -> str:
    r"""Return text as LaTeX sets it.

    >>> escaped("sqrt_inv & 5%")
    'sqrt\\_inv \\& 5\\%'
    """
    plain = "".join(character if character.isprintable() else " " for character in text)
    return re.sub(r"[\\~^<>|\"&%$#_{}\[\]*]", lambda found: SPECIAL[found[0]], plain)


def _table(one: Matrix, settings: Settings) -> Iterator[str]:
    cells = _cells(one)
    if len(cells.columns) > max(WIDEST, len(cells)):
        cells = cells.T
    below = "average rank" in cells.index
    yield "\\begin{table}"
    yield f"\\caption{{{_caption(one, settings)}}}"
    yield "\\centering"
    yield f"\\begin{{tabular}}{{l{'r' * len(cells.columns)}}}"
    yield "\\toprule"
    yield _row("", map(escaped, map(str, cells.columns)))
    yield "\\midrule"
    for name, row in cells.iterrows():
        if below and name == "average rank":
            yield "\\midrule"
        yield _row(escaped(str(name)), row)
    yield "\\bottomrule"
    yield "\\end{tabular}"
    yield "\\end{table}"


def _row(name: str, cells: Sequence[str] | Iterator[str] | pd.Series) -> str:
    return " & ".join([name, *cells]) + r" \\"


def _cells(one: Matrix) -> pd.DataFrame:
    """Return the matrix as LaTeX, its average ranks below."""
    cells = pd.DataFrame("--", index=one.mean.index.astype(str), columns=one.mean.columns.astype(str), dtype=object)
    for dataset in one.mean.index.astype(str):
        for strategy in one.mean.columns.astype(str):
            mean, deviation = one.mean.loc[dataset, strategy], one.deviation.loc[dataset, strategy]
            if pd.notna(mean):
                spread = "" if pd.isna(deviation) else f" \\pm {deviation:.3f}"
                text = f"${mean:.3f}{spread}$"
                text = f"\\underline{{{text}}}" if one.alike.loc[dataset, strategy] else text
                # Bold mathematics, of the mean, needs no package: a bold number beside its deviation.
                text = f"$\\mathbf{{{mean:.3f}}}{spread}$" if one.best.loc[dataset, strategy] else text
                cells.loc[dataset, strategy] = text
    if one.ranks is not None:
        texts = {name: f"{rank:.2f}" for name, rank in one.ranks.items()}
        texts |= {name: f"\\underline{{{texts[name]}}}" for name in one.alike_ranks}
        texts[one.ranks.index[0]] = f"\\textbf{{{one.ranks.iloc[0]:.2f}}}"
        cells.loc["average rank"] = [texts.get(name, "--") for name in one.mean]
    return cells


def _caption(one: Matrix, settings: Settings) -> str:
    how = "mean and standard deviation over seeds and folds"
    of = f" of {escaped(one.name)}" if one.name else ""
    better = "larger" if settings.sign > 0 else "smaller"
    heading, level = heading_of(settings.metric), f"{1 - settings.confidence:.2g}"
    text = (
        f"{escaped(heading[0].upper() + heading[1:])}{of} ({better} is better): {how}. Bold: the best of each "
        "dataset; underlined: what the corrected paired $t$-test (Nadeau and Bengio, 2003), adjusted by Holm's method, "
        f"cannot tell from it at {level}."
    )
    if one.ranks is not None:
        text += (
            " Average ranks: underlined what Wilcoxon's signed-rank test, adjusted by Holm's method, cannot tell from "
            "the best."
        )
    return text
