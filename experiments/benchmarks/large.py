"""Time and memory of models on a table larger than memory: ``python -m experiments.benchmarks.large``."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

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
STAGES = ("prepare", "sample", "fit", "decide", "evaluate")
COLUMNS = (
    *("step", "wall s", "CPU s", "peak MB"),
    *(f"{stage} s" for stage in STAGES),
    *("trained on", "ROC-AUC", "balanced accuracy"),
)

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
    parser.add_argument("--subset", type=int, default=3_000_000, metavar="ROWS", help="on which hist_gb is trained")
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
    """Yield a row for laying the table on disk, which the first run would do, and for each model.

    What was measured before, in a folder that is kept, is not measured again.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"large_{count}.parquet"
    if not file.exists():
        run_block([PYTHON, "-m", "experiments.benchmarks.large_data", str(file), str(count)], runs / "writing")
    run_block([PYTHON, "-m", "experiments.benchmarks.data", str(runs), "store"], runs / "making")
    data = ("dataset=on_disk", f"dataset.path={file}", "dataset.target=label", f"dataset.cache={folder / 'tables'}")
    commands = {
        "laid on disk": (PYTHON, "-m", "experiments.benchmarks.large_data", "--lay", *data),
        **{name: (*LAB, *data, *overrides) for name, overrides in MODELS.items()},
    }
    for name, command in commands.items():
        kept = folder / f"{count}-{name.replace(' ', '-')}.json"
        if not kept.exists():
            more = (f"sampler.rows={subset}",) if "sampler=keep_rare" in command else ()
            block = run_block((*command, *more), runs / name.replace(" ", "-"), runs / "mlflow.db")
            kept.write_text(json.dumps(measured(name, block)))
        print(kept.read_text(), flush=True)
        yield json.loads(kept.read_text())


def measured(name: str, block: Block) -> dict:
    """Return the row of one process."""
    row: dict[str, Any] = dict.fromkeys(COLUMNS, "-")
    row |= {"step": name, "wall s": block.seconds, "CPU s": block.cpu_seconds, "peak MB": block.peak_mb}
    for record in records(replace(block, folder=block.folder / "outputs")):  # not MLflow's copy of it
        metrics = record["metrics"]
        row |= {f"{key} s": metrics.get(f"timing/{key}", 0.0) for key in STAGES}
        row["trained on"] = f"{sum(each['sampled_rows'] for each in record['classes'].values()):,.0f}"
        row |= {"ROC-AUC": f"{metrics['roc_auc']:.4f}", "balanced accuracy": f"{metrics['balanced_accuracy']:.4f}"}
    return row


def best_roc_auc() -> float:
    """Return the ROC-AUC of the true log-odds: Phi(distance / sqrt 2) for two normal classes of one covariance.

    >>> round(best_roc_auc(), 4)
    0.9214
    """
    from scipy.stats import norm

    return float(norm.cdf(SHIFT / np.sqrt(2)))


if __name__ == "__main__":
    sys.exit(main())
