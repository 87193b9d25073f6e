"""A signal that arrives where Python swallows exceptions is known of, and shows no traceback."""

from __future__ import annotations

import subprocess
import sys

IN_A_DESTRUCTOR = """
import os, signal
from imbalance_lab.process import handle_signals, interrupted

class Ends:
    def __del__(self):
        {what}

handle_signals()
Ends()
print(interrupted())
"""


def _shown(what: str) -> tuple[str, str]:
    ended = subprocess.run(
        [sys.executable, "-c", IN_A_DESTRUCTOR.format(what=what)], capture_output=True, text=True, check=True
    )
    return ended.stdout.strip(), ended.stderr


def test_a_signal_in_a_destructor_shows_no_traceback() -> None:
    assert _shown("os.kill(os.getpid(), signal.SIGTERM)") == ("True", "")


def test_an_error_in_a_destructor_is_shown() -> None:
    interrupted, shown = _shown("1 / 0")
    assert interrupted == "False"
    assert "ZeroDivisionError" in shown
