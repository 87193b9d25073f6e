"""Where a sweep's time goes, before and now: ``python -m experiments.benchmarks.profiled CHECKOUT``.

CHECKOUT is a folder with an earlier version (``git worktree add ../before COMMIT``). Writes the table of the README.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from experiments.benchmarks.blocks import HERE, ROOT, run_block
from experiments.benchmarks.comparisons import PYTHON, STRATEGIES
from experiments.benchmarks.table import circumstances, markdown, replace_section

RUNS_EACH = 4
MODELS = {"logreg": (), "mlp": ("training.epochs=30", "training.patience=null")}

# What each line of the table adds up: functions by file and name, and those within them that have a line of their own.
# Of each the name in version 0.1.0 stands behind today's; a version has one of the two.
PARTS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "composing the configuration": (("*:load_sweep_config",), ()),
    "Hydra's work on a job": (("core/utils.py:run_job",), ("app/launch.py:_task", "imbalance_lab/cli.py:_task")),
    "loading modules": (("<frozen importlib._bootstrap>:_find_and_load",), ()),
    "resolving and naming": (
        ("app/job.py:run_job", "imbalance_lab/job.py:run"),
        ("runs/run.py:run", "imbalance_lab/experiment.py:run_experiment"),
    ),
    "building the options": (("runs/plan.py:make_plan", "imbalance_lab/plan.py:make_plan"), ()),
    "preparing the columns": (
        ("data/prepare.py:fit", "data/prepare.py:columns", "datasets/prepare.py:fit", "datasets/prepare.py:columns"),
        (),
    ),
    "training": (("models/estimator.py:fit", "models/keras_learner.py:fit", "models/network.py:fit"), ()),
    "figures": (
        (
            "evaluation/plots.py:draw",
            "evaluation/plots.py:save",
            "evaluation/figures.py:draw",
            "evaluation/figures.py:save",
        ),
        (),
    ),
    "metrics of all folds, intervals": (("runs/summary.py:summarise", "imbalance_lab/summary.py:summarise"), ()),
    "the record": (("runs/files.py:write_record", "imbalance_lab/record.py:write_record"), ()),
    "MLflow": (("tracking/tracker.py:_guarded",), ()),
    "the sweep's parent and comparison": (
        (
            "app/sweep.py:on_multirun_start",
            "app/sweep.py:on_multirun_end",
            "imbalance_lab/sweep.py:on_multirun_start",
            "imbalance_lab/sweep.py:on_multirun_end",
        ),
        (),
    ),
    "all": (("imbalance_lab/__main__.py:<module>",), ()),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Profile both versions and write the table."""
    parser = argparse.ArgumentParser(prog="python -m experiments.benchmarks.profiled", description=__doc__)
    parser.add_argument("checkout", type=Path, help="folder of the earlier version")
    parser.add_argument("--out", type=Path, default=HERE, metavar="FOLDER", help="where README.md goes")
    asked = parser.parse_args(arguments)
    if not (asked.checkout / "imbalance_lab").is_dir():
        parser.error(f"{asked.checkout} is no checkout of this project")
    earlier = asked.checkout.absolute()
    named = ["git", "-C", str(earlier), "log", "-1", "--format=%h"]
    commit = subprocess.run(named, check=True, capture_output=True, text=True).stdout.strip()
    columns: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for model in MODELS:
            columns[f"{model}, {commit}"] = profiled(earlier, model, Path(scratch, f"{model}-before"))
            columns[f"{model}, now"] = profiled(ROOT, model, Path(scratch, f"{model}-now"))
    lines = [[part, *(f"{column[part]:.0f}" for column in columns.values())] for part in PARTS]
    command = "python -m experiments.benchmarks.profiled ../before"
    text = f"{markdown(['ms a run', *columns], lines)}\n\n{circumstances(command)}"
    print(text)
    asked.out.mkdir(parents=True, exist_ok=True)
    replace_section(asked.out / "README.md", "profile", text)
    return 0


def profiled(checkout: Path, model: str, folder: Path) -> dict[str, float]:
    """Return the milliseconds a run of each part in a sweep of five strategies."""
    sweep = (f"strategy={','.join(STRATEGIES)}", f"seed=range({RUNS_EACH})", f"model={model}", *MODELS[model])
    script = HERE / "ours" / "profiled.py"
    block = run_block((PYTHON, str(script), "-m", *sweep), folder, root=checkout)
    return parts(block.printed[-1], len(STRATEGIES) * RUNS_EACH)


def parts(seconds: Mapping[str, float], runs: int) -> dict[str, float]:
    """Return the milliseconds a run of each part, from the seconds of each function.

    >>> parts({"core/utils.py:run_job": 2.0, "app/launch.py:_task": 1.5}, 10)["Hydra's work on a job"]
    50.0
    """

    def total(name: str) -> float:
        if name.startswith("*"):
            return max((value for key, value in seconds.items() if key.endswith(name[1:])), default=0.0)
        return seconds.get(name, 0.0)

    return {
        part: 1000 / runs * (sum(map(total, functions)) - sum(map(total, without)))
        for part, (functions, without) in PARTS.items()
    }


if __name__ == "__main__":
    sys.exit(main())
