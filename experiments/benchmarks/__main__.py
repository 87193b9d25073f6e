"""Time this project against what one would write instead: ``python -m experiments.benchmarks``."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from experiments.benchmarks.blocks import HERE, Broken, run_block
from experiments.benchmarks.comparisons import PYTHON, comparisons
from experiments.benchmarks.pairs import Comparison, run_rounds, summarise
from experiments.benchmarks.table import circumstances, ratio_table, replace_section

SECTION = "ratios"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the comparisons and write their table; 1 if one of them compares nothing."""
    asked = parse(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        folder, data = Path(scratch), Path(scratch) / "data"
        chosen = comparisons(asked.quick, data)
        if unknown := set(asked.only) - set(chosen):
            sys.exit(f"no comparison {', '.join(sorted(unknown))}; there are {', '.join(chosen)}")
        chosen = {
            name: replace(one, rounds=asked.rounds or one.rounds)
            for name, one in chosen.items()
            if not asked.only or name in asked.only
        }
        make_data(chosen.values(), folder, data)
        rows, broken = run_all(chosen, folder, data / "mlflow.db")
    if asked.quick:  # sizes at which no target means anything
        rows = [{**row, "target": None} for row in rows]
    text = f"{ratio_table(rows)}\n\n{circumstances(asked.command)}"
    print(f"\n{text}")
    if broken:
        print("\n".join(f"broken: {reason}" for reason in broken), file=sys.stderr)
    elif asked.out or not (asked.quick or asked.only or asked.rounds):
        page = (asked.out or HERE) / "README.md"
        page.parent.mkdir(parents=True, exist_ok=True)
        replace_section(page, SECTION, text)
    return int(bool(broken))


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m experiments.benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a smoke test of a few minutes; its numbers mean little")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="a comparison; may be repeated")
    parser.add_argument("--rounds", type=int, metavar="N", help="so many rounds of each, whatever its usual number")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="write FOLDER/README.md instead of this folder's")
    asked = parser.parse_args(arguments)
    typed = ["--quick"] * asked.quick + [f"--only {name}" for name in asked.only]
    typed += [f"--rounds {asked.rounds}"] if asked.rounds else []
    asked.command = " ".join(["python -m experiments.benchmarks", *typed])
    return asked


def make_data(chosen: Iterable[Comparison], folder: Path, data: Path) -> None:
    """Write the rows that the comparisons need, and an empty MLflow database, by a process of its own."""
    data.mkdir()
    needed = dict.fromkeys(name for comparison in chosen for name in comparison.data)
    run_block([PYTHON, "-m", "experiments.benchmarks.data", str(data), "store", *needed], folder / "making")


def run_all(chosen: dict[str, Comparison], folder: Path, store: Path) -> tuple[list[dict], list[str]]:
    """Run comparisons one after the other; return the table's rows, and why comparisons are broken."""
    rows, broken = [], []
    for name, comparison in chosen.items():
        started = time.perf_counter()
        try:
            ours, *theirs = run_rounds(comparison, folder / name, store)
            rows += [summarise(comparison, rival, ours, m) for rival, m in zip(comparison.rivals, theirs, strict=True)]
        except Broken as error:
            broken.append(f"{name}: {error}")
        print(f"{name}: {time.perf_counter() - started:.0f} s", flush=True)
    return rows, broken


if __name__ == "__main__":
    sys.exit(main())
