"""One run of this project by its stages: ``python stages.py OVERRIDE...``.

A tiny run comes first, so that imports are not counted; garbage is collected as on the command line. Prints the CPU
seconds of each stage, the wall time of all, the most memory that the process held (above what it held before), the
stage that reached it, and the size of the data.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from typing import Any

import psutil

from imbalance_lab import process
from imbalance_lab.app.border import job_of
from imbalance_lab.app.config import compose
from imbalance_lab.data.sources import synthetic
from imbalance_lab.evaluation import plots
from imbalance_lab.runs import run as runs
from imbalance_lab.runs.watch import Clock

UNIT = 1 if sys.platform == "darwin" else 1024
RENAMED = {"fit": "train"}
STAGES = ("load", "prepare", "sample", "train", "decide", "evaluate", "record")

seconds = dict.fromkeys(STAGES, 0.0)
rises: list[tuple[float, str]] = []


def most_mb() -> float:
    return getrusage(RUSAGE_SELF).ru_maxrss * UNIT / 2**20


@contextmanager
def stage(name: str) -> Iterator[None]:
    started, held = time.process_time(), most_mb()
    yield
    seconds[name] += time.process_time() - started
    if most_mb() > 1.02 * held:
        rises.append((most_mb(), name))


class StageClock(Clock):
    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        with stage(RENAMED.get(name, name)), super().__call__(name):
            yield


def within(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def timed(*arguments: Any, **more: Any) -> Any:
        with stage(name):
            return function(*arguments, **more)

    return timed


def run(*overrides: str) -> float:
    """Run once; return the size of the data in MB."""
    config = compose(overrides)
    config.output_dir = str(Path("run").absolute())
    job = job_of(config)
    with process.stderr_hidden():
        job.identity.options["model"].build()  # TensorFlow, where it is needed
    tracker = job.tracking.build()
    for method in ("start", "describe", "finish"):
        setattr(tracker, method, within("record", getattr(tracker, method)))
    record = runs.run(job.identity, None, tracker, job.folder, job.settings, job.figures)
    return float(record.dataset.X.memory_usage(deep=True).sum()) / 2**20


process.take_over()
process.hold_collector()
for source in (synthetic.GaussianClusters, synthetic.LongTail):
    source.load = within("load", source.load)
runs.Clock = StageClock
runs.summarise = within("evaluate", runs.summarise)
runs.write_record = within("record", runs.write_record)
for function in ("draw", "save"):
    setattr(plots, function, within("record", getattr(plots, function)))

settings = [override for override in sys.argv[1:] if not override.startswith("dataset")]
run(*settings, "dataset=synthetic", "dataset.rows=300", "dataset.priors={a: 0.5, b: 0.5}")
process.settle_collector()
seconds.update(dict.fromkeys(seconds, 0.0))
rises.clear()
before, began, cpu = psutil.Process().memory_info().rss / 2**20, time.perf_counter(), time.process_time()
data_mb = run(*sys.argv[1:])
spent = time.process_time() - cpu
line = {
    "stages": seconds | {"rest": spent - sum(seconds.values())},
    "wall": time.perf_counter() - began,
    "above_mb": most_mb() - before,
    "peak_in": max(rises)[1] if rises else "-",
    "data_mb": data_mb,
}
print(json.dumps(line))
