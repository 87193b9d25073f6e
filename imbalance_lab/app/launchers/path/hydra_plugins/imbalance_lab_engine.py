"""Hydra's door to the engines of `imbalance_lab.app.launchers`: it takes launchers of this namespace only.

Every start of a Hydra program imports it, so nothing else is imported here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher


class Engine(Launcher):
    """Makes the engine that a preset names, and hands on what Hydra asks for.

    Parameters
    ----------
    engine : str
        The dotted name of its class.
    **settings
        Of the engine.
    """

    def __init__(self, engine: str, **settings: Any) -> None:
        self._settings = {"engine": engine, **settings}

    def setup(self, **given: Any) -> None:
        """Make the engine."""
        from imbalance_lab.app.launchers import make_engine

        self._engine = make_engine(self._settings)
        self._engine.setup(**given)

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Run the jobs."""
        return self._engine.launch(job_overrides, initial_job_idx)
