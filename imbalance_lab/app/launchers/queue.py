"""Packs of cells in Slurm's queue, or in processes of this machine, by submitit."""

from __future__ import annotations

import logging
import subprocess
import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra.core.utils import env_override

from imbalance_lab.app.launchers.packs import Pack
from imbalance_lab.errors import ConfigError, reason_of
from imbalance_lab.process import stderr_hidden

MAX_ARRAY = 1000  # tasks of an array: Slurm's own limit is 1001, unless it is changed
SECONDS_BETWEEN_QUESTIONS = 5.0
LOOKS = 2  # in which a task is in no state before it is lost: one that is queued again is in none for a moment
SECONDS_TO_END = 10.0


class Queue:
    """Tasks that are submitted, each of which makes a pack.

    Parameters
    ----------
    is_local : bool
        Whether they are processes of this machine.
    asked : mapping
        What a task asks for, in the executor's words.
    at_once : int
        Tasks at once.
    logs : Path
        Where submitit's files are.
    environment : mapping
        Of a task, besides.
    """

    def __init__(
        self, is_local: bool, asked: Mapping[str, Any], at_once: int, logs: Path, environment: Mapping[str, str]
    ) -> None:
        import submitit

        logging.getLogger("submitit").setLevel(logging.CRITICAL)
        self._is_local, self._at_once, self._environment = is_local, at_once, dict(environment)
        kind: Any = submitit.LocalExecutor if is_local else submitit.SlurmExecutor
        self._executor = kind(folder=logs)
        self._executor.update_parameters(**asked)
        self._waiting: deque[Pack] = deque()
        self._submitted: list[tuple[Any, Pack]] = []
        self._missed = Counter[str]()
        self._asked_at = time.monotonic()

    def submit(self, packs: Sequence[Pack]) -> None:
        """Submit packs; on this machine some wait for others to end.

        Raises
        ------
        ConfigError
            If sbatch refuses them.
        """
        self._waiting += packs
        while self._waiting and (room := self._room()):
            some = [self._waiting.popleft() for _ in range(min(room, len(self._waiting)))]
            try:
                with env_override(self._environment), stderr_hidden(), self._executor.batch():
                    jobs = [self._executor.submit(pack) for pack in some]
            except Exception as error:
                raise ConfigError(f"Slurm refuses the tasks ({_first_line(error)})") from error
            self._submitted += zip(jobs, some, strict=True)

    def gone(self) -> list[tuple[Pack, Path]]:
        """Return the packs whose tasks have ended, with their logs, and submit what waited for that."""
        ids = self._ended()
        ended = [(pack, Path(job.paths.stderr)) for job, pack in self._submitted if job.job_id in ids]
        self._submitted = [(job, pack) for job, pack in self._submitted if job.job_id not in ids]
        self.submit([])
        return ended

    def cancel(self) -> None:
        """Cancel what is submitted, and wait for processes of this machine to end."""
        if not self._is_local:
            if mains := sorted({str(job.job_id).partition("_")[0] for job, _ in self._submitted}):
                subprocess.run(["scancel", *mains], capture_output=True, check=False)
            return
        for job, _ in self._submitted:
            job.cancel(check=False)
        until = time.monotonic() + SECONDS_TO_END
        while not all(job.done() for job, _ in self._submitted) and time.monotonic() < until:
            time.sleep(0.05)

    def _room(self) -> int:
        return max(self._at_once - len(self._submitted), 0) if self._is_local else MAX_ARRAY

    def _ended(self) -> set[str]:
        if self._is_local:
            return {job.job_id for job, _ in self._submitted if job.done()}
        if time.monotonic() - self._asked_at < SECONDS_BETWEEN_QUESTIONS:
            return set()
        self._asked_at = time.monotonic()
        try:  # sacct is not everywhere
            queued = set(output_of("squeue", "--me", "--noheader", "--array", "--format=%i").split())
        except OSError:  # nobody answers for the moment
            return set()
        for job, _ in self._submitted:
            self._missed[job.job_id] = 0 if job.job_id in queued else self._missed[job.job_id] + 1
        return {number for number, missed in self._missed.items() if missed >= LOOKS}


def output_of(*command: str) -> str:
    """Return what a command shows.

    Raises
    ------
    OSError
        If it fails, with the last line it shows.
    """
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"status {done.returncode}")
    return done.stdout


def _first_line(error: Exception) -> str:
    return reason_of(Exception(next(iter(str(error).strip().splitlines()), type(error).__name__)))
