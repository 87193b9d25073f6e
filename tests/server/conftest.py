"""A PostgreSQL, MLflow's server in front of it, and a proxy with TLS and passwords in front of that."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from experiments.server.postgres import Cluster, cluster, programs
from experiments.server.team import Served, mlflow_server
from imbalance_lab.errors import ConfigError
from tests.conftest import TINY

TYPED = [*(text for text in TINY if text != "tracking=none"), "model=logreg"]


@pytest.fixture(scope="module")
def open_folder() -> Iterator[Path]:
    """A temporary folder that every user of the machine may enter, as PostgreSQL's must."""
    with tempfile.TemporaryDirectory(prefix="server-") as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)


@pytest.fixture(scope="module")
def database(open_folder: Path) -> Iterator[Cluster]:
    """An empty database."""
    pytest.importorskip("psycopg", reason="psycopg is not installed: pip install 'imbalance-lab[postgres]'")
    try:
        programs()
    except ConfigError as error:
        pytest.skip(str(error))
    with cluster(open_folder / "postgres", durable=False) as running:
        yield running


@pytest.fixture(scope="module")
def served(database: Cluster, open_folder: Path) -> Iterator[Served]:
    """MLflow's server on that database."""
    with mlflow_server(database.uri, open_folder, processes=1) as running:
        yield running


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate of 127.0.0.1 that nobody has signed but its owner, and its key."""
    if not shutil.which("openssl"):
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("certificate")
    signed, key = folder / "signed.pem", folder / "key.pem"
    made = ["-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1", "-keyout", key, "-out", signed]
    command = ["openssl", "req", "-x509", *map(str, made), "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(command, check=True, capture_output=True)
    return signed, key
