"""Where a person sees what is in a store: addresses of MLflow's pages, without passwords."""

from __future__ import annotations

from urllib.parse import urlsplit

from imbalance_lab.errors import without_password
from imbalance_lab.tracking.address import absolute
from imbalance_lab.tracking.view import OF_EXPERIMENT

LOCAL = "http://localhost:5000"  # where ``mlflow ui`` shows a store that is no server


def server_of(uri: str) -> str:
    """Return the address of the server that shows a store.

    >>> server_of("https://me:secret@host/mlflow"), server_of("sqlite:////srv/mlflow.db")
    ('https://host/mlflow', 'http://localhost:5000')
    """
    if not uri.startswith("http"):
        return LOCAL
    parts = urlsplit(uri)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl().rstrip("/")


def link(uri: str, experiment: str, run: str) -> str:
    """Return the address of a run: on its server, or where ``mlflow ui`` shows a local store.

    >>> link("https://me:secret@host/mlflow", "1", "abc")
    'https://host/mlflow/#/experiments/1/runs/abc'
    """
    return f"{server_of(uri)}/#/experiments/{experiment}/runs/{run}"


def view_path(experiment: str, key: str) -> str:
    """Return the part of a saved view's address that follows the server's."""
    return f"#/experiments/{experiment}/runs?viewStateShareKey={key}&workflowType=machine_learning"


def page_of(uri: str, experiment: str, run: str) -> str:
    """Return what to type and to open to see a run; in a local store the view of its experiment.

    >>> page_of("http://host:5000", "1", "abc")
    'http://host:5000/#/experiments/1/runs/abc'
    """
    if uri.startswith("http"):
        return link(uri, experiment, run)
    return browse(uri, f"{server_of(uri)}/{view_path(experiment, OF_EXPERIMENT)}")


def browse(uri: str, page: str) -> str:
    """Return what to type and to open: the page alone where a server shows it.

    >>> browse("http://host:5000", "http://host:5000/#/experiments/1")
    'http://host:5000/#/experiments/1'
    >>> browse("sqlite:////srv/mlflow.db", "http://localhost:5000/#/experiments/1")
    'mlflow ui --backend-store-uri sqlite:////srv/mlflow.db, then http://localhost:5000/#/experiments/1'
    """
    if uri.startswith("http"):
        return page
    default = uri == absolute("sqlite:///mlflow.db")
    return f"mlflow ui{'' if default else f' --backend-store-uri {without_password(uri)}'}, then {page}"
