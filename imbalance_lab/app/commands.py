"""What every command beside the experiments shares: ``key=value`` settings, their help, and errors in one line."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any, Generic, TypeVar

import yaml
from pydantic import TypeAdapter, ValidationError

from imbalance_lab import process
from imbalance_lab.app.lines import PROGRAM, aligned, error_line, wrapped
from imbalance_lab.errors import ConfigError, LabError
from imbalance_lab.options import describe, nearest

S = TypeVar("S")


def setting(default: Any, meaning: str, example: str | None = None) -> Any:
    """Return a dataclass field with a line for ``--help``.

    Parameters
    ----------
    default : object
    meaning : str
    example : str, optional
        A value to show instead of the default.
    """
    return field(default=default, metadata={"meaning": meaning, "example": example})


@contextmanager
def ending_in_one_line() -> Iterator[None]:
    """Do the work of a command, whose errors end the program with one line.

    Raises
    ------
    SystemExit
        If something is wrong.
    """
    process.take_over()
    try:
        yield
    except BrokenPipeError:
        sys.exit(1)
    except LabError as error:
        sys.exit(error_line(error))
    except KeyboardInterrupt:
        sys.exit("interrupted")
    except Exception as error:
        if "HYDRA_FULL_ERROR" in os.environ:
            raise
        from imbalance_lab.app.messages import unexpected

        sys.exit(error_line(unexpected(error)))


@dataclass(frozen=True)
class Typed(Generic[S]):
    """What was typed after the name of a command.

    Parameters
    ----------
    settings : object
        The command's settings, as an instance of their class.
    words : list of str
        Arguments that are no ``key=value``.
    others : list of str
        ``key=value`` arguments whose key is no setting.
    """

    settings: S
    words: list[str]
    others: list[str]


@dataclass(frozen=True)
class Command(Generic[S]):
    """A command with settings.

    Parameters
    ----------
    name : str
    summary : str
        What it does, for the first line of its help.
    settings : type
        A dataclass whose fields are made by `setting`.
    run : callable
        Takes a `Typed`.
    words : str
        How the help shows bare arguments; empty if the command takes none.
    others : str
        How the help shows ``key=value`` arguments that are no settings; empty if the command takes none.
    notes : str
        The end of the help.
    """

    name: str
    summary: str
    settings: type[S]
    run: Callable[[Typed[S]], None]
    words: str = ""
    others: str = ""
    notes: str = ""

    def __call__(self, arguments: Sequence[str] | None = None) -> None:
        """Run the command on `arguments`, by default those of the process.

        Raises
        ------
        SystemExit
            With one line if something is wrong.
        """
        given = list(sys.argv[1:] if arguments is None else arguments)
        with ending_in_one_line():
            if {"-h", "--help"} & set(given):
                print(self.help())
            else:
                self.run(self.parse(given))

    def help(self) -> str:
        """Return the text of ``--help``."""
        known = fields(self.settings)  # type: ignore[arg-type]
        usage = [PROGRAM, self.name, self.words, self.others, *(["[key=value ...]"] if known else [])]
        table = aligned({_example(one): one.metadata["meaning"] for one in known})
        typed = wrapped(" ".join(filter(None, usage)), others="  ")
        blocks = [f"{typed}\n{wrapped(f'{self.summary[0].upper()}{self.summary[1:]}.')}", table, wrapped(self.notes)]
        return "\n\n".join(block for block in blocks if block)

    def parse(self, arguments: Sequence[str]) -> Typed[S]:
        """Return what the arguments ask for.

        Raises
        ------
        ConfigError
            If an argument has no place, a setting is given twice or has a value it cannot take.
        """
        keys = [one.name for one in fields(self.settings)]  # type: ignore[arg-type]
        words = [argument for argument in arguments if "=" not in argument]
        own = [argument for argument in arguments if argument.partition("=")[0] in keys and "=" in argument]
        others = [argument for argument in arguments if "=" in argument and argument not in own]
        if "" in words:
            raise ConfigError(f"an argument of {self.name} is empty; {PROGRAM} {self.name} --help shows what it takes")
        if wrong := [word for word in words if word.startswith("-") or not self.words]:
            raise ConfigError(f"{self.name} takes no '{wrong[0]}'{self._advice(wrong[0].lstrip('-'), keys)}")
        if others and not self.others:
            key = others[0].partition("=")[0]
            raise ConfigError(f"{self.name} has no setting '{key}'{self._advice(key.lstrip('-'), keys)}")
        return Typed(build(self.settings, pairs(own)), words, others)

    def _advice(self, word: str, keys: Sequence[str]) -> str:
        return nearest(word, keys) or f"; {PROGRAM} {self.name} --help shows what it takes"


def pairs(arguments: Iterable[str]) -> dict[str, Any]:
    """Return ``key=value`` arguments as a dictionary; ``[a,b]`` is a list.

    Raises
    ------
    ConfigError
        If a key is given twice or a list cannot be read.

    Examples
    --------
    >>> pairs(["format=json", "by=[dataset,model]"])
    {'format': 'json', 'by': ['dataset', 'model']}
    """
    split = [argument.partition("=")[::2] for argument in arguments]
    if repeated := [key for key, count in Counter(key for key, _ in split).items() if count > 1]:
        raise ConfigError(f"{repeated[0]}= is given twice; several values are a list: {repeated[0]}=[a,b]")
    return {key: _value(key, text) for key, text in split}


def build(kind: type[S], given: Mapping[str, Any]) -> S:
    """Return an instance of a dataclass of settings.

    Raises
    ------
    ConfigError
        If it has no such setting, or one has a value it cannot take.
    """
    try:
        return TypeAdapter(kind).validate_python(dict(given))
    except ValidationError as error:
        raise ConfigError("; ".join(describe("", detail) for detail in error.errors())) from error


def _value(key: str, text: str) -> Any:
    try:
        return yaml.load(text, yaml.BaseLoader) if text.startswith("[") else text
    except yaml.YAMLError as error:
        raise ConfigError(f"{key}={text} is no list; names with commas or brackets need quotes of their own") from error


def _example(one: Field[Any]) -> str:
    shown = one.metadata["example"]
    default = "" if one.default in (None, MISSING) else one.default
    text = str(default if shown is None else shown)
    return f"{one.name}={text.lower() if isinstance(one.default, bool) else text}"
