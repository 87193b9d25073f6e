"""The errors and warnings people see."""

import re

SECRETS = re.compile(r"(?<=://)[^\s'\"]*@|(?<=password=)[^&\s'\"]+|(?<=token=)[^&\s'\"]+", re.IGNORECASE)
MAX_REASON_LENGTH = 300
# What SQLAlchemy adds to what a database says.
NOISE = re.compile(
    r"\[(SQL|parameters): .*|\(Background on this error at: \S+|\(raised as a result of [^)]*\) ?|\((\w+\.)+\w*Error\) "
)


class LabError(Exception):
    """Something a person can put right: says what is wrong, where, and what to do."""


class ConfigError(LabError):
    """An option was given a value it cannot take."""


class StoreError(ConfigError):
    """The address of a store is none, or that of something else."""


class DataError(LabError):
    """The data cannot be used as they are."""


class MissingColumn(DataError):
    """A table has no column of a name.

    Parameters
    ----------
    message, column : str
    """

    def __init__(self, message: str, column: str = "") -> None:
        super().__init__(message)
        self.column = column


class Incompatible(LabError):
    """Two options that exclude each other; in a sweep such a cell is skipped."""


class AlreadyFinished(LabError):
    """A run of this configuration on these data has ended well before, and ``resume=true`` asked for no second."""


class TrackingError(LabError):
    """The tracking server cannot be reached; the run's record is on disk.

    Parameters
    ----------
    message : str
    tries : float
        How many more times it is worth trying: 0 where the server refused, infinity where it is away.
    """

    def __init__(self, message: str, tries: float = 0) -> None:
        super().__init__(message)
        self.tries = tries


class LabWarning(UserWarning):
    """Something a person should know about their run; shown on screen and kept in its record."""


def without_password(text: str) -> str:
    """Return a text without users and passwords of the addresses in it.

    >>> without_password("no answer from http://me:sec/r@t@host:5000; postgresql://host/db?password=secret")
    'no answer from http://***@host:5000; postgresql://host/db?password=***'
    """
    return SECRETS.sub(lambda found: "***@" if found[0].endswith("@") else "***", text)


def reason_of(error: BaseException) -> str:
    """Return what a library says went wrong, in one line without passwords.

    >>> reason_of(OSError("no answer from http://me:secret@host [SQL: CREATE TABLE ...]"))
    'no answer from http://***@host'
    """
    text = re.sub(NOISE, "", " ".join(str(error).split())).strip()
    return without_password(text)[:MAX_REASON_LENGTH] or type(error).__name__


def one_line(error: BaseException) -> str:
    """Return what went wrong in one line."""
    text = " ".join(str(error).split())
    return text if isinstance(error, LabError) else f"{type(error).__name__}: {text}"
