"""What a comparison of many runs costs: ``python compare_cost.py (FOLDER|DATABASE) RUNS``.

Of a folder, the runs below it are repeated, as those of other datasets and seeds, until there are RUNS; of a database
all runs are read. Prints the CPU seconds of reading and of comparing, and the most memory that the process held, in MB.
"""

import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from resource import RUSAGE_SELF, getrusage

import numpy as np
import pandas as pd

from imbalance_lab.comparison import compare
from imbalance_lab.runs.table import RunTable

UNIT = 1 if sys.platform == "darwin" else 1024
SEEDS_A_SET = 50


def repeated(table: RunTable, runs: int) -> RunTable:
    """Return `runs` runs: those of `table`, with other noise, for seed after seed and set after set."""
    table = table.only(table.runs.outcome == "finished")
    seeds = table.runs.seed.nunique()
    noise = np.random.default_rng(0)
    parts: dict[str, list[pd.DataFrame]] = {"runs": [], "settings": [], "metrics": [], "folds": []}
    for copy in range(-(-runs // len(table))):
        dataset, block = divmod(copy, SEEDS_A_SET // seeds)
        index = pd.Index([f"{copy}/{run}" for run in table.runs.index], name="run", dtype=object)
        seed, name = table.runs.seed + seeds * block, f"set {dataset}"
        about = table.runs.assign(seed=seed, dataset=name, data_hash=name, config_hash=index)
        settings = table.settings.copy()
        settings["run", "seed"] = seed.astype(str)
        if ("split", "seed") in settings:
            settings["split", "seed"] = seed.astype(str)
        scores = table.metrics + noise.normal(0, 0.01, (len(table), 1)) * ~table.metrics.columns.str.contains("/")
        for part, frame in (("runs", about), ("settings", settings), ("metrics", scores), ("folds", table.folds)):
            parts[part].append(frame.set_axis(index[: len(frame)], axis=0))
    joined = {part: pd.concat(frames).iloc[:runs] for part, frames in parts.items()}
    return replace(table, **joined)


def main(source: Path, runs: int) -> None:
    """Measure."""
    started = time.process_time()
    if source.is_dir():
        table = repeated(RunTable.from_folder(source), runs)
    else:
        from imbalance_lab.tracking.read import read_runs

        table = read_runs(f"sqlite:///{source}", "balanced_accuracy")
    read = time.process_time()
    found = compare(table)
    measured = {
        "runs": len(table),
        "tables": len(found.compared),
        "read": read - started,
        "compare": time.process_time() - read,
        "peak_mb": getrusage(RUSAGE_SELF).ru_maxrss * UNIT / 2**20,
    }
    print(json.dumps(measured))


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute(), int(sys.argv[2]))
