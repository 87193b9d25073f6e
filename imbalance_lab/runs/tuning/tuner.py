"""Tuning of one run: in each fold a study, and the plan of its best settings."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from imbalance_lab.data.dataset import Dataset
from imbalance_lab.data.rows import Seeds, Split
from imbalance_lab.errors import DataError, Incompatible, LabWarning, one_line
from imbalance_lab.process import interrupted
from imbalance_lab.runs.identity import Identity
from imbalance_lab.runs.observers import Observer
from imbalance_lab.runs.plan import Plan, make_plan
from imbalance_lab.runs.tuning.objective import Objective, Report, check, metric_of
from imbalance_lab.runs.tuning.optuna_study import contained, decoded, distributions, encoded, new_study, quiet
from imbalance_lab.runs.tuning.space import default_of, with_values
from imbalance_lab.runs.tuning.trials import Journal, State, Trial, Tuned


class Tuner:
    """Tunes a run, fold by fold.

    Parameters
    ----------
    identity : Identity
        What the run is, on its data.
    plan : Plan
        Of its settings as they are given.
    dataset : Dataset
    folder : Path or None
        Where trials are kept until the run has ended; those that are there of the same run are not made again.
    shared : bool
        Whether other processes keep trials there.

    Raises
    ------
    ConfigError
        If the metric is none to tune by, there are no rows to tune on, or Optuna is not installed.
    """

    def __init__(
        self, identity: Identity, plan: Plan, dataset: Dataset, folder: Path | None, shared: bool = False
    ) -> None:
        self._identity, self._plan, self._dataset, self._budget = identity, plan, dataset, identity.tuning
        self._space = self._budget["space"]
        self._metric = metric_of(self._budget["metric"], plan)
        check(self._budget["on"], self._budget["pruner"], plan)
        with quiet():
            self._distributions = distributions(self._space)
        found = {name: self._default(name) for name in self._space}
        self._defaults = {name: value for name, value in found.items() if value is not ...}
        if not self._space:
            text = f"nothing of {identity.strategy} with {identity.model} has a range to tune, so it is as it is given"
            warnings.warn(f"tuning={self._budget['name']}: {text}", LabWarning, stacklevel=2)
        self._journal = Journal(identity, folder, shared)

    def __enter__(self) -> Tuner:
        """Keep trials as they end."""
        self._journal.open()
        return self

    def __exit__(self, *error: object) -> None:
        """Leave those that were made to whoever makes the run again (see `forget`)."""
        self._journal.close()

    def __call__(self, dataset: Dataset, split: Split, fold: int, observer: Observer) -> tuple[Plan, Tuned]:
        """Return the plan of the best settings in a fold, and the trials; test rows are left out of what they see.

        Raises
        ------
        DataError
            If all trials failed.
        """
        seen = split._replace(test=np.arange(0))
        objective = Objective(self._metric, self._budget["on"] == "cv", dataset, seen, fold)
        with quiet() as optuna, observer.tuning(fold, self._budget["trials"]) as show, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what there is to say is said of the run's own training
            trials = self._study(optuna, objective, fold, show) if self._space else []
        tuned = Tuned(trials, self._metric.larger_is_better)
        failed = [one for one in trials if one.state == "failed"]
        if failed and len(failed) < len(trials):
            text = f"{len(failed)} of {len(trials)} trials of tuning failed, as with: {failed[0].reason}"
            warnings.warn(text, LabWarning, stacklevel=2)
        if (best := tuned.best) is not None:
            return make_plan(with_values(self._identity, best.values), self._dataset), tuned
        if trials:
            raise DataError(f"all {len(trials)} trials of tuning failed, the first one with: {trials[0].reason}")
        return self._plan, tuned

    def _default(self, name: str) -> Any:
        group, _, path = name.partition(".")
        return default_of(self._identity.options[group], path)

    def _study(self, optuna: Any, objective: Objective, fold: int, show: Callable[..., None]) -> list[Trial]:
        """Ask and tell; trials that were kept are told again, so that the sampler is where it was."""
        seed = Seeds.spawn(self._plan.seed, fold).tuning
        study = new_study(self._metric.larger_is_better, seed, self._budget["pruner"])
        given = {name: encoded(self._space[name], value) for name, value in self._defaults.items() if self._has(name)}
        study.enqueue_trial(given)
        kept, trials = self._journal.read(fold), list[Trial]()
        for number in range(self._budget["trials"]):
            started = time.perf_counter()
            known = {name: self._distributions[name] for name in given} if number == 0 else self._distributions
            asked = study.ask(known)
            values = decoded(self._space, asked.params) if number else self._defaults
            if number < len(kept) and kept[number].values == values:
                ended = kept[number]
                _report_again(asked, ended)
            else:
                kept = kept[:number]
                ended = self._trial(optuna, asked, values, objective, started)
                self._journal.append(fold, ended)
            study.tell(asked, ended.value, state=_state(optuna, ended))
            trials.append(ended)
            best = Tuned(trials, self._metric.larger_is_better).best
            show(number + 1, {} if best is None else {self._metric.name: float(best.value or 0)})
        return trials

    def _has(self, name: str) -> bool:
        return name in self._defaults and contained(self._space[name], self._defaults[name])

    def _trial(self, optuna: Any, asked: Any, values: dict[str, Any], objective: Objective, started: float) -> Trial:
        """Make one trial."""
        reports: list[tuple[int, float]] = []

        def report(epoch: int, figure: float) -> None:
            reports.append((epoch, figure))
            asked.report(figure, epoch)
            if asked.should_prune():
                raise optuna.TrialPruned

        prunes: Report | None = report if self._budget["pruner"] != "none" else None
        state: State
        value, reason = None, ""
        try:
            found = objective(make_plan(with_values(self._identity, values), self._dataset), prunes)
            value = found if np.isfinite(found) else None
            state = "finished" if value is not None else "failed"
            reason = "" if value is not None else f"{self._metric.name} is not defined on these rows"
        except optuna.TrialPruned:
            state = "pruned"
        except Incompatible:  # as the run itself would be
            raise
        except Exception as error:  # what a library makes of a value that it does not take
            if interrupted():
                raise KeyboardInterrupt from error
            state, reason = "failed", one_line(error)
        seconds = time.perf_counter() - started
        return Trial(asked.number, state, value, values, seconds, reports, reason)


def _report_again(asked: Any, ended: Trial) -> None:
    """Tell a study what it was told of a trial: pruners note what they see."""
    for epoch, figure in ended.reports:
        asked.report(figure, epoch)
        asked.should_prune()


def _state(optuna: Any, ended: Trial) -> Any:
    states = optuna.trial.TrialState
    return {"finished": states.COMPLETE, "pruned": states.PRUNED, "failed": states.FAIL}[ended.state]
