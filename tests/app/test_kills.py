"""Whatever a sweep does when it is stopped: nothing is left RUNNING, no process stays, each cell is made once."""

from __future__ import annotations

import shutil
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path

import pytest

import imbalance_lab as lab
from imbalance_lab.tracking.read import read_runs
from tests.app.stops import Moment, Stopped, statuses, stop_at
from tests.conftest import TINY, invoke

pytestmark = pytest.mark.slow

INT, TERM, KILL = signal.SIGINT, signal.SIGTERM, signal.SIGKILL
STRATEGIES, SEEDS = ["none", "inv_freq"], [0, 1]
CELLS = sorted(f"{strategy} logreg seed={seed}" for strategy in STRATEGIES for seed in SEEDS)

TRACKED = [typed for typed in TINY if typed != "tracking=none"]
SWEEP = ["-m", *TRACKED, "model=logreg", f"strategy={','.join(STRATEGIES)}", f"seed={','.join(map(str, SEEDS))}"]
PARALLEL = ["hydra/launcher=parallel", "hydra.launcher.n_jobs=2"]
LIBRARY = f"""
import imbalance_lab as lab
asked = {{"tracking": "sqlite:///mlflow.db", "folder": "runs", "progress": False, "evaluation": {{"resamples": 200}}}}
def make(jobs):
    data = lab.option("dataset", "synthetic", rows=240, priors={{"a": 0.6, "b": 0.3, "c": 0.1}})
    lab.sweep(data, {STRATEGIES}, "logreg", seed={SEEDS}, jobs=jobs, **asked)
if __name__ == "__main__":
    make(jobs=2)
"""

MOMENTS = {
    "creating the database": Moment("alembic.runtime.migration", "HeadMaintainer.update_to_step", 12),
    "announcing the sweep": Moment("mlflow.store.tracking.sqlalchemy_store", "SqlAlchemyStore.log_batch"),
    "loading": Moment("imbalance_lab.runs.run", "load", 2),
    "sending files": Moment("imbalance_lab.tracking.bulk", "attach", 2),
    "training": Moment("imbalance_lab.runs.run", "fit", 2),
    "recording": Moment("imbalance_lab.runs.files", "write_outcome", 2),
    "sending": Moment("imbalance_lab.tracking.bulk", "_insert"),
    "comparing": Moment("imbalance_lab.comparison", "compare"),
    "writing the page": Moment("imbalance_lab.comparison", "Comparison.to_html"),
    "closing": Moment("imbalance_lab.tracking.parent", "_describe"),
    "saving views": Moment("imbalance_lab.tracking.parent", "save_view"),
}
IN_MAIN = ("creating the database", "comparing", "writing the page", "closing")
IN_WORKERS = ("loading", "training", "recording", "sending files", "sending")


@dataclass(frozen=True)
class Kill:
    """One kill: where, with what, and of what kind of sweep."""

    stage: str
    number: signal.Signals
    how: str = "in a row"  # or parallel, library
    swallow: bool = False

    def __str__(self) -> str:
        return f"{self.stage}, {self.how}, {self.number.name}{', swallowed' if self.swallow else ''}"

    def carry_out(self, folder: Path) -> Stopped:
        """Start the sweep in `folder`, and stop it."""
        command = ["-m", "imbalance_lab", *SWEEP, *(PARALLEL if self.how == "parallel" else [])]
        if self.how == "library":
            folder.joinpath("make.py").write_text(LIBRARY)
            command = ["make.py"]
        return stop_at(MOMENTS[self.stage], self.number, command, folder, self.swallow)

    @property
    def leaves_time(self) -> bool:
        """Whether the process is told, and closes what is open. A script that calls the library is told of Ctrl-C."""
        return self.number == INT or (self.number == TERM and self.how != "library")


KILLS = [
    *(Kill(stage, number) for stage in MOMENTS for number in (INT, TERM, KILL)),
    *(Kill(stage, number, "parallel") for stage in (*IN_WORKERS, *IN_MAIN) for number in (INT, TERM, KILL)),
    *(Kill(stage, number, "library") for stage in ("training", "sending") for number in (INT, TERM, KILL)),
    *(Kill(stage, TERM, swallow=True) for stage in MOMENTS if stage != "creating the database"),
]

AHEAD = 3  # kills that are carried out while a test looks at one
Started = Callable[[Kill], Future[Stopped]]


@pytest.fixture(scope="module")
def started(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, _migrated: Path
) -> Iterator[Started]:
    """Carries out a kill that was selected, and starts those that come next."""
    asked = [item.callspec.params["kill"] for item in request.session.items if "kill" in _params(item)]
    futures: dict[Kill, Future[Stopped]] = {}

    def carry_out(kill: Kill) -> Stopped:
        folder = tmp_path_factory.mktemp("kill")
        if kill.stage != "creating the database":
            shutil.copy(_migrated, folder / "mlflow.db")
        return kill.carry_out(folder)

    with ThreadPoolExecutor(AHEAD) as pool:

        def start(kill: Kill) -> Future[Stopped]:
            for one in asked[asked.index(kill) :][:AHEAD]:
                if one not in futures:
                    futures[one] = pool.submit(carry_out, one)
            return futures[kill]

        yield start
        pool.shutdown(cancel_futures=True)


def _params(item: pytest.Item) -> dict[str, object]:
    return getattr(getattr(item, "callspec", None), "params", {})


def resume(kill: Kill) -> None:
    """Go on with the sweep in the current folder, in this process."""
    if kill.how == "library":
        space: dict[str, Callable[[int], None]] = {"__name__": "again"}
        exec(LIBRARY, space)
        space["make"](1)
    else:
        assert invoke(*SWEEP, "resume=true") == 0


def test_fifty_kills_are_aimed() -> None:
    assert len(set(KILLS)) == len(KILLS) >= 50
    assert {kill.stage for kill in KILLS} == set(MOMENTS)
    assert {kill.stage for kill in KILLS if kill.how == "parallel"} == {*IN_MAIN, *IN_WORKERS}
    assert lab.__version__


@pytest.mark.parametrize("kill", KILLS, ids=str)
def test_a_sweep_that_is_stopped_leaves_nothing_running_and_is_completed_by_the_next(
    kill: Kill, started: Started
) -> None:
    stopped = started(kill).result()

    assert stopped.status != 0, stopped.shown
    assert stopped.left == [], stopped.shown
    assert kill.how == "library" or "Traceback" not in stopped.shown, stopped.shown
    store = stopped.folder / "mlflow.db"
    if kill.leaves_time and store.exists():
        assert "RUNNING" not in statuses(store), stopped.shown
    with chdir(stopped.folder):
        resume(kill)
    assert "RUNNING" not in statuses(store)
    runs = read_runs(f"sqlite:///{store}", "balanced_accuracy").runs
    assert sorted(runs.name[runs.outcome == "finished"]) == CELLS, Counter(zip(runs.name, runs.outcome, strict=True))
