"""A sweep: one parent run in MLflow, a line and a bar as its jobs end, their outcomes, and their comparison."""

from __future__ import annotations

import gc
import json
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from imbalance_lab.app.composing import compose_quickly
from imbalance_lab.errors import ConfigError, StoreError, one_line, reason_of, without_password
from imbalance_lab.process import ignore_signals, interrupted

if TYPE_CHECKING:
    from imbalance_lab.app.next_step import Step
    from imbalance_lab.comparison import Comparison
    from imbalance_lab.runs.table import RunTable
    from imbalance_lab.tracking.sending.sweep import TrackedSweep

KINDS = ("finished", "already finished", "skipped", "failed", "killed")
REPORT = "comparison.html"

_failed: list[str] = []
_lacking: dict[str, str] = {}  # what a sweep ended without, and why
_open: list[SweepCallback] = []


class SweepCallback(Callback):
    """Follows a sweep from its start to its end, in the process that started it."""

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Create the parent run, and print how many jobs there are."""
        from imbalance_lab.app.screen import new_sweep
        from imbalance_lab.runs.reading import SWEEP

        new_sweep()
        _lacking.clear()
        compose_quickly(config)
        self._began = time.time()  # a folder may hold records of an earlier sweep
        self._folder = Path(config.hydra.sweep.dir).absolute()
        self.grid = sweep_overrides(config.hydra.overrides.task)
        self._jobs = prod(len(values) for values in self.grid.values())
        self._ended, self._closing = 0, False
        file, name = self._folder / SWEEP, self._folder.name
        self._tracked = _tracked(config, self._folder)
        _check_engine(config.hydra.launcher)
        _check_data(config, self.grid)
        swept = [key for key, values in self.grid.items() if len(values) > 1]
        described = {"name": name, "parent": None, "swept": swept}
        _write(file, described)  # where nothing can be written, nothing is started
        if self._tracked is not None:
            _start_parent(self._tracked, config, name, self.grid)
            parent = None if self._tracked.parent is None else {"run_id": self._tracked.parent.run_id}
            _write(file, described | {"parent": parent, "sender": self._tracked.address})
        _open.append(self)
        print(f"sweep {self._folder.name}: {self._jobs} runs", flush=True)

    def on_job_end(self, config: DictConfig, job_return: Any, **kwargs: Any) -> None:
        """Show how far the sweep is and how long the rest will take."""
        from imbalance_lab.app.screen import show_progress

        job_return.cfg = job_return.hydra_cfg = None  # nobody reads them, and a sweep would hold them to its end
        if self not in _open:  # a single run, or a worker of another process's sweep
            return
        self._ended += 1
        left = (time.time() - self._began) / self._ended * (self._jobs - self._ended)
        show_progress(self._ended, self._jobs, f"{_minutes(left)} left")

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        """Print the counts, and each failure with its reason; close the parent run."""
        self.close("finished")

    def close(self, outcome: str) -> None:
        """End the sweep: ``finished``, or ``killed`` where it was interrupted."""
        if self not in _open:
            return
        if self._closing:  # interrupted while the report was made: its runs are complete, the report is not
            self._abandon(outcome)
            return
        from imbalance_lab.app.screen import by_reason

        unsent_folders = self._drain(outcome)
        self._closing = True
        records = self._records(unsent_folders)
        counts = Counter(record["outcome"] for record in records)
        if counts:
            print(", ".join(f"{counts[kind]} {kind}" for kind in KINDS if counts[kind]))
        failed, unsent = _failed_runs(records), _unsent_runs(records)
        for line in by_reason(failed):
            print(f"failed: {line}", file=sys.stderr)
        for line in by_reason(unsent):
            print(f"not in MLflow: {line}", file=sys.stderr)
        failures = failed | unsent
        _failed.extend(failures)
        gc.freeze()  # the comparison makes garbage of its own; what the sweep holds would be looked through each time
        comparison = self._compare(records) if outcome == "finished" else None
        self._stop_if_interrupted(outcome)
        if self._tracked is not None and self._tracked.parent is not None:
            self._end_parent("failed" if failures and outcome == "finished" else outcome, counts, failures, comparison)
            self._stop_if_interrupted(outcome)
        _open.remove(self)

    def _drain(self, outcome: str) -> dict[Path, str]:
        """Wait until the runs are in MLflow, and return the folders of those that are not, with the reasons."""
        if self._tracked is None:
            return {}
        try:
            return self._tracked.drain(outcome == "finished")
        except Exception as error:  # the runs are safe
            _lacking["not all runs are in MLflow"] = f"{reason_of(error)}; python -m imbalance_lab send {self._folder}"
            return {}

    def _records(self, unsent: Mapping[Path, str]) -> list[dict[str, Any]]:
        """Return the records that this sweep wrote, the oldest first."""
        from imbalance_lab.runs.files import RECORD, RESUMED, read_outcome

        files = [*self._folder.rglob(RECORD), *self._folder.rglob(RESUMED)]
        files = sorted((file for file in files if file.stat().st_mtime >= self._began - 1), key=_modified)
        found = {file.parent: record for file in files if (record := read_outcome(file.parent, file.name))}
        for folder, record in found.items():
            if folder in unsent:  # where the disk is full its record cannot say so
                record["untracked"] = unsent[folder]
            if "untracked" in record:  # `send` takes the whole sweep
                record["untracked"] = record["untracked"].replace(str(folder), str(self._folder))
        return list(found.values())

    def _stop_if_interrupted(self, outcome: str) -> None:
        """Go on as after a signal where a library swallowed its exception."""
        if outcome == "finished" and interrupted():
            raise KeyboardInterrupt

    def _end_parent(
        self, outcome: str, counts: Mapping[str, int], failures: Mapping[str, str], comparison: Comparison | None
    ) -> None:
        from imbalance_lab.tracking.description import Result, rows_of

        assert self._tracked is not None
        result = Result(counts, failures)
        if comparison is not None:
            files = [page] if (page := self._folder / REPORT).is_file() else []
            resumed = bool(counts["already finished"])
            result = Result(counts, failures, comparison.verdict, rows_of(comparison), files, resumed)
        try:
            if where := self._tracked.end(outcome, result):
                print(f"browse: {where}")
        except Exception as error:  # the runs are safe
            _lacking["the sweep is not described in MLflow"] = reason_of(error)

    def _abandon(self, outcome: str) -> None:
        _open.remove(self)
        if self._tracked is None or self._tracked.parent is None:
            return
        try:
            self._tracked.abandon(outcome)
        except Exception as error:
            _lacking["the sweep's run in MLflow stays open"] = reason_of(error)

    def _compare(self, records: Sequence[Mapping[str, Any]]) -> Comparison | None:
        """Print the comparison of the sweep's runs, write it as a page, and return it."""
        from imbalance_lab.app.compare import Request, render
        from imbalance_lab.app.next_step import next_step
        from imbalance_lab.comparison import compare

        try:
            table = self._table(records)
            if not (table.runs.outcome == "finished").any():
                return None
            comparison = compare(table)
            step = next_step(comparison, table)
            print(f"\n{render(comparison, Request(), step)}")
            self._report(comparison, step)
            return comparison
        except Exception as error:  # the runs are safe
            advice = f"; try python -m imbalance_lab compare folder={self._folder}"
            _lacking["no comparison"] = f"{reason_of(error)}{advice}"
            return None

    def _report(self, comparison: Comparison, step: Step | None) -> None:
        """Write the comparison as a page."""
        from imbalance_lab.app.compare import Request, render
        from imbalance_lab.app.messages import unexpected

        page = self._folder / REPORT
        try:
            page.write_text(render(comparison, Request(format="html"), step), encoding="utf-8")
            print(f"report: {page}")
        except OSError as error:
            page.unlink(missing_ok=True)
            _lacking["no report"] = unexpected(error)

    def _table(self, records: Sequence[Mapping[str, Any]]) -> RunTable:
        """Return the runs of this sweep by their records, and those of earlier sweeps that they stand for."""
        from imbalance_lab.runs.table import RunTable

        table = RunTable.from_folder(self._folder)
        table = table.only(table.runs.start >= (self._began - 1) * 1000)
        earlier = {one["tags"]["config_hash"] for one in records if one["outcome"] == "already finished"}
        if self._tracked is None:
            return table
        if earlier:
            known = self._tracked.earlier_runs()
            table = table.union(known.only(known.runs.config_hash.isin(earlier) & (known.runs.outcome == "finished")))
        with suppress(Exception):  # a store that is away costs the addresses only
            found = table.runs.config_hash.map(self._tracked.links())
            table = replace(table, runs=table.runs.assign(link=found.where(found.notna(), table.runs.link)))
        return table


def _modified(file: Path) -> float:
    return file.stat().st_mtime


def _failed_runs(records: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return the reasons of the runs that failed, by their names."""
    return {_title(record): record["reason"] for record in records if record["outcome"] == "failed"}


def _unsent_runs(records: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return why runs that finished are not in MLflow, by their names."""
    return {_title(record): record["untracked"] for record in records if "untracked" in record}


def _title(record: Mapping[str, Any]) -> str:
    return f"{record.get('dataset', {}).get('name', '')}, {record['name']}"


def follows() -> bool:
    """Whether this process follows a sweep, and is no worker of another process's."""
    return bool(_open)


def interrupt(outcome: str = "killed") -> None:
    """Close the sweeps that are open, as killed or failed; further signals do not keep it from that."""
    ignore_signals()
    while _open:
        _open[-1].close(outcome)


def exit_status() -> int:
    """Return 1 if a job of this process's sweep failed, or a signal came that something swallowed."""
    return int(bool(_failed) or interrupted())


def lacking() -> dict[str, str]:
    """Return what the sweep ended without, and why, for one line at its end: a full disk takes more than one thing."""
    return dict(_lacking)


def sweep_overrides(overrides: list[str]) -> dict[str, list[str]]:
    """Return the values each swept key takes.

    >>> sweep_overrides(["model=mlp", "strategy=none,focal", "seed=range(3)"])
    {'strategy': ['none', 'focal'], 'seed': ['0', '1', '2']}
    """
    from hydra.core.global_hydra import GlobalHydra
    from hydra.core.override_parser.overrides_parser import OverridesParser

    hydra = GlobalHydra.instance()
    loader = hydra.config_loader() if hydra.is_initialized() else None  # glob(*) needs to know the options
    parsed = OverridesParser.create(loader).parse_overrides(list(overrides))
    return {o.key_or_group: list(map(str, o.sweep_string_iterator())) for o in parsed if o.is_sweep_override()}


def membership(folder: Path) -> dict[str, Any] | None:
    """Return the name and the parent run of the sweep whose folder this is; None if it is no sweep's."""
    from imbalance_lab.runs.reading import SWEEP

    file = folder / SWEEP
    return json.loads(file.read_text()) if file.is_file() else None


def _write(file: Path, content: Mapping[str, Any]) -> None:
    """Write a file of the sweep, or end it; of a callback Hydra passes only an exit on."""
    from imbalance_lab.app.lines import error_line
    from imbalance_lab.app.messages import unexpected

    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(content))
    except OSError as error:
        sys.exit(error_line(unexpected(error)))


def _check_data(config: DictConfig, grid: dict[str, list[str]]) -> None:
    """End the sweep before its first job if its data cannot be used; of a callback Hydra passes only an exit on."""
    from imbalance_lab.app.checks import check_data
    from imbalance_lab.app.lines import error_line

    try:
        check_data(config, grid)
    except Exception as error:
        sys.exit(error_line(one_line(error)))


def _check_engine(launcher: DictConfig) -> None:
    """End the sweep before its first job if the engine that is to run them is not there; of ours it can be asked."""
    from imbalance_lab.app.launchers import DOOR, make_engine
    from imbalance_lab.app.lines import error_line

    try:
        if launcher.get("_target_") == DOOR:
            make_engine(launcher).check()
    except ConfigError as error:
        sys.exit(error_line(error))


def _tracked(config: DictConfig, folder: Path) -> TrackedSweep | None:
    """Return the sweep in MLflow, which is loaded by the process that sends while this one looks at the data."""
    if "uri" not in config.tracking:
        return None
    from imbalance_lab.tracking.sending.sweep import TrackedSweep

    return TrackedSweep(config.tracking.uri, folder)


def _start_parent(tracked: TrackedSweep, config: DictConfig, name: str, grid: dict[str, list[str]]) -> None:
    """Create the parent run; none where MLflow is away."""
    from imbalance_lab.app.config import plain
    from imbalance_lab.options import Option

    try:
        to = config.tracking
        swept = any(key.split(".")[0] == "dataset" for key in grid)
        experiment = to.experiment or (
            "sweeps" if swept else Option("dataset", "", plain(config.dataset)).build().title
        )
        tracked.begin(to.artifacts, experiment, name, grid)
        if config.resume and (sent := tracked.send_waiting()):
            print(f"sent to MLflow first: {sent} finished run{'s' * (sent > 1)} of earlier sweeps")
    except StoreError as error:  # every job would fail with it
        sys.exit(f"error: {error}")
    except Exception as error:  # the runs are on disk
        where = without_password(config.tracking.uri)
        print(f"warning: no parent run in MLflow: {reason_of(error)} ({where})", file=sys.stderr)


def _minutes(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
