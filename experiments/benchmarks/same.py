"""Do two versions of the project give the same numbers? ``python -m experiments.benchmarks.same CHECKOUT``.

Makes a fixed set of runs with this package and with that of the other checkout (``git worktree add ../before COMMIT``)
and compares what each recorded, timings aside: predictions bit by bit, metrics, intervals, class tables, epochs.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from experiments.benchmarks.blocks import ROOT

YEAST = ("dataset=keel", "dataset.name=yeast", "split=cv", "min_class_rows=20")
SWEEPS = (
    ("strategy=none,inv_freq,smote,focal,ldam_drw,balanced_batches,tuned_threshold", "seed=0,1"),
    ("strategy=none,la_loss,ros", "model=linear", "training.epochs=30"),
    ("strategy=none,inv_freq", "dataset=two_labels", "training.epochs=20"),
    ("strategy=none,smote,inv_freq", "model=logreg", *YEAST),
    ("strategy=none,ros", "training.epochs=10", *YEAST),
    ("strategy=none,inv_freq,smote,tuned_threshold", "model=logreg,random_forest,hist_gb"),
    ("strategy=none,cost_matrix,vector_scaling", "dataset=rare_binary", "model.dropout=0.2", "training.epochs=15"),
    (
        "strategy=none,cb_focal", "model.hidden=[16],[16,8]", "training.epochs=12", "training.patience=null",
        "training.optimizer._target_=keras.optimizers.SGD", "+training.optimizer.momentum=0.9",
    ),
    ("strategy=inv_freq", "dataset=two_labels", "model=logreg,hist_gb"),
)  # fmt: skip
COMPARED = ("deviations", "intervals", "never_predicted")


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare, and say which runs differ in what; 1 if some do."""
    parser = argparse.ArgumentParser(prog="python -m experiments.benchmarks.same", description=__doc__)
    parser.add_argument("checkout", type=Path, help="folder of the other version")
    parser.add_argument("--quick", action="store_true", help="the first runs of scikit-learn models only: a smoke test")
    asked = parser.parse_args(arguments)
    if not (asked.checkout / "imbalance_lab").is_dir():
        parser.error(f"{asked.checkout} is no checkout of this project")
    sweeps = SWEEPS[-1:] if asked.quick else SWEEPS
    here, there = results(ROOT, sweeps), results(asked.checkout.absolute(), sweeps)
    differ = [
        f"{name}: {part}" for name in sorted(here | there) for part in differences(here.get(name), there.get(name))
    ]
    print("\n".join(differ) or f"{len(here)} runs: the same numbers to the last bit")
    return int(bool(differ))


def results(checkout: Path, sweeps: Sequence[Sequence[str]]) -> dict[str, dict[str, Any]]:
    """Run the sweeps with the package in `checkout`; return what each run recorded, by its sweep and name."""
    found = {}
    environment = os.environ | {"PYTHONPATH": str(checkout), "TF_CPP_MIN_LOG_LEVEL": "3"}
    with tempfile.TemporaryDirectory() as scratch:
        for number, sweep in enumerate(sweeps):
            folder = Path(scratch, str(number))
            command = [
                sys.executable,
                "-m",
                "imbalance_lab",
                "-m",
                *sweep,
                "tracking=none",
                f"hydra.sweep.dir={folder}",
            ]
            subprocess.run(command, cwd=scratch, env=environment, check=True, stdout=subprocess.DEVNULL)
            for file in folder.glob("*/record.json"):
                record = json.loads(file.read_text())
                found[f"{' '.join(sweep)} / {record['name']}"] = recorded(record, file.parent)
    return found


def recorded(record: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return what must be equal: parts of the record, metrics one by one, and a hash of each array of predictions."""
    parts = {part: record[part] for part in COMPARED}
    for name, row in record["classes"].items():
        parts |= {f"classes {name} {column}": value for column, value in row.items()}
    parts |= {f"metrics {key}": value for key, value in record["metrics"].items() if not key.startswith("timing/")}
    with np.load(folder / "predictions.npz") as arrays:
        for key, array in arrays.items():
            parts[f"predictions {key}"] = hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()
    epochs = folder / "epochs.csv"
    return parts | (columns(epochs) if epochs.is_file() else {})


def columns(file: Path) -> dict[str, list[str]]:
    """Return the text of each column of a table; those of version 0.1.0 by their present names."""
    table = pd.read_csv(file, dtype=str, keep_default_na=False)
    return {f"epochs {key.replace('val/called/', 'val/predicted_count/')}": table[key].tolist() for key in table}


def differences(one: dict[str, Any] | None, other: dict[str, Any] | None) -> list[str]:
    """Return the parts that differ; metrics and columns that only one version has are none."""
    if one is None or other is None:
        return ["only one version has finished it"]
    both = [part for part in one if part in other]
    return [part for part in both if one[part] != other[part]]


if __name__ == "__main__":
    sys.exit(main())
