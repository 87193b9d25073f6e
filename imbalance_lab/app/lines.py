"""Messages of one line that fit a screen."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from textwrap import fill

MAX_LENGTH = 200  # of a message, "error: " included
MAX_WORD = 60  # of a name or path in a message that is too long
WIDTH = 80  # of help
MAX_ADVICE = 120  # what to do stands last and is kept whole

PROGRAM = "python -m imbalance_lab"


def error_line(reason: BaseException | str) -> str:
    """Return what went wrong as the line that ends the program.

    Examples
    --------
    >>> error_line("there is no file x.csv")
    'error: there is no file x.csv'
    """
    return brief(f"error: {reason}")


def brief(text: str, length: int = MAX_LENGTH) -> str:
    """Return a text as one line of at most `length` characters, cut in the middle: what to do stands at its end.

    Paths below the current folder are shown from there.

    Examples
    --------
    >>> brief("MLflow cannot be reached: connection refused by the host; give uri=", 50)
    'MLflow cannot be reached: connectio...; give uri='
    """
    line = " ".join(text.replace(f"{os.getcwd()}{os.sep}", "").split())
    if len(line) <= length:
        return line
    head, semicolon, advice = line.rpartition("; ")
    whole = bool(semicolon) and len(advice) <= min(MAX_ADVICE, length // 2 + 20)  # it is there to be typed
    head, end = (head, f"; {advice}") if whole else (line, "")
    head = " ".join(_short(word) for word in head.split())
    if len(head + end) <= length:
        return head + end
    return f"{head[: length - len(end) - 3].rstrip()}...{end}"


def listing(names: Sequence[str], where: str, length: int = 80) -> str:
    """Return names as a list that ends with how many there are besides, and the command that shows them.

    Examples
    --------
    >>> listing(["a", "b"], "python -m imbalance_lab options loss")
    'a, b'
    >>> listing(["a", "b", "c"], "python -m imbalance_lab options loss", length=4)
    'a, b, and 1 more: python -m imbalance_lab options loss'
    """
    shown = list(names)
    while len(shown) > 1 and len(", ".join(shown)) > length:
        shown.pop()
    rest = len(names) - len(shown)
    return ", ".join(shown) + (f", and {rest} more: {where}" if rest else "")


def wrapped(text: str, first: str = "", others: str = "") -> str:
    """Return a text in lines of at most `WIDTH` characters, which begin as given; words stay whole."""
    return fill(
        text, WIDTH, initial_indent=first, subsequent_indent=others, break_on_hyphens=False, break_long_words=False
    )


def aligned(rows: Mapping[str, str]) -> str:
    """Return what can be typed beside what it means, in two columns.

    >>> print(aligned({"rope=0.01": "smaller differences do not matter", "out=": "a file"}))
      rope=0.01   smaller differences do not matter
      out=        a file
    """
    width = max(map(len, rows), default=0)
    return "\n".join(wrapped(text, f"  {typed:<{width}}   ", " " * (width + 5)) for typed, text in rows.items())


def _short(word: str) -> str:
    return word if len(word) <= MAX_WORD else f"{word[: MAX_WORD // 2]}...{word[-(MAX_WORD // 2) :]}"
