"""Two machines and the one of the person, on one: a Ray cluster whose nodes do not see the disk of the sweep.

The sweep runs in a mount namespace of its own, in a folder in memory; each node works in a folder of its own.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PRIVATE = (
    'mount -t tmpfs none "$0" && cd "$0" && cp -r "$1"/. . && shift && "$@"; status=$?; cp -r . "$OUT"; exit $status'
)


def hides_disks() -> bool:
    """Whether this machine lets a process have a disk that others do not see."""
    command = ["unshare", "-m", "sh", "-c", "mount -t tmpfs none /mnt"]
    return shutil.which("unshare") is not None and subprocess.run(command, capture_output=True).returncode == 0


@dataclass(frozen=True)
class Nodes:
    """A cluster with two nodes that work."""

    cluster: Any
    first: Any
    second: Any

    @property
    def address(self) -> str:
        """Where it listens."""
        return str(self.cluster.address)


@contextmanager
def two_nodes(folder: Path) -> Iterator[Nodes]:
    """Start a cluster of a head that does no work and two nodes of one worker each."""
    from ray.cluster_utils import Cluster

    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "object_store_memory": 100 * 2**20})
    try:
        nodes = []
        for name in ("first", "second"):
            (folder / name).mkdir()
            with chdir(folder / name):
                nodes.append(cluster.add_node(num_cpus=1, object_store_memory=100 * 2**20))
        yield Nodes(cluster, *nodes)
    finally:
        cluster.shutdown()


def on_its_own_disk(typed: list[str], given: Path, disk: Path, out: Path) -> subprocess.Popen[str]:
    """Start the program in a folder that no other process sees, with the files of `given`; it ends up in `out`."""
    disk.mkdir()
    command = ["unshare", "-m", "sh", "-c", PRIVATE, str(disk), str(given), sys.executable, "-m", "imbalance_lab"]
    return subprocess.Popen(
        [*command, *typed], env=os.environ | {"OUT": str(out)},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, bufsize=1,
    )  # fmt: skip
