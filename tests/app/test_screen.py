"""What a sweep shows of its runs."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from rich.cells import cell_len

from tests.conftest import TINY, invoke, replaced

WIDTH = 70  # of a terminal, too narrow for the line of a run beside the bar
FEW = replaced(TINY, ["evaluation.resamples=20", "model=logreg"])


def test_a_reason_is_one_line_with_a_count(capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke("-m", *FEW, "model.estimator.C=-1", "seed=range(5)") == 1
    shown = capsys.readouterr()
    failed = [line for line in shown.err.splitlines() if "'C' parameter" in line]
    assert len(failed) == 1
    assert "and 4 more: " in failed[0]
    assert sum("warning: " in line and "'C' parameter" in line for line in shown.out.splitlines()) == 1


def test_a_terminal_shows_one_bar(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    typed = [sys.executable, "-m", "imbalance_lab", "-m", *FEW, "seed=range(6)"]
    environment = os.environ | {"TERM": "xterm", "COLUMNS": str(WIDTH)}
    process = subprocess.Popen(typed, stdout=theirs, stderr=theirs, cwd=tmp_path, env=environment)
    os.close(theirs)
    shown = b""
    try:
        while part := os.read(ours, 65536):
            shown += part
    except OSError:  # the other end is closed
        pass
    assert process.wait() == 0
    lines = shown.decode().split("6 finished")[0].splitlines()
    (last,) = [line.rpartition("\x1b[2K")[2] for line in lines if "6/6" in line]
    assert " left" not in last and last.endswith("…") and cell_len(last) < WIDTH
    assert shown.decode().count("synthetic, none logreg seed=5") == 1
    before = shown.decode().partition("6 finished")[0]
    assert before.count("\n") - before.count("\x1b[1A") <= 3  # Rich goes down a line and up again
