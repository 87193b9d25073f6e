"""Slurm by submitit: arrays of tasks, each of which makes many cells; or such tasks on this machine."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Generator, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, Literal

from hydra.core.utils import env_override
from pydantic import Field, validate_call

from imbalance_lab.app.launchers.base import MAX_ATTEMPTS, Lost, WorkerEngine
from imbalance_lab.app.launchers.packs import Board, Pack
from imbalance_lab.app.launchers.queue import Queue, output_of
from imbalance_lab.app.launchers.work import Done, Place, Task
from imbalance_lab.errors import ConfigError, reason_of
from imbalance_lab.options.making import locate

FOLDER = ".submitit"  # in the sweep's folder
SECONDS_BETWEEN_LOOKS = 0.2
SIGNAL_DELAY = 90  # seconds before its time is up in which a task is put into the queue again
WITHOUT_LOGGING = {"SUBMITIT_LOG_LEVEL": "NOCONFIG"}  # its import would close every handler that logging has
TRY_OUT = "hydra.launcher.cluster=local tries it out without"


class Slurm(WorkerEngine):
    """Runs a sweep's cells in the tasks of a Slurm array.

    What a cell came to is a file in submitit's folder as soon as it has ended. A task that is preempted, or whose time
    is up, is queued again and goes on; of one that is lost the cells that are missing are submitted again, the one that
    was being made once.

    Parameters
    ----------
    cluster : str
        ``slurm``, or ``local`` for processes on this machine.
    partition : str or None
    minutes : int
        That a task may take.
    cpus, gpus : int
        Of a task.
    memory : float or None
        GiB of a task; None leaves it to the cluster.
    at_once : int
        Tasks at once.
    cells_per_task : int
        So many runs share a task's start.
    folder : str or None
        Where submitit's files and logs are, on a disk that all machines see; None is in the sweep's folder.
    sbatch : dict
        Further options of sbatch, as ``{account: mine}``.

    Raises
    ------
    ValidationError
        If a setting has a value it cannot take.
    """

    @validate_call
    def __init__(
        self,
        cluster: Literal["slurm", "local"] = "slurm",
        partition: Annotated[str, Field(min_length=1)] | None = None,
        minutes: Annotated[int, Field(ge=1)] = 60,
        cpus: Annotated[int, Field(ge=1)] = 1,
        gpus: Annotated[int, Field(ge=0)] = 0,
        memory: Annotated[float, Field(gt=0)] | None = None,
        at_once: Annotated[int, Field(ge=1)] = 32,
        cells_per_task: Annotated[int, Field(ge=1)] = 50,
        folder: Annotated[str, Field(min_length=1)] | None = None,
        sbatch: dict[str, Any] | None = None,
    ) -> None:
        self._is_local, self._partition, self._folder = cluster == "local", partition, folder
        self._at_once, self._cells_per_task = at_once, cells_per_task
        shared = {"signal_delay_s": SIGNAL_DELAY}
        asked = {
            "time": minutes,
            "cpus_per_task": cpus,
            "array_parallelism": at_once,
            "job_name": "imbalance_lab",
            "partition": partition,
            "gpus_per_node": gpus or None,
            "mem": None if memory is None else f"{round(memory * 1024)}MB",
            "additional_parameters": sbatch,
        }
        local = {"timeout_min": minutes, "gpus_per_node": gpus, "cpus_per_task": cpus}
        self._asked = shared | (
            local if self._is_local else {key: one for key, one in asked.items() if one is not None}
        )

    def check(self) -> None:
        """Look whether submitit is installed, Slurm answers, and has the partition.

        Raises
        ------
        ConfigError
            If not.
        """
        with env_override(WITHOUT_LOGGING):
            locate("submitit.SlurmExecutor")
        if self._is_local:
            return
        if shutil.which("sbatch") is None:
            raise ConfigError(f"there is no sbatch on this machine: start the sweep on one of Slurm's; {TRY_OUT}")
        try:
            known = sorted(set(output_of("sinfo", "--noheader", "--format=%R").split()))
        except OSError as error:
            raise ConfigError(f"Slurm does not answer ({reason_of(error)}); {TRY_OUT}") from error
        if self._partition is not None and self._partition not in known:
            what = f"hydra.launcher.partition={self._partition}"
            raise ConfigError(f"there is no Slurm partition {what}; there are: {', '.join(known)}")

    def results(self, tasks: Iterator[Task], place: Place) -> Generator[Done | Lost, None, None]:
        """Yield how the tasks ended.

        Raises
        ------
        ConfigError
            If sbatch refuses them.
        """
        folder = Path(self._folder).absolute() / place.token if self._folder else place.folder / FOLDER
        board = Board(folder / "results")
        queue = Queue(self._is_local, self._asked, self._at_once, folder / "logs", self.environment)
        pack = partial(Pack, folder=board.folder, parent=os.getpid() if self._is_local else None)
        lost = False

        def packs() -> Iterator[Pack]:
            while some := list(islice(tasks, self._cells_per_task)):
                board.add(some)
                yield pack(some)

        try:
            # On this machine a task begins while the cells of others are composed; an array is submitted as a whole.
            for some in ([one] for one in packs()) if self._is_local else [list(packs())]:
                queue.submit(some)
            for result in self._watch(board, queue, pack):
                lost = lost or isinstance(result, Lost)
                yield result
        finally:
            queue.cancel()
            if not lost:
                shutil.rmtree(folder, ignore_errors=True)

    def _watch(self, board: Board, queue: Queue, pack: Callable[[list[Task]], Pack]) -> Iterator[Done | Lost]:
        """Yield how cells ended; the cells of a lost task are submitted again."""
        while board.left:
            ended = board.take()
            self.running = board.running
            yield from ended
            if ended:
                continue
            for gone, log in queue.gone():
                yield from board.take()
                for number in board.lose(gone):
                    yield Lost(number, f"its task was lost {MAX_ATTEMPTS} times; {log} says why")
                if rest := [task for task in gone.tasks if task.number in board.left]:
                    queue.submit([pack(rest)])
            time.sleep(SECONDS_BETWEEN_LOOKS)
