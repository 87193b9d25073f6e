"""How time and memory grow with rows, classes and runs: ``python -m experiments.benchmarks.growth``."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from experiments.benchmarks.blocks import HERE, Broken, records, run_block
from experiments.benchmarks.comparisons import LAB, PYTHON
from experiments.benchmarks.table import circumstances, markdown, replace_section

STAGES = ("load", "prepare", "sample", "train", "decide", "evaluate", "record", "rest")
MODELS = {
    "logreg": ("model=logreg", "sampler=ros", "decision=tuned_threshold"),
    "mlp": (
        "model=mlp",
        "training.epochs=1",
        "training.batch_size=1024",
        "class_weight=inv_freq",
        "decision=tuned_threshold",
    ),
}
RENAMED = {"fit": "train"}
THREE_CLASSES = "dataset.priors={a: 0.5, b: 0.3, c: 0.2}"
PICTURE = "![Time and memory over rows, classes and runs](growth.png)"
ROWS_OF_CLASSES = 20_000
STEEPEST = 1.2  # n log n from 10,000 to 1,000,000 rows rises as n ** 1.09; what is left is noise
COPIES, LARGE_MB, MOST_MB = 3.0, 50.0, 4096.0
NOTICED = 0.05  # CPU seconds, below which a stage says nothing about growth


@dataclass(frozen=True)
class Sizes:
    """What is measured."""

    rows: tuple[int, ...] = (1_000, 10_000, 100_000, 1_000_000)
    features: tuple[int, ...] = (10, 100)
    classes: tuple[int, ...] = (2, 10, 100, 1_000)
    runs: tuple[int, ...] = (10, 100, 1_000)
    network_runs: tuple[int, ...] = (10, 30, 100)
    table: int = 1_000_000


QUICK = Sizes((1_000, 3_000), (10,), (2,), (2,), (2,), 2_000)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and write tables and a picture; 1 if a run fails."""
    parser = argparse.ArgumentParser(prog="python -m experiments.benchmarks.growth", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="tiny sizes: a smoke test")
    parser.add_argument("--out", type=Path, default=HERE, metavar="FOLDER", help="where README.md and growth.png go")
    asked = parser.parse_args(arguments)
    sizes = QUICK if asked.quick else Sizes()
    with tempfile.TemporaryDirectory() as scratch:
        try:
            text, results = measure(sizes, Path(scratch))
        except Broken as error:
            print(f"broken: {error}", file=sys.stderr)
            return 1
    text += f"\n\n{PICTURE}\n\n{circumstances('python -m experiments.benchmarks.growth' + ' --quick' * asked.quick)}"
    print(text)
    asked.out.mkdir(parents=True, exist_ok=True)
    draw(results, asked.out / "growth.png")
    replace_section(asked.out / "README.md", "growth", text)
    return 0


def measure(sizes: Sizes, folder: Path) -> tuple[str, dict[str, list[dict]]]:
    """Return the tables as Markdown, and what they were made of."""
    run_block([PYTHON, "-m", "experiments.benchmarks.data", str(folder), "store"], folder / "making")
    results = {
        "rows": list(by_rows(sizes, folder)),
        "classes": list(by_classes(sizes, folder)),
        "runs": list(by_runs(sizes, folder)),
        "tables": list(by_format(sizes, folder)),
    }
    found = [*steep(results["rows"]), *hungry(results["rows"]), *large(results["tables"])]
    parts = [
        "What grows faster than n log n or holds too much:",
        "\n".join(f"- {line}" for line in found) if found else "- nothing",
        "CPU seconds of each stage, by rows (three classes) and, with 20,000 rows, by classes:",
        stage_table([*results["rows"], *results["classes"]]),
        "Exponents of CPU time over rows (log-log slope from the second size on):",
        slope_table(results["rows"]),
        "Runs of four_classes in one sweep, MLflow and the comparison included (stages in seconds a run; the rest is "
        "loading modules and data, composing, recording):",
        plain_table(results["runs"]),
        f"A file of {sizes.table:,} rows, 10 numbers and a text column (one run, imports included):",
        plain_table(results["tables"]),
    ]
    return "\n\n".join(parts), results


def staged(folder: Path, label: dict, *overrides: str) -> dict:
    """Run `ours/stages.py` in a process of its own."""
    name = "-".join(map(str, label.values()))
    block = run_block([PYTHON, str(HERE / "ours" / "stages.py"), *overrides], folder / name, folder / "mlflow.db")
    print(f"{name}: {block.seconds:.0f} s", flush=True)
    return {**label, **block.printed[-1]}


def by_rows(sizes: Sizes, folder: Path) -> Iterator[dict]:
    """Measure each model with more and more rows."""
    for model, overrides in MODELS.items():
        for features in sizes.features:
            for rows in sizes.rows:
                label = {"model": model, "features": features, "classes": 3, "rows": rows}
                data = ("dataset=synthetic", f"dataset.rows={rows}", f"dataset.features={features}", THREE_CLASSES)
                yield staged(folder, label, *overrides, *data)


def by_classes(sizes: Sizes, folder: Path) -> Iterator[dict]:
    """Measure each model with more and more classes of the same rows."""
    for model, overrides in MODELS.items():
        for classes in sizes.classes:
            label = {"model": model, "features": 20, "classes": classes, "rows": ROWS_OF_CLASSES}
            data = ("dataset=long_tail", f"dataset.classes={classes}", "dataset.imbalance_ratio=1")
            yield staged(folder, label, *overrides, *data, f"dataset.largest={ROWS_OF_CLASSES // classes}")


def by_runs(sizes: Sizes, folder: Path) -> Iterator[dict]:
    """Measure sweeps of more and more runs."""
    for model, counts in {"logreg": sizes.runs, "mlp": sizes.network_runs}.items():
        for runs in counts:
            command = (*LAB, "-m", f"model={model}", "training.epochs=2", f"seed=range({runs})")
            block = run_block(command, folder / f"{model}-{runs}-runs", folder / "mlflow.db")
            print(f"{model}, {runs} runs: {block.seconds:.0f} s", flush=True)
            metrics = [record["metrics"] for record in records(block)]
            stages = {
                RENAMED.get(stage, stage): fmean(of_run.get(f"timing/{stage}", 0.0) for of_run in metrics)
                for stage in ("prepare", "sample", "fit", "decide", "evaluate")
            }
            yield {
                "model": model,
                "runs": runs,
                "seconds": block.seconds,
                "seconds a run": block.seconds / runs,
                **stages,
                "rest": block.seconds / runs - sum(stages.values()),
                "peak MB": block.peak_mb,
            }


def by_format(sizes: Sizes, folder: Path) -> Iterator[dict]:
    """Measure runs on a large file."""
    name = f"file_{sizes.table}"
    run_block([PYTHON, "-m", "experiments.benchmarks.data", str(folder), name], folder / "making a file")
    for model in ("hist_gb", "mlp"):
        for ending in ("csv", "parquet"):
            data = ("dataset=csv", f"dataset.path={folder / name}.{ending}", "dataset.target=label")
            quickly = ("training.epochs=1", "training.batch_size=1024")
            block = run_block(
                (*LAB, f"model={model}", *data, *quickly), folder / f"{model}-{ending}", folder / "mlflow.db"
            )
            print(f"{model}, {ending}: {block.seconds:.0f} s", flush=True)
            yield {"model": model, "file": ending, "seconds": block.seconds, "peak MB": block.peak_mb}


def series(results: Sequence[dict]) -> dict[str, list[dict]]:
    """Return the measurements of each model and number of features."""
    found: dict[str, list[dict]] = {}
    for row in results:
        found.setdefault(f"{row['model']}, {row['features']} features", []).append(row)
    return found


def slope(sizes: Sequence[float], values: Sequence[float]) -> float:
    """Return the exponent b of ``a * size ** b`` by least squares on logarithms.

    >>> round(slope([1, 10, 100], [2, 20, 200]), 6)
    1.0
    """
    import numpy as np

    return float(np.polyfit(np.log(sizes), np.log(values), 1)[0])


def slopes(rows: Sequence[dict]) -> dict[str, float]:
    """Return the exponent of every stage that takes noticeable time, from the second size on."""
    later = rows[1:] if len(rows) > 2 else rows
    sizes = [row["rows"] for row in later]
    times = {name: [max(row["stages"][name], 1e-3) for row in later] for name in STAGES}
    return {name: slope(sizes, values) for name, values in times.items() if values[-1] > NOTICED}


def steep(results: Sequence[dict]) -> Iterator[str]:
    """Say which stages grow faster than n log n."""
    for name, rows in series(results).items():
        for stage, exponent in slopes(rows).items():
            if exponent > STEEPEST:
                yield f"{name}: {stage} grows as rows ** {exponent:.2f}"


def hungry(results: Sequence[dict]) -> Iterator[str]:
    """Say which runs on large data hold more than three copies of it."""
    for row in results:
        copies = row["above_mb"] / row["data_mb"]
        if row["data_mb"] > LARGE_MB and copies > COPIES:
            where = f"{row['model']}, {row['rows']:,} rows x {row['features']} features ({row['data_mb']:.0f} MB)"
            yield f"{where}: {copies:.1f} times the data at its peak, in {row['peak_in']}"


def large(results: Sequence[dict]) -> Iterator[str]:
    """Say which runs on files hold more than 4 GB."""
    for row in results:
        if row["peak MB"] > MOST_MB:
            yield f"{row['model']} on {row['file']}: {row['peak MB']:.0f} MB"


def stage_table(results: Sequence[dict]) -> str:
    """Return the table of stages."""
    head = ["model", "rows", "features", "classes", *STAGES, "wall, all", "MB above", "times the data"]
    lines = []
    for row in results:
        size = [row["model"], f"{row['rows']:,}", str(row["features"]), f"{row['classes']:,}"]
        times = [f"{row['stages'][name]:.2f}" for name in STAGES]
        memory = [f"{row['above_mb']:.0f}", f"{row['above_mb'] / row['data_mb']:.1f}"]
        lines.append([*size, *times, f"{row['wall']:.2f}", *memory])
    return markdown(head, lines)


def slope_table(results: Sequence[dict]) -> str:
    """Return the table of exponents."""
    lines = []
    for name, rows in series(results).items():
        found = slopes(rows)
        lines.append([name, *(f"{found[stage]:.2f}" if stage in found else "-" for stage in STAGES)])
    return markdown(["", *STAGES], lines)


def plain_table(rows: Sequence[dict]) -> str:
    """Return dictionaries as a table."""
    shown = [[f"{cell:.3g}" if isinstance(cell, float) else str(cell) for cell in row.values()] for row in rows]
    return markdown(list(rows[0]), shown)


def draw(results: dict[str, list[dict]], file: Path) -> None:
    """Draw time and memory over rows, classes and runs, all axes logarithmic."""
    from experiments.benchmarks.picture import growth_picture
    from experiments.pictures import save_picture

    save_picture(growth_picture(results["rows"], results["classes"], results["runs"]), file, dpi=110)


if __name__ == "__main__":
    sys.exit(main())
