"""A Slurm of one node: its daemons, configured in a folder, and ended with the block."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

DAEMONS = ("munged", "slurmctld", "slurmd")
CONFIGURATION = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.sock,cred_expire=2
CredType=cred/munge
SlurmctldPort={port}
SlurmdPort={other}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
MpiDefault=none
SwitchType=switch/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
ReturnToService=2
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} State=UNKNOWN
PartitionName=short Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


@contextmanager
def one_node(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Start Slurm below a folder, or skip the test with the reason why not."""
    if missing := [name for name in (*DAEMONS, "sbatch") if shutil.which(name) is None]:
        pytest.skip(f"{missing[0]} is not installed (Debian: slurm-wlm, munge)")
    if os.getuid() != 0:
        pytest.skip("slurmd runs jobs as others, and needs root for that")
    for name in ("state", "spool"):
        (folder / name).mkdir(parents=True)
    key = folder / "munge.key"
    key.write_bytes(os.urandom(128))
    key.chmod(0o400)
    port, other = _free_ports()
    host = socket.gethostname().partition(".")[0]
    text = CONFIGURATION.format(host=host, folder=folder, port=port, other=other, cpus=os.cpu_count())
    (folder / "slurm.conf").write_text(text)
    monkeypatch.setenv("SLURM_CONF", str(folder / "slurm.conf"))
    files = {f"--{name}-file={folder}/munged.{name}" for name in ("pid", "log", "seed")}
    try:
        _start("munged", "--force", f"--key-file={key}", f"--socket={folder}/munge.sock", *sorted(files))
        _start("slurmctld")
        _start("slurmd")
        for _ in range(100):
            shown = subprocess.run(["sinfo", "--noheader", "--format=%T"], capture_output=True, text=True)
            if shown.stdout.strip() == "idle":
                break
            time.sleep(0.2)
        else:
            pytest.skip(f"Slurm's node does not become idle: {shown.stdout}{shown.stderr}")
        yield
    finally:
        for name in reversed(DAEMONS):
            _end(folder / f"{name}.pid")


def _start(*command: str) -> None:
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if done.returncode:
        pytest.skip(f"{command[0]} does not start here: {done.stdout.strip()}")


def _end(file: Path) -> None:
    with suppress(OSError, ValueError):
        number = int(file.read_text())
        os.kill(number, signal.SIGTERM)
        for _ in range(100):
            os.kill(number, 0)
            time.sleep(0.1)


def _free_ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as other:
        for opened in (one, other):
            opened.bind(("127.0.0.1", 0))
        return one.getsockname()[1], other.getsockname()[1]
