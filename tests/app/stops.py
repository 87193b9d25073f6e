"""Processes that stop themselves at a named moment, and what must be true of what they leave behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
from mlflow import MlflowClient

# Python runs it at the start of every process that finds it, workers included. The process that enters the function for
# the n-th time, of all of them, sends the signal to the process group's leader, which started the others; Ctrl-C goes
# to all, as a terminal sends it. The stage then lasts until the signal has arrived.
PLUG_IN = """
import importlib.abc, importlib.util, os, signal, sys, time
from pathlib import Path

WHERE, NAME, CALL, SIGNAL, SWALLOW = {where!r}, {name!r}, {call}, {signal}, {swallow}
FOLDER = Path({folder!r})

def count():
    number = 1
    while True:
        try:
            os.close(os.open(FOLDER / f"call-{{number}}", os.O_CREAT | os.O_EXCL))
            return number
        except FileExistsError:
            number += 1

def patch(module):
    *owners, name = NAME.split(".")
    owner = module
    for part in owners:
        owner = getattr(owner, part)
    real = getattr(owner, name)

    def stopping(*args, **settings):
        if count() == CALL:
            try:
                (os.killpg if SIGNAL == signal.SIGINT else os.kill)(os.getpgrp(), SIGNAL)
                for _ in range(600):
                    time.sleep(0.1)
            except BaseException:
                if not SWALLOW:
                    raise
        return real(*args, **settings)

    setattr(owner, name, stopping)

class Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name != WHERE:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        real = spec.loader.exec_module
        spec.loader.exec_module = lambda module: (real(module), patch(module))
        return spec

sys.meta_path.insert(0, Finder())
if os.getpid() == os.getpgrp():
    signal.signal(signal.SIGINT, signal.default_int_handler)  # tests that run in the background of a shell ignore it
"""


@dataclass(frozen=True)
class Moment:
    """The entry of a function.

    Parameters
    ----------
    where, name : str
        The module in which the function is looked up, and its dotted name there.
    call : int
        Which of the calls, in whatever process.
    """

    where: str
    name: str
    call: int = 1


@dataclass(frozen=True)
class Stopped:
    """A process that has ended, and its folder."""

    folder: Path
    status: int
    shown: str
    left: list[psutil.Process]


def stop_at(
    moment: Moment,
    number: signal.Signals,
    command: list[str],
    folder: Path,
    swallow: bool = False,
) -> Stopped:
    """Run Python with `command` in `folder`, and stop it at a moment."""
    plug_in, calls = folder / ".plug-in", folder / ".calls"
    for made in (plug_in, calls):
        made.mkdir(parents=True)
    text = PLUG_IN.format(
        where=moment.where, name=moment.name, call=moment.call, signal=int(number), swallow=swallow, folder=str(calls)
    )
    (plug_in / "sitecustomize.py").write_text(text)
    path = os.pathsep.join(filter(None, [str(plug_in), os.environ.get("PYTHONPATH")]))
    with open(folder / ".shown", "w+") as shown:  # a pipe would wait for workers that stay behind
        process = subprocess.Popen(
            [sys.executable, *command],
            cwd=folder, env=os.environ | {"PYTHONPATH": path}, stdout=shown, stderr=shown, start_new_session=True,
        )  # fmt: skip
        try:
            process.wait(timeout=240)
        finally:
            left = _others(process.pid)
            for other in left:
                other.kill()
            process.kill()
        shown.seek(0)
        text = shown.read()
    assert (calls / f"call-{moment.call}").exists(), f"never there: {moment}\n{text}"
    return Stopped(folder, process.returncode, text, left)


def _others(group: int, seconds: float = 25) -> list[psutil.Process]:
    """Return the processes of a group that do not end within some seconds."""
    deadline = time.monotonic() + seconds
    while found := [process for process in psutil.process_iter() if _is_of(process, group)]:
        if time.monotonic() > deadline:
            break
        time.sleep(0.2)
    return found


def _is_of(process: psutil.Process, group: int) -> bool:
    try:
        return os.getpgid(process.pid) == group and process.status() != psutil.STATUS_ZOMBIE
    except (ProcessLookupError, psutil.NoSuchProcess):
        return False


def statuses(store: Path) -> list[str]:
    """Return the statuses of all runs in a store."""
    client = MlflowClient(f"sqlite:///{store}")
    ids = [experiment.experiment_id for experiment in client.search_experiments()]
    return [run.info.status for run in client.search_runs(ids)]
