"""The code blocks of the pages."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import dedent

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[2]
FENCED = re.compile(r"^( *)```(\w+)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
INDENTED = re.compile(r"(?:^    \S.*\n)+", re.MULTILINE)


def fenced(page: str, language: str) -> list[str]:
    """Return the fenced blocks of a page in one language."""
    return [dedent(match[3]) for match in FENCED.finditer((ROOT / page).read_text()) if match[2] == language]


def blocks(page: str) -> list[list[str]]:
    """Return the commands of this program in each of a page's indented blocks."""
    outside = FENCED.sub("", (ROOT / page).read_text())
    found = [[line.strip() for line in block.splitlines()] for block in INDENTED.findall(outside)]
    shown = [
        [line for line in b if line.startswith("python -m imbalance_lab ") and "[command]" not in line] for b in found
    ]
    return [block for block in shown if block]


def commands(page: str) -> list[str]:
    """Return the lines of a page's indented blocks that are commands of this program."""
    return [line for block in blocks(page) for line in block]


def write_table(folder: Path) -> None:
    """Lay down the ``my.csv`` of the pages (numbers, a text column, missing values, a rare class) and a ``new.csv``."""
    rng = np.random.default_rng(0)
    label = np.repeat(["often", "seldom", "rare"], [200, 70, 30])
    shift = np.select([label == "seldom", label == "rare"], [1.0, 2.0])[:, None]
    frame = pd.DataFrame(rng.standard_normal((300, 3)) + shift, columns=["height", "weight", "age"])
    frame["place"] = rng.choice(["north", "south"], 300)
    frame = frame.assign(label=label).sample(frac=1, random_state=0)
    frame.loc[frame.sample(20, random_state=1).index, "place"] = None
    frame.to_csv(folder / "my.csv", index=False)
    frame.drop(columns="label").head(50).to_csv(folder / "new.csv", index=False)
