"""Colour in what a terminal shows of a comparison."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.text import Text

from imbalance_lab.comparison.answer import VERBS
from imbalance_lab.comparison.overall import START, TIED

STYLES = {"better": "green", "worse": "red", "(best)": "bold"}


def coloured(lines: list[str]) -> Iterator[str]:
    """Yield the lines, those of tables with their verdict and their best in colour, and what to use in bold print."""
    console = Console(width=10_000, force_terminal=True, color_system="standard", highlight=False)
    in_table = False
    for line in lines:
        in_table = line.startswith("---") or (in_table and bool(line))
        text = Text(line)
        for word, style in STYLES.items() if in_table else ():
            if line.rstrip().endswith(f" {word}") or (word == "(best)" and f" {word} " in line):
                text.stylize(style)
        if not in_table and (found := next(filter(line.startswith, (*VERBS, START, TIED)), None)):
            text.stylize("bold", 0, line.find(". ", len(found)) + 1 or len(line))
        with console.capture() as captured:
            console.print(text, soft_wrap=True, end="")
        yield captured.get()
