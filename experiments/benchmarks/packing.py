"""What an engine's workers cost, against a sweep in a row: ``python -m experiments.benchmarks.packing [--cells 500]``.

Sweeps of short cells (``logreg`` on digits with a long tail, strategies x seeds, nothing tracked) in a row and by each
engine with one worker and with two, interleaved; writes the table of the README.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from experiments.benchmarks.blocks import HERE, Block, records, run_block
from experiments.benchmarks.comparisons import PYTHON
from experiments.benchmarks.table import circumstances, markdown, replace_section

STRATEGIES = ("none", "inv_freq", "sqrt_inv", "ros", "tuned_threshold")
CELLS = 500
TARGETS = {1: 1.1, 2: 0.6}  # of the time in a row, by workers
INTRODUCTION = """## Engines

{cells} short runs in a row, and by each engine with one worker and with two: a worker makes many runs, and its start is
paid once. CPU seconds are those of processes that the sweep waited for: Ray's daemons and workers are left out. A sweep
in a row lets its linear algebra use every core, which such short runs gain nothing from; a worker has one core."""
LOCAL = "hydra.launcher.cluster=local"


def engines(workers: int, cells: int) -> dict[str, list[str]]:
    """Return what is typed for each engine."""
    packed = f"hydra.launcher.cells_per_task={-(-cells // workers)}"
    return {
        "parallel": ["hydra/launcher=parallel", f"hydra.launcher.n_jobs={workers}"],
        "ray": ["hydra/launcher=ray", f"hydra.launcher.workers={workers}"],
        "slurm, local": ["hydra/launcher=slurm", LOCAL, f"hydra.launcher.at_once={workers}", packed],
    }


def run_sweep(cells: int, typed: Sequence[str], folder: Path) -> Block:
    """Run a sweep of short cells, and check that all have finished."""
    seeds = f"seed=range({cells // len(STRATEGIES)})"
    what = ["dataset=digits_lt", "model=logreg", f"strategy={','.join(STRATEGIES)}", seeds, "tracking=none"]
    block = run_block([PYTHON, "-m", "imbalance_lab", "-m", *what, *typed], folder)
    assert len(records(block)) == cells
    return block


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=int, default=CELLS)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--dry", action="store_true", help="leave the README as it is")
    given = parser.parse_args(arguments)
    sides = {("in a row", 1): list[str]()}
    sides |= {(name, workers): typed for workers in TARGETS for name, typed in engines(workers, given.cells).items()}
    blocks: dict[tuple[str, int], list[Block]] = {side: [] for side in sides}
    with tempfile.TemporaryDirectory() as temporary:
        for number in range(given.rounds):
            for at, (side, typed) in enumerate(sides.items()):
                block = run_sweep(given.cells, typed, Path(temporary, f"{number}-{at}"))
                blocks[side].append(block)
                print(f"{side[0]}, {side[1]}: {block.seconds:.1f} s, {block.cpu_seconds:.1f} s of CPU", flush=True)
    of_side = {
        side: (median(b.seconds for b in some), median(b.cpu_seconds for b in some)) for side, some in blocks.items()
    }
    base = of_side["in a row", 1]
    rows = [
        [name, str(workers), f"{wall:.1f}", f"{wall / base[0]:.2f}", "-" if (name, workers) == ("in a row", 1) else
         f"at most {TARGETS[workers]}", f"{cpu:.1f}", f"{cpu / base[1]:.2f}"]
        for (name, workers), (wall, cpu) in of_side.items()
    ]  # fmt: skip
    head = ["engine", "workers", "seconds", "of in a row", "target", "CPU seconds", "of in a row"]
    command = f"python -m experiments.benchmarks.packing --cells {given.cells} --rounds {given.rounds}"
    text = f"{INTRODUCTION.format(cells=given.cells)}\n\n{markdown(head, rows)}\n\n{circumstances(command)}"
    print(text)
    if not given.dry:
        replace_section(HERE / "README.md", "packing", text)


if __name__ == "__main__":
    main(sys.argv[1:])
