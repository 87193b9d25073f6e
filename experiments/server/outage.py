"""What it costs a sweep that its server is killed and comes back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from mlflow import MlflowClient

from experiments.server.copies import Lost
from experiments.server.processes import free_port
from experiments.server.team import mlflow_server
from imbalance_lab.errors import LabError

SECONDS_BETWEEN_LOOKS = 0.05
PAGE = 1000  # runs that a search answers with


@dataclass(frozen=True)
class Outage:
    """Seconds of sweeps whose server stayed, and of such whose server was killed halfway, in turns.

    Parameters
    ----------
    runs : int
        Of each sweep.
    away : float
        Seconds between the kill and the new start, which takes its time too.
    stayed, killed : list of float
    """

    runs: int
    away: float
    stayed: list[float]
    killed: list[float]

    def __str__(self) -> str:
        sides = {"the server stayed": self.stayed, "it was killed and came back": self.killed}
        lines = [f"{name}: {', '.join(f'{one:.1f}' for one in seconds)} s" for name, seconds in sides.items()]
        ratio = median(self.killed) / median(self.stayed)
        counted = f"{self.runs} runs in each sweep, every one in MLflow once and finished"
        return "\n".join([counted, *lines, f"ratio of medians: {ratio:.2f} (killed for {self.away:g} s)"])


def measure(runs: int, rounds: int, away: float) -> Outage:
    """Time sweeps of short runs into a server, which is killed halfway in every other.

    Raises
    ------
    Lost
        If a run is not in MLflow once, finished.
    """
    found = Outage(runs, away, [], [])
    for number in range(rounds):
        for is_killed in (False, True) if number % 2 == 0 else (True, False):
            with tempfile.TemporaryDirectory(prefix="outage-") as scratch:
                (found.killed if is_killed else found.stayed).append(_sweep(Path(scratch), runs, away, is_killed))
    return found


def _sweep(folder: Path, runs: int, away: float, is_killed: bool) -> float:
    port, store = free_port(), f"sqlite:///{folder}/mlflow.db"
    with ExitStack() as stack:
        served = stack.enter_context(mlflow_server(store, folder / "server", port))
        began = time.perf_counter()
        sweep = stack.enter_context(_started(folder, runs, served.address))
        ended = stack.enter_context(ThreadPoolExecutor(1)).submit(lambda: (sweep.wait(), time.perf_counter()))
        if is_killed:
            while not ended.done() and len(list(folder.glob("sweep/*/record.json"))) < runs / 2:
                time.sleep(SECONDS_BETWEEN_LOOKS)
            os.killpg(served.process.pid, signal.SIGKILL)
            served.process.wait()
            time.sleep(away)
            stack.enter_context(mlflow_server(store, folder / "server", port))
        status, at = ended.result()
        if status:
            raise LabError(f"the sweep ended with {status}: {(folder / 'shown').read_text()[-1500:]}")
        _check(served.address, runs)
    return at - began


def _started(folder: Path, runs: int, address: str) -> subprocess.Popen[bytes]:
    what = ["dataset=four_classes", "model=logreg", f"seed=range({runs})", "evaluation.figures=false"]
    where = [f"tracking.uri={address}", f"hydra.sweep.dir={folder}/sweep"]
    with open(folder / "shown", "wb") as shown:
        command = [sys.executable, "-m", "imbalance_lab", "-m", *what, *where]
        return subprocess.Popen(command, stdout=shown, stderr=subprocess.STDOUT, cwd=folder)


def _check(address: str, runs: int) -> None:
    client = MlflowClient(address)
    every = [one.experiment_id for one in client.search_experiments()]
    found = [one for one in client.search_runs(every, max_results=PAGE) if "config_hash" in one.data.tags]
    counted = Counter((one.data.params.get("seed"), one.info.status) for one in found)
    if counted != Counter((str(seed), "FINISHED") for seed in range(runs)):
        raise Lost(f"{runs} runs were made, and MLflow has {len(found)}: {counted.most_common(3)}")
