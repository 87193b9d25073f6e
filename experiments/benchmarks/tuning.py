"""What tuning adds to the fits: ``python -m experiments.benchmarks.tuning [--trials 50] [--sets ecoli1,pima]``.

Of each trial the time from asking Optuna until its value is known, less what is spent inside the classifier's own
``fit`` and ``predict_proba``: choosing settings, making the plan, preparing, weighting, deciding and measuring. It is
processor time of the thread, which whatever else the machine does leaves alone.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from typing import Any
from unittest.mock import patch

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier

import imbalance_lab as lab

SETS = ("ecoli1", "pima", "page-blocks0")
MODELS = {
    "logreg": LogisticRegression,
    "decision_tree": DecisionTreeClassifier,
    "hist_gb": HistGradientBoostingClassifier,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a line for each data set and model, in milliseconds a trial; 1 if tuning adds more than is allowed."""
    parser = argparse.ArgumentParser(prog="python -m experiments.benchmarks.tuning", description=__doc__)
    parser.add_argument("--trials", type=int, default=50)
    parser.add_argument("--sets", default=",".join(SETS), help="of KEEL")
    parser.add_argument("--models", default=",".join(MODELS))
    parser.add_argument("--allowed", type=float, default=10.0, help="milliseconds a trial")
    asked = parser.parse_args(arguments)
    found = []
    print(f"{'data':<14}{'model':<16}{'trial':>9}{'fit':>9}{'added':>9}   medians of {asked.trials} trials, in ms")
    for name in asked.sets.split(","):
        for model in asked.models.split(","):
            trial, inside = costs(name, model, asked.trials)
            found.append(float(np.median(trial - inside)))
            print(f"{name:<14}{model:<16}{np.median(trial):>9.2f}{np.median(inside):>9.2f}{found[-1]:>9.2f}")
    if max(found) > asked.allowed:
        print(f"tuning adds {max(found):.1f} ms a trial, more than {asked.allowed:g}", file=sys.stderr)
    return int(max(found) > asked.allowed)


def costs(name: str, model: str, trials: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the milliseconds of each trial but the first, which prepares the rows, and those inside the classifier."""
    clock = patch.object(time, "perf_counter", time.thread_time)
    with clock, measured(MODELS[model], "fit") as fits, measured(MODELS[model], "predict_proba") as predictions:
        data = lab.option("dataset", "keel", name=name)
        record = lab.run(data, "inv_power", model, tuning={"trials": trials}, evaluation={"resamples": 10})
    inside = np.array(fits[:trials]) + predictions[:trials]  # those of the run itself come last
    return record.trials.seconds.to_numpy()[1:] * 1e3, inside[1:] * 1e3


@contextmanager
def measured(kind: type, method: str) -> Iterator[list[float]]:
    """Note the seconds of each call of a method."""
    seconds: list[float] = []
    inner: Callable[..., Any] = getattr(kind, method)

    @wraps(inner)  # scikit-learn looks at its signature
    def timed(*given: Any, **named: Any) -> Any:
        started = time.perf_counter()
        try:
            return inner(*given, **named)
        finally:
            seconds.append(time.perf_counter() - started)

    with patch.object(kind, method, timed):
        yield seconds


if __name__ == "__main__":
    raise SystemExit(main())
