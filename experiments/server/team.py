"""``mlflow server``, and a PostgreSQL of its own behind it, as programs beside this one."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen

from experiments.server.postgres import Cluster, cluster
from experiments.server.processes import free_port, serving

# In the environment, as every user of a machine sees what stands in a command.
STORE = "MLFLOW_BACKEND_STORE_URI"
WITHOUT_JOBS = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}  # of MLflow's evaluation of language models


@dataclass(frozen=True)
class Served:
    """A server that answers.

    Parameters
    ----------
    address : str
        As ``http://127.0.0.1:5000``.
    process : Popen
    """

    address: str
    process: Popen[bytes]


@contextmanager
def mlflow_server(
    store: str,
    folder: Path,
    port: int = 0,
    processes: int = 2,
    artifacts: str | None = None,
    options: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
) -> Iterator[Served]:
    """Serve a store on the loopback address.

    Parameters
    ----------
    store : str
        Address of a database.
    folder : Path
        Of the server's log, and of artifacts.
    port : int
        0 for one that is free.
    processes : int
        That answer.
    artifacts : str, optional
        Where the server keeps artifacts: a folder or an address; by default ``artifacts`` in `folder`.
    options : sequence of str
        Further ones of ``mlflow server``.
    environment : mapping, optional
        Further variables of the server.

    Raises
    ------
    ConfigError
        If it does not start.
    """
    folder.mkdir(parents=True, exist_ok=True)
    chosen = port or free_port()
    address = f"http://127.0.0.1:{chosen}"
    destination = artifacts or str(folder.absolute() / "artifacts")
    command = [
        *(sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(chosen)),
        *("--workers", str(processes), "--artifacts-destination", destination, *options),
    ]
    variables = {**WITHOUT_JOBS, STORE: store, **(environment or {})}
    with serving(command, f"{address}/health", folder, folder / "mlflow.log", variables) as process:
        yield Served(address, process)


@contextmanager
def team_server(
    folder: Path, port: int = 0, processes: int = 2, artifacts: str | None = None, durable: bool = True
) -> Iterator[tuple[Served, Cluster]]:
    """Run both; see `mlflow_server` and `cluster`."""
    with (
        cluster(folder / "postgres", durable) as database,
        mlflow_server(database.uri, folder, port, processes, artifacts) as served,
    ):
        yield served, database
