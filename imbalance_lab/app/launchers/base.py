"""The bases of the engines.

Of those with workers, the process that follows a sweep gives cells out, and takes back how they ended.
"""

from __future__ import annotations

import os
import sys
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobReturn, setup_globals
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from imbalance_lab.app.launchers.work import Done, Place, Task, marked

if TYPE_CHECKING:
    from imbalance_lab.app.launchers.cells import Cells

MAX_ATTEMPTS = 2  # at a cell whose worker is lost


@dataclass(frozen=True)
class Lost:
    """A cell whose worker is gone, and why."""

    number: int
    reason: str


class Engine(ABC):
    """Runs the cells of a sweep."""

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Take what Hydra has to say about the sweep."""
        self._context, self._function, self._config = hydra_context, task_function, config

    @abstractmethod
    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Run the cells, and return how they ended, in their order."""

    @abstractmethod
    def check(self) -> None:
        """Look whether the engine is there.

        Raises
        ------
        ConfigError
            If it is not.
        """

    @property
    def environment(self) -> dict[str, str]:
        """What ``hydra.job.env_set`` says."""
        given = OmegaConf.to_container(self._config.hydra.job.env_set, resolve=True)
        assert isinstance(given, Mapping)
        return {str(name): str(value) for name, value in given.items()}


class WorkerEngine(Engine):
    """Runs the cells of a sweep in workers. A subclass says whether it can (`check`), and does (`results`).

    Attributes
    ----------
    running : set of int
        The numbers of the cells that are being made.
    """

    running: set[int]

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Take what Hydra has to say about the sweep, and prepare for it while Hydra composes all its jobs."""
        from imbalance_lab.app.sweep import sweep_overrides

        super().setup(hydra_context=hydra_context, task_function=task_function, config=config)
        self.running = set()
        self.prepare(prod(len(values) for values in sweep_overrides(config.hydra.overrides.task).values()))
        self._is_prepared = True

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Run the cells, and return how they ended, in their order."""
        from imbalance_lab.app.launchers.cells import Cells
        from imbalance_lab.app.sweep import membership

        setup_globals()
        kept = HydraConfig.instance().cfg
        folder = Path(str(self._config.hydra.sweep.dir))
        numbered = list(enumerate(job_overrides, initial_job_idx))
        try:
            with marked(folder, (membership(folder) or {}).get("swept", ())) as place:
                cells = Cells(self._context, self._config, self._function, place)
                tasks = (task for number, typed in numbered if (task := cells.begin(number, typed)) is not None)
                if not self._is_prepared:  # hydra.sweeper.max_batch_size launches more than once
                    self.prepare(len(numbered))
                self._is_prepared = False
                self._follow(cells, tasks, place)
        finally:
            HydraConfig.instance().cfg = kept
        return [cells.returns[number] for number, _ in numbered]

    def _follow(self, cells: Cells, tasks: Iterator[Task], place: Place) -> None:
        try:
            with closing(self.results(tasks, place)) as results:
                for result in results:
                    if isinstance(result, Lost):
                        cells.lose(result.number, result.reason)
                    else:
                        cells.end(result)
        except BaseException as error:
            cells.kill(self.running, error)
            raise

    @property
    def environment(self) -> dict[str, str]:
        """What a worker's environment has besides: ``hydra.job.env_set``, and where modules of one's own are."""
        interpreters = tuple(os.path.join(prefix, "") for prefix in (sys.prefix, sys.base_prefix))  # each has its own
        path = dict.fromkeys(os.path.abspath(folder) for folder in sys.path)
        own = os.pathsep.join(folder for folder in path if not folder.startswith(interpreters))
        return super().environment | {"PYTHONPATH": own}

    def prepare(self, count: int) -> None:
        """Start what takes its time to start, for so many tasks at most."""

    @abstractmethod
    def results(self, tasks: Iterator[Task], place: Place) -> Generator[Done | Lost, None, None]:
        """Yield how the tasks ended, in the order in which they end; closed early, leave no worker behind.

        Parameters
        ----------
        tasks : iterator of Task
            Drawing one composes it, and marks it as given out.
        place : Place
        """
