"""The cells of a sweep in the process that follows it, one after the other."""

from __future__ import annotations

from collections.abc import Sequence

from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobReturn, JobStatus, env_override, run_job, setup_globals
from omegaconf import DictConfig, OmegaConf, open_dict

from imbalance_lab.app.composing import compose_job
from imbalance_lab.app.launchers.base import Engine

# What only Hydra's own way of running a job does, and nobody asks for by default.
DONE_BY_HYDRA = ("hydra.job.chdir", "hydra.output_subdir", "hydra.job_logging.root", "hydra.verbose")


class InARow(Engine):
    """Runs the cells in this process.

    Hydra's own launcher copies each cell's configuration four times more, which takes as long as a small fit.
    """

    def check(self) -> None:
        """Refuse nothing: this process is there."""

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Run the cells, and return how they ended, in their order."""
        setup_globals()
        kept = HydraConfig.instance().cfg
        run = self._run_as_hydra if any(OmegaConf.select(self._config, key) for key in DONE_BY_HYDRA) else self._run
        try:
            return [run(number, overrides) for number, overrides in enumerate(job_overrides, initial_job_idx)]
        finally:
            HydraConfig.instance().cfg = kept

    def _run(self, number: int, overrides: Sequence[str]) -> JobReturn:
        config = compose_job(self._context, self._config, number, overrides)
        ended = JobReturn(overrides=list(overrides))
        with env_override(self.environment):
            self._context.callbacks.on_job_start(config=config, task_function=self._function)
            try:
                ended.return_value, ended.status = self._function(config), JobStatus.COMPLETED
            except Exception as error:
                ended.return_value, ended.status = error, JobStatus.FAILED
        self._context.callbacks.on_job_end(config=config, job_return=ended)
        return ended

    def _run_as_hydra(self, number: int, overrides: Sequence[str]) -> JobReturn:
        config: DictConfig = self._context.config_loader.load_sweep_config(self._config, list(overrides))
        with open_dict(config):
            config.hydra.job.id, config.hydra.job.num = str(number), number
        return run_job(
            task_function=self._function,
            config=config,
            job_dir_key="hydra.sweep.dir",
            job_subdir_key="hydra.sweep.subdir",
            hydra_context=self._context,
        )
