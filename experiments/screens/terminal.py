"""What a command prints on a terminal of some columns, as a picture."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import re
import struct
import subprocess
import termios
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.ansi import AnsiDecoder
from rich.console import Console
from rich.terminal_theme import DEFAULT_TERMINAL_THEME

ROWS = 24
PAGE = """<!DOCTYPE html><meta charset="utf-8"><style>{stylesheet}
body {{ color: {foreground}; background: {background}; margin: 0; padding: 12px; display: inline-block }}
pre {{ font: 14px/1.25 "DejaVu Sans Mono", monospace; margin: 0 }}</style><pre>{code}</pre>"""


@dataclass(frozen=True)
class Shown:
    """What a terminal showed.

    Parameters
    ----------
    command : str
    text : str
        What is left on the screen, with its codes for colours.
    columns : int
    status : int
        With which the command ended.
    """

    command: str
    text: str
    columns: int
    status: int

    def html(self) -> str:
        """Return the screen as a page: the command, and what it left on the screen."""
        console = Console(record=True, width=self.columns, file=io.StringIO(), force_terminal=True, highlight=False)
        console.print(f"$ {self.command}", markup=False, soft_wrap=True)
        for line in AnsiDecoder().decode(self.text):
            console.print(line, soft_wrap=True)
        return console.export_html(theme=DEFAULT_TERMINAL_THEME, code_format=PAGE, inline_styles=False)


def show(command: Sequence[str], columns: int, folder: Path, environment: Mapping[str, str]) -> Shown:
    """Run a command on a pseudo-terminal of so many columns."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, columns, 0, 0))
    environment = {**environment, "TERM": "xterm-256color"}
    process = subprocess.Popen(
        command, cwd=folder, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True
    )
    os.close(theirs)
    parts = []
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        parts.append(part)
    os.close(ours)
    return Shown(" ".join(command), left_of(b"".join(parts).decode(errors="replace")), columns, process.wait())


def left_of(written: str) -> str:
    r"""Return what is left of what was written to a terminal: bars are drawn over each other, and erased.

    >>> left_of("50 %\r\x1b[2K100 %\n\x1b[1A\x1b[2Kdone\n")
    'done\n'
    """
    lines: list[list[str]] = [[]]
    row = column = 0
    colour = ""
    for part in re.findall(r"\x1b\[[0-9;?]*[A-Za-z]|[^\x1b]", written):
        if part == "\n":
            row, column = row + 1, 0
            lines += [[]] * (row == len(lines))
        elif part == "\r":
            column = 0
        elif len(part) == 1:
            line = lines[row] + [" "] * (column - len(lines[row]))
            lines[row] = [*line[:column], colour + part, *line[column + 1 :]]
            column, colour = column + 1, ""
        elif part.endswith("m"):
            colour += part
        elif part.endswith("A"):
            row = max(row - int(part[2:-1] or 1), 0)
        elif part.endswith("K"):
            lines[row] = []
    return "\n".join("".join(line) for line in lines) + colour
