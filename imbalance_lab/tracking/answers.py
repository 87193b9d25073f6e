"""What a store answers where it takes nothing: why, what to do, and whether it is worth trying again."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from math import inf

from mlflow.exceptions import MlflowException
from requests.exceptions import ConnectionError as NoConnection
from requests.exceptions import RetryError, SSLError, Timeout
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError

from imbalance_lab.errors import reason_of
from imbalance_lab.options import EXTRAS

USER = "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"
ADVICE = {
    401: f"401: {USER}",
    403: f"403: {USER}, of one who may write",
    500: "500, it failed, and its own log says why",
    502: "502, nothing answers behind its proxy",
    503: "503, it is not ready or has no room, and its own log says why",
    504: "504, nothing answers behind its proxy",
    507: "507, its disk is full",
}
CERTIFICATE = "certificate not trusted ({}): set MLFLOW_TRACKING_SERVER_CERT_PATH to its authority's"
S3 = re.compile(r"(?: to (?P<bucket>[^/\s]+)\S*: )?An error occurred \((?P<code>\w+)\)")
WAIT = frozenset({408, 429, 502, 503, 504})  # a proxy without its server, a server that starts or has too much to do
FATAL = re.compile(r"FATAL: .+?(?= connection to server|$)")  # PostgreSQL's own words, after those of the connection
STATUS = re.compile(r"too many (\d{3}) error responses|(?:error code|status code:?) (\d{3})")
# What databases say of themselves, in their drivers' words. The first kind is not cured by waiting.
REFUSAL = re.compile(
    r"disk is full|no space left|read-?only|authentication failed|does not exist|permission denied|no password"
    r"|unable to open database|no such (table|column)|disk I/O error|malformed|not a database",
    re.IGNORECASE,
)
ABSENCE = re.compile(
    r"is locked|closed the connection|connection (refused|reset|timed out|is closed)|starting up|shutting down"
    r"|terminating connection|could not connect|connection failed|timeout expired|too many (clients|connections)"
    r"|lost connection|gone away|timed out",
    re.IGNORECASE,
)
NO_ROOM = (errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EPERM, errno.EDQUOT)


def tries_of(error: BaseException) -> float:
    """Return how many more times it is worth trying: infinity where the store is away, 0 where it refused, else 1.

    >>> tries_of(ConnectionRefusedError()), tries_of(PermissionError(13, "Permission denied")), tries_of(OSError())
    (inf, 0, 1)
    """
    if (status := _status_of(error)) is not None:
        return inf if status in WAIT else 1 if status >= 500 and not REFUSAL.search(str(error)) else 0
    chain = list(_chain(error))
    if any(isinstance(one, SSLError | ImportError) for one in chain):
        return 0
    if any(isinstance(one, NoConnection | Timeout | ConnectionError | TimeoutError) for one in chain):
        return inf
    if any(isinstance(one, IntegrityError) for one in chain):  # somebody else wrote the same meanwhile
        return 1
    if any(isinstance(one, SQLAlchemyError) for one in chain):
        text = " ".join(str(one) for one in chain)
        if REFUSAL.search(text):
            return 0
        lost = any(isinstance(one, DBAPIError) and one.connection_invalidated for one in chain)
        return inf if lost or ABSENCE.search(text) else 1
    return 0 if any(isinstance(one, OSError) and one.errno in NO_ROOM for one in chain) else 1


def answer_of(error: BaseException) -> str:
    """Return why a store took nothing, in one line without passwords, with what to do where something can be done.

    >>> answer_of(ModuleNotFoundError("No module named 'boto3'", name="boto3"))
    "boto3 is not installed; pip install 'imbalance-lab[s3]'"
    """
    status = _status_of(error)
    if status is not None:
        told = status >= 500 and type(error).__name__ == "RestException"  # the server's own words
        return f"{status}, {reason_of(error)}" if told or status not in ADVICE else ADVICE[status]
    chain = list(_chain(error))
    for one in chain:
        if isinstance(one, ImportError) and one.name is not None and one.name in EXTRAS:
            return f"{one.name} is not installed; pip install 'imbalance-lab[{EXTRAS[one.name]}]'"
        if isinstance(one, SSLError) and (found := re.search(r"certificate verify failed: ([^(]+)", str(one))):
            return CERTIFICATE.format(found[1].strip())
        if type(one).__module__.startswith("boto") and (found := S3.search(" ".join(str(one).split()))):
            return f"S3: {found['code']}{f', {bucket}' if (bucket := found['bucket']) else ''}"
    if not any(isinstance(one, NoConnection | Timeout) for one in chain):
        reason = reason_of(error)
        return found[0] if (found := FATAL.search(reason)) else reason
    text = " ".join(str(one) for one in chain)
    if "timed out" in text:
        return "no answer in time"
    found = re.search(r"\[Errno -?\d+\] ([\w ,]+)", text)
    return found[1].lower() if found else "no connection"


def _status_of(error: BaseException) -> int | None:
    """Return the status of HTTP that a server answered with; None where there was no server, or no answer."""
    for one in _chain(error):
        if isinstance(one, RetryError | MlflowException) and (found := STATUS.search(str(one))):
            return int(found[1] or found[2])
    if type(error).__name__ == "RestException" and isinstance(error, MlflowException):
        return int(error.get_http_status_code())  # type: ignore[no-untyped-call]
    return None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
