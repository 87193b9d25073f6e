"""What a notebook or a script calls: one run, a sweep, a comparison."""

from __future__ import annotations

import secrets
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imbalance_lab import process
from imbalance_lab.comparison import Comparison
from imbalance_lab.comparison import compare as compare_runs
from imbalance_lab.data.dataset import Dataset
from imbalance_lab.errors import ConfigError, LabError, LabWarning, reason_of
from imbalance_lab.options import Option
from imbalance_lab.runs.cell import Outcome
from imbalance_lab.runs.files import read_outcome
from imbalance_lab.runs.grid import attempt, run_all
from imbalance_lab.runs.identity import Identity
from imbalance_lab.runs.observers import Tracker
from imbalance_lab.runs.record import RunRecord
from imbalance_lab.runs.spec import specify
from imbalance_lab.runs.table import RunTable
from imbalance_lab.strategies.recipes import Strategy

if TYPE_CHECKING:
    from imbalance_lab.tracking.description import Result
    from imbalance_lab.tracking.sending.sweep import TrackedSweep


def run(
    data: Dataset | Option | str,
    strategy: str | Strategy | Option = "none",
    model: Any = "mlp",
    *,
    folder: str | Path | None = None,
    tracking: str | None = None,
    figures: bool = False,
    **settings: Any,
) -> RunRecord:
    """Make one run.

    Parameters
    ----------
    data : Dataset, Option or str
        Rows of one's own (`Dataset.from_frame`), or an option of the group ``dataset``.
    strategy : str, Strategy or Option
        A name, a `Strategy`, or an option of a slot.
    model : str, Option or object
        An option's name, an option with settings (`option`), a scikit-learn classifier, Keras layers.
    folder : str or Path, optional
        Where the record is written; by default nowhere, with `tracking` to a new folder below ``outputs``.
    tracking : str, optional
        The MLflow store that the run is sent to, as ``sqlite:///mlflow.db``; by default none.
    figures : bool
        Whether figures are drawn into the folder; `RunRecord.figures` draws them at any time.
    **settings
        ``sampler``, ``class_weight``, ``loss``, ``representation``, ``decision``, ``split``, ``stress``, ``prepare``,
        ``training``, ``tuning``: an option's name, an option, a mapping of settings, or an object of one's own;
        ``evaluation`` (a mapping), ``seed``, ``min_class_rows``, ``save_model``.

    Returns
    -------
    RunRecord

    Raises
    ------
    LabError
        What a person can put right.

    Examples
    --------
    >>> record = run("four_classes", "inv_freq", "logreg", seed=0)
    >>> round(record.metrics["balanced_accuracy"], 3)
    0.678
    """
    if settings.get("save_model") and folder is None and tracking is None:
        raise ConfigError("save_model=True needs a folder to save to: folder=")
    _no_resume(settings)
    with process.session():
        identity = specify(data, strategy, model, **settings)
        make_tracker = Tracker if tracking is None else _Tracked(tracking)
        cell = attempt(identity, _folder(folder, tracking, "outputs"), make_tracker, figures)
    if cell.error is not None:
        raise cell.error
    assert cell.record is not None
    return cell.record


def sweep(
    data: Any,
    strategy: Any = "none",
    model: Any = "mlp",
    *,
    jobs: int = 1,
    folder: str | Path | None = None,
    tracking: str | None = None,
    progress: bool = True,
    **settings: Any,
) -> RunTable:
    """Make a run for each combination of the values that are lists (or ranges, or tuples).

    Parameters
    ----------
    data, strategy, model, **settings
        As for `run`; of each also a list of values.
    jobs : int
        Runs at once, each in a process of its own; -1 is one per core.
    folder : str or Path, optional
        Where the records are written; what has finished there before, of the same configuration, data and version, is
        not run again. Of several processes of one machine that share a folder each makes what the others do not, and
        all return the whole table.
    tracking : str, optional
        The MLflow store that the runs are sent to, those that have finished in `folder` before as well.
    progress : bool
        Whether a bar shows how far it is, and with `tracking` a line where the strategies can be seen.

    Returns
    -------
    RunTable
        Of the runs that were asked for, with the reason of each that was skipped or failed.

    Raises
    ------
    ConfigError
        If something does not exist, before the first run.

    Examples
    --------
    >>> table = sweep("four_classes", ["none", "inv_freq"], "logreg", seed=range(3), progress=False)
    >>> len(table)
    6
    """
    if jobs == 0:
        raise ConfigError("jobs=0 runs nothing: give the runs at once, or -1 for one per core")
    _no_resume(settings)
    given = {"data": data, "strategy": strategy, "model": model, **settings}
    lists = {key: list(value) if _is_list(value) else [value] for key, value in given.items()}
    if empty := [key for key, values in lists.items() if not values]:
        raise ConfigError(f"{empty[0]} is an empty list: there is nothing to run")
    with process.session():
        identities = [specify(**dict(zip(lists, values, strict=True))) for values in product(*lists.values())]
        to = _folder(folder, tracking, "multirun")
        swept = {key: list(map(_title, values)) for key, values in lists.items() if len(values) > 1}
        with (
            _bar(len(identities), progress) as advance,
            _tracked_sweep(tracking, to, identities, swept, progress) as opened,
        ):
            make_tracker, ended = opened

            def on_outcome(outcome: Outcome) -> None:
                ended.append(outcome)
                advance(outcome)

            on_found = make_tracker.complete if isinstance(make_tracker, _Tracked) else _nothing
            outcomes = run_all(identities, to, make_tracker, jobs, on_outcome, on_found)
    untracked = [outcome.content["untracked"] for outcome in outcomes if "untracked" in outcome.content]
    if untracked:
        text = f"{len(untracked)} of {len(outcomes)} runs finished and are not in MLflow: {untracked[0]}"
        warnings.warn(text, LabWarning, stacklevel=2)
    return RunTable.from_records(outcomes)


def compare(runs: Any, **settings: Any) -> Comparison:
    """Compare the strategies of a table of runs.

    Parameters
    ----------
    runs : RunTable, folder, or list of RunRecord
    **settings
        ``metric``, ``baseline``, ``control``, ``by``, ``rope``, ``confidence``: those of `comparison.Settings`.

    Returns
    -------
    Comparison
        The object that the command line prints.

    Examples
    --------
    >>> table = sweep("four_classes", ["none", "tuned_threshold"], "logreg", seed=range(3), progress=False)
    >>> compare(table, rope=0.02).settings.rope
    0.02
    """
    return compare_runs(runs, **settings)


@contextmanager
def _bar(total: int, shown: bool) -> Iterator[Callable[[Outcome], None]]:
    """Show how far a sweep is, and what it has come to; tqdm's bar, which notebooks draw too."""
    from tqdm import TqdmWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TqdmWarning)  # a notebook without widgets has the bar in text
        from tqdm.auto import tqdm

        bar = tqdm(total=total, disable=not shown, unit="run", leave=False)
    counts: Counter[str] = Counter()

    def advance(outcome: Outcome) -> None:
        counts[outcome.kind] += 1
        bar.update()
        bar.set_postfix({kind: n for kind, n in counts.items() if kind != "finished"})

    with bar:
        yield advance


@dataclass(frozen=True)
class _Tracked:
    """Makes the tracker of each run of a sweep, in whatever process makes the run."""

    uri: str
    sweep: str = ""
    parent: Mapping[str, Any] | None = None
    address: str | None = None  # of the process that sends the runs of a sweep

    def __call__(self) -> Tracker:
        if self.address is None:
            from imbalance_lab.tracking import MlflowTracker

            return MlflowTracker(self.uri)
        from imbalance_lab.tracking.sending import QueuedTracker

        tracker = QueuedTracker(self.uri, address=self.address)
        tracker.join_sweep(self.sweep, self.parent)
        return tracker

    def complete(self, folder: Path) -> None:
        """Send a run that finished in an earlier call, if that could not; what still cannot stays on disk."""
        from imbalance_lab.tracking.sending import QueuedTracker

        with suppress(LabError):
            QueuedTracker(self.uri, address=self.address or "").send_again(folder)


@contextmanager
def _tracked_sweep(
    tracking: str | None,
    folder: Path | None,
    identities: Sequence[Identity],
    grid: Mapping[str, Sequence[str]],
    show: bool,
) -> Iterator[tuple[Callable[[], Tracker], list[Outcome]]]:
    """Give what makes the runs' trackers, and a list for their outcomes; the parent run is closed at the end."""
    outcomes: list[Outcome] = []
    if tracking is None or folder is None:
        yield Tracker, outcomes
        return
    from imbalance_lab.tracking.description import Result, rows_of
    from imbalance_lab.tracking.sending.sweep import TrackedSweep

    experiments = {identity.dataset for identity in identities}
    experiment = experiments.pop() if len(experiments) == 1 else "sweeps"
    tracked = TrackedSweep(tracking, folder)
    try:
        tracked.begin("mlartifacts", experiment, folder.name, grid)
    except ConfigError:
        raise
    except Exception as error:  # the runs are recorded all the same
        _warn_of(error)
    ended, parent = "killed", None if tracked.parent is None else {"run_id": tracked.parent.run_id}
    try:
        yield _Tracked(tracking, folder.name, parent, tracked.address), outcomes
        _note_unsent(outcomes, _unsent(tracked))
        ended = "failed" if any(outcome.kind == "failed" for outcome in outcomes) else "finished"
    except BaseException as error:
        process.let_go(error)
        _unsent(tracked, finished=False)
        raise
    finally:
        counts = Counter(outcome.kind for outcome in outcomes)
        failed = [outcome.content for outcome in outcomes if outcome.kind == "failed"]
        result = Result(counts, {content["name"]: content["reason"] for content in failed})
        try:
            with suppress(LabError):  # there may be nothing to compare
                found = compare(outcomes)
                result = replace(result, verdict=found.verdict, rows=rows_of(found))
        finally:
            where = _ended(tracked, ended, result) if parent else None
        if where and show:
            print(f"browse: {where}")


def _unsent(tracked: TrackedSweep, finished: bool = True) -> dict[Path, str]:
    """Wait until the runs are in MLflow, and return the folders of those that are not, with the reasons."""
    try:
        return tracked.drain(finished)
    except LabError as error:
        warnings.warn(f"not all runs are in MLflow: {error}", LabWarning, stacklevel=6)
        return {}


def _note_unsent(outcomes: Sequence[Outcome], unsent: Mapping[Path, str]) -> None:
    """Bring what the outcomes say of their sending up to date."""
    for outcome in outcomes:
        if outcome.folder is None:
            continue
        if reason := unsent.get(outcome.folder.absolute()):
            outcome.content["untracked"] = reason
        elif "untracked" in outcome.content and "untracked" not in (read_outcome(outcome.folder) or {}):
            del outcome.content["untracked"]


def _ended(tracked: TrackedSweep, outcome: str, result: Result) -> str | None:
    """End a sweep in MLflow; that the server has gone does not cost the caller their table."""
    try:
        return tracked.end(outcome, result)
    except Exception as error:
        _warn_of(error)
        return None


def _warn_of(error: Exception) -> None:
    warnings.warn(f"no run of the sweep itself in MLflow: {reason_of(error)}", LabWarning, stacklevel=5)


def _nothing(folder: Path) -> None:
    """Do nothing."""


def _folder(folder: str | Path | None, tracking: str | None, below: str) -> Path | None:
    """Return where records go: what is tracked is written first."""
    if folder is not None or tracking is None:
        return None if folder is None else Path(folder).expanduser()
    now = datetime.now()
    return Path(below, f"{now:%Y-%m-%d}", f"{now:%H-%M-%S}-{secrets.token_hex(3)}")


def _is_list(value: Any) -> bool:
    """Whether a value stands for several: a list, a range, an array or a generator, but no text, mapping or table.

    A list of Keras layers is one model.
    """
    if isinstance(value, list | tuple):
        return not (value and all(hasattr(item, "get_config") and hasattr(item, "build") for item in value))
    return isinstance(value, range | set | Iterator) or (hasattr(value, "tolist") and getattr(value, "ndim", 0) == 1)


def _title(value: Any) -> str:
    """Return a swept value as MLflow shows it."""
    if isinstance(value, Dataset):
        return value.name
    return value.title if isinstance(value, Option) else str(value)[:200]


def _no_resume(settings: Mapping[str, Any]) -> None:
    if "resume" in settings:
        raise ConfigError("resume= is for the command line; a sweep goes on where it was with the same folder=")
