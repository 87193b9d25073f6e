"""The tables as Markdown, and their place between markers in a page that is otherwise written by hand."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path

from experiments.benchmarks.pairs import met

PACKAGES = ("tensorflow", "keras", "mlflow", "hydra-core", "scikit-learn", "imbalanced-learn", "numpy", "pandas")
HEAD = (
    "comparison",
    "rival",
    "target",
    "of medians",
    "of CPU seconds",
    "of pairs: min, median, max",
    "seconds, ours : rival",
    "peak MB",
    "balanced accuracy (runs)",
    "pairs",
)
SIGNS = {
    "times faster": "at least {:g} x faster",
    "of the time": "at most {:g} of it",
    "s more": "at most +{:g} s",
}
UNITS = {"times faster": "{:.2f} x", "of the time": "{:.2f}", "s more": "{:+.3f} s"}


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table.

    >>> print(markdown(["a", "b"], [["1", "2"]]))
    | a | b |
    |---|---|
    | 1 | 2 |
    """
    lines = [head, *rows]
    drawn = ["| " + " | ".join(cells) + " |" for cells in lines]
    return "\n".join([drawn[0], "|" + "---|" * len(head), *drawn[1:]])


def ratio_table(rows: Iterable[dict]) -> str:
    """Return the table of comparisons."""
    return markdown(HEAD, [ratio_row(row) for row in rows])


def ratio_row(row: dict) -> list[str]:
    """Return the cells of one comparison."""
    unit = UNITS[row["kind"]]
    mark = {True: " (met)", False: " (missed)", None: ""}[met(row)]
    scores = row["scores"]
    return [
        row["name"],
        row["rival"],
        "-" if row["target"] is None else SIGNS[row["kind"]].format(row["target"]) + mark,
        unit.format(row["value"]),
        unit.format(row["cpu_value"]),
        ", ".join(unit.format(row[key]) for key in ("low", "middle", "high")),
        " : ".join(f"{seconds:.3g}" for seconds in row["seconds"]),
        " : ".join(f"{peak:.0f}" for peak in row["peak_mb"]),
        "-" if scores is None else f"{scores[0]:.3f} : {scores[1]:.3f} ({row['runs']})",
        str(row["pairs"]),
    ]


def circumstances(command: str) -> str:
    """Return what the numbers were measured on, and the command that measures them again."""
    busy = f"load average {os.getloadavg()[2]:.1f}" if hasattr(os, "getloadavg") else "load unknown"
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    system = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    return f"`{command}` on {cores} cores ({busy} over 15 minutes), {system}, {versions}."


def replace_section(page: Path, name: str, text: str) -> None:
    """Put `text` between the markers ``<!-- name -->`` and ``<!-- end of name -->`` of `page`, new pages get them.

    Raises
    ------
    ValueError
        If the page exists and has no such markers.
    """
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    old = page.read_text() if page.exists() else f"{begin}\n{end}\n"
    before, found, rest = old.partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise ValueError(f"{page.name} has no section between {begin} and {end}")
    page.write_text(f"{before}{begin}\n\n{text.strip()}\n\n{end}{after}")
