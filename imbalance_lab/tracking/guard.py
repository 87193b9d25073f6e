"""A store that is away, or refuses, does not take the run with it."""

from __future__ import annotations

from collections.abc import Callable

from imbalance_lab.errors import LabError, TrackingError, without_password
from imbalance_lab.process import let_go
from imbalance_lab.tracking.answers import answer_of, tries_of
from imbalance_lab.tracking.store import quiet_loggers


class Guard:
    """Keeps a store's first error for the end; after it nothing more is tried.

    Parameters
    ----------
    uri : str
        Of the store.
    on_error : callable
        Called after the first error.
    """

    def __init__(self, uri: str, on_error: Callable[[], None]) -> None:
        self._uri, self._on_error = uri, on_error
        self._failed: tuple[str, float] | None = None

    def __call__(self, action: Callable[[], None]) -> None:
        """Do what may fail. An error of our own is a bug, and is raised."""
        if self._failed:
            return
        try:
            with quiet_loggers():
                action()
        except LabError:
            raise
        except Exception as error:
            self._failed = answer_of(error), tries_of(error)
            let_go(error)
            self._on_error()
            if not is_store_error(error):
                raise

    def raise_failure(self, before: str, after: str) -> None:
        """Raise TrackingError with the first error, if there was one."""
        if self._failed:
            raise failure(self._uri, *self._failed, before, after)


def failure(uri: str, answer: str, tries: float, before: str, after: str) -> TrackingError:
    """Return the error of a store that took nothing, for what it answered."""
    return TrackingError(f"{before}MLflow at {without_password(uri)} could not take it ({answer}){after}", tries)


def is_store_error(error: Exception) -> bool:
    """Whether an error is that of a store, its driver or the network, rather than a bug in this package.

    Stores of artifacts raise exceptions of their own libraries (botocore's, azure's); a bug raises one of Python's.

    >>> is_store_error(ConnectionError("refused")), is_store_error(KeyError("metrics"))
    (True, False)
    """
    if isinstance(error, OSError | ImportError):  # requests' errors are OSErrors
        return True
    return type(error).__module__.partition(".")[0] not in ("builtins", "imbalance_lab")
