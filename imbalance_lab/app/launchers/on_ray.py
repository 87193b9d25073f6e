"""Ray: actors that are fed one cell at a time, on this machine or on those of a cluster."""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Generator, Iterator
from contextlib import suppress
from types import ModuleType
from typing import Annotated, Any

from hydra.core.utils import env_override
from pydantic import Field, validate_call

from imbalance_lab.app.launchers.base import Lost, WorkerEngine
from imbalance_lab.app.launchers.feeding import Pool, feed
from imbalance_lab.app.launchers.work import Done, Place, Task, Worker
from imbalance_lab.errors import ConfigError, reason_of
from imbalance_lab.options.making import locate
from imbalance_lab.process import SIGNALS

LOCAL = "local"
START = "ray start --head starts one, no address uses this machine"
SECONDS_TO_ANSWER, SECONDS_TO_BE_WELL = 5.0, 60.0
SECONDS_BETWEEN_LOOKS = 5.0
OBJECT_STORE = 200 * 2**20  # bytes, of a cluster of our own: records are small
Positive = Annotated[float, Field(gt=0)]


class Ray(WorkerEngine):
    """Runs a sweep's cells in Ray actors, each of which makes many.

    A cell whose worker is lost is made once more by another; then it has failed.

    Parameters
    ----------
    address : str or None
        Of a cluster, as ``host:6379``, ``auto`` or ``ray://host:10001``; None starts Ray on this machine alone.
    workers : int or None
        How many at once; None is as many as the cluster has room for.
    cpus, gpus : float
        What a worker takes of a machine.
    memory : float or None
        In GiB, likewise; None reserves none.

    Raises
    ------
    ValidationError
        If a setting has a value it cannot take.
    """

    @validate_call
    def __init__(
        self,
        address: Annotated[str, Field(min_length=1)] | None = None,
        workers: Annotated[int, Field(ge=1)] | None = None,
        cpus: Positive = 1.0,
        gpus: Annotated[float, Field(ge=0)] = 0.0,
        memory: Positive | None = None,
    ) -> None:
        self._address, self._workers = address, workers
        self._needs = {"CPU": cpus, "GPU": gpus, "memory": (memory or 0) * 2**30}

    def check(self) -> None:
        """Look whether Ray is installed, and somebody listens at the address.

        Raises
        ------
        ConfigError
            If not.
        """
        locate("ray.init")
        if self._address is None or self._address in (LOCAL, "auto"):
            return
        host, _, port = self._address.removeprefix("ray://").rpartition(":")
        what = f"hydra.launcher.address={self._address}"
        if not host or not port.isdigit():
            raise ConfigError(f"{what} is no address of a Ray cluster; write host:6379, or leave it out")
        try:
            socket.create_connection((host, int(port)), SECONDS_TO_ANSWER).close()
        except (OSError, OverflowError) as error:
            raise ConfigError(f"there is no Ray cluster at {what} ({reason_of(error)}); {START}") from error
        if not self._address.startswith("ray://") and not _is_healthy(self._address):
            raise ConfigError(f"what answers at {what} is no Ray cluster, or is not well; {START}")

    def results(self, tasks: Iterator[Task], place: Place) -> Generator[Done | Lost, None, None]:
        """Yield how the tasks ended.

        Raises
        ------
        ConfigError
            If no machine is left that a worker fits on.
        """
        try:
            yield from feed(self._pool, tasks, self.running)
            self._pool.stop()
        finally:
            self._ray.shutdown()  # what we started: a cluster of our own, or our actors

    def prepare(self, count: int) -> None:
        """Start the workers.

        Raises
        ------
        ConfigError
            If there is no cluster, or none with a machine that a worker fits on.
        """
        self._ray = self._connect()
        # Processes of a cluster of our own have it from this one, and are there before they are asked for.
        self._pool = _Actors(self._ray, self._needs, None if self._is_own else self.environment)
        for _ in range(min(count, self._workers or max(self._pool.room(), 1))):
            self._pool.start()

    @property
    def _is_own(self) -> bool:
        return self._address in (None, LOCAL)

    def _connect(self) -> ModuleType:
        """Connect to the cluster, or start one, without a word."""
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        ray: ModuleType = __import__("ray")
        own = self._is_own
        settings: dict[str, Any] = {"include_dashboard": False, "object_store_memory": OBJECT_STORE} if own else {}
        if own and self._workers is not None:
            settings["num_cpus"] = max(1, round(self._workers * self._needs["CPU"] + 0.499))
        handlers = {number: signal.getsignal(number) for number in SIGNALS}
        try:
            with env_override(self.environment if own else {}):
                ray.init(self._address or LOCAL, log_to_driver=False, logging_level=logging.CRITICAL, **settings)
        except Exception as error:
            raise ConfigError(f"there is no Ray cluster at hydra.launcher.address={self._address}; {START}") from error
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
        # Of a node that is lost Ray prints pages of the raylet's log; the only switch has no public name.
        sys.modules["ray._private.worker"].__dict__["_worker_logs_enabled"] = False
        return ray


class _Actors(Pool):
    """Actors: those that are about to be there, those that are free, and those that make a cell."""

    def __init__(self, ray: ModuleType, needs: dict[str, float], environment: dict[str, str] | None) -> None:
        self._ray, self._needs = ray, needs
        taken: dict[str, Any] = {"num_cpus": needs["CPU"], "num_gpus": needs["GPU"], "memory": needs["memory"] or None}
        if environment is not None:
            taken["runtime_env"] = {"env_vars": environment}
        self._kind = ray.remote(Worker).options(**{key: value for key, value in taken.items() if value})
        self._free: deque[Any] = deque()
        self._coming: dict[Any, Any] = {}  # actors by what they answer once they are there
        self._made: dict[Any, tuple[Any, Task]] = {}

    @property
    def free(self) -> deque[Any]:
        return self._free

    @property
    def made(self) -> dict[Any, tuple[Any, Task]]:
        return self._made

    def room(self) -> int:
        """Return how many workers fit on the machines that are alive."""
        alive = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        wanted = {key: value for key, value in self._needs.items() if value}
        return sum(int(min(node.get(key, 0) / value for key, value in wanted.items())) for node in alive)

    def start(self) -> None:
        """Start an actor; it is free once it is there."""
        if not self._coming and not self._free and not self._made and self.room() == 0:
            wanted = ", ".join(f"{value:g} {key}" for key, value in self._needs.items() if value)
            raise ConfigError(f"no machine of the Ray cluster has {wanted}; give a worker less by hydra.launcher.cpus=")
        actor = self._kind.remote()
        self._coming[actor.__ray_ready__.remote()] = actor

    def give(self, task: Task) -> None:
        """Let a free actor make a cell."""
        actor = self._free.popleft()
        self._made[actor.make.remote(task)] = actor, task

    def wait(self) -> tuple[Task, Done | str] | None:
        """Return the next cell that ended, or why its actor did not end it; None if nothing has, or an actor is there.

        Raises
        ------
        ConfigError
            If no machine is left that a worker fits on.
        """
        refs = [*self._made, *self._coming]
        ready, _ = self._ray.wait(refs, num_returns=1, timeout=SECONDS_BETWEEN_LOOKS)
        if not ready:
            if not self._made and self.room() == 0:
                raise ConfigError("no machine that a worker fits on is left of the Ray cluster; resume=true goes on")
            return None
        if ready[0] in self._made:
            return self._ended(ready[0])
        self._arrived(ready[0])
        return None

    def stop(self) -> None:
        """End all actors."""
        for actor in [*self._free, *self._coming.values(), *(actor for actor, _ in self._made.values())]:
            with suppress(Exception):
                self._ray.kill(actor)

    def _arrived(self, ref: Any) -> None:
        actor = self._coming.pop(ref)
        try:
            self._ray.get(ref)
            self._free.append(actor)
        except self._ray.exceptions.RayActorError as error:
            if "The actor died because of an error raised in its creation task" in str(error):
                raise ConfigError(f"no Ray worker can start: {_last_line(error)}") from error
            self.start()

    def _ended(self, ref: Any) -> tuple[Task, Done | str]:
        actor, task = self._made.pop(ref)
        try:
            done: Done = self._ray.get(ref)
            self._free.append(actor)
            return task, done
        except self._ray.exceptions.RayTaskError as error:  # the worker is there
            self._free.append(actor)
            return task, _last_line(error)
        except self._ray.exceptions.RayError as error:
            self.start()
            return task, _first_line(error)


def _is_healthy(address: str) -> bool:
    """Whether Ray's head is at an address; connecting to something else would take it a quarter of an hour."""
    command = [sys.executable, "-m", "ray.scripts.scripts", "health-check", "--address", address]
    try:
        asked = subprocess.run([*command, "--skip-version-check"], capture_output=True, timeout=SECONDS_TO_BE_WELL)
    except subprocess.TimeoutExpired:
        return False
    return asked.returncode == 0


def _first_line(error: BaseException) -> str:
    return reason_of(Exception(next(iter(str(error).splitlines()), type(error).__name__))).rstrip(".")


def _last_line(error: BaseException) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return reason_of(Exception(lines[-1] if lines else type(error).__name__))
