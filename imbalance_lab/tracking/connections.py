"""How long a connection to a server lasts: MLflow asks for the headers of each of its requests here."""

from __future__ import annotations

from mlflow.tracking.request_header.abstract_request_header_provider import RequestHeaderProvider

_schemes: set[str] = set()


def note_server(uri: str) -> None:
    """Note that this process sends requests to a server.

    Parameters
    ----------
    uri : str
        Its address.
    """
    _schemes.add(uri.partition("://")[0])


class ClosedAfterwards(RequestHeaderProvider):
    """Lets servers of plain HTTP close a connection after each answer.

    On a connection that stays open each answer of MLflow's server comes some 40 ms late: where it has several
    processes, as by default, its sockets delay small packets (Nagle's algorithm; uvicorn leaves it on), and the body
    of an answer waits until the client has acknowledged the head, which it puts off as well. A connection of its own
    costs a millisecond. Where one is encrypted, opening it takes longer than that, so those stay open.

    Examples
    --------
    >>> ClosedAfterwards().request_headers()
    {'Connection': 'close'}
    """

    def in_context(self) -> bool:
        """Whether this program has opened servers of plain HTTP, and no other."""
        return _schemes == {"http"}

    def request_headers(self) -> dict[str, str]:
        """Return the header that says so."""
        return {"Connection": "close"}
