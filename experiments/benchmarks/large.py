"""Time and memory of models on a table larger than memory: ``python -m experiments.benchmarks.large``."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from experiments.benchmarks.blocks import HERE, Block, Broken, records, run_block
from experiments.benchmarks.comparisons import LAB, PYTHON
from experiments.benchmarks.growth import plain_table
from experiments.benchmarks.table import circumstances, replace_section

ROWS = 50_000_000
AT_ONCE = 2**20
NUMBERS = 18
PLACES = ("north", "east", "south", "west")
KINDS = tuple(f"kind {k}" for k in range(12))
POSITIVE = 0.034
SHIFT = 2.0  # distance between the classes' means, in deviations
MOST_MB = 4096.0

QUICKLY = ("training.epochs=1", "training.batch_size=1024", "decision=logit_adjust")
MODELS = {
    "linear, from disk": ("model=linear", *QUICKLY),
    "mlp, from disk": ("model=mlp", *QUICKLY),
    "hist_gb, every rare row": ("model=hist_gb", "sampler=keep_rare", "decision=logit_adjust"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Lay a table, run the models one after the other, write a table of it; 1 if a run fails."""
    parser = argparse.ArgumentParser(prog="python -m experiments.benchmarks.large", description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS, help=f"of the table; {ROWS:,} by default")
    parser.add_argument("--subset", type=int, default=4_000_000, metavar="ROWS", help="on which hist_gb is trained")
    parser.add_argument("--scratch", type=Path, metavar="FOLDER", help="where the table is laid, and left")
    parser.add_argument("--out", type=Path, default=HERE, metavar="FOLDER", help="where README.md is")
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as temporary:
        try:
            rows = list(measure(asked.rows, asked.subset, asked.scratch or Path(temporary), Path(temporary) / "runs"))
        except Broken as error:
            print(f"broken: {error}", file=sys.stderr)
            return 1
    typed = f" --rows {asked.rows}" * (asked.rows != ROWS)
    text = f"{report(rows, asked.rows)}\n\n{circumstances('python -m experiments.benchmarks.large' + typed)}"
    print(text)
    asked.out.mkdir(parents=True, exist_ok=True)
    replace_section(asked.out / "README.md", "large", text)
    return 0


def report(rows: Sequence[dict], count: int) -> str:
    """Return what was measured as Markdown."""
    over = [f"- {row['step']}: {row['peak MB']:,.0f} MB" for row in rows if row["peak MB"] > MOST_MB]
    found = "What held more than 4 GB:\n\n" + ("\n".join(over) or "- nothing")
    about = (
        f"A Parquet file of {count:,} rows, {NUMBERS} numbers and two text columns, of which {POSITIVE:.1%} are "
        f"positive (the best ROC-AUC there is: {best_roc_auc():.4f}); 60 % train, 20 % validate, 20 % are tested, one "
        "epoch. Each line is a process of its own, imports, metrics, intervals, figures and MLflow included:"
    )
    return f"{found}\n\n{about}\n\n{plain_table(rows)}"


def measure(count: int, subset: int, folder: Path, runs: Path) -> Iterator[dict]:
    """Yield a row for laying the table on disk, which the first run would do, and for each model."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"large_{count}.parquet"
    if not file.exists():
        run_block([PYTHON, "-m", "experiments.benchmarks.large_data", str(file), str(count)], runs / "writing")
    run_block([PYTHON, "-m", "experiments.benchmarks.data", str(runs), "store"], runs / "making")
    cache = folder / "tables"
    data = ("dataset=on_disk", f"dataset.path={file}", "dataset.target=label", f"dataset.cache={cache}")
    block = run_block([PYTHON, "-m", "experiments.benchmarks.large_data", "--lay", *data], runs / "laying")
    yield {"step": "laid on disk", **_cost(block)}
    for name, overrides in MODELS.items():
        more = (f"sampler.rows={subset}",) if "sampler=keep_rare" in overrides else ()
        block = run_block((*LAB, *data, *overrides, *more), runs / name.replace(" ", "-"), runs / "mlflow.db")
        (record,) = records(replace(block, folder=block.folder / "outputs"))  # not MLflow's copy of it
        print(f"{name}: {block.seconds:.0f} s, {block.peak_mb:.0f} MB", flush=True)
        stages = {key: record["metrics"].get(f"timing/{key}", 0.0) for key in ("prepare", "sample", "fit", "decide")}
        trained_on = sum(each["sampled_rows"] for each in record["classes"].values())
        yield {
            "step": name,
            **_cost(block),
            **{f"{key} s": seconds for key, seconds in stages.items()},
            "evaluate s": record["metrics"]["timing/evaluate"],
            "trained on": f"{trained_on:,.0f}",
            "ROC-AUC": f"{record['metrics']['roc_auc']:.4f}",
            "balanced accuracy": f"{record['metrics']['balanced_accuracy']:.4f}",
        }


def _cost(block: Block) -> dict:
    return {"wall s": block.seconds, "CPU s": block.cpu_seconds, "peak MB": block.peak_mb}


def best_roc_auc() -> float:
    """Return the ROC-AUC of the true log-odds: Phi(distance / sqrt 2) for two normal classes of one covariance.

    >>> round(best_roc_auc(), 4)
    0.9214
    """
    from scipy.stats import norm

    return float(norm.cdf(SHIFT / np.sqrt(2)))


if __name__ == "__main__":
    sys.exit(main())
