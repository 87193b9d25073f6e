"""A PostgreSQL of its own in a folder, on a free port of the loopback address."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from experiments.server.processes import free_port
from imbalance_lab.errors import MAX_REASON_LENGTH, ConfigError

USER, DATABASE = "mlflow", "postgres"
SYSTEM_USER = "postgres"  # whom Debian's package brings; PostgreSQL does not run as root
NOT_DURABLE = "-c fsync=off -c full_page_writes=off -c synchronous_commit=off"


@dataclass(frozen=True)
class Cluster:
    """A PostgreSQL that runs.

    Parameters
    ----------
    uri : str
        Address of its database, with the password.
    pid : int
        Its first process.
    """

    uri: str
    pid: int


def programs() -> Path:
    """Return the folder of PostgreSQL's programs; Debian keeps them out of the PATH.

    Raises
    ------
    ConfigError
        If there are none.
    """
    if found := shutil.which("initdb"):
        return Path(found).parent
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
    if not folders:
        raise ConfigError("PostgreSQL is not installed: apt-get install postgresql")
    return folders[-1]


@contextmanager
def cluster(folder: Path, durable: bool = True) -> Iterator[Cluster]:
    """Run the PostgreSQL of a folder, which is made if there is none in it yet.

    Parameters
    ----------
    folder : Path
        Of the database, its password and its log. As root it becomes the user's `SYSTEM_USER`, who must be able to
        enter the folders above it.
    durable : bool
        False for what nobody needs after a crash of the machine: commits wait for no disk.

    Raises
    ------
    ConfigError
        If PostgreSQL is not installed, or does not start.
    """
    binaries = programs()
    folder.mkdir(parents=True, exist_ok=True)
    data, password = folder / "data", folder / "password"
    if not password.exists():
        _write_private(password, secrets.token_urlsafe(24))
    if os.getuid() == 0:
        for path in (folder, password):
            shutil.chown(path, SYSTEM_USER)
    if not (data / "PG_VERSION").exists():
        shutil.rmtree(data, ignore_errors=True)  # an initdb that was interrupted
        secured = ["-U", USER, "-A", "scram-sha-256", "--pwfile", password]
        _run(binaries / "initdb", "-D", data, "-E", "UTF8", "--locale=C.UTF-8", *secured)
    port = free_port()
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories="
    control = (binaries / "pg_ctl", "-D", data, "-w")
    stop = (*control, "-m", "fast" if durable else "immediate", "stop")
    try:
        _run(*control, "-l", folder / "log", "-o", options if durable else f"{options} {NOT_DURABLE}", "start")
    except KeyboardInterrupt:
        with suppress(ConfigError):  # it had not begun
            _run(*stop)
        raise
    try:
        pid = int((data / "postmaster.pid").read_text().split()[0])
        yield Cluster(f"postgresql+psycopg://{USER}:{password.read_text()}@127.0.0.1:{port}/{DATABASE}", pid)
    finally:
        _run(*stop)


def _write_private(file: Path, text: str) -> None:
    with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
        opened.write(text)


def _run(program: Path, *arguments: object) -> None:
    """Run a program of PostgreSQL, as another user where we are root, and out of reach of Ctrl-C."""
    command = [*(["runuser", "-u", SYSTEM_USER, "--"] if os.getuid() == 0 else []), str(program), *map(str, arguments)]
    done = subprocess.run(
        command, cwd="/", stdin=subprocess.DEVNULL, capture_output=True, text=True, start_new_session=True
    )
    if done.returncode != 0:
        said = " ".join((done.stderr or done.stdout).split())[-MAX_REASON_LENGTH:]
        raise ConfigError(f"PostgreSQL's {program.name} failed: {said}")
