"""Time and recall of approximate neighbours against exact ones: ``python -m experiments.benchmarks.neighbours``."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.neighbors import NearestNeighbors

from experiments.benchmarks.blocks import HERE
from experiments.benchmarks.growth import plain_table
from experiments.benchmarks.table import circumstances, replace_section
from imbalance_lab.strategies.neighbours import ApproximateNeighbors

NEIGHBOURS = 6  # of each row, itself among them: SMOTE's five
ASKED = 2_000  # rows whose neighbours are looked up; the time of all is so many times as long
WIDTH = 20
PROBES = (16, 64, 256)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and write a table."""
    parser = argparse.ArgumentParser(prog="python -m experiments.benchmarks.neighbours", description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--out", type=Path, default=HERE, metavar="FOLDER", help="where README.md is")
    asked = parser.parse_args(arguments)
    table = [line for rows in asked.rows for line in measure(rows)]
    about = (
        f"Neighbours of all rows, {WIDTH} normal columns, {NEIGHBOURS} of each, on one thread, CPU seconds. "
        f"{ASKED:,} rows "
        "drawn at random are looked up, and the time is scaled up to all; the exact search is scikit-learn's. Rows "
        "without any structure are the hardest case: those of a real table lie closer to few centres."
    )
    text = f"{about}\n\n{plain_table(table)}\n\n{circumstances('python -m experiments.benchmarks.neighbours')}"
    print(text)
    asked.out.mkdir(parents=True, exist_ok=True)
    replace_section(asked.out / "README.md", "neighbours", text)
    return 0


def measure(rows: int) -> Iterator[dict[str, Any]]:
    """Yield the exact search, and the approximate one by the lists that it looks through."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((rows, WIDTH), np.float32)
    some = rng.choice(rows, ASKED, replace=False)
    exact = NearestNeighbors(n_neighbors=NEIGHBOURS).fit(X)
    true, seconds = timed(lambda: exact.kneighbors(X[some], return_distance=False))
    size = {"rows": f"{rows:,}"}
    yield {**size, "search": "exact", "lists": "-", "fit s": 0.0, "search s": seconds * rows / ASKED, "recall": "1"}
    ours = ApproximateNeighbors(NEIGHBOURS)
    _, fit = timed(lambda: ours.fit(X))
    for probes in PROBES:
        name = "approximate" + " (the default)" * (probes == ApproximateNeighbors().probes)
        ours.set_params(probes=probes)
        found, seconds = timed(lambda: ours.kneighbors(X[some], return_distance=False))
        hits = np.mean([len(set(one) & set(other)) / NEIGHBOURS for one, other in zip(found, true, strict=True)])
        row = {**size, "search": name, "lists": str(probes), "fit s": fit, "search s": seconds * rows / ASKED}
        yield {**row, "recall": f"{hits:.3f}"}


def timed(function: Callable[[], Any]) -> tuple[Any, float]:
    """Return what a function returns, and the CPU seconds it took."""
    started = time.process_time()
    found = function()
    return found, time.process_time() - started


if __name__ == "__main__":
    sys.exit(main())
