"""A cell is claimed before it is run, and a claim ends with its process."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from imbalance_lab.runs.claims import claim, release
from imbalance_lab.tracking.address import beside
from imbalance_lab.tracking.read import read_runs
from tests.conftest import TINY

TRY = (
    "import sys; from pathlib import Path; from imbalance_lab.runs.claims import claim; "
    "print(claim(Path(sys.argv[1]), sys.argv[2]), flush=True); input()"
)


def start(file: Path, cell: str) -> tuple[subprocess.Popen, str]:
    command = [sys.executable, "-c", TRY, str(file), cell]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


@pytest.mark.parametrize("uri", ["sqlite:///{}/mlflow.db", "postgresql://me:secret@127.0.0.1:9{}"])
def test_another_process_cannot_claim_what_is_claimed(uri: str, tmp_path: Path) -> None:
    file = beside(uri.format(tmp_path), "claims")
    holder, held = start(file, "one")
    try:
        assert held == "True"
        assert not claim(file, "one")
        assert claim(file, "two")
        release(file, "two")
        holder.send_signal(signal.SIGKILL)
        holder.communicate()
        assert claim(file, "one")
        assert not claim(file, "one")  # nor another thread of this process
        other, answer = start(file, "one")
        other.communicate("\n")
        assert answer == "False"
        release(file, "one")
    finally:
        holder.kill()
        holder.wait()


@pytest.mark.slow
def test_two_sweeps_that_resume_at_once_make_each_run_once(store: Path, tmp_path: Path) -> None:
    typed = [*(t for t in TINY if t != "tracking=none"), "model=logreg", "strategy=none,inv_freq", "seed=range(8)"]
    command = [sys.executable, "-m", "imbalance_lab", "-m", *typed, "resume=true"]
    sweeps = [subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    shown = [sweep.communicate(timeout=300)[0] for sweep in sweeps]
    assert [sweep.returncode for sweep in sweeps] == [0, 0], shown
    runs = read_runs(f"sqlite:///{store}", "balanced_accuracy").runs
    assert Counter(runs.name).most_common(1)[0][1] == 1
    assert (len(runs), set(runs.outcome)) == (16, {"finished"})
